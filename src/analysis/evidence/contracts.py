"""What every table in `data/raw` must look like: the only place where columns, types and values are declared.

The data dictionary (`docs/data-dictionary.md`) and `datapackage.json` are generated from these contracts.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import pandas as pd
import pandera.pandas as pa

from analysis.evidence.files import EvidenceError, RawData

UNITS = {
    "share": "part of a whole, 0 to 1",
    "ratio": "one number over another",
    "log_ratio": "natural logarithm of a ratio",
    "persons": "persons",
    "applicants": "applicants",
    "households": "households",
    "applications": "applications",
    "municipalities": "municipalities",
    "departments": "county departments of Töötukassa",
    "places": "places where a service is offered",
    "persons_per_month": "persons a month",
    "hours_per_month": "hours a month",
    "per_point": "share per percentage point",
    "meetings_per_month": "meetings a month",
    "meetings_per_quarter": "meetings a quarter",
    "meetings_per_year": "meetings a year",
    "days": "days",
    "months": "months",
    "years": "years",
    "month": "a month, YYYY-MM",
    "date": "a day, YYYY-MM-DD",
    "per_month": "events a month per person at risk",
    "per_year": "a year",
    "eur_per_month": "euros a month",
    "eur_per_application": "euros per application",
}
MUNICIPALITY = r"^(.+ (linn|vald)|Tallinn)$"
MUNICIPALITY_OR_COUNTY = r"^(.+ (linn|vald|maakond)|Tallinn)$"
BOUNDS_FROM = ["exact", "rounding", "wording", "inequality"]
ROLES = ["lever", "uncertainty", "constant"]
DISTRIBUTIONS = ["none", "triangular", "lognormal", "half_normal"]
OUTCOME_GROUPS = ["work", "leaving", "any_exit", "unemployment", "benefit", "wage", "displacement", "level"]


def _text(title: str, *checks: pa.Check, nullable: bool = False, unique: bool = False) -> pa.Column:
    return pa.Column(str, list(checks), nullable=nullable, unique=unique, description=title)


def _number(title: str, *checks: pa.Check, nullable: bool = True) -> pa.Column:
    return pa.Column(float, list(checks), nullable=nullable, description=title, coerce=True)


def _choice(title: str, values: list[str]) -> pa.Column:
    return _text(title, pa.Check.isin(values))


def _pattern(title: str, pattern: str, **options: bool) -> pa.Column:
    return _text(title, pa.Check.str_matches(pattern), **options)


def _ordered(low: str, high: str) -> pa.Check:
    """`low` is at most `high` in every row where both are given."""

    def holds(frame: pd.DataFrame) -> pd.Series:
        return ~(pd.to_numeric(frame[low]) > pd.to_numeric(frame[high]))

    return pa.Check(holds, error=f"{low} is not above {high}")


def _within(value: str, low: str, high: str) -> pa.Check:
    """`value` lies from `low` to `high` in every row where all are given as numbers."""

    def holds(frame: pd.DataFrame) -> pd.Series:
        number = pd.to_numeric(frame[value], errors="coerce")
        return ~((number < pd.to_numeric(frame[low])) | (number > pd.to_numeric(frame[high])))

    return pa.Check(holds, error=f"{value} lies from {low} to {high}")


def _value_fits_unit(frame: pd.DataFrame) -> pd.Series:
    """A month as YYYY-MM, a date as YYYY-MM-DD, everything else a number with a decimal point."""
    value = frame["value"].fillna("0")
    patterns = {"month": r"\d{4}-\d{2}", "date": r"\d{4}-\d{2}-\d{2}"}
    fits = value.str.fullmatch(r"-?\d+(\.\d+)?")
    for unit, pattern in patterns.items():
        fits = fits.mask(frame["unit"] == unit, value.str.fullmatch(pattern))
    return fits.astype(bool)


def _table(title: str, columns: dict[str, pa.Column], *checks: pa.Check, key: list[str]) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(
        columns,
        checks=list(checks),
        strict=True,
        ordered=True,
        unique=key,
        description=title,
        metadata={"key": key},
    )


CONTRACTS: dict[str, pa.DataFrameSchema] = {
    "facts.csv": _table(
        "Published facts: one number, month or date a row, with its address.",
        {
            "fact_id": _pattern("Name of the fact: topic.name", r"^[a-z_]+\.[a-z0-9_]+$", unique=True),
            "label_et": _text("What it is, Estonian"),
            "label_en": _text("What it is, English"),
            "value": _text("Value as published; empty if the source gives bounds only", nullable=True),
            "low": _number("Lowest value that the wording or rounding allows"),
            "high": _number("Highest value that the wording or rounding allows"),
            "bounds_from": _choice("Where the bounds come from", BOUNDS_FROM),
            "unit": _choice("Unit", sorted(UNITS)),
            "population_id": _text("Whom or what it describes: a row of populations.csv"),
            "period": _text("Date or period described, ISO 8601 where the source allows"),
            "source_id": _text("Where it was read: an entry of sources.yml"),
            "place": _text("Place in the source"),
            "status": _choice("published: a value; bounded: bounds only", ["published", "bounded"]),
            "quote_et": _text("Estonian quotation; ' ... ' marks what is left out", nullable=True),
            "note": _text("What a user must know", nullable=True),
        },
        _ordered("low", "high"),
        _within("value", "low", "high"),
        pa.Check(
            _value_fits_unit, error="value is a number with a decimal point, or a month or date where the unit says so"
        ),
        pa.Check(
            lambda f: (f["status"] == "bounded") == f["value"].isna(),
            error="bounded exactly where value is empty",
        ),
        key=["fact_id"],
    ),
    "sources.yml": _table(
        "Publications that facts and quotations come from; one entry each, named by its id.",
        {
            "source_id": _pattern("Name of the source", r"^[a-z0-9-]+$", unique=True),
            "title": _text("Title, in the language of the publication"),
            "author": _text("Author"),
            "publisher": _text("Publisher"),
            "date": _pattern("Date, ISO 8601, or first and last year", r"^(\d{4}(-\d\d){0,2}(/\d{4})?|not published)$"),
            "language": _choice("Language", ["et", "en"]),
            "url": _pattern("Address; empty if it has none", r"^(https?://\S+)?$"),
            "licence": _text("Licence"),
            "text": pa.Column(bool, description="Whether it is one of the texts whose quotations are checked"),
        },
        key=["source_id"],
    ),
    "scenarios": _table(
        "What each scenario file sets: one row per assumption that differs from the scenario it extends.",
        {
            "scenario": _pattern("Name of the scenario", r"^[a-z0-9-]+$"),
            "assumption_id": _text("A row of assumptions.csv"),
            "value": _number(
                "Value in this scenario, within the range and in the unit of the assumption", nullable=False
            ),
        },
        key=["scenario", "assumption_id"],
    ),
    "correlations.csv": _table(
        "Which uncertain assumptions are drawn together, and how strongly.",
        {
            "assumption_a": _text("A row of assumptions.csv"),
            "assumption_b": _text("Another row of assumptions.csv"),
            "rank_correlation": _number("Spearman's rank correlation", pa.Check.in_range(-1, 1), nullable=False),
            "rationale": _text("Why they belong together"),
        },
        key=["assumption_a", "assumption_b"],
    ),
    "populations.csv": _table(
        "Whom the facts describe.",
        {
            "population_id": _pattern("Name of the population", r"^[a-z0-9_]+$", unique=True),
            "label_et": _text("Estonian"),
            "label_en": _text("English"),
        },
        key=["population_id"],
    ),
    "bottlenecks.csv": _table(
        "Bottlenecks of joint help as the source texts name them.",
        {
            "bottleneck_id": _pattern("Name of the bottleneck", r"^[a-z_]+$"),
            "label_et": _text("Estonian"),
            "label_en": _text("English"),
            "source_id": _text("Which text names it: an entry of sources.yml"),
            "quote_et": _text("Estonian quotation"),
        },
        key=["bottleneck_id", "source_id"],
    ),
    "assumptions.csv": _table(
        "What is assumed where nothing is published: value, range, reason and two grades.",
        {
            "assumption_id": _pattern("Name of the assumption: topic.name", r"^[a-z_]+\.[a-z0-9_]+$", unique=True),
            "role": _choice("lever: decided; uncertainty: unknown; constant: fixed", ROLES),
            "label_et": _text("What it is, Estonian"),
            "label_en": _text("What it is, English"),
            "value": _number("Central value", nullable=False),
            "low": _number("Lowest plausible value (a lever: lowest allowed)", nullable=False),
            "high": _number("Highest plausible value (a lever: highest allowed)", nullable=False),
            "distribution": _choice("Shape between low and high", DISTRIBUTIONS),
            "unit": _choice("Unit", sorted(UNITS)),
            "year": _text("Year or years it refers to", nullable=True),
            "rationale": _text("Why this value and range"),
            "source_id": _text("Source, or judgement"),
            "basis_quality": _number("Quality of the basis: 1 weak to 3 good", pa.Check.isin([1, 2, 3])),
            "impact": _number("Impact on the answer: 1 small to 3 large", pa.Check.isin([1, 2, 3])),
        },
        _ordered("low", "high"),
        _within("value", "low", "high"),
        key=["assumption_id"],
    ),
    "effect_sizes.csv": _table(
        "Effects of comparable programmes elsewhere, as read and as coded.",
        {
            "effect_id": _pattern("Name of the estimate", r"^[a-z0-9.-]+$", unique=True),
            "study": _text("Study"),
            "country": _text("Country"),
            "programme": _text("Programme"),
            "population": _text("Whom it was measured on"),
            "outcome": _text("Outcome as the source words it"),
            "outcome_group": _choice("Kind of outcome", OUTCOME_GROUPS),
            "outcome_id": _pattern("Outcome and horizon; rows are pooled only within one", r"^[a-z0-9_]+$"),
            "horizon_months": _number("Months after entry", pa.Check.ge(0)),
            "estimate": _number("Estimate, in unit; empty if the source gives words only"),
            "estimate_words": _text("Estimate in words, where no number was read", nullable=True),
            "standard_error": _number("Standard error, in unit", pa.Check.gt(0)),
            "ci95_low": _number("Lower limit of the 95 % interval"),
            "ci95_high": _number("Upper limit of the 95 % interval"),
            "uncertainty_as_read": _text("Uncertainty as the source gives it", nullable=True),
            "unit": _text("Unit of the estimate"),
            "unit_as_read": _text("Unit as read"),
            "comparison_level": _number("Level in the comparison group, same unit (pp: per cent)"),
            "comparison_as_read": _text("Level in the comparison group as read", nullable=True),
            "design": _text("Design of the study"),
            "verified": _choice("What was really read: size, sign only, or design only", ["yes", "sign", "design"]),
            "verified_as_read": _text("What was read, in words"),
            "pool": _choice("Whether the row may enter a synthesis", ["yes", "no"]),
            "pool_reason": _text("Why not", nullable=True),
            "displacement": _text("Displacement, as the source words it", nullable=True),
            "citation": _text("Citation", nullable=True),
            "url": _text("Address"),
            "note": _text("What a user must know", nullable=True),
        },
        _ordered("ci95_low", "ci95_high"),
        _within("estimate", "ci95_low", "ci95_high"),
        pa.Check(
            lambda f: ~((f["pool"] == "yes") & ((f["verified"] != "yes") | f["estimate"].isna())),
            error="only verified rows with a number may be pooled",
        ),
        pa.Check(
            lambda f: ~((f["pool"] == "yes") & f["standard_error"].isna() & f["ci95_low"].isna()),
            error="only rows with a readable uncertainty may be pooled",
        ),
        pa.Check(lambda f: (f["pool"] == "no") == f["pool_reason"].notna(), error="a row left out says why"),
        key=["effect_id"],
    ),
    "registered_unemployment.csv": _table(
        "Registered unemployment in Estonia in the months for which news reports gave numbers.",
        {
            "period": _pattern("Month", r"^20\d\d-(0[1-9]|1[0-2])$", unique=True),
            "stock_end": _number("Registered unemployed at the end of the month, persons", pa.Check.gt(0)),
            "inflow": _number("Registered in the month, persons", pa.Check.gt(0)),
            "to_work": _number("Exits to work in the month, persons", pa.Check.gt(0)),
            "reduced_work_ability_stock": _number("Of the stock, people with reduced work ability", pa.Check.gt(0)),
            "to_work_reduced": _number("Of the exits to work, people with reduced work ability", pa.Check.gt(0)),
            "prev_stock": _number("Registered unemployed at the end of the month before", pa.Check.gt(0)),
            "prev_stock_note": _text("Where the month before was read", nullable=True),
            "url": _text("Address"),
        },
        _ordered("to_work_reduced", "to_work"),
        _ordered("reduced_work_ability_stock", "stock_end"),
        key=["period"],
    ),
    "municipalities.csv": _table(
        "The 79 municipalities since 2017, with code, county and population of 2018 (weights only).",
        {
            "ehak_code": _pattern("EHAK code in use", r"^\d{4}$", unique=True),
            "name": _pattern("Name", MUNICIPALITY, unique=True),
            "type": _choice("Town or rural municipality", ["linn", "vald"]),
            "county": _pattern("County", r"^.+ maakond$"),
            "county_ehak": _pattern("EHAK code of the county", r"^\d{4}$"),
            "population": _number("Inhabitants, 2018; never published as a figure", pa.Check.gt(0), nullable=False),
            "population_year": _pattern("Year of the population", r"^\d{4}$"),
            "population_quality": _choice("How it is known", ["exact", "estimate", "derived"]),
            "source": _text("Address"),
            "ehak_code_2018": _pattern("EHAK code in 2018", r"^\d{4}$"),
            "code_changed": _text("When the code changed", nullable=True),
            "ehak_code_alt_2025": _pattern("Other code met in 2025", r"^\d{4}$", nullable=True),
            "area_km2": _number("Area, km²", pa.Check.gt(0)),
        },
        key=["ehak_code"],
    ),
    "places.csv": _table(
        "Which published facts concern which municipality or county, and why.",
        {
            "place": _pattern("Municipality, or county for all its municipalities", MUNICIPALITY_OR_COUNTY),
            "fact_id": _text("The fact: a row of facts.csv"),
            "why_et": _text("Why it concerns the place, Estonian"),
            "why_en": _text("Why it concerns the place, English"),
        },
        key=["place", "fact_id"],
    ),
    "municipality_positions.csv": _table(
        "A centre point of each municipality's largest part: for laying out a tile grid; not a boundary.",
        {
            "name": _pattern("Name", MUNICIPALITY, unique=True),
            "lon": _number("Longitude, degrees east", pa.Check.in_range(21, 29), nullable=False),
            "lat": _number("Latitude, degrees north", pa.Check.in_range(57, 60), nullable=False),
        },
        key=["name"],
    ),
    "tile_grid.csv": _table(
        "Where each municipality's tile stands in the tile-grid map, and what is written in it; not a boundary.",
        {
            "ehak_code": _pattern("EHAK code in use", r"^\d{4}$", unique=True),
            "name": _pattern("Name", MUNICIPALITY, unique=True),
            "abbreviation": _pattern("Short name in the tile; V: the rural one of two", r"^\S{2,4}$", unique=True),
            "column": _number("Column of the tile, from 0 in the west", pa.Check.in_range(0, 15), nullable=False),
            "row": _number("Row of the tile, from 0 in the north", pa.Check.in_range(0, 9), nullable=False),
        },
        pa.Check(lambda f: ~f.duplicated(["column", "row"], keep=False), error="one tile in each place"),
        key=["ehak_code"],
    ),
}


def read_table(raw: RawData, name: str) -> pd.DataFrame:
    """The table `name` of data/raw, its checksum and its contract checked; empty cells are missing values.

    Raises EvidenceError with every violation: column, row of the file, value found, rule.
    """
    return _checked_table(name, raw.path(name).read_bytes()).copy()


@lru_cache(maxsize=64)  # checking takes fifty times as long as reading, and a scenario reads the same files again
def _checked_table(name: str, content: bytes) -> pd.DataFrame:
    schema = CONTRACTS[name]
    frame = pd.read_csv(BytesIO(content), dtype=str, keep_default_na=False, na_values=[""])
    numeric = [c for c, column in schema.columns.items() if column.coerce and c in frame]
    for column in numeric:
        number = pd.to_numeric(frame[column], errors="coerce")
        bad = frame[column].notna() & number.isna()
        if bad.any():
            row = int(bad.idxmax()) + 2
            raise EvidenceError(
                f"data/raw/{name}, row {row}, column {column}: {frame.loc[bad, column].iloc[0]!r} found, "
                "a number with a decimal point expected."
            )
        frame[column] = number
    return check_table(frame, name)


def check_table(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """`frame` if it keeps the contract of `name`; else EvidenceError with every violation."""
    try:
        return CONTRACTS[name].validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        raise EvidenceError(_violations(name, error.failure_cases)) from None


def load_months(raw: RawData | None = None) -> pd.DataFrame:
    """Registered unemployment by month; columns as in the data dictionary, missing where no number was found."""
    return read_table(raw or RawData(), "registered_unemployment.csv")


def load_bottlenecks(raw: RawData | None = None) -> pd.DataFrame:
    """Bottlenecks as the source texts name them: one row per bottleneck and text, with the quotation."""
    return read_table(raw or RawData(), "bottlenecks.csv")


def load_place_facts(raw: RawData | None = None) -> pd.DataFrame:
    """Which published facts concern which municipality or county: place, fact_id, why_et, why_en."""
    return read_table(raw or RawData(), "places.csv")


def _violations(name: str, cases: pd.DataFrame) -> str:
    """The contract's violations as lines; a row number is that of the file, counting the heading as row 1."""
    lines = [f"data/raw/{name} breaks its contract:"]
    for case in cases.drop_duplicates(["column", "check", "index"]).head(20).itertuples():
        row = "" if pd.isna(case.index) else f" row {int(case.index) + 2},"
        lines.append(f" {row} column {case.column}: {case.failure_case!r} found; rule: {case.check}")
    lines.append("Correct the file against its source, then run: uhisabi accept data/raw/" + name)
    return "\n".join(lines)
