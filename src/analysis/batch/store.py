"""What runs leave on disk, and how it gets there whole: staging, commit, manifests, failed copies, the lock.

A job works in `reports/.staging/`. Only when it has succeeded are its results moved into place, each folder
by renaming; the manifest comes last. So a reader never meets half a folder, a run broken off at any point
leaves results that do not match their manifest and are made again, and :meth:`Store.repair` puts right what a
broken-off move left behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis.batch.checksums import Checksums
from analysis.batch.key import Parts, hash_tree
from analysis.batch.refusals import Refused

Manifest = dict[str, Any]
_TAKEN = ("failed", "figures", "manifests", "notebooks", "runs", "scale")  # folders of reports/ that have a use
STATUSES = ("synthetic", "modelled", "register", "published")  # of data, the weakest first


class Store:
    """The folders `figures/` and `reports/` of the project in folder `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.figures = root / "figures"
        self.reports = root / "reports"
        self.staging = self.reports / ".staging"
        self.checksums = Checksums(root, self.reports / ".checksums.json")
        self._manifests: dict[str, Manifest | None] = {}  # as read; a thousand take a second

    @contextlib.contextmanager
    def lock(self, *, wait: bool = False) -> Iterator[None]:
        """Hold the project for this process. If another run has it, `wait` for it, or raise Refused naming it.

        Raises Refused as well if nothing can be written there.
        """
        try:
            self.reports.mkdir(parents=True, exist_ok=True)
            lock_file = (self.reports / ".lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise Refused(_unwritable(self.reports, error)) from None
        with lock_file as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.seek(0)
                raise Refused(
                    f"Another run is at work here: {handle.read().strip() or 'it has just started'}. "
                    "Wait until it has finished, or end it with Ctrl-C or kill."
                ) from None
            with contextlib.suppress(OSError):  # a full disk: the lock holds without the name of its holder
                handle.truncate(0)
                holder = f"process {os.getpid()} on {socket.gethostname()}, since {utc_now()}\n"
                os.write(handle.fileno(), holder.encode())  # no buffer: what it holds would be tried again at the end
            yield  # the lock ends with the file handle, at the latest with the process

    def repair(self) -> None:
        """Put right what a broken-off run left: staged work is removed, half-done moves are undone.

        Call it with the lock held: whatever is in staging then belongs to nobody. Raises Refused if a move cannot be
        undone.
        """
        shutil.rmtree(self.staging, ignore_errors=True)
        try:
            self._undo_moves()
        except OSError as error:
            raise Refused(_unwritable(self.reports, error)) from None

    def _undo_moves(self) -> None:
        folders = (self.figures, self.reports, *(self.reports / "runs").glob("*"))
        for parent in (*folders, *(self.reports / "runs").glob("*/documents")):
            for moved_away in parent.glob(".*.old"):
                target = parent / moved_away.name[1:].removesuffix(".old")
                if target.exists():
                    shutil.rmtree(moved_away)
                else:
                    moved_away.rename(target)
            for not_yet_there in parent.glob(".*.new"):
                shutil.rmtree(not_yet_there)

    def manifest(self, job_name: str) -> Manifest | None:
        """Manifest of the last success of a job; None if there is none, or it cannot be read or is damaged."""
        if job_name not in self._manifests:
            content = _read_json(self._manifest_path(job_name))
            self._manifests[job_name] = content if content is not None and _whole(content) else None
        return self._manifests[job_name]

    def failure(self, job_name: str) -> Manifest | None:
        """Record of the last run of a job if that run failed, else None; an unreadable one says only that."""
        path = _beside(self.failed_copy(job_name))
        if not os.path.isfile(path):  # five times as fast as Path.is_file, for a thousand jobs
            return None
        content = _read_json(path) or {}
        told = content.get("failure")
        if not isinstance(told, dict) or not isinstance(told.get("exception"), str):
            content["failure"] = {"exception": "Unknown", "message": "the record of the failure cannot be read"}
        return content

    def changed_outputs(self, manifest: Manifest) -> list[str]:
        """Which outputs of a manifest are missing or no longer what was written."""
        problems = []
        for name, checksum in manifest["outputs"].items():
            found = self.checksums.of_name(name)
            if found is None:
                problems.append(f"output missing: {name}")
            elif found != checksum:
                problems.append(f"output changed: {name}")
        return problems

    def commit(self, job_name: str, staged: Path, record: Manifest) -> None:
        """Move the staged results of a successful job into place and write its manifest, last.

        `staged` holds `notebook.ipynb`, `notebook.html` if a page was asked for, and, if the notebook published
        any, `figures/<id>/` and `documents/<name>/`, which go to `reports/<name>/`. `record` is the manifest without
        its outputs. Raises ValueError for a staged figure or document that cannot be taken over.
        """
        previous = self.manifest(job_name) or {}
        identifiers = self._figure_identifiers(job_name, staged, record["main"])
        status = _weakest_status(staged / "figures")
        outputs: Parts = {}
        if record["main"]:
            for identifier in identifiers:
                _replace_folder(staged / "figures" / identifier, self.figures / identifier)
                outputs |= hash_tree(self.root, self.figures / identifier, self.checksums.of)
            for identifier in set(previous.get("figures", ())) - set(identifiers):
                _remove_folder(self.figures / identifier)
        else:
            target = self.reports / "runs" / job_name / "figures"
            _replace_folder(staged / "figures", target)
            outputs |= hash_tree(self.root, target, self.checksums.of)
        outputs |= self._take_documents(job_name, staged / "documents", record["main"])
        record = record | {"figures": identifiers if record["main"] else [], "data_status": status}
        notebook = self.executed_copy(job_name)
        content = json.loads((staged / "notebook.ipynb").read_text(encoding="utf-8"))
        content["metadata"]["uhisabi"] = record | {"outputs": outputs}
        write_atomically(notebook, notebook_text(content))
        outputs[notebook.relative_to(self.root).as_posix()] = self.checksums.of(notebook)
        outputs |= self._take_page(job_name, staged)
        write_atomically(self._manifest_path(job_name), _json_text(record | {"outputs": outputs}))
        self._manifests.pop(job_name, None)
        for path in (self.failed_copy(job_name), _beside(self.failed_copy(job_name))):
            path.unlink(missing_ok=True)

    def keep_failure(self, job_name: str, staged: Path, record: Manifest) -> None:
        """Keep the record of a failed job and its executed copy, if it came as far as having one."""
        copy = self.failed_copy(job_name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        executed = staged / "notebook.ipynb"
        if executed.is_file():
            executed.replace(copy)
        else:
            copy.unlink(missing_ok=True)
        write_atomically(_beside(copy), _json_text(record))

    def known_jobs(self) -> list[str]:
        """Names of all jobs that left a success or a failure, in order."""
        records = [*(self.reports / "manifests").glob("*.json"), *(self.reports / "failed").glob("*.json")]
        return sorted({path.name.removesuffix(".json") for path in records if not path.name.startswith(".")})

    def page(self, job_name: str) -> Path:
        """Where the executed notebook of a successful job is as a web page, if one was asked for."""
        return self.reports / "notebooks" / f"{job_name}.html"

    def executed_copy(self, job_name: str) -> Path:
        """Where the executed notebook of a successful job is."""
        return self.reports / "notebooks" / f"{job_name}.ipynb"

    def failed_copy(self, job_name: str) -> Path:
        """Where the executed notebook of a failed job is."""
        return self.reports / "failed" / f"{job_name}.ipynb"

    def _take_documents(self, job_name: str, staged: Path, main: bool) -> Parts:
        """Move folders of documents into place: of a main job to `reports/<name>/`, else below the job's own folder."""
        outputs: Parts = {}
        for folder in sorted(staged.iterdir()) if staged.is_dir() else ():
            if main and folder.name in _TAKEN:
                raise ValueError(f"documents/{folder.name} cannot go to reports/{folder.name}; rename it")
            target = self.reports / (folder.name if main else f"runs/{job_name}/documents/{folder.name}")
            _replace_folder(folder, target)
            outputs |= hash_tree(self.root, target, self.checksums.of)
        return outputs

    def _take_page(self, job_name: str, staged: Path) -> Parts:
        """Move the page into place, if there is one; an older one must not stay beside a newer notebook."""
        source, target = staged / "notebook.html", self.page(job_name)
        if not source.is_file():
            target.unlink(missing_ok=True)
            return {}
        source.replace(target)
        return {target.relative_to(self.root).as_posix(): self.checksums.of(target)}

    def _figure_identifiers(self, job_name: str, staged: Path, main: bool) -> list[str]:
        """Names of the staged figure folders, after checking that each may be taken over."""
        entries = sorted((staged / "figures").iterdir())
        stray = [entry.name for entry in entries if not entry.is_dir() or entry.name.startswith(".")]
        if stray:
            raise ValueError(f"figures/ was given {', '.join(stray)}; expected a folder for each figure")
        identifiers = [entry.name for entry in entries]
        papers = {entry.name: _read_json(entry / "figure.json") or {} for entry in entries if main}
        if private := [name for name, said in papers.items() if said.get("status") == "register"]:
            raise ValueError(
                f"{', '.join(private)} was made from register data, which never enters figures/. "
                "Run the notebook with parameters of its own (-p): its figures then stay in reports/."
            )
        for path in (self.reports / "manifests").glob("*.json") if main else ():
            other = self.manifest(path.name.removesuffix(".json")) or {}
            shared = set(identifiers) & set(other.get("figures", ()))
            if shared and other.get("job") != job_name:
                raise ValueError(
                    f"figure {', '.join(sorted(shared))} is already published by job {other.get('job')}; "
                    f"rename one (if that job is no longer in the plan, delete {path.relative_to(self.root)})"
                )
        return identifiers

    def _manifest_path(self, job_name: str) -> Path:
        return self.reports / "manifests" / f"{job_name}.json"


def _unwritable(folder: Path, error: OSError) -> str:
    return f"{folder.name}/ cannot be written ({error.strerror}). Make room or give the right to write there."


def _whole(manifest: Manifest) -> bool:
    """Whether a manifest has what is read of it, in the right form; a damaged one counts as none."""
    texts = (manifest.get("parts"), manifest.get("outputs"))
    figures, each = manifest.get("figures", []), manifest.get("for_each", {})
    return (
        all(isinstance(one, dict) and {*map(type, one.values())} <= {str} for one in texts)
        and isinstance(figures, list)
        and all(isinstance(name, str) and name and "/" not in name and name[0] != "." for name in figures)
        and isinstance(each, dict)
    )


def _beside(copy: Path) -> Path:
    """Record of a failure, beside the executed copy. (Not with_suffix: a job's name may hold a dot.)"""
    return copy.with_name(copy.name.removesuffix(".ipynb") + ".json")


def utc_now() -> str:
    """The present time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path` in UTF-8: a reader finds the old or the new content, even after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(path)


