"""Cells that nobody ran: what baselines pick, computed for all items at once as the judges of that name would."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from evaluators.backends.baseline import BaselineJudge
from evaluators.engine.runner import seed_of
from evaluators.prompts.template import Case, pick_of
from evaluators.records import Candidate, Item, Label, rotations
from evaluators.specs import JudgeSpec
from harness_plugins.scoring.arrays import ABSENT, BenchmarkData, CellKey, RunData
from harness_plugins.scoring.baseline_cells import add_baselines


def item(n: int, *texts: str) -> Item:
    candidates = tuple(map(Candidate, texts))
    return Item(f"x:{n}", "x", str(n), n, f"question {n}?", candidates, tuple(range(len(texts))), Label(preferred=0))


ITEMS = [
    item(0, "short", "a longer one"),
    item(1, "equal", "level"),
    item(2, "three", "of them", "x"),
    item(3, "b", "a"),
]


@pytest.mark.parametrize("name", ["first", "random", "longest", "shortest"])
def test_as_the_judge_of_that_name_decides(name: str) -> None:
    benchmark = BenchmarkData("x", ITEMS, {})
    add_baselines(RunData(Path("run"), {}, {"x": benchmark}, {}, {}, {}, {}), benchmark)
    cell = benchmark.cells[CellKey(name, "none", None)]
    judge = BaselineJudge(JudgeSpec(name=name, backend="baseline"))
    for n, each in enumerate(ITEMS):
        orders = rotations(len(each.candidates))
        for turn, order in enumerate(orders):
            answer = asyncio.run(judge.decide(Case(each, order), seed_of(each, order, "none")))
            assert cell.outcome[n, turn, 0] == pick_of(int(answer.text[8]), order), (name, n, order)
        assert set(cell.outcome[n, len(orders) :, 0]) <= {ABSENT}
    assert cell.computed and (cell.expected[:, :, 0] == benchmark.turns).all()


def test_where_images_are_compared_none_is_longer() -> None:
    benchmark = BenchmarkData("x", [item(0, "", "")], {})
    add_baselines(RunData(Path("run"), {}, {"x": benchmark}, {}, {}, {}, {}), benchmark)
    assert {c.judge for c in benchmark.cells} == {"first", "random"}
