"""Pairs by what they were under none, and what they became."""

from __future__ import annotations

from harness_plugins.scoring.metrics import STATES
from harness_plugins.tables.run_tables.transitions import tables
from tests.harness_plugins.tables.reports import cell, report, rows


def test_a_row_for_each_state_that_some_pair_was_in() -> None:
    nothing = dict.fromkeys(STATES, 0.0)
    moved = {s: dict(nothing) for s in STATES} | {
        "both_right": nothing | {"both_right": 3, "both_wrong": 0.5},
        "first_slot": nothing | {"both_right": 1},
    }
    right, slot = rows(tables(report(cell(), cell("transferred", writer="gpt", transitions=moved))))
    assert right["under none"] == "both right"
    assert [right[s.replace("_", " ")] for s in STATES] == ["3", "0.5", "0", "0", "0"]
    assert (slot["under none"], slot["both right"], slot["first slot"]) == ("first slot", "1", "0")


def test_no_table_without_an_arm_beside_none() -> None:
    assert not tables(report(cell()))
