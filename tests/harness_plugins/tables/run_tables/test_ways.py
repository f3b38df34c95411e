"""One model, asked in several ways. The numbers: tests/harness_plugins/scoring/test_ways.py."""

from __future__ import annotations

from harness_plugins.scoring.ways import Way, Ways
from harness_plugins.tables.run_tables.ways import tables
from tests.harness_plugins.tables.reports import cell, difference, metric, report, rows


def test_each_way_minus_the_first() -> None:
    plain = Way("qwen", metric("accuracy", 2, 4, 0.1, 0.9))
    points = Way("points", metric("accuracy", 3, 4, 0.25, 1.0), difference(0.25, "qwen"))
    shown = report(
        cell(),
        cell(judge="points", grading="pointwise"),
        ways=[Ways("pairs", "m", "none", None, (plain, points)), Ways("others", "m", "none", None, (plain, points))],
    )
    first, second = rows(tables(shown))
    assert (first["judge"], first["accuracy"], first["difference"]) == ("qwen", "50.0 (2/4)", "(reference)")
    assert (second["judge"], second["95 % CI"]) == ("points (pointwise)", "[25.0, 100.0]")
    assert second["difference"] == "+25.0 [23.0, 27.0] p=.004"
