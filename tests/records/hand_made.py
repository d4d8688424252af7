"""A small clean register, written by hand: three people, every table, in contract form; and ways to write it down."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from analysis.records.contract import TABLES, conform
from analysis.records.register import Register

EXTRACT_DATE = "2023-12-31"
ANN, BEN, EVA = "a" * 32, "b" * 32, "e" * 32

TEXT: dict[str, str] = {
    "persons": f"""
person_id,birth_year,sex,municipality_code,work_ability,target_group,jobless_since
{ANN},1980,female,0725,full,long_term_benefit,2020-05-01
{BEN},1965,male,0857,partial,health_addiction,
{EVA},1999,female,0567,none,neet_youth,2022-01-15
""",
    "episodes": f"""
episode_id,person_id,municipality_code,start_date,end_date,end_reason
E1,{ANN},0725,2021-01-10,2022-03-31,work
E2,{ANN},0725,2022-09-01,,
E3,{BEN},0855,2021-06-15,2023-06-30,pension
E4,{EVA},0567,2023-02-01,,
""",
    "cooperation": f"""
cooperation_id,person_id,episode_id,municipality_code,cohort,referred_by,referral_date,consent_date,start_date,end_date,end_reason
C1,{ANN},E1,0725,pilot,agency,2021-02-01,2021-02-10,2021-02-15,2022-03-31,goal_reached
C2,{EVA},E4,0567,rollout,municipality,2023-03-01,2023-03-05,2023-03-10,,
C3,{BEN},E3,0855,rollout,agency,2022-05-01,,,2022-06-01,withdrew
""",
    "meetings": f"""
meeting_id,person_id,episode_id,cooperation_id,meeting_date,kind,channel
M1,{ANN},E1,C1,2021-02-10,three_party,in_person
M2,{ANN},E1,,2021-05-10,counselling,phone
M3,{EVA},E4,C2,2023-04-02,network,web
""",
    "services": f"""
service_id,person_id,episode_id,service,provider,start_date,end_date
S1,{ANN},E1,work_practice,agency,2021-06-01,2021-09-30
S2,{EVA},E4,debt_counselling,municipality,2023-05-01,
""",
    "benefits": f"""
person_id,month,municipality_code,amount_eur,household_size
{ANN},2021-02-01,0725,210.55,2
{ANN},2021-03-01,0725,180,2
{BEN},2021-05-01,0855,300.5,1
{BEN},2021-07-01,0855,300.5,1
{EVA},2023-02-01,0567,99.9,4
""",
    "employment": f"""
employment_id,person_id,start_date,end_date,subsidised
J1,{ANN},2022-04-01,2022-08-31,true
J2,{BEN},2019-01-01,,false
""",
}


def text_frames() -> dict[str, pd.DataFrame]:
    """The tables as text, as a CSV holds them."""
    from io import StringIO

    return {name: pd.read_csv(StringIO(text.strip()), dtype=str) for name, text in TEXT.items()}


def register(frames: Mapping[str, pd.DataFrame] | None = None) -> Register:
    """The tables (or others given as text) as a register in memory."""
    texts = {**text_frames(), **(frames or {})}
    texts["employment"] = texts["employment"].assign(subsidised=texts["employment"]["subsidised"].isin(["true", True]))
    tables = {name: conform(name, texts[name]) for name in TABLES}
    return Register(tables, pd.Timestamp(EXTRACT_DATE), "synthetic", "by hand")


def write(folder: Path, frames: Mapping[str, pd.DataFrame] | None = None, *, papers: str = "", **how: str) -> Path:
    """The tables, some replaced by `frames`, as CSV files with their papers in `folder`; `how` goes to to_csv."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in {**text_frames(), **(frames or {})}.items():
        frame.to_csv(folder / f"{name}.csv", index=False, **how)  # type: ignore[call-overload]
    given = papers or f"extract_date: {EXTRACT_DATE}\nstatus: synthetic\nname: by hand\n"
    (folder / "extract.yml").write_text(given, encoding="utf-8")
    return folder
