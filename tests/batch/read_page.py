"""A page of a report as a test reads it."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser


class Page(HTMLParser):
    """The elements of a page with their attributes, and its links with their texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.links: dict[str, str] = {}
        self.target = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.target = dict(attrs).get("href") or "" if tag == "a" else ""

    def handle_data(self, data: str) -> None:
        if self.target:
            self.links[data] = self.target
            self.target = ""

    def assert_built_as_expected(self, tables: int) -> Counter[str]:
        """Language, landmarks, captions and heads of rows and columns are there; returns how often each element is."""
        tags = Counter(tag for tag, _ in self.elements)
        assert ("html", {"lang": "et"}) in self.elements
        assert (tags["h1"], tags["table"], tags["caption"], tags["main"], tags["title"]) == (1, tables, tables, 1, 1)
        assert {attributes["scope"] for tag, attributes in self.elements if tag == "th"} == {"col", "row"}
        return tags
