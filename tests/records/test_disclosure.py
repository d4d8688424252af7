"""The disclosure gate: what it hides, and that an attacker gains nothing from what it shows."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.evidence.facts import load_facts
from analysis.records.disclosure import Released, release, release_together
from analysis.records.disclosure_amounts import release_amounts
from analysis.records.disclosure_attack import PublishedTable, attack
from analysis.records.disclosure_cells import TOTAL, Layout, with_margins
from analysis.records.disclosure_editions import compare_editions
from analysis.records.disclosure_primary import CountTable
from analysis.records.disclosure_profiles import (
    DisclosureError,
    KnownTotal,
    Profile,
    known_total,
    load_profiles,
    profile_named,
    public_totals,
)
from analysis.records.disclosure_record import ReleaseRecord, require_release
from analysis.records.disclosure_statistics import release_quantiles, release_share

STAT, STRICT = Profile("stat.ee", 3, 0.9), Profile("strict", 5, 0.9)
TRE = Profile("tre", 10, 0.9, rounding=5)


def counts(array: Sequence[Sequence[int]]) -> pd.DataFrame:
    """A table of counts with rows a, b, … and columns x1, x2, …, in tidy form."""
    return pd.DataFrame(
        [
            {"row": chr(97 + r), "column": f"x{c + 1}", "persons": count}
            for r, line in enumerate(array)
            for c, count in enumerate(line)
        ]
    )


def two_way(array: Sequence[Sequence[int]], profile: Profile = STAT, **options: object) -> Released:
    return release(counts(array), "persons", ["row", "column"], profile, **options)  # type: ignore[arg-type]


def hidden_cells(released: Released) -> set[tuple[str, ...]]:
    rows = released.table[released.table["suppressed"]]
    return set(map(tuple, rows[list(released.record.by)].to_numpy()))


def exposed(
    *released: Released,
    profile: Profile = STAT,
    totals: Sequence[KnownTotal] = (),
    earlier: Sequence[PublishedTable] = (),
) -> list[str]:
    tables = {item.name: item.published for item in released}
    found = attack(tables, totals, profile, earlier=earlier)
    return found.loc[found["exposed"], "cell"].tolist()


def primary_only(truth: Sequence[Sequence[int]]) -> PublishedTable:
    """The table with its true margins as it would be if only small counts were hidden."""
    layout = Layout(("row", "column"))
    table = with_margins(counts(truth), layout, "persons")
    small = table["persons"].between(1, 2)
    return PublishedTable(table.assign(persons=table["persons"].mask(small), suppressed=small), "persons", layout)


# Profiles and public totals


def test_profiles_take_published_rules_from_facts() -> None:
    facts, profiles = load_facts(), load_profiles()
    assert profiles["stat.ee"].min_persons == facts["disclosure.min_persons"].number("persons")
    assert profiles["stat.ee"].max_share_of_one == facts["disclosure.max_share_of_one"].number("share")
    assert (profiles["strict"].min_persons, profiles["tre"].min_persons, profiles["tre"].rounding) == (
        5,
        10,
        5,
    )


def test_an_unknown_profile_is_answered_with_the_known_ones() -> None:
    with pytest.raises(DisclosureError, match=r"stat\.ee, strict, tre"):
        profile_named("stat")


def test_public_totals_have_the_bounds_of_their_facts() -> None:
    totals = {total.source: total for total in public_totals()}
    facts = load_facts()
    assert totals["pilot.clients"].is_exact
    assert totals["pilot.clients"].low == facts["pilot.clients"].number("persons")
    assert not totals["rollout.clients_now"].is_exact
    assert totals["target.size"].binds("target_group")
    assert not totals["target.size"].binds("pilot_clients")


# Hand-computed tables


def test_a_small_cell_of_a_two_by_two_table_takes_all_four_with_it() -> None:
    released = two_way([[1, 9], [8, 12]])
    assert hidden_cells(released) == {("a", "x1"), ("a", "x2"), ("b", "x1"), ("b", "x2")}
    assert released.record.hidden_primary == 1
    assert released.record.hidden_secondary == 3
    assert released.table.loc[released.table["suppressed"], "persons"].isna().all()
    margins = released.table.set_index(["row", "column"])["persons"]
    assert [margins["a", TOTAL], margins["b", TOTAL], margins[TOTAL, "x1"], margins[TOTAL, TOTAL]] == [
        10,
        20,
        9,
        30,
    ]


def test_a_small_cell_of_a_three_by_four_table_takes_the_cheapest_rectangle() -> None:
    # The rectangle through a-x1 whose other corners are smallest, and at least 3 where they must give way.
    released = two_way([[2, 40, 50, 7], [30, 60, 70, 80], [6, 90, 95, 8]])
    assert hidden_cells(released) == {("a", "x1"), ("a", "x4"), ("c", "x1"), ("c", "x4")}


def test_nothing_is_hidden_where_nothing_is_small() -> None:
    released = two_way([[3, 9], [0, 12]])
    assert released.record.hidden == 0
    assert released.table["persons"].tolist()[:4] == [3, 9, 0, 12]


def test_a_large_table_without_margins_does_not_contradict_itself() -> None:
    """Its total, which is not shown, is many times its largest cell."""
    cells = itertools.product(range(15), range(22))
    table = pd.DataFrame([(f"c{county}", f"q{quarter}", 9) for county, quarter in cells], columns=["county", "q", "n"])
    table.loc[[3, 40], "n"] = 1
    found = release(table, "n", ["county", "q"], profile_named("stat.ee"), population="p", margins=False, name="t")
    assert found.table["suppressed"].sum() >= 2
    assert found.table.loc[~found.table["suppressed"], "n"].eq(9).all()


def test_small_cells_can_protect_each_other() -> None:
    assert two_way([[2, 2], [2, 2]]).record.hidden_secondary == 0  # each row sums to 4: anything from 0 to 4


def test_two_small_cells_in_a_row_of_two_are_not_enough() -> None:
    # 1 + 1 = 2 persons: the row total is small itself, and the attacker is left with 0 to 2 if it is shown.
    released = two_way([[1, 1, 20], [10, 11, 12]])
    assert ("a", "x3") in hidden_cells(released)
    assert not exposed(released)


# The attacker


def test_primary_suppression_alone_is_broken_by_the_public_total() -> None:
    clients = known_total(load_facts()["pilot.clients"])
    table = pd.DataFrame({"town": ["p", "q", "r"], "persons": [2, 40, int(clients.low) - 42]})
    frame = table.assign(persons=table["persons"].mask(table["persons"] < 3), suppressed=table["persons"] < 3)
    naive = PublishedTable(frame, "persons", Layout(("town",), "pilot_clients", margins=False))
    assert not attack({"naive": naive}, [], STAT)["exposed"].any()  # without the total nobody knows
    broken = attack({"naive": naive}, [clients], STAT)
    assert broken[["low", "high", "exposed"]].to_numpy().tolist() == [[2, 2, True]]

    kept = release(table, "persons", ["town"], STAT, totals=[clients], population="pilot_clients", margins=False)
    assert kept.record.hidden_secondary == 1
    assert not exposed(kept, totals=[clients])


def test_primary_suppression_alone_is_broken_by_margins() -> None:
    truth = [[1, 9, 10], [8, 12, 11]]
    broken = attack({"naive": primary_only(truth)}, [], STAT)
    assert broken["exposed"].tolist() == [True]
    assert broken["low"].tolist() == [1]


def brute_force(
    published: PublishedTable, rows: int, columns: int, most: int
) -> dict[tuple[int, int], tuple[int, int]]:
    """Lowest and highest value of each inner cell over all tables that agree with what is shown."""
    shown = published.values.to_numpy()
    inner = shown[: rows * columns]
    fits = []
    for values in itertools.product(*[range(most + 1) if np.isnan(v) else [int(v)] for v in inner]):
        table = np.array(values).reshape(rows, columns)
        margins = np.concatenate([table.sum(axis=1), table.sum(axis=0), [table.sum()]])
        if np.all(np.isnan(shown[rows * columns :]) | (shown[rows * columns :] == margins)):
            fits.append(table)
    least, highest = np.min(fits, axis=0), np.max(fits, axis=0)
    return {(r, c): (int(least[r, c]), int(highest[r, c])) for r in range(rows) for c in range(columns)}


@pytest.mark.parametrize("truth", [[[1, 4], [3, 5]], [[1, 3, 4], [4, 2, 3]]])
def test_the_attacker_finds_what_trying_all_tables_finds(truth: list[list[int]]) -> None:
    released = two_way(truth)
    rows, columns = len(truth), len(truth[0])
    tried = brute_force(released.published, rows, columns, most=sum(map(sum, truth)) // 2 + 2)
    found = attack({"t": released.published}, [], STAT).set_index("cell")
    for (r, c), (low, high) in tried.items():
        name = f"column=x{c + 1}, row={chr(97 + r)}"
        if name in found.index:
            assert (found.loc[name, "low"], found.loc[name, "high"]) == (low, high)


tables = st.integers(1, 4).flatmap(
    lambda columns: st.lists(st.lists(st.integers(0, 9), min_size=columns, max_size=columns), min_size=1, max_size=4)
)


@settings(max_examples=25, deadline=None)
@given(truth=tables, profile=st.sampled_from([STAT, STRICT, TRE]), is_known=st.booleans(), margins=st.booleans())
def test_no_random_table_exposes_a_cell(
    truth: list[list[int]], profile: Profile, is_known: bool, margins: bool
) -> None:
    size = sum(map(sum, truth))
    totals = [KnownTotal(size, size)] if is_known else []
    released = two_way(truth, profile, totals=totals, margins=margins)
    assert exposed(released, profile=profile, totals=totals) == []
    small = counts(truth).query(f"0 < persons < {profile.min_persons}")
    known = is_known and len(counts(truth)) == 1  # the only cell is the public total itself
    assert known or set(map(tuple, small[["row", "column"]].to_numpy())) <= hidden_cells(released)
    if profile.rounding == 1:
        inner = released.table.head(len(counts(truth)))["persons"]
        assert all(pd.isna(shown) or shown == true for shown, true in zip(inner, counts(truth)["persons"], strict=True))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=12, max_size=12))
def test_no_random_three_way_table_exposes_a_cell(values: list[int]) -> None:
    labels = itertools.product("ab", "cd", "efg")
    frame = pd.DataFrame(
        [(*label, n) for label, n in zip(labels, values, strict=True)], columns=["u", "v", "w", "persons"]
    )
    assert exposed(release(frame, "persons", ["u", "v", "w"], STAT)) == []


# Public totals


def test_public_totals_stay_right_and_are_never_hidden() -> None:
    totals = [KnownTotal(10, 10, {"row": "a"}), KnownTotal(30, 30)]
    released = two_way([[1, 9], [8, 12]], TRE, totals=totals)
    shown = released.table.set_index(["row", "column"])["persons"]
    assert shown["a", TOTAL] == 10
    assert shown[TOTAL, TOTAL] == 30


def test_a_public_total_that_gives_a_small_group_away_costs_nothing_more() -> None:
    # Everybody knows that town a has two clients: whoever hid more could not unsay it.
    released = two_way([[1, 1], [20, 30]], totals=[KnownTotal(2, 2, {"row": "a"})])
    assert {("a", "x1"), ("a", "x2")} <= hidden_cells(released)
    found = attack({"t": released.published}, [KnownTotal(2, 2, {"row": "a"})], STAT).set_index("cell")
    assert found.loc["column=x1, row=a", ["low", "high", "needed"]].tolist() == [0, 2, 2]


def test_a_table_that_contradicts_a_public_total_is_refused() -> None:
    with pytest.raises(DisclosureError, match="counts 30, the public total said says 31"):
        two_way([[1, 9], [8, 12]], totals=[KnownTotal(31, 31, source="said")])
    with pytest.raises(DisclosureError, match="no cell"):
        two_way([[1, 9], [8, 12]], totals=[KnownTotal(10, 10, {"row": "Saue"})])


def test_bounds_of_a_public_total_help_the_attacker_as_well() -> None:
    one = pd.DataFrame({"town": ["p", "q"], "persons": [2, 348]})
    about = known_total(load_facts()["rollout.clients_now"])
    assert hidden_cells(release(one, "persons", ["town"], STAT, totals=[about], margins=False)) == {("p",)}


# Groups, linked tables, hierarchies


def test_all_or_none_of_a_group_is_hidden_for_sensitive_values() -> None:
    truth = [[0, 20], [15, 15], [20, 0]]
    assert two_way(truth).record.hidden == 0
    released = two_way(truth, sensitive={"column": ["x1"]})
    assert {("a", "x1"), ("c", "x1")} <= hidden_cells(released)
    ranges = attack({"t": released.published}, [], STAT).set_index("cell")
    assert ranges.loc["column=x1, row=a", "high"] >= 3
    assert ranges.loc["column=x1, row=c", "low"] <= 17


def test_a_group_that_is_not_in_the_table_counts_nobody() -> None:
    gaps = counts([[1, 9], [8, 12]]).drop(index=2)
    released = release(gaps, "persons", ["row", "column"], STAT)
    assert len(released.table) == 9
    assert not exposed(released)


def test_linked_tables_are_protected_together_and_not_apart() -> None:
    rng = np.random.default_rng(7)
    people = pd.DataFrame({"town": rng.choice(list("abcd"), 120), "sex": rng.choice(["f", "m"], 120)})
    people["reason"] = np.where(rng.random(120) < 0.05, "study", rng.choice(["work", "wish"], 120))
    people["age"] = people["reason"].map({"study": "young", "work": "young", "wish": "old"})

    def table(*by: str) -> CountTable:
        frame = people.groupby(list(by)).size().reset_index(name="persons")
        return CountTable(frame, "persons", Layout(by))

    split = {
        "reasons": table("town", "reason"),
        "nested": table("town", "age"),
        "sexes": table("town", "sex"),
    }
    together = release_together(split, STAT)
    assert exposed(*together.values()) == []
    margins = [t.table[(t.table["town"] != TOTAL)].groupby("town")["persons"].last() for t in together.values()]
    assert margins[0].equals(margins[2])  # a shared margin is shown, or hidden, in all tables alike


def test_tables_released_apart_expose_what_together_they_protect() -> None:
    # Row a counts 2. The wide table hides the total of row c with it, the narrow one that of row b.
    truth = counts([[2, 0], [104, 0], [3, 107]])
    rows = truth.groupby("row", as_index=False)["persons"].sum()
    tables = {
        "wide": CountTable(truth, "persons", Layout(("row", "column"))),
        "narrow": CountTable(rows, "persons", Layout(("row",))),
    }
    apart = [release_together({name: table}, STAT)[name] for name, table in tables.items()]
    assert exposed(apart[0]) == exposed(apart[1]) == []
    assert "row=a" in exposed(*apart)
    assert exposed(*release_together(tables, STAT).values()) == []


def ring(people: pd.DataFrame) -> dict[str, CountTable]:
    """The three tables of two columns each of people with columns u, v, w."""
    pairs = [("u", "v"), ("v", "w"), ("w", "u")]
    return {
        "".join(by): CountTable(people.groupby(list(by), observed=False).size().reset_index(name="n"), "n", Layout(by))
        for by in pairs
    }


def test_tables_in_a_ring_are_attacked_with_the_table_behind_them() -> None:
    # By margins alone the hidden counts could be from 0 to 4. But v and w are alike for everybody: what holds
    # of one holds of the other, and so u by v is u by w, where nothing is hidden.
    people = pd.DataFrame({"u": list("aaaabbbbbb"), "v": list("yyyynnnnyy"), "w": list("yyyynnnnyy")})
    tables = {name: table.nodes(name) for name, table in ring(people).items()}
    shown = {name: frame.assign(suppressed=False) for name, frame in tables.items()}
    small = (shown["uv"][["u", "v"]] != TOTAL).all(axis=1)
    shown["uv"] = shown["uv"].assign(n=shown["uv"]["n"].mask(small), suppressed=small)
    published = {name: PublishedTable(shown[name], "n", Layout(ring(people)[name].layout.by)) for name in shown}
    found = attack({"uv": published["uv"]}, [], STAT)
    assert not found["exposed"].any()
    assert attack(published, [], STAT)["exposed"].all()
    assert exposed(*release_together(ring(people), STAT).values()) == []


def test_tables_that_disagree_are_refused() -> None:
    one = CountTable(pd.DataFrame({"g": ["a", "b"], "n": [5, 6]}), "n", Layout(("g",)))
    two = CountTable(pd.DataFrame({"g": ["a", "b"], "n": [5, 7]}), "n", Layout(("g",)))
    with pytest.raises(DisclosureError, match="different populations"):
        release_together({"one": one, "two": two}, STAT)


def test_municipalities_add_up_to_their_county() -> None:
    frame = pd.DataFrame(
        {"county": ["H", "H", "T", "T"], "town": ["p", "q", "r", "s"], "persons": [1, 30, 25, 40]}
    )  # fmt: skip
    released = release(frame, "persons", ["county", "town"], STAT, nested={"town": "county"})
    assert hidden_cells(released) == {("H", "p"), ("H", "q")}
    assert len(released.table) == 7
    assert not exposed(released)


# Percentages, extremes, sums, editions, rounding


def test_shares_come_from_released_counts_only() -> None:
    shares = two_way([[1, 9, 10], [8, 12, 30]]).shares("column").set_index(["row", "column"])
    assert shares.loc[("b", "x3"), "share"] == pytest.approx(30 / 50)
    assert pd.isna(shares.loc[("a", "x1"), "share"])
    assert shares.loc[("a", "x1"), "suppressed"]
    assert shares.loc[("a", "x1"), "denominator"] == 20


@pytest.mark.parametrize(
    ("part", "whole", "reason"),
    [
        (2, 91, "small"),
        (89, 91, "small"),
        (0, 91, "all or none of a group"),
        (91, 91, "all or none of a group"),
        (2, 2, "small"),
        (0, 0, "nobody"),
    ],
)
def test_a_share_is_hidden_where_it_gives_a_count_or_a_group_away(part: int, whole: int, reason: str) -> None:
    share = release_share(part, whole, STAT)
    assert share.suppressed
    assert share.reason == reason
    assert share.share is None


def test_a_share_is_rebuilt_from_rounded_counts() -> None:
    assert release_share(17, 91, TRE).share == 15 / 90
    assert release_share(0, 91, STAT, sensitive=False).share == 0


def test_extremes_are_hidden_unless_enough_persons_have_them() -> None:
    days = pd.Series([0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 30])
    found = release_quantiles(days, [0.5, 0, 1, 0.55], STAT).set_index("quantile")
    assert found.loc[0, "value"] == 0
    assert found.loc[1, "suppressed"]
    assert found.loc[0.5, "value"] == 3.0
    assert found.loc[0.5, "method"] == "mean of k persons"
    assert found.loc[0.55, "suppressed"]  # shares persons with the median
    assert release_quantiles(pd.Series([5, 5, 5, 5]), [0.5], STAT)["suppressed"].all()  # everybody's value
    assert release_quantiles(pd.Series([5, 5]), [0.5], STAT)["n"].isna().all()


def test_nobody_is_over_nine_tenths_of_a_sum() -> None:
    people = pd.DataFrame({"id": [f"p{i}" for i in range(40)], "town": ["a", "b", "c", "d"] * 10, "eur": 100.0})
    whole = release_amounts(people, "eur", "id", ["town"], STAT)
    assert whole.record.hidden == 0
    assert whole.table["eur"].tolist() == [1000.0] * 4 + [4000.0]
    people.loc[0, "eur"] = 9000.0  # with nine of 100: 0.909 of the sum of town a, 0.70 of the grand total
    released = release_amounts(people, "eur", "id", ["town"], STAT)
    assert ("a",) in hidden_cells(released)
    assert released.record.hidden == 2
    assert released.table["persons"].isna().tolist() == released.table["eur"].isna().tolist()
    assert released.hidden.set_index("town")["reason"].to_dict()["a"] == "one person"


def test_amounts_need_each_person_in_one_group() -> None:
    people = pd.DataFrame({"id": ["p", "p", "q"], "town": ["a", "b", "b"], "eur": [1.0, 2.0, 3.0]})
    with pytest.raises(DisclosureError, match="more than one group"):
        release_amounts(people, "eur", "id", ["town"], STAT)


def test_a_second_edition_does_not_show_who_came_between() -> None:
    old = release(pd.DataFrame({"town": list("abcd"), "n": [9, 20, 30, 39]}), "n", ["town"], STAT)
    frame = pd.DataFrame({"town": list("abcd"), "n": [10, 24, 34, 45]})
    naive = compare_editions(old.published, release(frame, "n", ["town"], STAT).published, STAT)
    assert naive.loc[naive["exposed"], "cell"].tolist() == ["town=a"]

    new = release_together({"t": CountTable(frame, "n", Layout(("town",)))}, STAT, earlier=[old.published])["t"]
    assert ("a",) in hidden_cells(new)
    assert new.record.hidden == 2
    assert not compare_editions(old.published, new.published, STAT)["exposed"].any()


def test_a_second_edition_does_not_show_what_the_first_hid() -> None:
    old = release(pd.DataFrame({"town": list("abc"), "n": [2, 20, 30]}), "n", ["town"], STAT)
    frame = pd.DataFrame({"town": list("abc"), "n": [2, 20, 30]})
    new = release_together({"t": CountTable(frame, "n", Layout(("town",)))}, STAT, earlier=[old.published])["t"]
    assert not exposed(old, new)
    assert not compare_editions(old.published, new.published, STAT)["exposed"].any()
    fewer = CountTable(frame.assign(n=[2, 20, 8]), "n", Layout(("town",)))
    with pytest.raises(DisclosureError, match="cumulative=False"):
        release_together({"t": fewer}, STAT, earlier=[old.published])
    left = release_together({"t": fewer}, STAT, earlier=[old.published], cumulative=False)["t"]
    assert not compare_editions(old.published, left.published, STAT, cumulative=False)["exposed"].any()


def test_the_rounding_profile_rounds_what_it_shows_and_hides_below_ten() -> None:
    released = two_way([[13, 9, 41], [22, 27, 38], [33, 51, 64]], TRE)
    shown = released.table["persons"].dropna()
    assert (shown % 5 == 0).all()
    assert ("a", "x2") in hidden_cells(released)
    assert exposed(released, profile=TRE) == []


# The record


def test_the_record_fits_its_table_and_no_other() -> None:
    released = two_way([[1, 9], [8, 12]])
    record = ReleaseRecord.from_publication(released.record.for_publication())
    require_release("register", released.table.assign(label="x"), record)
    with pytest.raises(DisclosureError, match="values have changed"):
        require_release("register", released.table.fillna({"persons": 1}), record)
    with pytest.raises(DisclosureError, match="has not passed"):
        require_release("register", released.table, None)
    require_release("synthetic", counts([[1, 2]]), None)


def test_a_publication_does_not_say_which_hidden_counts_are_small() -> None:
    released = two_way([[1, 9], [8, 12]])
    assert set(released.table["suppressed"]) == {True, False}
    assert "reason" not in released.table
    assert not {"hidden_primary", "hidden_secondary"} & set(released.record.for_publication())
    assert set(released.hidden["reason"]) == {"small", "secondary"}


def test_a_derived_table_may_not_bring_back_what_is_hidden() -> None:
    released = two_way([[1, 9], [8, 12]])
    shares = released.shares("column")
    released.record_for(shares).verify(shares)
    with pytest.raises(DisclosureError, match="hidden or was not released"):
        released.record_for(shares.assign(share=0.5))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"g": ["a", "b"], "n": [0.5, 2]}), "whole number of persons"),
        (pd.DataFrame({"g": ["a", "a"], "n": [1, 2]}), "stands twice"),
        (pd.DataFrame({"g": ["a", None], "n": [1, 2]}), "row 1, column g"),
        (pd.DataFrame({"g": ["a", "all"], "n": [1, 2]}), "Rename it"),
        (pd.DataFrame({"h": ["a"], "n": [1]}), "expected"),
    ],
)
def test_a_table_that_is_no_table_of_counts_is_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(DisclosureError, match=message):
        release(frame, "n", ["g"], STAT)


def test_the_same_table_gives_the_same_release() -> None:
    truth = [[1, 9, 4], [8, 2, 7], [5, 6, 3]]
    assert two_way(truth).record.checksum_of_table == two_way(truth).record.checksum_of_table


def test_a_table_of_all_municipalities_takes_seconds_and_stays_useful() -> None:
    rng = np.random.default_rng(1)
    truth = rng.poisson(rng.gamma(1, 3, size=(79, 1)) * np.array([[3, 2, 1, 1, 0.5, 0.2]]))
    start = time.perf_counter()
    released = two_way([[int(n) for n in row] for row in truth])
    seconds = time.perf_counter() - start
    assert seconds < 30  # some three seconds on an idle machine
    assert released.record.hidden_secondary is not None
    assert released.record.hidden_secondary < 40
