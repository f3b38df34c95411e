"""Pairs by what they were under none, and what they became under each arm."""

from __future__ import annotations

from harness_plugins.scoring.metrics import STATES
from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import count
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.view import View, views


def tables(report: Report) -> list[Table]:
    return [_table(v) for v in views(report) if any(c.transitions for c in v.cells)]


def _table(view: View) -> Table:
    """The full transition matrix: a row for each arm and state under `none`, a column for each state under the arm."""
    columns = [*names("judge", "writer", "arm", "under none"), *numbers(*(s.replace("_", " ") for s in STATES))]
    title = f"{view.benchmark}: pairs by what they were under none"
    table = Table("transitions", title, columns, benchmark=view.benchmark, section="transitions")
    for c in view.cells:
        for none_state, by_arm_state in (c.transitions or {}).items():
            if any(by_arm_state.values()):
                table.add(
                    *view.row(c),
                    none_state.replace("_", " "),
                    *(Cell(count(by_arm_state[s]), by_arm_state[s]) for s in STATES),
                )
    table.notes.append(
        "A pair is right or wrong in both orders, or its first or second shown response was picked both times, or "
        "some order has no choice (incomplete)."
    )
    return table
