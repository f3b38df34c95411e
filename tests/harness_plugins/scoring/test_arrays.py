"""A benchmark's items and cells as arrays: orders, draws, and what scores of single candidates come to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluators.records import Candidate, Item, Label
from harness_plugins.scoring.arrays import (
    ABSENT,
    ERROR,
    TIE,
    UNPARSED,
    BenchmarkData,
    CellData,
    CellKey,
    RunData,
    compare_scores,
    note_lost_items,
)

KEY = CellKey("j", "none", None)


def item(n: int, candidates: int = 2) -> Item:
    texts = tuple(Candidate(f"answer {c} to {n}") for c in range(candidates))
    return Item(f"x:{n}", "x", str(n), n, f"question {n}?", texts, tuple(range(candidates)), Label(preferred=0))


def test_an_item_has_as_many_orders_as_candidates() -> None:
    benchmark = BenchmarkData("x", [item(1), item(2, 3)], {})
    assert benchmark.width == 3
    assert benchmark.turns.tolist() == [[True, True, False], [True, True, True]]
    assert benchmark.in_orders("both").tolist() == benchmark.turns.tolist()
    pairs = BenchmarkData("x", [item(1), item(2)], {})
    assert pairs.in_orders("BA").tolist() == [[False, True]] * 2
    assert pairs.in_orders("hashed").sum(axis=1).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("sample", "replicate", "draw"), [(0, 0, 0), (1, 0, 1), (0, 3, 2), (1, 3, 3), (2, 0, None), (0, 1, None)]
)
def test_a_draw_is_a_sample_of_a_replicate(sample: int, replicate: int, draw: int | None) -> None:
    shape = (1, 2, 4)
    cell = CellData(KEY, np.zeros(shape, np.int8), np.zeros(shape), np.ones(shape, bool), samples=2, replicates=(0, 3))
    assert cell.draw(sample, replicate) == draw


@pytest.mark.parametrize(
    ("scores", "why", "outcome"),
    [
        ([7, 5, 1], [0, 0, 0], 0),
        ([5, 7, 1], [0, 0, 0], 1),
        ([7, 7, 1], [0, 0, 0], TIE),
        ([7, 5, 1], [0, UNPARSED, 0], UNPARSED),
        ([7, 5, 1], [UNPARSED, ERROR, 0], ERROR),
        ([7, 5, 1], [UNPARSED, ABSENT, 0], ABSENT),
    ],
)
def test_the_highest_score_is_the_pick_and_what_is_missing_outweighs_it(
    scores: list[float], why: list[int], outcome: int
) -> None:
    benchmark = BenchmarkData("x", [item(1, 3)], {})
    shape = (1, 3, 1)
    cell = CellData(KEY, np.full(shape, ABSENT, np.int8), np.zeros(shape), np.ones(shape, bool))
    cell.ranks = -np.broadcast_to(np.array(scores, float), (*shape, 3)).copy()
    compare_scores(benchmark, cell, np.broadcast_to(np.array(why, np.int8), (*shape, 3)))
    assert set(cell.outcome.ravel()) == {outcome}


def test_lost_items_are_noted_by_plan_and_by_verdicts() -> None:
    benchmark = BenchmarkData("x", [item(1), item(2)], {})
    run = RunData(Path("run"), {"benchmarks": {"x": {"items": 5}}}, {"x": benchmark}, {}, {}, {}, {})
    note_lost_items(run, {"x": 1, "y": 2})
    assert [(lost.benchmark, lost.count) for lost in run.problems.items] == [("x", 3), ("y", 2)]
    assert benchmark.lost == 3


def test_uids_are_numbered_as_they_come() -> None:
    run = RunData(Path("run"), {}, {}, {}, {}, {}, {})
    assert [run.number(uid) for uid in ("a", "b", "a", None)] == [0, 1, 0, -1]
