"""The figures of notebook 04 that need no register say what their tables hold, and that they rest on assumptions."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis import estimate
from analysis.estimate import prior_and_posterior as learning
from analysis.estimate import published_bounds as limits
from analysis.estimate import published_confounders as hidden
from analysis.estimate.estimates_table import ASSUMPTION_OF, Part, estimates_table
from analysis.estimate.without_cooperation import beta_of, without_cooperation
from analysis.estimate.work_priors import named_priors_of_work
from analysis.evidence import load_assumptions, load_facts, load_months, named_priors
from analysis.publish import PublishError, Words, effect_words
from analysis.publish import effect_evidence_findings as find
from analysis.publish.papers import papers_of

FACTS, ASSUMPTIONS, PRIOR = load_facts(), load_assumptions(), "prior.work_at_12m"


@pytest.fixture(scope="module")
def made() -> SimpleNamespace:
    """Tables and findings from few draws."""
    rng = np.random.default_rng(1)
    without, working = without_cooperation(FACTS, ASSUMPTIONS, draws=400, confidence=0.95, rng=rng)
    bounds = limits.published_bounds(FACTS, without, 0.95)
    priors = named_priors_of_work(named_priors(), ASSUMPTIONS)
    shares, count = learning.shares_without(*beta_of(working.share)), limits.pilot_count(FACTS)
    posteriors = learning.posteriors(priors, count, shares)
    mean, sd = priors.set_index("key").loc[PRIOR, ["mean", "sd"]]
    learnt = learning.learnt_from_comparison(mean, sd, working.share.mean(), limits.comparison_sizes(FACTS))
    months = estimate.reduced_work_ability(load_months())
    effects, known = hidden.effects_to_imitate(priors, ASSUMPTIONS, PRIOR), hidden.known_strengths(months, ASSUMPTIONS)
    update = learning.update(mean, sd, count, shares)
    findings = [
        find.bounds(bounds, without, FACTS, ASSUMPTIONS, 0.95),
        find.posterior(update, posteriors, learnt, ASSUMPTIONS, prior=PRIOR, confidence=0.95),
        find.confounder(effects, known, len(months), ASSUMPTIONS),
    ]
    curves = hidden.confounder_curves(effects, known)
    return SimpleNamespace(**locals())


def test_every_figure_has_its_texts_in_both_languages_and_the_status_of_a_model(made: SimpleNamespace) -> None:
    for one in made.findings:
        papers = papers_of(one, "04_effect", {})  # refuses whatever is missing
        assert papers["status"] == "modelled"
        assert papers["topic"] == "effect"
        assert "judgement" in {source["id"] for source in papers["sources"]}
        assert "data/raw/assumptions.csv" in papers["inputs"]


def test_titles_say_what_the_tables_hold(made: SimpleNamespace) -> None:
    row = made.bounds.set_index("key").loc["working.benchmark"]
    for language in ("et", "en"):
        title = papers_of(made.findings[0], "04_effect", {})["title"][language]
        for name in ("identified_low", "identified_high"):
            assert Words(language).number(100 * row[name], "signed0") in title


def test_the_closing_table_is_in_words_in_both_languages(made: SimpleNamespace) -> None:
    rates = estimate.benchmark_rate(FACTS, ASSUMPTIONS["benchmark.monthly_exit_rate"], 0.95)
    levels = limits.level_rows(estimate.pilot_working(FACTS, 0.95), rates, FACTS)
    parts = [Part("level", levels["level"], "published"), Part("benchmark", levels["benchmark"], "modelled")]
    parts += [
        Part(name, getattr(made, table), "modelled")
        for name, table in (("without", "without"), ("prior", "posteriors"))
    ]
    table = estimates_table([*parts, Part("bounds", made.bounds, "modelled")])
    for language in ("et", "en"):
        told = effect_words.estimates(table, language)
        assert len(told) == len(table)
        assert not told.isna().any(axis=None)
        for small in (effect_words.priors(made.posteriors, language), effect_words.learnt(made.learnt, language)):
            assert not small.empty
        assert not effect_words.without_cooperation(made.without, language).empty
    with pytest.raises(PublishError, match="status draft found"):
        effect_words.estimates(table.assign(status="draft"), "et")


def test_every_method_has_words_and_an_assumption() -> None:
    for language in ("et", "en"):
        words = Words(language)
        for method, assumption in ASSUMPTION_OF.items():
            assert words.has(f"effect.assumption.{assumption}"), assumption
            assert words.has(f"effect.method.{method}") or words.has(f"effect.method.{assumption}"), method


def test_the_checks_hold_and_can_fail(made: SimpleNamespace) -> None:
    passed = effect_words.checks(made.bounds, made.posteriors, made.curves, FACTS, "et").iloc[:, 1]
    assert passed.all()
    wrong = made.bounds.assign(identified_high=made.bounds["identified_high"] + 0.5)
    turned = made.posteriors.assign(sd_ratio=1.5, estimate=-made.posteriors["estimate"])
    off = made.curves.assign(with_help=pd.Series(made.curves["with_help"]) * 2)
    failed = effect_words.checks(wrong, turned, off, FACTS, "en").iloc[:, 1]
    assert not failed[[0, 2, 3, 4, 5]].any()
