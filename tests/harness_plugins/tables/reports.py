"""Reports written by hand: what tables show, without a run. Numbers are those that a test reads again in its cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness_plugins.scoring.arrays import MeanTokens, RunData
from harness_plugins.scoring.cells import CellReport, Contrast, Metric
from harness_plugins.scoring.costs import CostPoint
from harness_plugins.scoring.metrics import Trials
from harness_plugins.scoring.report import AppliedProtocol, ItemCounts, Report
from harness_plugins.tables.model import Table


def metric(name: str, k: float, n: float, low: float = math.nan, high: float = math.nan) -> Metric:
    return Metric(name, k, n, k / n if n else math.nan, low, high)


def difference(value: float, reference: str = "none", p: float = 0.004, n: int = 100, **more: Any) -> Contrast:
    """From two points below to two above."""
    fields: dict[str, Any] = {"detectable": 0.03, "of": n} | more
    return Contrast(reference, n, value * n, value, value - 0.02, value + 0.02, p, **fields)


def cell(
    arm: str = "none", *metrics: Metric, judge: str = "qwen", writer: str | None = None, **more: Any
) -> CellReport:
    """Of the benchmark `pairs`, complete, with 3 of 4 right where no accuracy is among the metrics."""
    by_name = {m.name: m for m in (metric("accuracy", 3, 4, 0.25, 1.0), *metrics)}
    fields: dict[str, Any] = {"benchmark": "pairs", "relation": "", "trials": Trials(8, 8), "tokens": MeanTokens()}
    fields |= {"baseline": False, "blind": False, "computed": False, "metrics": by_name}
    return CellReport(judge=judge, writer=writer, arm=arm, **fields | more)


def report(*cells: CellReport, **more: Any) -> Report:
    """Of the benchmarks that the cells name; of `pairs` where there are none."""
    benchmarks = list(dict.fromkeys(c.benchmark for c in cells)) or ["pairs"]
    about = dict.fromkeys(benchmarks, AppliedProtocol("strict", "every trial counts."))
    items = dict.fromkeys(benchmarks, ItemCounts(4, 4, 0))
    data = RunData(Path("run"), {}, {}, {}, {}, {}, {})
    return Report(Path("run"), data, "strict", about, items, list(cells), {}, **more)


def point(arm: str = "none", writer: str | None = None, votes: int | None = None, **more: Any) -> CostPoint:
    """Two calls of 100 tokens read and 50 written, all known."""
    fields: dict[str, Any] = {"calls": 2.0, "read": 100.0, "written": 50.0, "writer_read": 0.0, "writer_written": 0.0}
    fields |= {"money": None, "accuracy": metric("accuracy", 3, 4, 0.25, 1.0), "frontier": False, "cost": 150.0}
    fields |= {"judge_cost": 150.0, "with_usage": 8, "all_calls": 8}
    return CostPoint("pairs", "qwen", writer, arm, votes, **fields | more)


def rows(tables: Sequence[Table]) -> list[dict[str, str]]:
    """The rows of the only table, each by header."""
    (table,) = tables
    assert len(set(table.headers)) == len(table.headers)
    return [dict(zip(table.headers, row, strict=True)) for row in table.texts]
