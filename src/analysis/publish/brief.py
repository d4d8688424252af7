"""The policy brief: a text in each language in which every number is a reference to a result.

The texts are `texts/brief.et.md` and `texts/brief.en.md`, Markdown with four things added:

- `{figure/row.column:format}` is a number (addresses: :class:`analysis.publish.brief_results.Results`; formats:
  :meth:`analysis.publish.words.Words.number`);
- `![](figure)` on a line of its own is a figure of the catalogue, with its definition as the caption;
- `::: modelled` or `::: synthetic`, up to `:::`, holds all that rests on numbers of that status, under its stamp;
- `<!-- holds: {a} < 0 < {b} -->` is what must be true of results for the words beside it to be true.

A digit or a fraction that is typed, a number of the wrong status and a condition that no longer holds are refused.
"""

from __future__ import annotations

import operator
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from analysis.publish.brief_results import ASSUMPTION, FACT, TABLE, BriefError, Results
from analysis.publish.bundles import STAMPED, STATUSES, CatalogueError, Entry
from analysis.publish.words import LANGUAGES, Words, WordsError

CATALOGUE = "../../figures/index.html"  # as seen from where the brief is written, reports/brief/
SOURCES = "sources"  # the block that is filled with the list of sources
_COMMENT = re.compile(r"\s*<!--\s*(.*?)\s*-->")
_FIGURE = re.compile(r"!\[\]\(([a-z0-9-]+)\)")
_REFERENCE = re.compile(r"\{[^{}]*\}")
_DATE = r"\b20\d\d-\d\d(?:-\d\d)?\b"
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}

# What is no number of a result: years, the usual levels of an interval, numbers of a list, names of files.
_NO_RESULT = re.compile(r"\b20\d\d\b|\b9[05]%|^\d+\.(?=\s)|`[^`]*`", re.MULTILINE)
# Words for numbers that are not also something else (kuus is "six" and "in a month", viis "five" and "manner").
_NUMBER_WORDS = {
    "et": "kolmandik|veerand|viiendik|kümnendik|seitse|kaheksa|üheksa|kümme|sada|tuhat|kahekordne",
    "en": "third|quarter|fifth|tenth|half|four|five|six|seven|eight|nine|ten|hundred|thousand|double|twice",
}
_SAID_SO = ("pisut alla viiendiku", "just under a fifth")  # as the source says it, beside the interval it stands for


@dataclass(frozen=True)
class Number:
    """A number in the text: the section, what is said, where it comes from, its stored value and its status."""

    section: str
    said: str
    address: str
    value: str
    status: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Brief:
    """The brief in a language: Pandoc's Markdown, the figures shown in order, and every number with its address."""

    language: str
    title: str
    subtitle: str
    markdown: str
    figures: tuple[str, ...]
    numbers: tuple[Number, ...]


def brief_text(language: str) -> str:
    """The text of the brief in a language, before its references are filled in."""
    path = resources.files("analysis.publish") / "texts" / f"brief.{language}.md"
    return path.read_text(encoding="utf-8")


def typed_numbers(text: str, language: str) -> list[str]:
    """Numbers that are typed into a text instead of referred to, each with its line: `12: 91`.

    Years, 90% and 95%, list numbers and names in backticks are no results; a wording of a source that is quoted as such
    may stay.
    """
    for wording in _SAID_SO:
        text = text.replace(wording, "")
    bare = _NO_RESULT.sub(" ", _REFERENCE.sub(" ", _COMMENT.sub(" ", text)))
    typed = re.compile(rf"\d[\d.,]*|\b(?:{_NUMBER_WORDS[language]})\w*", re.IGNORECASE)
    lines = enumerate(bare.split("\n"), start=1)
    return [f"{number}: {found}" for number, line in lines if "](" not in line for found in typed.findall(line)]


def conditions_of(text: str) -> list[str]:
    """What a text of the brief asks of results, in order."""
    return _COMMENT.findall(text)


def check_brief(figures: Path) -> list[str]:
    """What is wrong with the brief in either language, given the catalogue in `figures`; empty if nothing."""
    problems: list[str] = []
    results = Results(figures)
    for language in LANGUAGES:
        try:
            write_brief(language, results)
        except (BriefError, CatalogueError) as error:
            problems += str(error).split("\n")
    return problems


