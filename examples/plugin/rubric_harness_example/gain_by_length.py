"""A table: how long the rubrics of each writer are, and what each arm that reads them gains for a hundred words."""

from __future__ import annotations

import statistics

from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import gain
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.view import View, views


def tables(report: Report) -> list[Table]:
    return [table for view in views(report) if (table := _table(view)).rows]


def _table(view: View) -> Table:
    columns = [*names("judge", "writer", "arm"), *numbers("words of a rubric", "minus none", "points a hundred words")]
    table = Table(
        "gain_by_length", f"{view.benchmark}: gain by length of the rubric", columns, benchmark=view.benchmark
    )
    rubrics = [r for r in view.report.data.written() if r.item is None or r.item.startswith(f"{view.benchmark}:")]
    for cell in view.cells:
        contrast = cell.contrasts.get("none")
        lengths = [len(r.text.split()) for r in rubrics if r.writer.name == cell.writer and r.text]
        if contrast is not None and contrast.complete and lengths:
            words = statistics.mean(lengths)
            rate = 100 * contrast.value / (words / 100)
            table.add(*view.row(cell), Cell(f"{words:.1f}", words), gain(contrast), Cell(f"{rate:+.1f}", rate))
    table.notes.append(
        "words of a rubric: the mean over the writer's rubrics as they are written, before an arm changes them."
    )
    return table
