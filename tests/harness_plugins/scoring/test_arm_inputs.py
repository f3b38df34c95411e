"""What each arm has for an item, in each of its orders; and controls that are none, since they say the same text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness_plugins.scoring.arm_inputs import arm_inputs_of, new_cell
from harness_plugins.scoring.arrays import CellKey, RunData
from harness_plugins.scoring.controls import controlled, same_text
from harness_plugins.scoring.read import read_run
from tests.conftest import MakePairs
from tests.harness_plugins.scoring.test_scoring import good_is, judged

PAIRS, WITH_RUBRIC = 6, 4
ReadRun = Callable[..., RunData]


@pytest.fixture
def read(make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path) -> ReadRun:
    def run(text: str = "Prefer the good answer to question {n}.") -> RunData:
        more = {
            "arms": ("none", "transferred", "shuffled"),
            "rubrics": {"w": rubrics(WITH_RUBRIC, text=text)},
            "shuffles": 2,
        }
        judged(tmp_path / "run", make_pairs(PAIRS, images=False), good_is, **more)
        return read_run(tmp_path / "run")

    return run


def test_a_rubric_is_there_for_both_orders_or_none(read: ReadRun) -> None:
    run = read()
    benchmark = run.benchmarks["pairs"]
    arm = arm_inputs_of(run, benchmark, CellKey("mock", "transferred", "w"), 1)
    assert arm.replicates == (0,)
    assert arm.available[:, :, 0].tolist() == [[True, True]] * WITH_RUBRIC + [[False, False]] * 2
    assert arm.reads is not None and len(set(arm.reads[:WITH_RUBRIC].ravel())) == WITH_RUBRIC
    assert (arm.reads[WITH_RUBRIC:] == -1).all()


def test_a_shuffle_is_a_replicate_and_hands_over_anothers(read: ReadRun) -> None:
    run = read()
    benchmark = run.benchmarks["pairs"]
    arm = arm_inputs_of(run, benchmark, CellKey("mock", "shuffled", "w"), 2)
    assert arm.replicates == (0, 1) and arm.reads is not None
    own = [run.number(i.uid) for i in benchmark.items]
    assert all(arm.reads[n, turn, s] != own[n] for n in range(WITH_RUBRIC) for turn in (0, 1) for s in (0, 1))


def test_arms_without_a_writer_have_something_for_all_but_labels_they_need(read: ReadRun) -> None:
    run = read()
    assert arm_inputs_of(run, run.benchmarks["pairs"], CellKey("mock", "none", None), 1).available.all()


def test_a_new_cell_has_the_trials_it_is_to_hold(read: ReadRun) -> None:
    run = read()
    cell = new_cell(run, run.benchmarks["pairs"], CellKey("mock", "shuffled", "w"), 1, 2)
    assert cell.outcome.shape == (PAIRS, 2, 2) and cell.expected.sum() == WITH_RUBRIC * 4
    assert cell.without_rubric is not None and cell.without_rubric.sum() == 2 * (PAIRS - WITH_RUBRIC)


@pytest.mark.parametrize(
    ("text", "differ"), [("Prefer the good answer to question {n}.", WITH_RUBRIC), ("Be fair.", 0)]
)
def test_a_control_with_the_same_text_is_none(read: ReadRun, text: str, differ: int) -> None:
    run = read(text)
    benchmark, key = run.benchmarks["pairs"], CellKey("mock", "shuffled", "w")
    assert int(controlled(run, benchmark, key, "w").sum()) == differ
    assert int(same_text(benchmark, run.rubrics["pairs", "w"], "shuffled").sum()) == (0 if differ else PAIRS)
