"""Accuracy by category, where the protocol has it."""

from __future__ import annotations

from harness_plugins.scoring.metric_kinds import header, metric_kind
from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import percent
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.view import View, views

BY_PART = ("accuracy[{category}]", "acc_plus[{category}]", "macro[{criterion}]")
"""Metrics with a number for each part of a benchmark."""


def tables(report: Report) -> list[Table]:
    return [_table(view) for view in views(report) if _metrics(view)]


def _metrics(view: View) -> list[str]:
    return sorted({name for c in view.cells for name in c.metrics if metric_kind(name).name in BY_PART})


def _table(view: View) -> Table:
    metrics = _metrics(view)
    columns = [*names("judge", "writer", "arm"), *numbers(*map(header, metrics))]
    title = f"{view.benchmark}: accuracy by category"
    table = Table("categories", title, columns, benchmark=view.benchmark, section="accuracy")
    for c in view.cells:
        table.add(*view.row(c), *(percent(c.metrics.get(m)) if c.complete else Cell() for m in metrics))
    return table
