"""All that runs have to say, in each format that `table` takes."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

from harness_plugins.scoring.report import Report
from harness_plugins.tables.cards import cards
from harness_plugins.tables.cells import Table
from harness_plugins.tables.escaping import spreadsheet_text
from harness_plugins.tables.model import grid_of, html
from harness_plugins.tables.render import json_list, latex, markdown
from harness_plugins.tables.run import tables


def objects(reports: Sequence[Report]) -> list[dict[str, Any]]:
    return [{"run": str(r.folder), **o} for r in reports for o in r.objects()]


def as_csv(reports: Sequence[Report]) -> str:
    """One line a metric, all numbers in full. Texts that a spreadsheet would run as formulas are quoted with '."""
    header = [
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
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, header, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    for o in objects(reports):
        if "counts" not in o:
            judges = o.get("judge")
            named = {"judge": ", ".join(judges)} if isinstance(judges, list) else {}
            named["text"] = o.get("text") or o.get("sentence") or ""
            writer.writerow({k: spreadsheet_text(v) for k, v in (o | named).items()})
    return out.getvalue()


def as_json(reports: Sequence[Report]) -> str:
    return json_list(objects(reports))


def rubric_cards(reports: Sequence[Report]) -> list[Table]:
    """A table of rubric cards for each run that holds rubrics."""
    run_cards = [(r, cards(r.data.items(), r.data.written())) for r in reports]
    for report, table in run_cards:
        table.title = f"{report.folder}: {table.title}" if len(reports) > 1 else table.title
    return [table for _, table in run_cards if table.rows]


FORMATS: dict[str, Callable[[Sequence[Report]], str]] = {
    "md": lambda reports: markdown([*tables(reports), *rubric_cards(reports)]),
    "csv": as_csv,
    "json": as_json,
    "latex": lambda reports: latex([*tables(reports), *rubric_cards(reports)]),
    "html": lambda reports: html([grid_of(t) for t in [*tables(reports), *rubric_cards(reports)]]),
}
