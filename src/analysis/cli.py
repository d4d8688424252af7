"""The `uhisabi` command. Thin: it turns words into calls of the rooms, and what they return into lines.

Exit codes: 0 all is well; 1 a job failed or a check found something; 2 what was asked for was refused and
nothing was run; 130 ended by Ctrl-C.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from analysis.evidence import EvidenceError, RawData, project_root

if TYPE_CHECKING:
    from analysis.evidence import Assumption, NamedRows, Scenario

app = typer.Typer(
    help="Joint help: run the notebooks, fill the catalogue of figures, check the house.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # a local variable may hold an identification code
)

records_app = typer.Typer(help="Data about persons: check an extract, make a synthetic register.", no_args_is_help=True)
disclosure_app = typer.Typer(help="Disclosure control: is everything in these folders fit to be published?")
DRAWS_OF_WHY = 128  # the parts of a difference need many runs
app.add_typer(records_app, name="records")
app.add_typer(disclosure_app, name="disclosure")


@app.command()
def run(
    notebook: Annotated[
        str, typer.Argument(help="A notebook or a job of the plan; without it all that runs by default.")
    ] = "",
    parameter: Annotated[list[str] | None, typer.Option("-p", help="name=value; may be repeated.")] = None,
    force: Annotated[bool, typer.Option(help="Run what is unchanged as well.")] = False,
    jobs: Annotated[int, typer.Option(min=0, help="Processes at a time; 0 is one for each core.")] = 0,
    timeout_seconds: Annotated[int, typer.Option(min=0, help="For each cell; 0 is what the plan says.")] = 0,
    kernels: Annotated[
        Literal["forked", "plain"], typer.Option(help="Forked from one warm process, or each started afresh: slower.")
    ] = "forked",
    dask: Annotated[
        str, typer.Option(help="Address of a Dask scheduler, such as tcp://host:8786: its workers run.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would run, why and for how long.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Only jobs whose last run failed.")] = False,
) -> None:
    """Run the plan (notebooks/runs.yml), or one notebook with its own parameters: only what changed."""
    from analysis import batch

    root = project_root()
    raw = RawData(root)
    # A file that is not registered cannot be read by a notebook either, so it is left to `uhisabi check`.
    if problems := [problem for name in raw.names() if (problem := raw.problem(name))]:
        raise batch.Refused("\n".join(problems))
    given = batch.parse_assignments(parameter or [])
    if given and not notebook:
        raise batch.Refused("-p needs a notebook, such as: uhisabi run 01_evidence -p language=et")
    if given and retry_failed:
        raise batch.Refused("--retry-failed takes the parameters of the run that failed; leave -p out")
    chosen = batch.failed_jobs(root, notebook) if retry_failed else batch.select_jobs(root, notebook, given)
    if timeout_seconds:
        chosen = tuple(replace(job, timeout_seconds=timeout_seconds) for job in chosen)
    if dry_run:
        for line in batch.dry_run(root, chosen, force=force, workers=jobs or None):
            typer.echo(line)
        return
    try:
        summary = batch.run(
            root, chosen, batch.make_progress(), force=force, workers=jobs or None, kernels=kernels, dask=dask
        )
    except KeyboardInterrupt:
        typer.echo("Interrupted. What was finished stays; run again to continue.", err=True)
        raise typer.Exit(130) from None
    raise typer.Exit(0 if summary.succeeded else 1)


@app.command()
def plan(
    snakefile: Annotated[
        bool, typer.Option("--snakefile", help="Write the runs that are not fresh as a Snakefile, chunks as rules.")
    ] = False,
) -> None:
    """Write the plan for another engine; `uhisabi list` shows it."""
    from analysis import batch
    from analysis.batch.snakefile import snakefile as as_snakefile

    if not snakefile:
        raise batch.Refused("plan needs --snakefile; `uhisabi list` shows the plan")
    root = project_root()
    stale = [job for job, state in batch.plan_states(root) if job.default and state.kind != "fresh"]
    typer.echo(as_snakefile(stale, root), nl=False)


@app.command(name="list")
def list_jobs() -> None:
    """Show the plan's jobs with their state, those made by one `for_each` in one line, and all parameters."""
    from analysis import batch

    root = project_root()
    states = batch.plan_states(root)
    for line in batch.describe_states(states):
        typer.echo(line)
    for notebook in {job.notebook.name: job.notebook for job, _ in states}.values():
        typer.echo(f"\nParameters of {notebook.name}")
        for name, declared in batch.read_parameters(notebook, root).items():
            allowed = f", allowed: {declared.allowed.text}" if declared.allowed else ""
            typer.echo(f"  {name}: {declared.type_name} = {declared.default!r}   {declared.meaning}{allowed}")


