"""A run folder as arrays: what each trial came to, and where a cell stands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evaluators.errors import UserError
from evaluators.prompts.template import Case
from evaluators.testing.mock import Reply
from harness_plugins.scoring.arrays import ABSENT, TIE, UNPARSED, CellKey, RunData
from harness_plugins.scoring.read import read_run
from tests.conftest import MakePairs, read_jsonl
from tests.harness_plugins.scoring.test_scoring import good_is, judged

PAIRS = 6


def reply(case: Case) -> Reply:
    if case.item.row == 0:
        return "no verdict"
    if case.item.row == 1:
        return "<answer>tie</answer>"
    return good_is(case)


@pytest.fixture
def folder(make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path) -> Path:
    more = {"arms": ("none", "transferred"), "rubrics": {"w": rubrics(4)}}
    judged(tmp_path / "run", make_pairs(PAIRS, images=False), reply, **more)
    return tmp_path / "run"


def outcomes(run: RunData, arm: str = "none", writer: str | None = None) -> list[list[int]]:
    cell = run.benchmarks["pairs"].cells[CellKey("mock", arm, writer)]
    return [[int(x) for x in row.ravel()] for row in cell.outcome]


def absent(run: RunData, arm: str = "none", writer: str | None = None) -> int:
    return sum(row.count(ABSENT) for row in outcomes(run, arm, writer))


def test_each_trial_is_a_candidate_or_why_there_is_none(folder: Path) -> None:
    run = read_run(folder)
    labels = [i.label.preferred for i in run.benchmarks["pairs"].items]
    assert outcomes(run) == [[UNPARSED] * 2, [TIE] * 2, *([label] * 2 for label in labels[2:])]
    assert outcomes(run, "transferred", "w")[4:] == [[ABSENT] * 2] * 2, "no rubric: nothing was asked"


def test_cells_stand_in_the_order_of_the_config_and_of_the_arms(folder: Path) -> None:
    cells = list(read_run(folder).benchmarks["pairs"].cells)
    assert cells[:2] == [CellKey("mock", "none", None), CellKey("mock", "transferred", "w")]
    assert {c.judge for c in cells[2:]} == {"first", "random", "longest", "shortest"}


def test_a_line_that_is_lost_is_a_trial_that_is_missing(folder: Path) -> None:
    path = folder / "verdicts.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    gone = next(n for n, v in enumerate(read_jsonl(path)) if v["arm"] == "none" and v["status"] == "ok")
    path.write_bytes(b"".join(line for n, line in enumerate(lines) if n != gone))
    run = read_run(folder)
    assert absent(run) == 1
    assert np.asarray(run.benchmarks["pairs"].cells[CellKey("mock", "none", None)].expected).all(), "and still expected"


def test_verdicts_on_a_rubric_that_is_gone_do_not_count(folder: Path) -> None:
    path = folder / "rubrics.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    run = read_run(folder)
    assert absent(run, "transferred", "w") == 2 * (PAIRS - 3)
    assert run.problems.lost_rubrics("pairs", "w") == 1


def test_what_is_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        read_run(tmp_path)
