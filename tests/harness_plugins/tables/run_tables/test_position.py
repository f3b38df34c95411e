"""Accuracy by where the preferred candidate was shown."""

from __future__ import annotations

from harness_plugins.scoring.metrics import Trials
from harness_plugins.tables.run_tables.position import tables
from tests.harness_plugins.tables.reports import cell, metric, report, rows

LEANS = (
    metric("accuracy_label_first", 4, 4),
    metric("accuracy_label_last", 2, 4),
    metric("position_bias", 2, 4, 0.1, 0.9),
    metric("strict_both", 2, 4),
)


def test_a_judge_that_leans_to_the_first() -> None:
    (row,) = rows(tables(report(cell("none", *LEANS))))
    assert (row["label first"], row["label last"], row["mean"]) == ("100.0 (4/4)", "50.0 (2/4)", "75.0 (3/4)")
    assert (row["first minus last"], row["all orders"], row["flips"]) == ("+50.0 [10.0, 90.0]", "50.0 (2/4)", "")


def test_cells_of_one_order_and_incomplete_ones_have_no_row() -> None:
    (row,) = rows(tables(report(cell("none", *LEANS), cell("generic"), cell("repeat", *LEANS, trials=Trials(7, 8)))))
    assert row["arm"] == "none"
    assert not tables(report(cell()))
