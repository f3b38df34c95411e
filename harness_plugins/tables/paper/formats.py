"""A paper's table in each format. The same table gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from harness_plugins.tables.paper.layout import laid_out, notes_of
from harness_plugins.tables.paper.rows import Number, PaperTable, Row
from harness_plugins.tables.render.lines import csv_lines, json_document
from harness_plugins.tables.render.to_html import html
from harness_plugins.tables.render.to_latex import latex
from harness_plugins.tables.render.to_markdown import markdown

_ROW = ("origin", "model", "method", "writer", "rubrics", "arm", "relation", "apart", "run")
_NUMBER = ("state", "text", "value", "k", "n", "low", "high", "bold")
_HEADER = (
    *("table", *_ROW, "column", "benchmark", "metric", "unit", *_NUMBER),
    *("answered", "flags", "sources", "protocol"),
)


def as_csv(table: PaperTable) -> str:
    """One line a cell, numbers in full; a line of an unavailable cell has no number."""
    return csv_lines(_HEADER, _lines(table))


def _lines(table: PaperTable) -> Iterator[dict[str, Any]]:
    for row in table.rows:
        for column in table.spec.columns:
            number = row.cell(column.key)
            line = {"table": table.spec.spec, **{f: getattr(row, f) for f in _ROW}, "column": column.key}
            line |= {"benchmark": column.benchmark, "metric": column.metric if column.benchmark else ""}
            line |= {"unit": column.unit, **{f: getattr(number, f) for f in _NUMBER}}
            line |= {"answered": "/".join(map(str, number.answered or ())), "flags": "; ".join(number.flags)}
            line |= {"sources": "; ".join(number.sources), "protocol": number.conventions.get("protocol", "")}
            yield {name: _without_point(value) for name, value in line.items() if value is not None}


def as_json(table: PaperTable) -> str:
    spec = table.spec
    value = {
        "spec": spec.spec,
        "title": spec.title,
        "paper": spec.paper,
        "columns": [c.model_dump(exclude_defaults=True) | {"unit": c.unit} for c in spec.columns],
        "rows": [_row(table, row) for row in table.rows],
        "warnings": table.warnings,
        "notes": notes_of(table),
    }
    return json_document(value)


def _row(table: PaperTable, row: Row) -> dict[str, Any]:
    row_fields = {("from" if f == "origin" else f): getattr(row, f) for f in _ROW}
    cells = {c.key: _json_cell(row.cell(c.key)) for c in table.spec.columns}
    return {**row_fields, "notes": row.notes, "cells": cells}


def _json_cell(number: Number) -> dict[str, Any]:
    answered = None if number.answered is None else list(number.answered)
    more = {"flags": number.flags, "sources": number.sources, "conventions": number.conventions}
    return {**{f: _without_point(getattr(number, f)) for f in _NUMBER}, "answered": answered, **more}


def _without_point(value: Any) -> Any:
    """Counts without a point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


FORMATS: dict[str, Callable[[PaperTable], str]] = {
    "md": lambda table: markdown([laid_out(table)]),
    "csv": as_csv,
    "json": as_json,
    "latex": lambda table: latex([laid_out(table)]),
    "html": lambda table: html([laid_out(table)]),
}