def notebook_text(content: Mapping[str, Any]) -> str:
    """A notebook as text, in the form in which nbformat writes it."""
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, separators=(",", ": ")) + "\n"


def _json_text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _read_json(path: Path) -> Manifest | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _weakest_status(figures: Path) -> str:
    """The weakest status of data of the staged figures; empty if none says its status."""
    found = {str((_read_json(paper) or {}).get("status", "")) for paper in figures.glob("*/figure.json")}
    return next((status for status in STATUSES if status in found), "")


def _replace_folder(staged: Path, target: Path) -> None:
    """Put the folder `staged` in the place of `target`; :meth:`Store.repair` mends a break in the middle."""
    if hash_tree(staged, staged) == hash_tree(target, target):
        return  # same bytes: leave the files and their times alone
    target.parent.mkdir(parents=True, exist_ok=True)
    incoming, outgoing = (target.with_name(f".{target.name}.{ending}") for ending in ("new", "old"))
    shutil.move(staged, incoming)  # may cross file systems, so not yet into place
    if target.exists():
        target.rename(outgoing)
    incoming.rename(target)
    shutil.rmtree(outgoing, ignore_errors=True)


def _remove_folder(target: Path) -> None:
    """Remove a folder so that a reader never meets half of it."""
    if target.exists():
        outgoing = target.rename(target.with_name(f".{target.name}.old"))
        shutil.rmtree(outgoing, ignore_errors=True)
