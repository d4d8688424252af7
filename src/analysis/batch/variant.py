"""One figure with other parameters: its notebook is run with them, and the figure is handed on with its papers.

The committed figures stay as they are: the run is one of its own, as by `uhisabi run NOTEBOOK -p …`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.batch.parameters import read_parameters
from analysis.batch.plan import Job, find_notebook, select_jobs
from analysis.batch.progress import Progress
from analysis.batch.refusals import Refused, unknown
from analysis.batch.runner import run
from analysis.batch.store import Store


@dataclass(frozen=True)
class Variant:
    """A figure asked for: its id, the parameters in the form they are called, and the run that makes it.

    `job` is None where no parameter is given: the committed figure is the one.
    """

    figure_id: str
    name: str
    job: Job | None

    def bundle(self, store: Store) -> Path:
        """The folder with the figure's bundle."""
        runs = store.reports / "runs"
        return (runs / self.job.name / "figures" if self.job else store.figures) / self.figure_id


def figure_notebooks(root: Path) -> dict[str, str]:
    """Which notebook publishes each committed figure, by the figure's id."""
    papers = sorted((root / "figures").glob("[!.]*/figure.json"))
    return {path.parent.name: str(json.loads(path.read_text(encoding="utf-8"))["notebook"]) for path in papers}


def find_variant(root: Path, figure_id: str, given: Mapping[str, str]) -> Variant:
    """The figure with the `given` parameters of its notebook. Nothing is run.

    Raises Refused, with the nearest names, for an unknown figure, for a parameter that its notebook does not have
    (naming notebooks that do), and for a value that is not allowed.
    """
    notebooks = figure_notebooks(root)
    if figure_id not in notebooks:
        raise Refused(unknown("figure", figure_id, notebooks))
    if not given:
        return Variant(figure_id, figure_id, None)
    if problems := [told for name in given if (told := _problem(root, figure_id, notebooks, name))]:
        raise Refused("\n".join(problems))
    (job,) = select_jobs(root, notebooks[figure_id], given)
    return Variant(figure_id, f"{figure_id}--{job.name.partition('--')[2]}", job)


def _problem(root: Path, figure_id: str, notebooks: Mapping[str, str], name: str) -> str:
    """Sentence on a parameter that the notebook of a figure does not have; empty if it has it."""
    own = notebooks[figure_id]
    known = read_parameters(find_notebook(root, own), root)
    if name in known:
        return ""
    others = {n for n in notebooks.values() if name in read_parameters(find_notebook(root, n), root)}
    having = sorted(figure for figure, notebook in notebooks.items() if notebook in others)
    elsewhere = f"; figures that follow {name}: {', '.join(having)}" if having else ""
    return f"figure {figure_id} is made by notebook {own}: {unknown('parameter', name, known)}{elsewhere}"


def run_variant(root: Path, variant: Variant, progress: Progress) -> Path:
    """Run the variant's notebook, unless that is done and nothing has changed; returns the bundle's folder.

    The catalogue is left as it is. Raises Refused if the run fails or does not publish the figure.
    """
    store = Store(root)
    if variant.job and not run(root, [variant.job], progress, catalogue=False).succeeded:
        raise Refused(f"{variant.job.name} failed, so there is no such figure; what is said above tells why")
    folder = variant.bundle(store)
    if not (folder / "figure.json").is_file():
        made = sorted(path.name for path in folder.parent.glob("[!.]*"))
        raise Refused(
            f"with these parameters the notebook does not publish {variant.figure_id}; "
            f"it published: {', '.join(made) or 'nothing'}"
        )
    return folder
