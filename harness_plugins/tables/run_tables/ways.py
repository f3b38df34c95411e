"""One model, asked in several ways: pairwise beside pointwise, and so on."""

from __future__ import annotations

from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import gain, interval, percent
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.view import View, views


def tables(report: Report) -> list[Table]:
    return [_table(v) for v in views(report) if any(w.benchmark == v.benchmark for w in report.ways)]


def _table(view: View) -> Table:
    columns = [*names("model", "writer", "arm", "judge"), *numbers("accuracy", "95 % CI", "difference")]
    title = f"{view.benchmark}: one model, asked in several ways"
    table = Table("ways", title, columns, benchmark=view.benchmark, section="accuracy")
    for w in (w for w in view.report.ways if w.benchmark == view.benchmark):
        for judge, accuracy, difference in zip(w.judges, w.accuracy, w.difference, strict=True):
            named = [w.model, view.writer(w.writer), w.arm, view.judge(judge)]
            ci = interval(accuracy.low, accuracy.high)
            is_reference = judge == w.judges[0]
            table.add(*named, percent(accuracy), ci, Cell("(reference)") if is_reference else gain(difference))
    table.notes.append(
        "Differences are item by item from the first of the model's judges, with 95 % cluster bootstrap and a cluster sign-flip; "
        "not corrected for how many there are."
    )
    return table
