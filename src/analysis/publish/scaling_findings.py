"""The figures of notebook 05: what follows from assumptions when cooperation reaches more people. Nothing is measured.

Each takes a table of :mod:`analysis.scale.answers`. Their status is `modelled`, which is said across every picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from analysis.estimate.places import COUNTY, alphabetical
from analysis.publish import scaling_driver_figures as hang_on
from analysis.publish import scaling_figures as draw
from analysis.publish.finding import Finding, Headline, with_labels
from analysis.publish.layout import Draw
from analysis.publish.model_finding import BASELINE, STEPS, WIDE, Model, model_finding
from analysis.publish.words import Words
from analysis.scale.places import county_rates

TOPIC = "scaling"
CONDITIONS = (
    *("best-suited-first", "hardest-first", "capacity-bound-25", "capacity-diluted-25", "data-exchange"),
    *("joint-service", "ida-viru-first", "no-effect-25"),
)
ELSEWHERE = ("effect-austria", "effect-denmark", "effect-finland", "effect-france", "effect-united-states")
TODAY = ("coverage-today-ever", "coverage-today-published", "coverage-today-stock")
BESIDE = {"coverage": STEPS, "condition": CONDITIONS, "today": TODAY}  # blocks of the figures, in their order
ABROAD = {"assumed": ("coverage-25", "no-effect-25"), "elsewhere": ELSEWHERE}
ALL_SCENARIOS = tuple(dict.fromkeys((*STEPS, *CONDITIONS, *TODAY, *ELSEWHERE)))
DIGITS = 3  # of shares shown in a table
EXITS = ("net_exits_work", "extra_exits_work", "extra_exits_other")
WORKERS = ("extra_case_managers", "extra_social_workers")
MIDDLE = 0.5
SHOWN_DRIVERS, MONTHS_APART = 10, 3


def flow(table: pd.DataFrame, model: Model) -> Finding:
    """One month at today's coverage; `table` from :func:`analysis.scale.answers.flow_today`."""
    named = with_labels(table, lambda words, row: words.text(f"scaling-flow.row.{row.quantity}"))
    return _finding("scaling-flow", named, model, draw.draw_flow, {}, scenarios=())


def coverage(table: pd.DataFrame, model: Model) -> Finding:
    """Extra exits by coverage and horizon; `table` from :func:`analysis.scale.answers.by_coverage`."""
    shown = _outcomes(table, EXITS)
    row = _chosen(shown, model, "net_exits_work")
    numbers = {name: float(row[name]) for name in ("low90", "median", "high90")} | {"coverage": float(row["coverage"])}
    return _finding(
        "scaling-coverage", shown, model, partial(draw.draw_coverage, months=model.months), numbers,
        headline=Headline("", f"{row['key']}.low90", f"{row['key']}.high90"),
    )  # fmt: skip


def anyway(table: pd.DataFrame, model: Model) -> Finding:
    """Clients' exits beside those that would have happened; `table` from :func:`analysis.scale.answers.anyway`."""
    named = with_labels(table, lambda words, row: words.text(f"scaling-anyway.row.{row.kind}.{row.part}"))
    at = table[table["months"] == model.months].set_index(["kind", "part"])
    numbers = {f"due_{end}": float(at.loc[("work", "due"), f"{end}90"]) for end in ("low", "high")}
    numbers |= {f"{kind}_{part}": float(at.loc[(kind, part), "median"]) for kind, part in at.index}
    numbers["coverage"] = model.coverage
    drawing = partial(draw.draw_anyway, months=model.months)
    return _finding("scaling-anyway", named, model, drawing, numbers, scenarios=(model.scenario.name, "no-effect"))