def write_brief(language: str, results: Results, text: str = "") -> Brief:
    """The brief with every reference filled in. `text` stands in for the text of the package, for a check.

    Raises BriefError with all that is wrong: an address without a result, a typed number, a number outside a block
    of its status, a condition that results no longer meet.
    """
    writer = _Writer(Words(language), results, text or brief_text(language))
    lines = list(writer.lines())
    if writer.problems:
        listed = "\n".join(f"texts/brief.{language}.md, line {problem}" for problem in writer.problems)
        raise BriefError(f"The brief is not written.\n{listed}")
    title, subtitle = writer.title, writer.subtitle
    return Brief(language, title, subtitle, "\n".join(lines), tuple(writer.figures), tuple(writer.numbers))


@dataclass
class _Writer:
    """Goes through the text line by line, with the section and the block it is in, and collects what is wrong."""

    words: Words
    results: Results
    text: str
    title: str = ""
    subtitle: str = ""
    section: str = ""
    block: str = ""
    figures: list[str] = field(default_factory=list)
    numbers: list[Number] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _line: int = 0

    def lines(self) -> Iterator[str]:
        typed = typed_numbers(self.text, self.words.language)
        self.problems += [f"{found} is typed; refer to a result" for found in typed]
        for number, line in enumerate(self.text.split("\n"), start=1):
            self._line = number
            for condition in _COMMENT.findall(line):
                self._require(condition)
            yield from self._written(_COMMENT.sub("", line))
        yield from self._origins()

    def _written(self, line: str) -> Iterator[str]:
        if line.startswith("# "):
            self.title = line.removeprefix("# ")
        elif self.title and not self.subtitle and line:
            self.subtitle = line
        elif line.startswith(":::"):
            yield from self._fence(line.removeprefix(":::").strip())
        elif shown := _FIGURE.fullmatch(line):
            yield from self._figure(shown[1])
        else:
            if line.startswith("## "):
                yield from self._origins()
                self.section = line.removeprefix("## ")
            yield self._filled(line)

    def _fence(self, name: str) -> Iterator[str]:
        """The beginning or end of a block; of a stamped one with its stamp, of the sources with their list."""
        if name == SOURCES:
            yield from self._list_of_sources()
        elif name in STAMPED:
            yield f'::: {{.{name} custom-style="{name.capitalize()}"}}'
            yield f"[{self.words.text(f'brief.stamp.{name}')}]{{.stamp custom-style=Stamp}}"
            yield ""
        elif name:
            self._problem(f"the block {name!r} is none of {', '.join(STAMPED)}, {SOURCES}")
        elif self.block in STAMPED:
            yield ":::"
        self.block = name

    def _figure(self, figure_id: str) -> Iterator[str]:
        entry = self.results.entries.get(figure_id)
        if entry is None:
            self._problem(f"there is no figure {figure_id!r}; name one of figures/")
            return
        self._status(entry.meta["status"], figure_id)
        self.figures.append(figure_id)
        picture = f"{figure_id}/{entry.picture(self.words.language)['path']}"
        alt = entry.meta["alt"][self.words.language].replace('"', "'")
        yield f'![{_caption(entry, self.words)}]({picture}){{alt="{alt}" width=16cm}}'

    def _origins(self) -> Iterator[str]:
        """Where the numbers of the section that ends stand, for a reader who wants to see them."""
        origins = dict.fromkeys(origin_of(number.address) for number in self.numbers if number.section == self.section)
        if origins:
            said = "; ".join(self._linked(origin) for origin in origins)
            yield '::: {.origins custom-style="Origins"}'
            yield from (f"{self.words.text('brief.origins')}: {said}", ":::", "")

    def _linked(self, origin: str) -> str:
        """A figure as a link into the catalogue, a file of `data/raw` by its name."""
        if origin not in self.results.entries:
            return f"`{origin}`"
        return f"[{origin}]({CATALOGUE}#{self.words.language}-{origin}){{.catalogue}}"

    def _list_of_sources(self) -> Iterator[str]:
        """Every source of a number, alphabetically by its citation; addresses can be followed."""
        used = {source for number in self.numbers for source in number.sources}
        yield "::: {.sources}"
        for citation in sorted({self._citation(source) for source in used}, key=str.casefold):
            yield "- " + re.sub(r"https?://\S+", lambda address: f"<{address[0]}>", escaped(citation))
        yield ":::"

    def _citation(self, source: str) -> str:
        """A source as it is cited, its date in words; what is no publication is described."""
        forms = {7: "month", 10: "date"}
        cited = self.words.cited(source, self.results.citation(source))
        return re.sub(_DATE, lambda found: self.words.number(found[0], forms[len(found[0])]), cited)

    def _filled(self, line: str) -> str:
        """The line with its references filled in; in Markdown each number carries its address."""
        said = []
        for literal, address, form, _ in string.Formatter().parse(line):
            said.append(literal)
            if address is not None:
                said.append(self._number(address, form or "text"))
        return re.sub(r"^(20\d\d)\.", r"\1\.", "".join(said))  # a year at the beginning is no number of a list

    def _number(self, address: str, form: str) -> str:
        try:
            found = self.results.at(address)
            shown = self.words.number(found.value, form)
        except (BriefError, WordsError, ValueError) as error:
            self._problem(str(error))
            return ""
        self._status(found.status, address)
        self.numbers.append(Number(self.section, shown, address, found.value, found.status, found.sources))
        return f'[{shown}]{{.number title="{address}"}}'

    def _status(self, status: str, what: str) -> None:
        """Only a block under the stamp of this status, or of a weaker one, may hold what is modelled or synthetic."""
        weakest = self.block if self.block in STAMPED else "published"
        if STATUSES.index(status) < STATUSES.index(weakest):
            self._problem(f"{what} is {status}; put it into a block ::: {status}")

    def _require(self, comment: str) -> None:
        kind, _, condition = comment.partition(":")
        if kind != "holds":
            self._problem(f"<!-- {comment} --> is no condition; expected <!-- holds: {{a}} < {{b}} -->")
            return
        try:
            if not _true(condition, self.results):
                told = _REFERENCE.sub(lambda found: self.results.at(found[0][1:-1]).value, condition).strip()
                self._problem(f"what the sentence says no longer holds: {condition.strip()} is {told}. Say what is")
        except BriefError as error:
            self._problem(str(error))

    def _problem(self, what: str) -> None:
        self.problems.append(f"{self._line}: {what}")


