"""What a masked reward becomes in a trainer that knows no masks."""

from __future__ import annotations

from typing import Any

import pytest

from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.records import Failure
from harness_plugins.rewards.masks import Unrewarded, checked, filled
from harness_plugins.rewards.rpo import Score

BEST, WORST = Score(1.0, ("won",)), Score(-0.1, ("lost",))
UNDECIDED = Score(None, ("disagree",))
DEAD = Score(None, ("error",), Failure("timeout", "no answer in 60 s"))


def test_the_mean_of_its_group_is_no_advantage() -> None:
    scores = [BEST, UNDECIDED, WORST, DEAD, DEAD]
    assert filled(scores, "group_mean", ["a", "a", "a", "b", "b"]) == [1.0, pytest.approx(0.45), -0.1, 0.0, 0.0]


def test_a_number_is_what_it_is_worth() -> None:
    assert filled([BEST, DEAD], checked("-0.5"), [0, 0]) == [1.0, -0.5]  # type: ignore[arg-type]  # Hydra's texts


ALONE = Score(None, (), Failure("alone", "no other candidate of its prompt in this call"))


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (DEAD, "the judge never answered .timeout: no answer in 60 s"),
        (UNDECIDED, "disagree"),
        (ALONE, "no reward .alone"),
    ],
)
def test_raise_says_why(score: Score, words: str) -> None:
    with pytest.raises(BackendError, match=words):
        filled([BEST, score], "raise", [0, 0])


@pytest.mark.parametrize("wrong", ["zero", float("nan"), float("inf"), True, None])
def test_nothing_else_is_trained_on(wrong: Any) -> None:
    with pytest.raises(UserError, match="it is `raise`, `group_mean`, or the number"):
        checked(wrong)


def test_calls_in_a_row_without_any_reward_end_the_training() -> None:
    calls = Unrewarded(patience=2)
    assert calls.checked([DEAD]) == [None]
    assert calls.checked([DEAD, BEST]) == [None, 1.0]
    assert calls.checked([DEAD]) == [None]
    with pytest.raises(RunStopped, match="no answer in 60 s"):
        calls.checked([DEAD])
    assert [Unrewarded(None).checked([UNDECIDED]) for _ in range(20)] == [[None]] * 20
