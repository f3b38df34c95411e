"""Aggregates of benchmarks whose items carry a criterion, on outcomes written down."""

from __future__ import annotations

import numpy as np
import pytest

from evaluators.records import Candidate, Item, Label
from harness_plugins.scoring.aggregates import by_criterion, conflicts
from harness_plugins.scoring.arrays import BenchmarkData, CellData, CellKey
from harness_plugins.scoring.metrics import Facts, ParsedCell, Scored, facts_of, score_cell
from harness_plugins.scoring.protocols import STRICT


def scored(labels: list[int], picks: list[int]) -> tuple[Scored, Facts]:
    """One prompt by each two rows, with the criteria `logic` and `form`; each judged in the order AB alone."""
    items = [
        Item(
            f"x:{n}", "x", str(n), n, "?", (Candidate("a"), Candidate("b")), (0, 1), Label(preferred=label),
            category="ab"[n // 2 % 2], group=str(n // 2), criterion=("logic: is it sound", "form: is it neat")[n % 2],
        )
        for n, label in enumerate(labels)
    ]  # fmt: skip
    benchmark = BenchmarkData("x", items, {})
    outcome = np.full((len(items), 2, 1), 0, np.int8)
    outcome[:, 0, 0] = picks
    expected = np.zeros(outcome.shape, bool)
    expected[:, 0] = True
    cell = CellData(CellKey("j", "none", None), outcome, np.full(outcome.shape, np.nan), expected)
    facts = facts_of(benchmark, "")
    return score_cell(benchmark, ParsedCell(cell, outcome), None, facts, STRICT), facts


@pytest.mark.parametrize(
    ("labels", "picks", "expected"),
    [
        ([0, 1, 0, 0], [0, 1, 0, 0], {"pacc": 1.0, "tos": 1.0, "cmr": 1.0}),
        ([0, 1, 0, 0], [0, 0, 0, 0], {"pacc": 0.5, "tos": 0.0, "cmr": 0.0}),
        ([0, 1, 1, 0], [1, 0, 1, 0], {"pacc": 0.5, "tos": 1.0, "cmr": 0.5}),
    ],
)
def test_criteria_that_disagree(labels: list[int], picks: list[int], expected: dict[str, float]) -> None:
    columns = conflicts(*scored(labels, picks))
    assert {c.name: float(c.num.sum() / c.den.sum()) for c in columns} == expected
    assert all(c.items is not None and len(c.num) == len(c.items) for c in columns)


def test_a_mean_over_categories_for_each_criterion() -> None:
    means = by_criterion(*scored([0, 0, 0, 0], [0, 0, 0, 1]))
    shares = {name: [float(c.num.sum() / c.den.sum()) for c in columns] for name, columns in means.items()}
    assert shares == {"macro[form]": [1.0, 0.0], "macro[logic]": [1.0, 1.0]}