def _true(condition: str, results: Results) -> bool:
    """Whether a chain such as `{a} < 0 < {b}` is true of the results."""
    parts = condition.split()
    if len(parts) < 3 or len(parts) % 2 == 0 or not set(parts[1::2]) <= set(_COMPARE):
        raise BriefError(f"{condition.strip()!r} is no comparison; expected {{a}} < {{b}}, with {', '.join(_COMPARE)}")
    values = [_value(results.at(part[1:-1]).value if part.startswith("{") else part) for part in parts[::2]]
    pairs = zip(values, parts[1::2], values[1:], strict=False)
    return all(_COMPARE[sign](left, right) for left, sign, right in pairs)


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _caption(entry: Entry, words: Words) -> str:
    """What a figure shows, and its stamp if it has one; its message, interval and sources stand in the picture."""
    meta = entry.meta
    stamp = f" **{words.text('brief.stamp.' + meta['status'])}**" if meta["status"] in STAMPED else ""
    return f"{escaped(meta['subtitle'][words.language])}.{stamp}"


def escaped(text: str) -> str:
    """A text without a meaning in Markdown."""
    return re.sub(r"([\\`*_\[\]{}<>#|~^$@])", r"\\\1", " ".join(text.split()))


def origin_of(address: str) -> str:
    """What an address leads to: the id of a figure, or the file of `data/raw`."""
    origin = address.partition("/")[0]
    files = {FACT: "facts.csv", ASSUMPTION: "assumptions.csv", TABLE: "municipalities.csv"}
    return f"data/raw/{files[origin]}" if origin in files else origin
