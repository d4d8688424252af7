"""Standardised ratios, funnels, and what it takes to tell two groups apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from analysis.estimate.detectable import detectable_between_groups
from analysis.estimate.funnels import binomial_funnel, funnel_of_groups, over_dispersion, poisson_funnel
from analysis.estimate.proportions import proportion
from analysis.estimate.separation import clients_needed, power_to_tell
from analysis.estimate.standardised import expected_from_logit, expected_from_rates, standardised_ratios

REFERENCE = json.loads((Path(__file__).parent / "reference" / "groups.json").read_text(encoding="utf-8"))
DEATHS = np.array([0, 18, 8, 46, 8, 13, 9, 31, 14, 8, 29, 24])
OPERATED = np.array([47, 148, 119, 810, 211, 196, 148, 215, 207, 97, 256, 360])


pytestmark = pytest.mark.filterwarnings("error")


def ratios_table(observed: list[float], expected: list[float], n: list[float]) -> pd.DataFrame:
    groups = [f"{i:02}" for i in range(len(observed))]
    return pd.DataFrame({"group": groups, "observed": observed, "expected": expected, "n": n})


def test_exact_limits_equal_r() -> None:
    reference = REFERENCE["standardised"]
    table = standardised_ratios(ratios_table(reference["observed"], reference["expected"], [9, 10, 12, 60]))
    assert table[["low", "high"]].to_numpy() == pytest.approx(np.array(reference["limits"]), rel=1e-10)


def test_mid_p_limits_hold_on_average_and_exact_ones_always() -> None:
    counts = np.arange(60)
    table = ratios_table(counts.tolist(), [1.0] * 60, [100.0] * 60)
    means = np.linspace(0.5, 20, 79)
    chance = poisson.pmf(counts[:, None], means)
    coverage = {}
    for method in ("poisson exact", "poisson mid-P"):
        found = standardised_ratios(table, method=method)
        inside = (found[["low"]].to_numpy() <= means) & (means <= found[["high"]].to_numpy())
        coverage[method] = (chance * inside).sum(axis=0)
    assert coverage["poisson exact"].min() >= 0.95
    assert coverage["poisson mid-P"].mean() == pytest.approx(0.95, abs=0.01)


def test_binomial_limits_are_clopper_pearsons() -> None:
    found = standardised_ratios(ratios_table([0, 5, 9], [2.0, 4.0, 6.0], [9, 10, 9]), method="binomial exact")
    for row, count, n, expected in zip(found.itertuples(), (0, 5, 9), (9, 10, 9), (2.0, 4.0, 6.0), strict=True):
        share = proportion(count, n, method="clopper-pearson")
        assert (row.low, row.high) == pytest.approx((share.low * n / expected, share.high * n / expected))


def persons() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"group": rng.integers(0, 5, 300), "age": rng.choice(["young", "old"], 300)})
    return table.assign(outcome=rng.binomial(1, np.where(table["age"] == "old", 0.2, 0.5)))


def test_expected_of_a_saturated_logit_is_the_mean_of_each_kind() -> None:
    table = persons()
    found = expected_from_logit(table, mix=["age"])
    kind = table.groupby("age")["outcome"].transform("mean")
    assert found["expected"].to_numpy() == pytest.approx(kind.groupby(table["group"]).sum().to_numpy(), abs=1e-6)
    assert found["expected"].sum() == pytest.approx(found["observed"].sum())
    assert found["n"].sum() == 300


def test_a_kind_without_events_and_events_only_are_no_trouble() -> None:
    table = persons().assign(outcome=lambda t: t["outcome"].where(t["age"] == "old", 0))
    found = expected_from_logit(table, mix=["age"])
    assert found["expected"].sum() == pytest.approx(table["outcome"].sum(), abs=1e-4)
    perfect = expected_from_logit(table.assign(outcome=(table["age"] == "old").astype(int)), mix=["age"])
    assert perfect["expected"].to_numpy() == pytest.approx(perfect["observed"].to_numpy(), abs=1e-3)
    every = expected_from_logit(table.assign(outcome=1))
    assert every["expected"].tolist() == every["n"].tolist()


def test_no_mix_gives_the_overall_share() -> None:
    table = persons()
    found = expected_from_logit(table)
    assert found["expected"].to_numpy() == pytest.approx(found["n"].to_numpy() * table["outcome"].mean())


@pytest.mark.parametrize(("kind", "sizes"), [("binomial", "binomial_n"), ("poisson", "poisson_expected")])
def test_funnel_limits_equal_r(kind: str, sizes: str) -> None:
    reference = REFERENCE["funnel"]
    n = reference[sizes]
    inner, outer = (
        binomial_funnel(reference["binomial_share"], n, level) if kind == "binomial" else poisson_funnel(n, level)
        for level in (0.95, 0.998)
    )
    found = np.column_stack([outer[0], inner[0], inner[1], outer[1]])
    assert found == pytest.approx(np.array(reference[kind]), rel=1e-9, abs=1e-12)


def test_additive_spread_equals_metafor() -> None:
    error = 1 / (2 * np.sqrt(OPERATED))
    value = np.arcsin(np.sqrt(DEATHS / OPERATED))
    centre = np.average(value, weights=OPERATED)
    _, between = over_dispersion((value - centre) / error, error, winsorise=0)
    assert between**2 == pytest.approx(REFERENCE["additive"]["tau2"], rel=1e-8)


def test_adjusted_funnels_are_wider_and_the_additive_one_does_not_close() -> None:
    table = pd.DataFrame({"group": list("ABCDEFGHIJKL"), "observed": DEATHS, "n": OPERATED})
    exact, multiplied, added = (funnel_of_groups(table, method=m) for m in ("exact", "multiplicative", "additive"))
    assert exact.table.set_index("group").loc["H", "flag"] == "outside 99.8 %"
    assert exact.dispersion > 2
    for wider in (multiplied, added):
        assert (wider.table["low_95"] <= exact.table["low_95"]).all()
        assert (wider.table["high_998"] >= exact.table["high_998"]).all()
        assert wider.table.set_index("group").loc["A", "flag"] == "within"  # none of 47: chance 0.03
    largest = added.table.set_index("group").loc["D"], multiplied.table.set_index("group").loc["D"]
    assert largest[0]["high_95"] - largest[0]["low_95"] > largest[1]["high_95"] - largest[1]["low_95"]


def test_hardly_any_group_is_flagged_where_chance_alone_is_at_work() -> None:
    rng = np.random.default_rng(11)
    n = rng.integers(4, 61, 4000)
    table = pd.DataFrame({"group": np.arange(4000), "observed": rng.binomial(n, 0.3), "n": n})
    found = funnel_of_groups(table, target=0.3)
    assert found.dispersion < 1.05  # without the winsorising it would be 1
    assert (found.table["flag"] != "within").mean() == pytest.approx(0.05, abs=0.012)
    assert (found.table["flag"] == "outside 99.8 %").mean() < 0.006


@settings(max_examples=40, deadline=None)
@given(st.floats(0.02, 0.98), st.integers(1, 400))
def test_funnel_widens_contains_its_target_and_is_symmetric(share: float, n: int) -> None:
    low, high = binomial_funnel(share, [n], 0.95)
    wide_low, wide_high = binomial_funnel(share, [n], 0.998)
    assert 0 <= wide_low[0] <= low[0] <= high[0] <= wide_high[0] <= 1
    other_low, other_high = binomial_funnel(1 - share, [n], 0.95)
    if n * min(share, 1 - share) > 5:
        assert low[0] < share < high[0]
        assert high[0] == pytest.approx(1 - other_low[0], abs=1.5 / n)
        assert low[0] == pytest.approx(1 - other_high[0], abs=1.5 / n)


def test_ratio_funnel_moves_with_its_target() -> None:
    table = pd.DataFrame({"group": ["a", "b"], "observed": [0, 30], "n": [2.5, 20.0]})
    found = funnel_of_groups(table, kind="ratio", target=1.5)
    low, high = poisson_funnel([3.75, 30.0], 0.95)
    assert found.table["low_95"].to_numpy() == pytest.approx(1.5 * low)
    assert found.table["high_95"].to_numpy() == pytest.approx(1.5 * high)
    assert found.table["flag"].tolist() == [
        "outside 95 %",
        "within",
    ]  # none where 3.75 are expected: exp(−3.75) = 0.0235


def test_clients_needed_equal_r() -> None:
    reference = REFERENCE["separation"]
    for (one, other, power), needed in zip(reference["shares"], reference["needed"], strict=True):
        assert clients_needed(one, other, power=power) == (np.ceil(needed), np.ceil(needed))
    tellable = detectable_between_groups(30, 0.3)["upper"].item()
    assert tellable == pytest.approx(reference["tellable_of_30_from_0.3"], abs=1e-4)


def test_needed_and_tellable_are_each_others_reverse() -> None:
    found = detectable_between_groups(25, 0.4, reference_per_person=2)
    for other in found[["lower", "upper"]].to_numpy().ravel():
        assert clients_needed(0.4, other * (1 + 1e-9), clients_ratio=0.5)[0] in (50, 51)
    assert detectable_between_groups(4, 0.3)[["lower", "upper"]].isna().all(axis=None)


def test_exact_power_is_near_what_was_planned_and_errors_near_nominal() -> None:
    assert power_to_tell(0.3, 0.5, *clients_needed(0.3, 0.5)) == pytest.approx(0.8, abs=0.01)
    assert power_to_tell(0.3, 0.3, 40, 40) == pytest.approx(0.05, abs=0.01)
    # four in each: all to none (z² 8) and all to one (4.8) are significant, three to none too; three to one (2) is not
    assert power_to_tell(0.5, 0.5, 4, 4) == pytest.approx((2 * 1 + 2 * 4 + 2 * 4) / 256)


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"observed": [-1.0]}, {}, "observed -1"),
        ({"expected": [0.0]}, {}, "nothing expected in .'00'"),
        ({"observed": [10.0]}, {"method": "binomial exact"}, "more observed than n"),
        ({}, {"method": "byar"}, "method is 'byar'"),
        ({}, {"confidence": 95}, "confidence is 95"),
    ],
)
def test_bad_ratios_are_refused(change: dict[str, Any], arguments: dict[str, Any], message: str) -> None:
    table = ratios_table([1], [2.0], [9]).assign(**change)
    with pytest.raises(ValueError, match=message):
        standardised_ratios(table, **arguments)
    with pytest.raises(ValueError, match=r"'expected'\] not found"):
        standardised_ratios(table.drop(columns="expected"))


def test_bad_input_of_the_rest_is_refused() -> None:
    table = persons()
    with pytest.raises(ValueError, match="no 1 at all"):
        expected_from_logit(table.assign(outcome=0))
    with pytest.raises(ValueError, match="missing values"):
        expected_from_logit(table.assign(age=None), mix=["age"])
    time = pd.DataFrame({"group": ["a"], "stratum": ["old"], "exposure": [-1.0], "observed": [1]})
    with pytest.raises(ValueError, match=r"no rate found for strata \['old'\]"):
        expected_from_rates(time, {"young": 0.1})
    with pytest.raises(ValueError, match="negative exposure"):
        expected_from_rates(time, {"old": 0.1})
    groups = pd.DataFrame({"group": ["a", "b"], "observed": [0, 0], "n": [4, 5]})
    for arguments, message in (
        ({}, "target 0.0 found"),
        ({"kind": "rate"}, "kind 'rate'"),
        ({"winsorise": 0.5}, "winsorise 0.5"),
    ):
        with pytest.raises(ValueError, match=message):
            funnel_of_groups(groups, **arguments)
    with pytest.raises(ValueError, match="more observed than persons"):
        funnel_of_groups(groups.assign(observed=9))
    with pytest.raises(ValueError, match="size of 0"):
        binomial_funnel(0.5, [0.0], 0.95)
    with pytest.raises(ValueError, match="confidence is 95"):
        poisson_funnel([1.0], 95)
    with pytest.raises(ValueError, match="equal shares"):
        clients_needed(0.3, 0.3)
    with pytest.raises(ValueError, match=r"shares 0\.3 and 1\.3"):
        clients_needed(0.3, 1.3)
    with pytest.raises(ValueError, match=r"power 0\.3"):
        clients_needed(0.3, 0.5, power=0.3)
    with pytest.raises(ValueError, match="pairs of counts"):
        power_to_tell(0.3, 0.5, 5000, 5000)
