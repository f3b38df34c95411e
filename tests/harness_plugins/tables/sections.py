"""Printed tables taken apart again: by title their rows, each by header."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_plugins.cli import main

Rows = list[dict[str, str]]


def sections(text: str) -> dict[str, Rows]:
    """The tables of a Markdown text."""
    tables: dict[str, Rows] = {}
    for part in text.split("\n### ")[0:]:
        title, _, body = part.removeprefix("### ").partition("\n")
        lines = [[c.strip() for c in line.split(" | ")] for line in body.splitlines() if line.startswith("| ")]
        cells = [[c.removeprefix("| ").removesuffix(" |").strip() for c in line] for line in lines]
        if cells:
            tables[title] = [dict(zip(cells[0], row, strict=False)) for row in cells[1:]]
    return tables


def printed(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> dict[str, Rows]:
    """The tables of a command, as Markdown."""
    capsys.readouterr()
    assert main([*(str(a) for a in argv), "--format", "md"]) == 0
    return sections(capsys.readouterr().out)


def of(tables: dict[str, Rows], *headers: str) -> Rows:
    """The rows of the only table that has such columns."""
    (rows,) = (rows for rows in tables.values() if set(headers) <= set(rows[0]))
    return rows
