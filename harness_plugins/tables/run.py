"""The tables of scored runs: ours in order, and the short one that a run ends in. `packages` has those of other packages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from harness_plugins.scoring.report import Report
from harness_plugins.scoring.sentences import sentence
from harness_plugins.tables.cells import accuracy, accuracy_interval, gain
from harness_plugins.tables.model import Table, names, numbers
from harness_plugins.tables.remarks import REFERENCES, answers, contrasts, flags, no_finding, warnings
from harness_plugins.tables.run_tables import accuracy as accuracy_table
from harness_plugins.tables.run_tables import (
    calibration,
    cards,
    categories,
    conclusions,
    cost,
    equal_cost,
    following,
    matrix,
    paid,
    panel,
    position,
    transfer,
    transitions,
    ways,
)
from harness_plugins.tables.run_tables import gain as gain_table
from harness_plugins.tables.view import View, views

RUN_TABLES: tuple[Callable[[Report], list[Table]], ...] = (
    accuracy_table.tables,
    categories.tables,
    position.tables,
    conclusions.tables,
    gain_table.tables,
    transitions.tables,
    cost.tables,
    equal_cost.tables,
    transfer.tables,
    following.tables,
    matrix.tables,
    calibration.tables,
    panel.tables,
    ways.tables,
    paid.tables,
    cards.tables,
)
"""In the order in which they are shown."""


def tables(reports: Sequence[Report]) -> list[Table]:
    """Our tables of each run: those of its first benchmark, of the next, then those of the run as a whole."""
    return [table for report in reports for table in titled(_of_run(report), report, reports)]


def _of_run(report: Report) -> list[Table]:
    """All tables of a run, benchmark by benchmark; those of no single benchmark come last."""
    benchmark_order = {benchmark: n for n, benchmark in enumerate(report.items)}
    shown = (table.without_empty() for tables_of in RUN_TABLES for table in tables_of(report))
    return sorted(shown, key=lambda table: benchmark_order.get(table.benchmark, len(benchmark_order)))


def titled(run_tables: Sequence[Table], report: Report, reports: Sequence[Report]) -> list[Table]:
    """The tables of one report of several; their titles name the run."""
    run = str(report.folder)
    where = f"{run}: " if len(reports) > 1 else ""
    return [replace(table, run=run, title=where + table.title) for table in run_tables]


def summary(report: Report) -> list[Table]:
    """One small table a benchmark: what `run` ends in."""
    summaries = [_summary(view) for view in views(report)]
    if summaries:
        summaries[-1].notes += report.notes
    return summaries


def _summary(view: View) -> Table:
    related = any(c.relation not in ("", "baseline") for c in view.cells)
    columns = [
        *names("judge", "writer", "arm", *(["relation"] if related else [])),
        *numbers("accuracy", "95 % CI", *(f"minus {reference}" for reference in REFERENCES)),
    ]
    title = f"{view.benchmark}, {view.report.items[view.benchmark][0]} items"
    table = Table("summary", title, columns, benchmark=view.benchmark, section="summary")
    for c in view.cells:
        relation = [c.relation] if related else []
        gains = [gain(c.contrasts.get(reference), short=True) for reference in REFERENCES]
        table.add(*view.row(c), *relation, accuracy(c), accuracy_interval(c), *gains)
    table.warnings = warnings(view.report, view.benchmark)
    table.notes += [sentence(c) for c in view.report.conclusions if c.benchmark == view.benchmark]
    smallest = [x.detectable for c in view.cells for x in contrasts(c) if x.detectable > 0]
    if smallest:
        span = " to ".join(dict.fromkeys(f"{100 * x:.1f}" for x in (min(smallest), max(smallest))))
        table.notes.append(
            f"For planning: so many items can show a difference of one judge from about {span} points on (2.8 standard errors)."
        )
    table.notes += [*no_finding(view), *answers(view), *flags(view)]
    return table.without_empty()