@app.command()
def check() -> None:
    """Check notebooks, plan, data register and catalogue without running anything."""
    findings = _findings(project_root())
    for finding in findings:
        typer.echo(finding)
    typer.echo(f"{len(findings)} found")
    raise typer.Exit(1 if findings else 0)


def _findings(root: Path) -> list[str]:
    from analysis import batch, evidence, publish

    notebooks = root / "notebooks"
    found = [str(finding) for path in sorted(notebooks.glob("*.ipynb")) for finding in batch.lint_notebook(path, root)]
    try:
        batch.read_plan(root)
    except batch.Refused as error:
        found.append(str(error))
    try:
        found += [
            f"{path.relative_to(root)} is not what is made now. Run: uhisabi refresh"
            for path, content in _papers(root).items()
            if not path.is_file() or path.read_text(encoding="utf-8") != content
        ]
    except (EvidenceError, batch.Refused) as error:
        found.append(str(error))
    figures = root / "figures"
    catalogue = publish.check_catalogue(figures, notebooks)
    brief = [] if catalogue else publish.check_brief(figures)  # it is written from a whole catalogue
    return found + evidence.check_raw_data(root) + catalogue + brief


def _papers(root: Path) -> dict[Path, str]:
    """The generated papers of all rooms: path → content."""
    from analysis import evidence, records
    from analysis.batch.launcher import papers_of_the_notebooks

    of_data = {**evidence.papers_of_the_data(root), **records.papers_of_the_records(root)}
    return {**of_data, **papers_of_the_notebooks(root)}


@app.command()
def accept(
    path: Annotated[str, typer.Argument(help="A file below data/raw, such as data/raw/facts.csv.")],
) -> None:
    """Register a raw file as it is now, after a change that was meant and checked against its source."""
    row = RawData().accept(path.removeprefix("data/raw/"))
    typer.echo(f"data/raw/{row.path}: {row.sha256[:12]}… registered, {row.made_on}")


@app.command()
def refresh() -> None:
    """Bring the committed notebooks and generated papers up to what the main jobs and contracts make now."""
    from analysis import batch

    root = project_root()
    for job in batch.read_plan(root):
        if job.main:
            changed = batch.refresh_notebook(root, job)
            typer.echo(f"{job.notebook.path.name}: {'refreshed' if changed else 'unchanged'}")
    for path, content in _papers(root).items():
        changed = not path.is_file() or path.read_text(encoding="utf-8") != content
        path.write_text(content, encoding="utf-8")
        typer.echo(f"{path.relative_to(root)}: {'refreshed' if changed else 'unchanged'}")


