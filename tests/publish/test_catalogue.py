"""The catalogue over small bundles: what is written, what is refused, and what the check finds."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from analysis.publish import build_catalogue, check_catalogue
from analysis.publish.bundles import CatalogueError
from analysis.publish.catalogue import HEADLINE_COLUMNS
from analysis.publish.words import catalogue_keys, placeholders

PILOT = "pilot-working"
FILES = ["index.html", "README.md", "headline_numbers.csv"]


def texts(et: str, en: str) -> dict[str, str]:
    """A text in both languages."""
    return {"et": et, "en": en}


def page(figures: Path) -> str:
    """The catalogue page, freshly built."""
    build_catalogue(figures)
    return (figures / "index.html").read_text(encoding="utf-8")


def headlines(figures: Path) -> list[dict[str, str]]:
    """The rows of headline_numbers.csv, freshly built."""
    build_catalogue(figures)
    return list(csv.DictReader(io.StringIO((figures / "headline_numbers.csv").read_text(encoding="utf-8"))))


def test_three_files_are_written_and_only_when_they_change(figures: Path) -> None:
    assert [path.name for path in build_catalogue(figures)] == FILES
    assert build_catalogue(figures) == []
    (figures / "README.md").write_text("edited by hand", encoding="utf-8")
    assert [path.name for path in build_catalogue(figures)] == ["README.md"]
    assert {path.name for path in figures.iterdir()} == {*FILES, "pilot-working"}


def test_same_bundles_give_the_same_bytes_wherever_they_are(figures: Path, tmp_path: Path) -> None:
    build_catalogue(figures)
    shutil.copytree(figures, tmp_path / "elsewhere" / "figures", ignore=shutil.ignore_patterns(*FILES))
    build_catalogue(tmp_path / "elsewhere" / "figures")
    for name in FILES:
        assert (tmp_path / "elsewhere" / "figures" / name).read_bytes() == (figures / name).read_bytes()


def test_old_previews_give_the_same_bytes_as_new_ones(figures: Path, bundles: Any) -> None:
    fresh = page(figures)
    bundles.write(figures, "other")
    build_catalogue(figures)
    shutil.rmtree(figures / "other")
    assert page(figures) == fresh


def test_empty_folder_gives_an_empty_catalogue(tmp_path: Path) -> None:
    assert "Kataloogis ei ole veel ühtegi joonist." in page(tmp_path / "figures")
    assert check_catalogue(tmp_path / "figures", tmp_path / "notebooks") == []


def test_headline_numbers_give_the_row_as_published(figures: Path) -> None:
    (row,) = headlines(figures)
    assert list(row) == list(HEADLINE_COLUMNS)
    assert row["value"] == ""
    assert row["low"] == "0.17"
    assert row["high"] == "0.2"
    assert row["n"] == "91"
    assert row["sources"] == "article; slides"
    assert row["status"] == "published"
    assert row["sentence_et"] == "Tööl oli 17–20% klientidest (pilot-working)."
    assert b"\r" not in (figures / "headline_numbers.csv").read_bytes()


def test_headline_numbers_hold_no_formula_but_keep_negative_numbers(figures: Path, bundles: Any) -> None:
    headline = bundles.meta(figures / PILOT)["headline"]
    bundles.change(
        figures / PILOT,
        headline={**headline, "value": -0.5, "high": 0.1 + 0.2, "sentence": texts('=HYPERLINK("x")', " @now")},
    )
    (row,) = headlines(figures)
    assert row["value"] == "-0.5"
    assert row["high"] == "0.3"
    assert row["sentence_et"] == '\'=HYPERLINK("x")'
    assert row["sentence_en"] == "' @now"


def test_figure_without_headline_has_no_row(figures: Path, bundles: Any) -> None:
    bundles.change(figures / PILOT, headline=None)
    assert headlines(figures) == []
    assert "Põhiarve ei ole veel avaldatud." in page(figures)


def test_table_is_localised_and_shows_the_columns_of_its_language(figures: Path) -> None:
    estonian, english = page(figures).split('lang="en" data-language="en" data-title')
    for cell in (
        "Vähemalt aasta",
        "märts 2021",
        "1\N{NO-BREAK SPACE}167",
        "0,1868",
        "\N{MINUS SIGN}0,5",
        "jah",
    ):
        assert f">{cell}</t" in estonian
    for cell in ("A year or more", "March 2021", "1,167", "0.1868", "\N{MINUS SIGN}0.5", "yes"):
        assert f">{cell}</t" in english
    assert ">A year or more</t" not in estonian
    assert ">Vähemalt aasta</t" not in english
    assert '<td class="number">–</td>' in estonian


def test_key_is_shown_only_where_nothing_else_names_the_rows(figures: Path, bundles: Any) -> None:
    folder = bundles.write(figures, "keyed")
    bundles.change(folder, columns={name: texts(name, name) for name in ("key", "label", "count")})
    (folder / "data.csv").write_text("key,label_et,label_en,count\na.b,Üks,One,1\n", encoding="utf-8")
    assert '<tr><th scope="row">Üks</th><td class="number">1</td></tr>' in page(figures)
    (folder / "data.csv").write_text("key,count\na.b,1\n", encoding="utf-8")
    assert '<tr><th scope="row">a.b</th><td class="number">1</td></tr>' in page(figures)


def test_years_and_codes_are_not_written_as_quantities(figures: Path, bundles: Any) -> None:
    folder = bundles.write(figures, "codes")
    (folder / "data.csv").write_text("year,ehak_code,count\n2021,12345,12345\n", encoding="utf-8")
    columns = {name: texts(name, name) for name in ("year", "ehak_code", "count")}
    bundles.change(folder, columns=columns)
    row = '<tr><th scope="row">2021</th><td>12345</td><td class="number">12\N{NO-BREAK SPACE}345</td></tr>'
    assert row in page(figures)


def test_previews_are_small_and_keep_white_and_the_colours(figures: Path, bundles: Any) -> None:
    picture = Image.new("RGB", (2200, 1000), "white")
    for place, colour in enumerate(("#ffffff", "#12436D", "#28A197", "#801650")):
        picture.paste(colour, (place * 500, 0, place * 500 + 500, 1000))
    picture.save(figures / PILOT / "page-et.png")
    encoded = re.findall(r"data:image/png;base64,([^\"]+)", page(figures))
    preview = Image.open(io.BytesIO(base64.b64decode(encoded[0])))
    assert len(encoded) == 2
    assert preview.size == (1100, 500)
    assert preview.mode == "P"
    assert len(preview.getcolors() or []) <= 64
    shown = preview.convert("RGB")
    assert shown.getpixel((125, 250)) == (255, 255, 255)
    for place, colour in ((375, (0x12, 0x43, 0x6D)), (625, (0x28, 0xA1, 0x97)), (875, (0x80, 0x16, 0x50))):
        assert shown.getpixel((place, 250)) == pytest.approx(colour, abs=2)


def test_texts_of_a_figure_cannot_break_the_page(figures: Path, bundles: Any) -> None:
    bundles.change(
        figures / PILOT,
        title=texts("<script>alert(1)</script>", "a | b"),
        alt=texts('"><img src=x>', "[a](b)"),
    )
    made = page(figures)
    assert "<script>alert" not in made
    assert "<img src=x" not in made
    readme = (figures / "README.md").read_text(encoding="utf-8")
    assert "a \\| b" in readme
    assert "\\[a\\](b)" in readme
    assert "<img" not in readme


def test_readme_shows_every_figure_in_both_languages(figures: Path) -> None:
    build_catalogue(figures)
    readme = (figures / "README.md").read_text(encoding="utf-8")
    assert "[![Tulpdiagramm: töötab 17–20%.](pilot-working/page-et.png)]" in readme
    assert "[![Bar chart: 17–20% work.](pilot-working/page-en.png)]" in readme
    for link in re.findall(r"\]\(([^)]+)\)", readme):
        assert (figures / link).is_file(), link


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("unit", {"id": "share", "et": "osakaal"}, "the field unit.en is missing"),
        ("alt", texts("", "x"), "the field alt.et is empty"),
        ("caveats", {"et": "üks", "en": []}, "the field caveats.et is 'üks', a list is expected"),
        ("topic", "weather", "topic is 'weather'; expected: rollout, pilot"),
        ("status", "draft", "status is 'draft'; expected: synthetic"),
        ("id", "other", "id is 'other'; expected: pilot-working"),
        ("sources", [{"id": "a"}], "sources[0]: the field citation is missing"),
        ("sources", [{"id": "a", "citation": "A", "url": "javascript:x"}], "source a has url 'javascript:x'"),
        ("headline", {"id": "a"}, "headline: the field value is missing"),
        ("files", [], "files has no PNG in 'et'"),
        ("columns", {}, "the field columns.group_et.et is missing"),
    ],
)
def test_incomplete_bundle_is_refused_by_name_and_field(
    figures: Path, notebooks: Path, field: str, value: Any, said: str, bundles: Any
) -> None:
    bundles.change(figures / PILOT, **{field: value})
    with pytest.raises(CatalogueError, match=re.escape(said)) as refusal:
        build_catalogue(figures)
    assert "figures/pilot-working/figure.json" in str(refusal.value)
    assert not (figures / "index.html").exists()
    assert any(said in problem for problem in check_catalogue(figures, notebooks))


@pytest.mark.parametrize("field", ["title", "n", "sources", "notebook", "citation", "files"])
def test_missing_field_is_refused(figures: Path, field: str) -> None:
    path = figures / PILOT / "figure.json"
    meta = json.loads(path.read_text(encoding="utf-8"))
    del meta[field]
    path.write_text(json.dumps(meta), encoding="utf-8")
    with pytest.raises(CatalogueError, match=rf"pilot-working/figure.json: the field {field}(\.et)? is missing"):
        build_catalogue(figures)


def test_id_must_be_fit_for_an_address(figures: Path, bundles: Any) -> None:
    bundles.write(figures, "pilot--Working")
    with pytest.raises(CatalogueError, match="id is 'pilot--Working'; words of a–z"):
        build_catalogue(figures)


def test_broken_json_is_refused_by_name(figures: Path, notebooks: Path) -> None:
    (figures / PILOT / "figure.json").write_text("{", encoding="utf-8")
    (problem,) = check_catalogue(figures, notebooks)
    assert problem.startswith("figures/pilot-working/figure.json is not valid JSON")


def test_sound_catalogue_has_no_problems(figures: Path, notebooks: Path) -> None:
    build_catalogue(figures)
    assert check_catalogue(figures, notebooks) == []


@pytest.mark.parametrize("name", ["stray.png", "pilot-working/old.svg", "gone/page-et.png", ".index.html.7.part"])
def test_file_without_an_entry_is_found(figures: Path, notebooks: Path, name: str) -> None:
    build_catalogue(figures)
    (figures / name).parent.mkdir(exist_ok=True)
    (figures / name).write_bytes(b"x")
    (problem,) = check_catalogue(figures, notebooks)
    assert problem.startswith(f"figures/{name} belongs to no figure")
    assert "Delete it" in problem


def test_what_jupyterlab_leaves_beside_an_opened_page_is_no_fault(figures: Path, notebooks: Path) -> None:
    build_catalogue(figures)
    (figures / ".ipynb_checkpoints").mkdir()
    (figures / ".ipynb_checkpoints" / "index-checkpoint.html").write_text("", encoding="utf-8")
    assert check_catalogue(figures, notebooks) == []


def test_missing_file_is_found(figures: Path, notebooks: Path) -> None:
    build_catalogue(figures)
    (figures / PILOT / "slide-en.svg").unlink()
    (problem,) = check_catalogue(figures, notebooks)
    assert problem.startswith("figures/pilot-working/slide-en.svg is missing")
    assert "Publish" in problem


def test_changed_file_is_found(figures: Path, notebooks: Path) -> None:
    build_catalogue(figures)
    with (figures / PILOT / "data.csv").open("a", encoding="utf-8") as handle:
        handle.write("Muu,Other,2022-01,1,0.1,True\n")
    problems = check_catalogue(figures, notebooks)
    assert problems[0].startswith("figures/pilot-working/data.csv has changed since it was published")
    assert "figures/index.html is missing or out of date. Make it again: uhisabi run." in problems


def test_entry_without_its_notebook_is_found(figures: Path, notebooks: Path) -> None:
    build_catalogue(figures)
    (notebooks / "01_evidence.ipynb").unlink()
    (problem,) = check_catalogue(figures, notebooks)
    assert problem.startswith("figures/pilot-working comes from notebooks/01_evidence.ipynb, which does not exist")


def test_notebook_must_name_or_show_the_whole_id(figures: Path, notebooks: Path, bundles: Any) -> None:
    build_catalogue(figures)
    notebook = bundles.notebook(notebooks, "01_evidence", 'publish("pilot-working-age")')
    cells = json.loads(notebook.read_text(encoding="utf-8"))
    cells["cells"].append({"cell_type": "markdown", "source": "pilot-working"})
    notebook.write_text(json.dumps(cells), encoding="utf-8")
    (problem,) = check_catalogue(figures, notebooks)
    assert problem.startswith("figures/pilot-working: no code cell of notebooks/01_evidence.ipynb names or shows it")


@pytest.mark.parametrize("name", FILES)
def test_stale_catalogue_is_found(figures: Path, notebooks: Path, name: str) -> None:
    build_catalogue(figures)
    text = (figures / name).read_text(encoding="utf-8")
    (figures / name).write_text(text.replace("17–20%", "27–30%"), encoding="utf-8")
    assert check_catalogue(figures, notebooks) == [
        f"figures/{name} is missing or out of date. Make it again: uhisabi run."
    ]
    (figures / name).unlink()
    assert len(check_catalogue(figures, notebooks)) == 1


def test_altered_preview_is_found(figures: Path, notebooks: Path) -> None:
    made = page(figures)
    other = base64.b64encode(b"another picture").decode()
    made = re.sub(r"base64,[^\"]+", f"base64,{other}", made, count=1)
    (figures / "index.html").write_text(made, encoding="utf-8")
    assert len(check_catalogue(figures, notebooks)) == 1


def test_catalogue_needs_neither_pandas_nor_matplotlib() -> None:
    code = "import sys, analysis.publish.catalogue; print({'pandas', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_page_texts_say_the_same_things_in_both_languages() -> None:
    estonian, english = catalogue_keys("et"), catalogue_keys("en")
    keys = {key for key in estonian | english if key.startswith("page.")}
    assert keys
    assert keys <= set(estonian)
    assert keys <= set(english)
    for key in keys:
        assert placeholders(estonian[key]) == placeholders(english[key]), key
