"""Accuracy by category, where the protocol has it."""

from __future__ import annotations

from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import percent
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.view import View, views

PREFIXES = {"accuracy": "", "acc_plus": "Acc+ ", "macro": "macro "}
"""Metric -> what stands before the category in a header."""


def tables(report: Report) -> list[Table]:
    return [_table(view) for view in views(report) if _metrics(view)]


def _metrics(view: View) -> list[str]:
    return sorted({name for c in view.cells for name in c.metrics if "[" in name})


def _table(view: View) -> Table:
    metrics = _metrics(view)
    headers = [PREFIXES[kind] + of.removesuffix("]") for kind, _, of in (m.partition("[") for m in metrics)]
    columns = [*names("judge", "writer", "arm"), *numbers(*headers)]
    title = f"{view.benchmark}: accuracy by category"
    table = Table("categories", title, columns, benchmark=view.benchmark, section="accuracy")
    for c in view.cells:
        table.add(*view.row(c), *(percent(c.metrics.get(m)) if c.complete else Cell() for m in metrics))
    return table