def stock(paths: pd.DataFrame, table: pd.DataFrame, model: Model) -> Finding:
    """People in cooperation and registered by month; `paths` from :func:`analysis.scale.answers.stock_paths`, `table`
    from :func:`analysis.scale.answers.by_coverage`."""
    every = (paths["month"] % MONTHS_APART == 0) | (paths["month"] == paths["month"].max())

    def label(words: Words, row: Any) -> str:
        quantity = words.text(f"scaling-flow.row.{row.quantity}")
        return words.text("scaling-stock.row", month=row.month, quantity=quantity)

    named = with_labels(paths[every].reset_index(drop=True), label)
    less = table[(table["outcome"] == "registered_less") & (table["months"] == model.months)].set_index("scenario")
    numbers: dict[str, Any] = {}
    change = pd.DataFrame(
        {"low90": -less["high90"], "median": -less["median"], "high90": -less["low90"], "coverage": less["coverage"]}
    )
    numbers |= {str(name): float(v) for name, v in change.loc[_name_shown(change, model)].items()}
    return _finding("scaling-stock", named, model, partial(draw.draw_stock, change=change), numbers)


def staff(table: pd.DataFrame, model: Model) -> Finding:
    """Extra workers by coverage; `table` from :func:`analysis.scale.answers.by_coverage`."""
    shown = _outcomes(table, WORKERS)
    numbers = {"coverage": float(_chosen(shown, model, WORKERS[0])["coverage"])}
    for outcome in WORKERS:
        row = _chosen(shown, model, outcome)
        numbers |= {f"{outcome}_{name}": float(row[name]) for name in ("low90", "median", "high90")}
    drawing = partial(draw.draw_staff, months=model.months)
    return _finding("scaling-staff", shown, model, drawing, numbers, unit="full_time_workers")


def money(table: pd.DataFrame, model: Model) -> Finding:
    """Cost, return and net by payer; `table` from :func:`analysis.scale.answers.money_by_payer`."""

    def label(words: Words, row: Any) -> str:
        payer, kind = words.text(f"scaling.payer.{row.payer}"), words.text(f"scaling-money.{row.kind}")
        return words.text("scaling-money.row", payer=payer, kind=kind)

    named = with_labels(table, label).drop(columns="unit")
    cells = table.set_index(["payer", "kind"])[["low90", "median", "high90"]] / draw.MILLION
    numbers = {f"{payer}_{kind}_{name}": float(v) for (payer, kind), row in cells.iterrows() for name, v in row.items()}
    numbers["coverage"] = model.coverage
    return _finding(
        "scaling-money", named, model, draw.draw_money, numbers, scenarios=(model.scenario.name,), unit="eur"
    )


def break_even(table: pd.DataFrame, model: Model, effects: Sequence[float], draws: int) -> Finding:
    """The effect from which a coverage pays; `table` from :func:`analysis.scale.answers.break_even_effect`."""
    named = with_labels(table, lambda words, row: words.text(f"scaling.payer.{row.view}"))
    here = table[table["months"] == model.months]
    order = {view: at for at, view in enumerate(("society", "budgets", "tootukassa", "municipality", "state"))}
    here = here.assign(place=here["view"].map(order)).sort_values(["place", "caseload"]).drop(columns="place")
    budgets = here[here["view"] == "budgets"]
    numbers = {"coverage": model.coverage, "reached": int(budgets["reached"].sum()), "caseloads": len(budgets)}
    numbers |= {"lowest": min(effects), "highest": max(effects), "draws": draws}
    numbers["assumed"] = model.assumptions["effect.hazard_ratio_work"].value
    limits = (min(effects), max(effects))

    def drawing(_: pd.DataFrame, panel: Any) -> None:
        hang_on.draw_break_even(here, panel, limits)

    shown = named.drop(columns=["method", "unit", "n"])
    return _finding(
        "scaling-break-even", shown, model, drawing, numbers, scenarios=(model.scenario.name,), unit="ratio", euros=True
    )


def drivers(table: pd.DataFrame, model: Model, draws: int) -> Finding:
    """What moves net exits to work; `table` from :func:`analysis.scale.answers.what_drives`."""
    named = _with_assumptions(table.head(SHOWN_DRIVERS), model)
    first = named.iloc[0]
    numbers = {"low": min(first["outcome_low"], first["outcome_high"]), "share": float(first["first_order"])}
    numbers |= {"high": max(first["outcome_low"], first["outcome_high"]), "coverage": model.coverage}
    numbers |= {"draws": draws, "central": float(first["outcome_central"])}
    return _finding("scaling-drivers", named, model, hang_on.draw_drivers, numbers, scenarios=(model.scenario.name,))


