"""Rows of your own, in the form of the benchmark `pairs`; `margin` may say how clear a preference is."""

from __future__ import annotations

from harness_plugins.benchmarks.sources import Row
from harness_plugins.benchmarks.spec import DatasetSpec

LICENCE = "your own"
DATASET = DatasetSpec()


def pair(row: Row) -> Row:
    return row
