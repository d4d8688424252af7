"""The figures of notebook 00: what a run's register holds. Both are drawn from released counts, real or synthetic."""

from __future__ import annotations

from pathlib import Path

from analysis.estimate.register import ALL, CONFIDENCE, Described, municipalities_counted
from analysis.publish import data_figures as draw
from analysis.publish.figure import output_folder
from analysis.publish.finding import Finding
from analysis.publish.words import Words
from analysis.records import PersonMonths, Register

SOURCE_OF = {"synthetic": "synthetic-register", "register": "register-extract"}
FILES = {"synthetic": ["disclosure.yml", "synthetic/truth.csv"], "register": ["disclosure.yml"]}


def where_it_goes(status: str, language: str) -> str:
    """A sentence on where a run on data of this status writes its figures; with the folder for register data."""
    folder = output_folder()
    if ".staging" in folder.parts:  # where a batch run works; it moves what is finished into the job's own folder
        folder = Path("reports", "runs")
    return Words(language).text(f"where.{status}", folder=str(folder))


def coverage(described: Described, register: Register, linked: PersonMonths) -> Finding:
    """Clients over the target group by municipality, as a funnel; `described` from `coverage_by_place`."""
    table = described.table.rename(columns={"name": "label_et"}).assign(label_en=described.table["name"])
    country = table.set_index("key").loc[f"{ALL}.{ALL}"]
    observed: dict[str, float | str] = {"until": str(register.extract_date.date()), "confidence": CONFIDENCE}
    return Finding(
        "register-coverage",
        "rollout",
        table,
        draw.draw_coverage,
        unit="share",
        n=int(country["persons"]),
        population="register_target_group",
        period=f"{linked.months[0]:%Y-%m}/{register.extract_date:%Y-%m}",
        sources=[SOURCE_OF[register.status]],
        files=[*FILES[register.status], "municipalities.csv"],
        status=register.status,
        results={**municipalities_counted(described), **observed},
        release=described.record,
    )


def states(described: Described, register: Register) -> Finding:
    """Persons by month and state; `described` from `persons_by_state`."""
    table = described.table
    months = table["calendar_month"]
    last = table[months == months.iloc[-1]].set_index("state")["persons"]
    numbers = {f"last_{state}": float(persons) for state, persons in last.dropna().items()}
    return Finding(
        "register-states",
        "register",
        table,
        draw.draw_states,
        unit="persons",
        n=int(last.sum()),
        population="register_person_months",
        period=f"{months.iloc[0]}/{months.iloc[-1]}",
        sources=[SOURCE_OF[register.status]],
        files=FILES[register.status],
        status=register.status,
        results=numbers
        | {
            "n": float(last.sum()),
            "first_month": months.iloc[0],
            "last_month": months.iloc[-1],
            "hidden": int(table["suppressed"].sum()),
        },
        release=described.record,
    )
