"""What an arm changed, item by item, against each of its references."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evaluators.errors import BackendError
from evaluators.prompts.template import Case
from evaluators.testing.mock import Reply
from harness_plugins.scoring import contrasts
from harness_plugins.scoring.cells import CellReport
from tests.conftest import MakePairs
from tests.harness_plugins.scoring.test_scoring import cell_of, good_is, judged

PAIRS = 12


def reads_rubrics(case: Case) -> Reply:
    """Right with a rubric that is about the very question; else by the place."""
    number = case.item.source_id.split("-")[1]
    own = case.rubric is not None and case.rubric.text.endswith(f"question {number}.")
    return good_is(case) if own else "1"


def transferred(
    make_pairs: MakePairs, rubrics: Callable[..., Path], folder: Path, reply: Callable[[Case], Reply]
) -> CellReport:
    more = {"arms": ("none", "transferred", "shuffled"), "rubrics": {"w": rubrics(PAIRS)}}
    return cell_of(judged(folder / "run", make_pairs(PAIRS, images=False), reply, **more), "transferred", "w")


def test_it_gains_over_none_and_over_anothers_rubric(
    make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path
) -> None:
    cell = transferred(make_pairs, rubrics, tmp_path, reads_rubrics)
    assert set(cell.contrasts) == {"none", "shuffled"}
    for contrast in cell.contrasts.values():
        assert (contrast.n, contrast.value, contrast.complete) == (PAIRS, 0.5, True) and contrast.p < 0.01


def test_what_was_not_answered_leaves_bounds(
    make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path
) -> None:
    def fails(case: Case) -> Reply:
        if case.rubric is not None and case.item.row == 0:
            return BackendError("rejected", "not this one")
        return reads_rubrics(case)

    contrast = transferred(make_pairs, rubrics, tmp_path, fails).contrasts["none"]
    assert not contrast.complete and contrast.n == PAIRS - 1
    assert tuple(contrast.bounds or ()) == pytest.approx(((11 * 0.5 - 0.5) / 12, 0.5))
    assert np.isfinite(contrast.value) and contrasts.__doc__