def value(table: pd.DataFrame, model: Model, coverages: Mapping[str, float]) -> Finding:
    """Which coverage is best; `table` from :func:`analysis.scale.answers.value_of_work`, `coverages` by option."""

    def label(words: Words, row: Any) -> str:
        return _option(words, row.option, coverages)

    named = with_labels(table, label).drop(columns="n")
    last = table[table["value"] == table["value"].max()].set_index("option")
    numbers = {"top": float(table["value"].max()), "today": float(last.loc[BASELINE, "probability_best"])}
    numbers |= {"information": float(last["information"].max()) / draw.MILLION, "draws": int(table["n"].iloc[0])}
    drawing = partial(hang_on.draw_value, coverages=coverages)
    return _finding("scaling-value", named, model, drawing, numbers, unit="share", euros=True)


def information(table: pd.DataFrame, model: Model, worth: float) -> Finding:
    """What it is worth to know; `table` from :func:`analysis.scale.answers.worth_knowing`, a month at `worth` euros."""
    ordered = pd.concat([table.head(1), table.iloc[1:].sort_values("estimate", ascending=False, kind="stable")])
    named = _with_assumptions(ordered.head(SHOWN_DRIVERS).reset_index(drop=True), model).drop(columns=["method", "n"])
    clear = table["above_noise"].fillna(value=False).astype(bool)
    numbers = {"above": int(clear.sum()), "tested": len(table) - 1, "worth": worth, "draws": int(table["n"].iloc[0])}
    numbers["everything"] = float(table["estimate"].iloc[0]) / draw.MILLION
    return _finding("scaling-information", named, model, hang_on.draw_information, numbers, unit="eur")


def scenarios(table: pd.DataFrame, model: Model) -> Finding:
    """Coverages, conditions and readings of today beside the baseline; `table` from
    :func:`analysis.scale.answers.all_scenarios`."""
    return _scenarios("scaling-scenarios", table, model, BESIDE)


def elsewhere(table: pd.DataFrame, model: Model) -> Finding:
    """The effect assumed, none, and those estimated elsewhere; `table` as for :func:`scenarios`."""
    return _scenarios("scaling-elsewhere", table, model, ABROAD)


def _scenarios(figure_id: str, table: pd.DataFrame, model: Model, blocks: Mapping[str, Sequence[str]]) -> Finding:
    group = {name: key for key, names in blocks.items() for name in names}
    order = {name: at for at, name in enumerate(group)}
    rows = table[table["scenario"].isin(list(group))]
    rows = rows.assign(group=rows["scenario"].map(group), place=rows["scenario"].map(order))
    rows = rows.sort_values(["place", "outcome"], kind="stable").drop(columns=["place", "method", "unit"])
    named = with_labels(
        rows.reset_index(drop=True),
        lambda words, row: str(getattr(model.scenarios[row.scenario], f"label_{words.language}")),
    )
    net, pays = (rows[rows["outcome"] == outcome] for outcome in ("net_exits_work", "net"))
    own = net[net["group"] == "elsewhere"]["median"] if "elsewhere" in blocks else net["median"]
    numbers: dict[str, float] = {"spans": int(((net["low90"] < 0) & (net["high90"] > 0)).sum()), "scenarios": len(net)}
    numbers |= {"pays": int((pays["median"] > 0).sum()), "lowest": float(own.min()), "highest": float(own.max())}
    effects: tuple[str, ...] = ("effect_sizes.csv",) if "elsewhere" in blocks else ()
    return _finding(
        figure_id, named, model, hang_on.draw_scenarios, numbers, scenarios=tuple(net["scenario"]), euros=True,
        files=effects,
    )  # fmt: skip


