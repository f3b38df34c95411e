"""All that runs have to say, in each format that `table` takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness_plugins.scoring.report import Report
from harness_plugins.tables.model import Table
from harness_plugins.tables.render.lines import csv_lines, json_list
from harness_plugins.tables.render.to_html import html
from harness_plugins.tables.render.to_latex import latex
from harness_plugins.tables.render.to_markdown import markdown

HEADER = (
    "run",
    "benchmark",
    "judge",
    "writer",
    "arm",
    "relation",
    "metric",
    "k",
    "n",
    "value",
    "low",
    "high",
    "p",
    "p_holm",
    "detectable",
    "protocol",
    "complete",
    "grading",
    "rubrics",
    "verdict",
    "caveat",
    "text",
)
"""Of CSV."""


def objects(reports: Sequence[Report], others: Sequence[Table]) -> list[dict[str, Any]]:
    """One flat object a metric, all numbers in full, then one a number of other packages' tables."""
    ours = [{"run": str(report.folder), **o} for report in reports for o in report.objects()]
    return ours + [o for table in others for o in numbers_of(table)]


def numbers_of(table: Table) -> Iterator[dict[str, Any]]:
    """An object for each cell that is of no row's name, with the fields that every object has: the table's id as `metric`, and
    where in the table it is."""
    name_columns = [n for n, column in enumerate(table.columns) if column.holds == "names"]
    for row in table.rows:
        row_names = {table.columns[n].header: row[n].text for n in name_columns}
        for column, cell in zip(table.columns, row, strict=True):
            if column.holds != "names" and cell.text:
                about = {"run": table.run, "benchmark": table.benchmark or None, "metric": table.id}
                about |= {name: row_names.get(name) or None for name in ("judge", "writer", "arm")}
                numbers = {"k": None, "n": None, "value": cell.value, "low": None, "high": None, "protocol": None}
                yield about | numbers | {"row": row_names, "column": column.header, "text": cell.text}


def as_csv(reports: Sequence[Report], others: Sequence[Table] = ()) -> str:
    """One line a metric, all numbers in full."""
    return csv_lines(HEADER, map(_line, (o for o in objects(reports, others) if "counts" not in o)))


def _line(o: dict[str, Any]) -> dict[str, Any]:
    if "column" in o:
        return o | {"text": f"{', '.join([*o['row'].values(), o['column']])}: {o['text']}"}
    judges = o.get("judge")
    judge_field = {"judge": ", ".join(judges)} if isinstance(judges, list) else {}
    return o | judge_field | {"text": o.get("text") or o.get("sentence") or ""}


def as_json(reports: Sequence[Report], others: Sequence[Table] = ()) -> str:
    return json_list(objects(reports, others))


NUMBERS: dict[str, Callable[..., str]] = {"csv": as_csv, "json": as_json}
"""Format -> what writes every number of reports and of other packages' tables in it."""

TABLES: dict[str, Callable[[Sequence[Table]], str]] = {"md": markdown, "latex": latex, "html": html}
"""Format -> what writes tables in it."""
