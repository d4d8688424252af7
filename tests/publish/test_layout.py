"""Every figure of notebook 01, at every size in both languages: nothing cut off, nothing on top of anything else."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from analysis import estimate
from analysis.evidence import (
    RawData,
    load_assumptions,
    load_bottlenecks,
    load_effects,
    load_facts,
    load_months,
    load_readings,
    load_sources,
    spread_scales,
    synthesise_outcomes,
)
from analysis.publish import Finding, Words
from analysis.publish import evidence_findings as find
from analysis.publish.layout import Frame, compose
from analysis.publish.papers import footer_of, papers_of
from analysis.publish.style import CATEGORIES, PAPER, SEQUENCE, SIZES, contrast, figure_style
from analysis.publish.words import LANGUAGES

RAW = RawData()
FACTS, READINGS, ASSUMPTIONS, EFFECTS = load_facts(RAW), load_readings(RAW), load_assumptions(RAW), load_effects(RAW)
MONTHS, SYNTHESES = load_months(RAW), synthesise_outcomes(EFFECTS, spread_scales(ASSUMPTIONS))
COVERAGE = estimate.coverage_readings(FACTS, READINGS)
RATES = estimate.benchmark_rate(FACTS, ASSUMPTIONS["benchmark.monthly_exit_rate"], 0.95)
TEXTS = [name for name, source in load_sources(RAW).items() if source.is_text]

FINDINGS: list[Callable[[], Finding]] = [
    lambda: find.coverage_readings(COVERAGE, FACTS),
    lambda: find.funnel(estimate.funnel(FACTS, COVERAGE), FACTS),
    lambda: find.readings(estimate.readings_compared(READINGS), FACTS),
    lambda: find.pilot_durations(estimate.pilot_durations(FACTS), FACTS),
    lambda: find.pilot_working(estimate.pilot_working(FACTS, 0.95), FACTS, 0.95),
    lambda: find.ended_benchmark(estimate.ended_without_cooperation(RATES, 30), FACTS, RATES, 0.95),
    lambda: find.benefit_overlap(estimate.benefit_overlap(FACTS), FACTS),
    lambda: find.registered_unemployment(estimate.registered_unemployment(MONTHS), FACTS),
    lambda: find.exits_by_kind(estimate.exits_by_kind(MONTHS)),
    lambda: find.reduced_work_ability(estimate.reduced_work_ability(MONTHS)),
    lambda: find.effects_elsewhere(estimate.effects_on_ratio_scale(EFFECTS, SYNTHESES, "work"), "work"),
    lambda: find.effects_elsewhere(estimate.effects_on_ratio_scale(EFFECTS, SYNTHESES, "leaving"), "leaving"),
    lambda: find.days_saved(estimate.days_saved(EFFECTS)),
    lambda: find.bottlenecks(estimate.bottlenecks_named(load_bottlenecks(RAW), TEXTS), len(TEXTS)),
]


def _texts(figure: Figure) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Every text that is drawn, with its box in pixels; a tick beyond the end of its axis is not drawn."""
    beyond = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        beyond |= {t.label1 for t in axis.get_major_ticks() if not low - 1e-9 <= t.get_loc() <= high + 1e-9}
    found = []
    for artist in figure.findobj(Text):
        if artist.get_visible() and artist.get_text().strip() and artist not in beyond:
            box = artist.get_window_extent()
            found.append((artist.get_text(), (box.x0, box.y0, box.x1, box.y1)))
    return found


@pytest.mark.parametrize("make", FINDINGS, ids=lambda make: make().figure_id)
def test_nothing_is_cut_off_or_covered(make: Callable[[], Finding]) -> None:
    finding = make()
    papers = papers_of(finding, "01_evidence", {})
    for size, language in itertools.product(SIZES.values(), LANGUAGES):
        words = Words(language)
        frame = Frame(papers["title"][language], papers["subtitle"][language], footer_of(papers, words))
        with figure_style(size):
            figure = compose(finding.table, finding.draw, frame, size, words)
            figure.draw_without_rendering()
            texts = _texts(figure)
            where = f"{finding.figure_id}, {size.name}, {language}"
            width, height = figure.bbox.width, figure.bbox.height
            for text, (x0, y0, x1, y1) in texts:
                assert x0 >= -1, (where, text)
                assert y0 >= -1, (where, text)
                assert x1 <= width + 1, (where, text)
                assert y1 <= height + 1, (where, text)
            for (one, a), (other, b) in itertools.combinations(texts, 2):
                overlap = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
                assert min(overlap) <= 0.12 * size.body_pt / 72 * figure.dpi, (where, one, other)
            written = [artist for artist in figure.findobj(Text) if artist.get_text().strip()]
            assert all(artist.get_rotation() == 0 for artist in written), where


@pytest.mark.parametrize(("name", "smallest"), [("page", 9.0), ("slide", 12.0)])
def test_no_text_is_smaller_than_readable(name: str, smallest: float) -> None:
    size = SIZES[name]
    assert min(size.title_pt, size.subtitle_pt, size.body_pt, size.small_pt) >= smallest


def test_the_palette_passes_three_to_one() -> None:
    for one, other in itertools.pairwise(CATEGORIES[:5]):
        assert contrast(one, other) >= 3
    for colour in CATEGORIES[:5]:
        assert contrast(colour, PAPER) >= 3
    assert contrast(SEQUENCE[0], PAPER) >= 3
    assert contrast("#8DA0CB", PAPER) < 3  # a usual default fails, so the test can