def places(table: pd.DataFrame, model: Model, draws: int) -> Finding:
    """By county and municipality; `table` from :func:`analysis.scale.places.by_place`. In the order of the alphabet."""
    rows = table[table["outcome"].isin(["in_cooperation", "net_exits_work"])]
    rows = rows.assign(
        first=rows["level"] != COUNTY, at=rows["county"].map(alphabetical), then=rows["name"].map(alphabetical)
    )
    rows = rows.sort_values(["at", "first", "then", "outcome"], kind="stable").drop(
        columns=["at", "first", "then", "weight", "quality"]
    )  # fmt: skip
    keys = rows["level"] + "." + rows["county"] + "." + rows["name"] + "." + rows["outcome"]
    named = pd.concat([keys.rename("key"), rows], axis="columns").reset_index(drop=True)
    net = named[(named["level"] == COUNTY) & (named["outcome"] == "net_exits_work")]
    covers = (net["chance_low90"] < 0) & (net["chance_high90"] > 0)
    numbers = {"covers": int(covers.sum()), "counties": len(net), "coverage": model.coverage, "draws": draws}
    return _finding(
        "scaling-places", named, model, hang_on.draw_places, numbers, scenarios=(model.scenario.name,),
        files=("municipalities.csv",), facts=tuple(county_rates().values()),
    )  # fmt: skip


def _outcomes(table: pd.DataFrame, outcomes: Sequence[str]) -> pd.DataFrame:
    """The rows of some outcomes, named in both languages."""
    rows = table[table["outcome"].isin(outcomes)].reset_index(drop=True)

    def label(words: Words, row: Any) -> str:
        outcome = words.text(f"scaling.outcome.{row.outcome}")
        return words.text("scaling.row", coverage=row.coverage, months=row.months, outcome=outcome)

    return with_labels(rows, label).drop(columns=["unit", "method"])


def _name_shown(names: pd.DataFrame, model: Model) -> str:
    return model.scenario.name if model.scenario.name in names.index else STEPS[1]


def _chosen(table: pd.DataFrame, model: Model, outcome: str) -> pd.Series:
    """The row that the title is about: of the scenario looked at, or of the second step if it is none of the steps."""
    rows = table[(table["outcome"] == outcome) & (table["months"] == model.months)].set_index("scenario", drop=False)
    return rows.loc[_name_shown(rows, model)]


def _with_assumptions(table: pd.DataFrame, model: Model) -> pd.DataFrame:
    """The table with the names of its assumptions in both languages; `everything` is all of them."""

    def label(words: Words, row: Any) -> str:
        if row.parameter == "everything":
            return words.text("scaling-information.everything")
        return str(getattr(model.assumptions[row.parameter], f"label_{words.language}"))

    return with_labels(table, label)


def _option(words: Words, option: str, coverages: Mapping[str, float]) -> str:
    return words.text("scaling.coverage", coverage=coverages[option]) if option in coverages else words.text(
        "scaling.today"
    )  # fmt: skip


def _with_parents(names: Sequence[str], model: Model) -> list[str]:
    """The scenarios with those they extend, in the order of their names; the baseline is always among them."""
    found = {BASELINE}
    for name in names:
        parent = name
        while parent and parent not in found:
            found.add(parent)
            parent = model.scenarios[parent].extends
    return sorted(found)


def _finding(
    figure_id: str, table: pd.DataFrame, model: Model, drawing: Draw, numbers: dict[str, Any], *,
    scenarios: Sequence[str] = STEPS, unit: str = "persons", euros: bool = False,
    headline: Headline | None = None, files: Sequence[str] = (), facts: Sequence[str] = (),
) -> Finding:  # fmt: skip
    """A figure of notebook 05, with the files of the `scenarios` it shows."""
    common = {"months": model.months, "people": model.people, "wide": WIDE, "middle": MIDDLE}
    if "draws" in table:
        common["draws"] = int(table["draws"].iloc[0])
    used = [f"scenarios/{name}.yml" for name in _with_parents(scenarios, model)]
    return model_finding(
        figure_id, TOPIC, table, model, drawing, common | numbers, files=[*used, *files], unit=unit, euros=euros,
        headline=headline, facts=facts,
    )  # fmt: skip
