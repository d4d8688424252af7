"""Costs and returns by payer, in euros at the prices of `assumptions.csv`."""

from __future__ import annotations

import numpy as np

from analysis.evidence import Facts
from analysis.scale.strata import Values

TOOTUKASSA, MUNICIPALITY, STATE = PAYERS = ("tootukassa", "municipality", "state")


def monthly_costs(
    case_managers: np.ndarray, social_workers: np.ndarray, clients: np.ndarray, not_ready: np.ndarray, values: Values
) -> dict[str, np.ndarray]:
    """Cost of cooperation by payer in each month, (months, draws), from the workers, the clients and the clients not
    ready there are on average during the month. The ordinary counselling that clients no longer take is taken off."""
    overhead = 1 + values["cost.overhead_share"]
    joint = not_ready * values["service.joint_share"] * values["cost.joint_service_eur_per_month"]
    own = values["cost.joint_service_municipal_share"]
    treated = clients * values["service.psychiatric_need_share"] * values["service.psychiatric_access"]
    counsellors = case_managers - clients / values["staff.clients_ordinary"]
    return {
        TOOTUKASSA: counsellors * values["cost.case_manager_eur_per_month"] * overhead + joint * (1 - own),
        MUNICIPALITY: social_workers * values["cost.social_worker_eur_per_month"] * overhead + joint * own,
        STATE: treated * values["cost.psychiatric_eur_per_month"],
    }


def returns(
    net_months_in_work: np.ndarray, months_registered_less: np.ndarray, values: Values, facts: Facts
) -> dict[str, np.ndarray]:
    """What public budgets gain by payer from extra months in work (net of displacement) and fewer registered months.

    Taxes on a wage and benefits that are no longer paid. Must not be read as a gain of society: for the people helped a
    benefit that stops is a loss, and the value of their work is not counted here.
    """
    wage = values["money.wage_eur_per_month"]
    insurance = sum(facts[f"tax.unemployment_insurance_{side}"].number("share") for side in ("employee", "employer"))
    benefit = (
        values["money.benefit_eur_per_month"]
        * values["population.share_on_benefit"]
        * values["money.benefit_stop_share"]
    )
    state = wage * (facts["tax.social"].number("share") + values["tax.income_state"]) + benefit
    return {
        TOOTUKASSA: net_months_in_work * wage * insurance
        + months_registered_less * values["money.registered_tootukassa_eur_per_month"],
        MUNICIPALITY: net_months_in_work * wage * values["tax.income_municipal"],
        STATE: net_months_in_work * state + months_registered_less * values["money.registered_state_eur_per_month"],
    }


def present_value(years: np.ndarray, rate: np.ndarray | float) -> np.ndarray:
    """Value at the start of one euro after `years`, discounted at `rate` a year: (1 + rate)^−years."""
    return np.asarray((1 + np.asarray(rate)) ** -np.asarray(years))


def discount_factors(months: int, values: Values) -> np.ndarray:
    """Value at the start of one euro in the middle of each month, (months, draws)."""
    return present_value((np.arange(months)[:, None] + 0.5) / 12, values["money.discount_rate"])
