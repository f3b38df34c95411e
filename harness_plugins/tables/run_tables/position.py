"""Accuracy by where the preferred candidate was shown: ARR's Table 5, row by row."""

from __future__ import annotations

from harness_plugins.scoring.metric_kinds import header
from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import in_unit
from harness_plugins.tables.model import Table, names, numbers
from harness_plugins.tables.view import View, views

POSITIONS = (
    "accuracy_label_first",
    "accuracy_label_last",
    "accuracy",
    "position_bias",
    "first_position_rate",
    "flip_rate",
    "primacy_flips",
    "recency_flips",
    "strict_both",
    "debiased_accuracy",
)
HEADERS = {"accuracy": "mean", "strict_both": "all orders"}
"""Of metrics that have another name beside those of single orders."""


def tables(report: Report) -> list[Table]:
    return [_table(v) for v in views(report) if any("position_bias" in c.metrics for c in v.cells)]


def _table(view: View) -> Table:
    columns = [*names("judge", "writer", "arm"), *numbers(*(HEADERS.get(m) or header(m) for m in POSITIONS))]
    title = f"{view.benchmark}: accuracy by position"
    table = Table("position", title, columns, benchmark=view.benchmark, section="position")
    for c in (c for c in view.cells if c.complete and "position_bias" in c.metrics):
        table.add(*view.row(c), *(in_unit(c.metrics.get(m)) for m in POSITIONS))
    table.notes.append(
        "label first / last: accuracy where the preferred candidate was shown first, or last, whatever the dataset's order. flips: "
        "another candidate picked in another order; to the first: always the first shown, to the last: always the last. all orders: "
        "right in every one. debiased: a flip counts half. Read every row beside `repeat`, the same question asked again."
    )
    return table
