"""What each arm changed: its differences, and the items that moved."""

from __future__ import annotations

import math

from harness_plugins.scoring.metrics import STATES, Trials
from harness_plugins.tables.run_tables.gain import tables
from tests.harness_plugins.tables.reports import cell, difference, report, rows

NOTHING = dict.fromkeys(STATES, 0.0)
MOVED = {s: dict(NOTHING) for s in STATES} | {
    "both_right": NOTHING | {"both_right": 5, "first_slot": 1},
    "both_wrong": NOTHING | {"both_right": 2, "both_wrong": 1.5},
    "second_slot": NOTHING | {"both_right": 0.5},
}
BOTH = {"none": difference(0.05), "shuffled": difference(0.01, "shuffled", p=0.5, detectable=math.nan)}


def test_gained_and_lost_are_items_that_became_right_in_both_orders_or_ceased_to_be() -> None:
    (shown,) = rows(tables(report(cell(), cell("transferred", writer="gpt", contrasts=BOTH, transitions=MOVED))))
    assert (shown["minus none"], shown["minus shuffled"]) == ("+5.0 [3.0, 7.0] p=.004", "+1.0 [-1.0, 3.0] p=.500")
    assert (shown["gained"], shown["lost"], shown["detectable"]) == ("2.5", "1", "3.0 / -")


def test_of_an_incomplete_cell_no_item_is_counted() -> None:
    peek = {"none": difference(0.05, complete=False)}
    (row,) = rows(tables(report(cell("generic", contrasts=peek, transitions=MOVED, trials=Trials(7, 8)))))
    assert (row["minus none"], row["gained"], row["lost"], row["detectable"]) == ("incomplete", "", "", "")


def test_content_and_order_are_told_apart_where_that_is_known() -> None:
    split = {"none": difference(0.05, content=0.04, order=0.01, content_n=90, flags=["on few clusters"])}
    (table,) = tables(report(cell("generic", contrasts=split)))
    assert table.notes[0] == "qwen, -, generic: on few clusters."
    assert table.notes[-1] == "qwen, -, generic minus none: content +4.0, order +1.0 (over 90 items)."
    (table,) = tables(report(cell("generic", contrasts=BOTH)))
    assert table.notes[-1].startswith("Content and order effects cannot be separated here")
