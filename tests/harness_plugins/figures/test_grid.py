"""Writers by judges."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.errors import BackendError
from evaluators.prompts.template import Case
from evaluators.testing.mock import Reply
from harness_plugins import score
from harness_plugins.figures.grid import SHADES, Square, grids_of
from harness_plugins.scoring.cells import Contrast
from tests.crossed import JUDGES, WRITERS, crossed
from tests.harness_plugins.scripted_judges import BY_CONTENT, judge, judged


def test_a_square_for_each_writer_and_judge(tmp_path: Path) -> None:
    (grid,) = grids_of(score(crossed(tmp_path, 8)))
    assert grid.judges == tuple(JUDGES) and [line.writer for line in grid.lines] == list(WRITERS), (
        "lexical is no judge of it"
    )
    kin = [s.judge for line in grid.lines for s in line.squares if s is not None and s.apart]
    assert kin == ["ja"], "ja is of alpha's family"


def test_accuracy_without_and_with(tmp_path: Path) -> None:
    (grid,) = grids_of(judged(tmp_path, {"a": judge(BY_CONTENT)}))
    (square,) = grid.lines[0].squares
    assert square is not None and (square.without, square.accuracy) == (0.5, 0.8)
    assert square.gain.value == pytest.approx(0.3) and square.shade == SHADES


def test_missing_answers_leave_no_accuracy(tmp_path: Path) -> None:
    def fails(case: Case) -> Reply:
        return BackendError("rejected", "no") if case.rubric is not None else judge(BY_CONTENT)(case)

    grids = grids_of(judged(tmp_path, {"a": judge(BY_CONTENT), "b": fails}))
    assert grids[0].judges == ("a", "b") and grids[0].lines[0].squares[1] is None


@pytest.mark.parametrize(("gain", "shade"), [(0.0, 0), (0.02, 0), (0.1, 1), (0.5, 4), (-0.16, -2)])
def test_the_deeper_the_larger(gain: float, shade: int) -> None:
    assert (
        Square("j", "w", "unseen", Contrast("none", 40, 40 * gain, gain, gain, gain, 0.01, 0.1), 0.5, 0.5 + gain).shade
        == shade
    )
