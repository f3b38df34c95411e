"""The judges together: how far they agree, and what most of them pick."""

from __future__ import annotations

from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import coefficient, interval, percent
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.view import View, views


def tables(report: Report) -> list[Table]:
    return [_table(v) for v in views(report) if any(p.benchmark == v.benchmark for p in report.panels)]


def _table(view: View) -> Table:
    """A row for each arm and pair of judges, the whole panel's numbers on the first."""
    columns = [
        *names("arm", "writer", "judges"),
        *numbers("kappa", "trials", "alpha", "majority", "95 % CI", "best single"),
    ]
    title = f"{view.benchmark}: the judges together"
    table = Table("panel", title, columns, benchmark=view.benchmark, section="accuracy")
    for p in (p for p in view.report.panels if p.benchmark == view.benchmark):
        ci = Cell(interval(p.vote.low, p.vote.high))
        panel_numbers = [coefficient(p.alpha), percent(p.vote), ci, percent(p.best)]
        for n, ((first, second), (kappa, trials)) in enumerate(p.kappa.items()):
            name_cells = [p.arm, view.writer(p.writer), f"{first}, {second}"]
            of_panel = panel_numbers if n == 0 else [Cell()] * len(panel_numbers)
            table.add(*name_cells, coefficient(kappa), Cell(str(trials), trials), *of_panel)
    table.notes.append(
        "kappa: Cohen's, over the trials (an item in one order) in which both picked; alpha: Krippendorff's, nominal, over "
        "all judges of the arm. majority: accuracy of what most judges pick in each trial; a split vote is not right."
    )
    return table
