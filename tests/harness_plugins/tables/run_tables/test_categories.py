"""Accuracy by category, and the other numbers of a benchmark's parts."""

from __future__ import annotations

from harness_plugins.scoring.metrics import Trials
from harness_plugins.tables.run_tables.categories import tables
from tests.harness_plugins.tables.reports import cell, metric, report, rows


def test_a_column_for_each_part_and_none_for_the_benchmark_as_a_whole() -> None:
    parts = (metric("accuracy[odd]", 1, 2), metric("acc_plus[odd]", 0, 1), metric("macro[style]", 1.5, 2))
    (row,) = rows(tables(report(cell("none", *parts, metric("macro", 1, 2)))))
    assert {h: x for h, x in row.items() if h not in ("judge", "writer", "arm")} == {
        "Acc+ odd": "0.0 (0/1)",
        "odd": "50.0 (1/2)",
        "macro style": "75.0 (mean of 2)",
    }


def test_a_cell_that_is_incomplete_or_lacks_a_part_is_empty_there() -> None:
    cells = (
        cell("none", metric("accuracy[odd]", 1, 2)),
        cell("generic", metric("accuracy[even]", 1, 1)),
        cell("repeat", metric("accuracy[odd]", 1, 2), trials=Trials(7, 8)),
    )
    assert [(r["even"], r["odd"]) for r in rows(tables(report(*cells)))] == [
        ("", "50.0 (1/2)"),
        ("100.0 (1/1)", ""),
        ("", ""),
    ]


def test_no_table_without_parts() -> None:
    assert not tables(report(cell("none", metric("macro", 1, 2))))
