"""The tables of scored runs: ours in order, and those that are shown by default. `packages` has those of other packages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from evaluators.errors import UserError
from evaluators.inputs.names import unknown
from harness_plugins.scoring.report import Report
from harness_plugins.tables.model import Table
from harness_plugins.tables.run_tables import (
    accuracy,
    answer,
    calibration,
    cards,
    categories,
    conclusions,
    cost,
    equal_cost,
    following,
    gain,
    matrix,
    paid,
    panel,
    position,
    summary,
    transfer,
    transitions,
    ways,
)

RUN_TABLES: dict[str, Callable[[Report], list[Table]]] = {
    "answer": answer.tables,
    "summary": summary.tables,
    "accuracy": accuracy.tables,
    "categories": categories.tables,
    "position": position.tables,
    "conclusions": conclusions.tables,
    "gain": gain.tables,
    "transitions": transitions.tables,
    "cost": cost.tables,
    "equal_cost": equal_cost.tables,
    "transfer": transfer.tables,
    "following": following.tables,
    "matrix": matrix.tables,
    "calibration": calibration.tables,
    "panel": panel.tables,
    "ways": ways.tables,
    "paid": paid.tables,
    "cards": cards.tables,
}
"""By `Table.id`, in the order in which they are shown."""

DEFAULT = ("answer", "summary", "matrix")
"""Shown where nobody asks for others."""


def tables(reports: Sequence[Report], names: Sequence[str] = tuple(RUN_TABLES)) -> list[Table]:
    """Our tables of each run, by name: those of its first benchmark, of the next, then those of the run as a whole."""
    return [table for report in reports for table in titled(_of_run(report, names), report, reports)]


def chosen(only: Sequence[str], others: Sequence[Table], *, every: bool) -> list[str]:
    """The names of the tables that a person asked for.

    Args:
        only: names, of ours or of other packages' tables.
        every: all of them, where `only` names none.

    Raises:
        UserError: no table has such a name.
    """
    known = [*RUN_TABLES, *dict.fromkeys(table.id for table in others)]
    for name in only:
        if name not in known:
            raise UserError(f"--only: {unknown('table', name, known)}")
    return list(only) or (known if every else [name for name in known if name in DEFAULT or name not in RUN_TABLES])


def _of_run(report: Report, names: Sequence[str]) -> list[Table]:
    """Tables of a run, benchmark by benchmark; those of no single benchmark come last."""
    benchmark_order = {benchmark: n for n, benchmark in enumerate(report.items)}
    made = (table.without_empty() for name, make in RUN_TABLES.items() if name in names for table in make(report))
    return sorted(made, key=lambda table: benchmark_order.get(table.benchmark, len(benchmark_order)))


def titled(run_tables: Sequence[Table], report: Report, reports: Sequence[Report]) -> list[Table]:
    """The tables of one report of several; their titles name the run."""
    run = str(report.folder)
    if len(reports) == 1:
        return [replace(table, run=run) for table in run_tables]
    return [
        replace(
            table,
            run=run,
            title=f"{run}: {table.title}",
            answers=[f"{run}: {text}" for text in table.answers],
            warnings=[f"{run}: {text}" for text in table.warnings],
        )
        for table in run_tables
    ]
