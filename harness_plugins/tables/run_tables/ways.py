"""One model, asked in several ways: pairwise beside pointwise, and so on."""

from __future__ import annotations

from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import gain, interval, percent
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.view import View, views


def tables(report: Report) -> list[Table]:
    return [_table(v) for v in views(report) if any(comparison.benchmark == v.benchmark for comparison in report.ways)]


def _table(view: View) -> Table:
    columns = [*names("model", "writer", "arm", "judge"), *numbers("accuracy", "95 % CI", "difference")]
    title = f"{view.benchmark}: one model, asked in several ways"
    table = Table("ways", title, columns, benchmark=view.benchmark, section="accuracy")
    for comparison in (c for c in view.report.ways if c.benchmark == view.benchmark):
        for n, way in enumerate(comparison.ways):
            name_cells = [comparison.model, view.writer(comparison.writer), comparison.arm, view.judge(way.judge)]
            ci = interval(way.accuracy.low, way.accuracy.high)
            table.add(*name_cells, percent(way.accuracy), ci, gain(way.difference) if n else Cell("(reference)"))
    table.notes.append(
        "Differences are item by item from the first of the model's judges, with 95 % cluster bootstrap and a cluster sign-flip; "
        "not corrected for how many there are."
    )
    return table
