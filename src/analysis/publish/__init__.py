"""Publish: figures with their data, words and papers, in Estonian and English, and the catalogue of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.publish.brief import check_brief
    from analysis.publish.catalogue import build_catalogue
    from analysis.publish.catalogue_check import check_catalogue
    from analysis.publish.figure import Publication, Published
    from analysis.publish.finding import Finding, Headline, PublishError, weakest
    from analysis.publish.words import Words

_MODULE_OF = {
    "check_brief": "brief",
    "build_catalogue": "catalogue",
    "check_catalogue": "catalogue_check",
    "Finding": "finding",
    "Headline": "finding",
    "Publication": "figure",
    "Published": "figure",
    "PublishError": "finding",
    "weakest": "finding",
    "Words": "words",
}

__all__ = [
    "Finding",
    "Headline",
    "Publication",
    "PublishError",
    "Published",
    "Words",
    "build_catalogue",
    "check_brief",
    "check_catalogue",
    "weakest",
]


def __getattr__(name: str) -> Any:  # the catalogue is checked without waiting for matplotlib
    if name in _MODULE_OF:
        return getattr(import_module(f"analysis.publish.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"analysis.publish has no {name!r}")