@app.command()
def scale(
    scenario: Annotated[str, typer.Argument(help="A scenario's name or file, such as scenarios/coverage-25.yml.")],
    vs: Annotated[str, typer.Option(help="The scenario it is compared with: a name.")] = "baseline",
    draws: Annotated[int, typer.Option(min=1, help="Joint draws of the assumptions.")] = 1024,
    months: Annotated[int, typer.Option(min=1, max=600, help="Months ahead.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 1,
    beyond: Annotated[
        list[str] | None,
        typer.Option(help="An assumption's value outside its range, such as effect.hazard_ratio_work=2; repeatable."),
    ] = None,
) -> None:
    """Compare a scenario with another one: what differs, what follows, and what lies beyond experience.

    The two are compared in the same world: what the scenario fixes of the uncertain numbers, such as an effect, is
    fixed in both.
    """
    from analysis import scale as model
    from analysis.evidence import load_assumptions, load_facts, load_scenarios

    root = project_root()
    raw = RawData(root)
    own = _scenario_file(scenario, root)
    scenarios = load_scenarios(raw, own)
    chosen = scenarios[own.stem if own else scenario.removesuffix(".yml").removeprefix("scenarios/")]
    chosen = _set_beyond(chosen, beyond or [], load_assumptions(raw))
    table = model.draw_values(draws, seed, raw)
    other = model.same_world(scenarios[vs], chosen, load_assumptions(raw))
    courses = [model.run_course(one, table, months, raw=raw) for one in (chosen, other)]
    comparison = model.Comparison(courses[0], courses[1], load_facts(raw))
    apart = model.unseen(courses[0], load_facts(raw))
    for line in model.lines(comparison, apart, load_assumptions(raw)):
        typer.echo(line)
    for line in model.why(chosen, other, table.iloc[:DRAWS_OF_WHY], months, load_assumptions(raw)):
        typer.echo(line)
    for path in model.write(comparison, root / "reports" / "scale"):
        typer.echo(f"Written: {path.relative_to(root)}")


def _set_beyond(scenario: Scenario, given: list[str], assumptions: NamedRows[Assumption]) -> Scenario:
    """`scenario` with assumptions set by hand, whatever their range: to see where an answer turns."""
    found = dict(scenario.differences)
    for words in given:
        name, _, number = words.partition("=")
        try:
            found[assumptions[name].assumption_id] = float(number)
        except ValueError:
            raise EvidenceError(f"--beyond {words}: a name and a number expected, such as {name or 'a.b'}=2.") from None
    return replace(scenario, differences=found)


def _scenario_file(given: str, root: Path) -> Path | None:
    """The file that `given` names, unless it is one of the registered ones, which are read by name."""
    path = Path(given)
    if path.suffix not in (".yml", ".yaml") or not path.is_file():
        return None
    return None if (root / "data" / "raw" / "scenarios").resolve() == path.resolve().parent else path


@app.command()
def figure(
    figure_id: Annotated[str, typer.Argument(help="The id of a figure, such as scaling-coverage.")],
    lang: Annotated[
        Literal["et", "en"], typer.Option(help="Language of the slides, the workbook and the picture.")
    ] = "et",
    size: Annotated[Literal["slide", "page"], typer.Option(help="Size of the picture that is named first.")] = "slide",
    scenario: Annotated[str, typer.Option(help="A scenario, for figures that follow one: short for -p.")] = "",
    municipality: Annotated[str, typer.Option(help="A municipality, for figures that follow one: short for -p.")] = "",
    parameter: Annotated[list[str] | None, typer.Option("-p", help="name=value; may be repeated.")] = None,
) -> None:
    """Make one figure with other parameters, with slides and workbook; without parameters the committed one."""
    from analysis import batch
    from analysis.batch.variant import find_variant, run_variant
    from analysis.publish.bundles import CatalogueError
    from analysis.publish.handouts import hand_on

    root = project_root()
    short = {"scenario": scenario, "municipality": municipality}
    named = [f"{name}={value}" for name, value in short.items() if value]
    variant = find_variant(root, figure_id, batch.parse_assignments([*named, *(parameter or [])]))
    bundle = run_variant(root, variant, batch.make_progress())
    try:
        paths = hand_on(bundle, root / "reports" / "figures" / variant.name, lang, size)
    except CatalogueError as error:
        raise batch.Refused(str(error)) from None
    for path in paths:
        typer.echo(path.relative_to(root))


@app.command()
def figures(
    archives: Annotated[bool, typer.Option("--zip", help="Everything of a language in one archive as well.")] = False,
) -> None:
    """Write slides, workbooks and headline sentences of all figures to reports/, with --zip as archives too."""
    from analysis import batch
    from analysis.publish.bundles import CatalogueError, read_entries
    from analysis.publish.handouts import write_handouts

    root = project_root()
    try:
        entries, program = read_entries(root / "figures"), batch.program_checksum(root)
        written = write_handouts(entries, root / "reports", archives=archives, made_with=program)
    except CatalogueError as error:
        raise batch.Refused(str(error)) from None
    for path in written:
        if path.parent == root / "reports":
            typer.echo(path.relative_to(root))
    typer.echo(f"{len(written)} files in reports/")


@app.command()
def explorer(
    draws: Annotated[int, typer.Option(min=16, help="Joint draws of the assumptions.")] = 128,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 1,
) -> None:
    """Write reports/explorer.html: levers and assumptions to move, on one page that needs no network."""
    from analysis import batch
    from analysis.publish.kept_files import Kept

    root = project_root()
    raw = RawData(root)

    def page() -> bytes:
        from analysis.publish.explorer import render
        from analysis.scale.draws import draw_values
        from analysis.scale.grid import kept_grid

        grid = kept_grid(root / "data" / "processed" / "explorer", draw_values(draws, seed, raw), raw=raw)
        return render(grid, seed, raw)

    kept = Kept(root / "reports", batch.program_checksum(root, with_data=True))
    path = kept.write(root / "reports" / "explorer.html", f"{draws} draws, seed {seed}", page)
    kept.save()
    typer.echo(f"Written: {path.relative_to(root)}")


@records_app.command(name="check")
def check_records(
    path: Annotated[Path, typer.Argument(help="The folder of an extract: a file per table and extract.yml.")],
    mapping: Annotated[str, typer.Option(help="A mapping file or its name; default: what extract.yml says.")] = "",
) -> None:
    """Hold an extract against the contract: every violation is listed, nothing is changed. 1 if there is any."""
    from analysis import records

    report = records.check_extract(path, mapping or None)
    typer.echo(report.render())
    raise typer.Exit(0 if report.is_clean else 1)


@records_app.command()
def synthesise(
    folder: Annotated[Path, typer.Argument(help="An empty folder, or one that does not exist yet.")],
    size: Annotated[str, typer.Option(help="Number of persons from 91, or national.")] = "national",
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other people; the same one, the same bytes.")] = 3,
    dirty: Annotated[
        bool, typer.Option(help="Put in the errors of real extracts, listed in truth/errors.csv.")
    ] = False,
) -> None:
    """Write a synthetic register of people who do not exist, with its truth beside it."""
    import numpy as np

    from analysis import records

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise records.RecordsError(f"{folder} is not an empty folder. Name one that is, so that nothing is mixed.")
    register = records.generate_register(_size(size), seed)
    if dirty:
        records.write_soiled(records.soil(register, np.random.default_rng(seed)), register, folder)
    else:
        records.write_register(register, folder)
    for name, frame in register.tables.items():
        typer.echo(f"{name}: {len(frame):,} rows" + (" before soiling" if dirty else ""))
    typer.echo(f"{register.name}: written to {folder}")


def _size(words: str) -> int | str:
    return int(words) if words.isdecimal() else words


@disclosure_app.callback()
def _disclosure() -> None:
    """Keeps `audit` a command of its own while it is the only one."""


@disclosure_app.command()
def audit(
    paths: Annotated[
        list[Path], typer.Argument(help="Files and folders: all outputs of a run, which are read together.")
    ],
    profile: Annotated[str, typer.Option(help="Thresholds: a profile of data/raw/disclosure.yml.")] = "stat.ee",
) -> None:
    """Attack what is to be published, and search it for small counts, pseudonyms and codes. 1 if anything is found."""
    from analysis import records

    report = records.audit(paths, records.profile_named(profile), totals=records.public_totals())
    typer.echo(report.render())
    raise typer.Exit(0 if report.is_clean else 1)


def main() -> None:
    """Run the command; refusals become one message and exit code 2."""
    from analysis.batch import Refused

    try:
        app()
    except (Refused, EvidenceError) as error:
        typer.echo(f"uhisabi: {error}", err=True)
        raise SystemExit(2) from None
