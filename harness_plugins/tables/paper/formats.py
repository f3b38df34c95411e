"""A paper's table as Markdown, LaTeX (booktabs), HTML, CSV and JSON. The same table gives the same bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import orjson

from evaluators.text import printable_json
from harness_plugins.tables.escaping import latex_tabular, latex_text, markdown_text, plain, spreadsheet_text, widest
from harness_plugins.tables.model import GridCell, html
from harness_plugins.tables.paper.layout import grid
from harness_plugins.tables.paper.rows import Cell, PaperTable, Row


def markdown(table: PaperTable) -> str:
    page = grid(table)

    def text(cell: GridCell) -> str:
        plain = markdown_text(cell.text)
        return " ".join([f"**{plain}**" if cell.bold else plain, *(f"[{m}]" for m in cell.marks)]).strip()

    rows = [[markdown_text(h) for h in page.header]]
    rows += [[text(c) for c in row] for section in page.sections for row in section]
    widths = [max(3, *(len(r[i]) for r in rows)) for i in range(len(page.header))]
    lines = ["| " + " | ".join(x.ljust(w) for x, w in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    notes = [f"- {markdown_text(note)}" for note in page.notes]
    notes += [f"- [{mark}] {markdown_text(text)}" for mark, text in page.footnotes.items()]
    above = [f"> **Warning:** {markdown_text(w)}  " for w in page.warnings]
    above += [""] if above else []
    return "\n".join([f"### {markdown_text(page.title)}", "", *above, *lines, "", *notes]) + "\n"


def latex(table: PaperTable) -> str:
    """One `table` with its notes in a minipage below; it needs booktabs and graphicx."""
    page = grid(table)
    body: list[str] = []
    for section in page.sections:
        body += [r"\midrule", *(" & ".join(_latex_cell(c) for c in row) + r" \\" for row in section)]
    notes = [rf"\textbf{{Warning:}} {latex_text(w)}" for w in page.warnings] + [latex_text(note) for note in page.notes]
    notes += [f"{_latex_mark(mark)}~{latex_text(text)}" for mark, text in page.footnotes.items()]
    cells = [[c.text for c in row] for section in page.sections for row in section]
    columns = "l" * page.numbers_from + "r" * (len(page.header) - page.numbers_from)
    return "\n".join(
        [
            r"% needs \usepackage{booktabs,graphicx}, and lualatex or xelatex where names are in other scripts than Latin",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex_text(page.title)}}}",
            *latex_tabular(columns, [latex_text(h) for h in page.header], body, widest([page.header, *cells])),
            r"\par\smallskip",
            r"\begin{minipage}{\linewidth}\footnotesize\raggedright",
            *(rf"{note}\par" for note in notes),
            r"\end{minipage}",
            r"\end{table}",
            "",
        ]
    )


def _latex_cell(cell: GridCell) -> str:
    text = rf"\textbf{{{latex_text(cell.text)}}}" if cell.bold else latex_text(cell.text)
    return text.replace("±", r"$\pm$") + "".join(_latex_mark(m) for m in cell.marks)


def _latex_mark(mark: str) -> str:
    return "$^{" + mark.replace("†", r"\dagger ") + "}$"


def as_html(table: PaperTable) -> str:
    return html([grid(table)])


_ROW = ("origin", "model", "method", "writer", "rubrics", "arm", "relation", "apart", "run")
_NUMBERS = ("state", "text", "value", "k", "n", "low", "high", "bold")


def as_csv(table: PaperTable) -> str:
    """One line a cell, numbers in full; a line of an unavailable cell has no number."""
    out = io.StringIO()
    header = [
        "table",
        *_ROW,
        "column",
        "benchmark",
        "metric",
        "unit",
        *_NUMBERS,
        "answered",
        "flags",
        "sources",
        "protocol",
    ]
    writer = csv.DictWriter(out, header, restval="", lineterminator="\n")
    writer.writeheader()
    for row in table.rows:
        for column in table.spec.columns:
            cell = row.cell(column.key)
            line = {"table": table.spec.spec, **{f: getattr(row, f) for f in _ROW}, "column": column.key}
            line |= {
                "benchmark": column.benchmark,
                "metric": column.metric if column.benchmark else "",
                "unit": column.unit,
            }
            line |= {f: getattr(cell, f) for f in _NUMBERS}
            line |= {
                "answered": "/".join(map(str, cell.answered or ())),
                "protocol": cell.conventions.get("protocol", ""),
            }
            line |= {"flags": "; ".join(cell.flags), "sources": "; ".join(cell.sources)}
            line = {k: plain(v) if isinstance(v, str) else _whole(v) for k, v in line.items() if v is not None}
            writer.writerow({k: spreadsheet_text(v) for k, v in line.items()})
    return out.getvalue()


def as_json(table: PaperTable) -> str:
    spec = table.spec
    value = {
        "spec": spec.spec,
        "title": spec.title,
        "paper": spec.paper,
        "columns": [c.model_dump(exclude_defaults=True) | {"unit": c.unit} for c in spec.columns],
        "rows": [_row(table, row) for row in table.rows],
        "warnings": table.warnings,
        "notes": grid(table).notes,
    }
    return printable_json(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


def _row(table: PaperTable, row: Row) -> dict[str, Any]:
    named = {("from" if f == "origin" else f): getattr(row, f) for f in _ROW}
    return {**named, "notes": row.notes, "cells": {c.key: _json_cell(row.cell(c.key)) for c in table.spec.columns}}


def _json_cell(cell: Cell) -> dict[str, Any]:
    fields = {f: _whole(getattr(cell, f)) for f in _NUMBERS}
    fields |= {
        "answered": cell.answered and list(cell.answered),
        "flags": cell.flags,
        "sources": cell.sources,
        "conventions": cell.conventions,
    }
    return fields


def _whole(value: Any) -> Any:
    """Counts without a point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


FORMATS: dict[str, Callable[[PaperTable], str]] = {
    "md": markdown,
    "csv": as_csv,
    "json": as_json,
    "latex": latex,
    "html": as_html,
}
