"""Keeping the catalogue of figures in step: it is built again when it no longer belongs to the figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from analysis.batch.key import Parts, hash_tree, key_of
from analysis.batch.store import Store, write_atomically

Build = Callable[[Path], list[Path]]


def refresh_catalogue(store: Store, shared: Parts, build: Build | None = None) -> bool:
    """Build the catalogue if the package, a figure or a catalogue file changed. Returns whether it was built.

    `shared` are the parts that all jobs have in common; `build` takes the folder of figures, by default
    :func:`analysis.publish.build_catalogue`.
    """
    record = store.reports / "catalogue.key"
    if not store.figures.is_dir():
        return False
    if record.is_file() and record.read_text(encoding="utf-8") == _key(store, shared):
        return False
    if build is None:
        from analysis.publish import build_catalogue  # here because it brings in the plotting stack

        build = build_catalogue
    build(store.figures)
    write_atomically(record, _key(store, shared))
    return True


def _key(store: Store, shared: Parts) -> str:
    """One checksum over the figures with their catalogue and all that the package is made of."""
    return key_of(shared | hash_tree(store.root, store.figures))
