"""The codebook of the seven tables, generated from the contract and committed for readers without Python."""

from __future__ import annotations

from pathlib import Path

from analysis.evidence import GENERATED, markdown_table
from analysis.records.contract import CONTRACTS, describe_contract

COLUMNS = ("column", "type", "allowed", "may be empty", "meaning")


def papers_of_the_records(root: Path) -> dict[Path, str]:
    """The generated paper about the records: path → content, for the project in `root`."""
    return {root / "docs" / "codebook.md": codebook()}


def codebook() -> str:
    """Every table of a register with key, side and columns, as Markdown."""
    parts = [f"# Codebook of the records\n\n{GENERATED}\n\nThe tables of an extract or of the synthetic register."]
    rows = describe_contract()
    for name, schema in CONTRACTS.items():
        about = schema.metadata or {}
        links = ", ".join(f"`{column}` → {table}" for column, table in about["foreign_keys"].items()) or "none"
        columns = (
            (f"`{column}`", kind, allowed, "yes" if empty else "no", meaning)
            for table, column, kind, allowed, empty, meaning in rows
            if table == name
        )
        head = f"## {name}\n\nFrom {about['side']}. Key: {', '.join(about['key'])}. Links: {links}.\n\n"
        parts.append(head + markdown_table(COLUMNS, columns))
    return "\n\n".join(parts) + "\n"
