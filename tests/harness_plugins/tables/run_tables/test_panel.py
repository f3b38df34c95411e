"""The judges together. The numbers: tests/harness_plugins/scoring/test_panel.py."""

from __future__ import annotations

import math

from harness_plugins.scoring.panel import Kappa, Panel
from harness_plugins.tables.run_tables.panel import tables
from tests.harness_plugins.tables.reports import metric, report, rows


def test_a_row_for_each_pair_and_the_panels_numbers_on_the_first() -> None:
    kappa = {("a", "b"): Kappa(0.4167, 24), ("a", "c"): Kappa(math.nan, 20), ("b", "c"): Kappa(-0.001, 20)}
    vote, best = metric("majority_vote", 9, 12, 0.5, 1.0), metric("accuracy", 8, 12)
    panel = Panel("pairs", "none", None, ("a", "b", "c"), kappa, 0.3333, vote, best)
    first, *others = rows(tables(report(panels=[panel])))
    assert (first["judges"], first["kappa"], first["trials"]) == ("a, b", "0.42", "24")
    assert (first["alpha"], first["best single"]) == ("0.33", "66.7 (8/12)")
    assert (first["majority"], first["95 % CI"]) == ("75.0 (9/12)", "[50.0, 100.0]")
    assert [(r["kappa"], r["alpha"], r["majority"]) for r in others] == [("", "", ""), ("0.00", "", "")]
