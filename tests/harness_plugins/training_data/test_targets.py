"""What a model in training is to say, as the parsers will read it."""

from __future__ import annotations

import pytest

from evaluators.records import Answer, Rubric, Writer
from harness_plugins.training_data.targets import grm_target, proxy_target, readable

ANSWER = "<rubric>\n1. Red: is it red?\n</rubric>\n<eval>\nThe first is.\n</eval>\n<answer>1</answer>"


def rubric(text: str = ANSWER, verdict: int = 1, **more: object) -> Rubric:
    fields = {"evaluation": "The first is.", "verdict": verdict, "answer": Answer(text, "proxy_grm"), **more}
    return Rubric("x", "x:1", Writer("t"), "1. Red: is it red?", saw="AB", **fields)  # type: ignore[arg-type]


def test_an_answer_without_fault_is_taught_as_it_came_without_its_reasoning() -> None:
    assert grm_target(rubric(f"<think>hm</think>\n{ANSWER}\n")) == ANSWER


def test_one_with_a_fault_is_put_together_from_its_sections() -> None:
    target = grm_target(rubric(f"Sure!\n{ANSWER}", violations=("text_outside",), justify="It was asked."))
    assert target == (
        "<rubric>\n1. Red: is it red?\n<justify>\nIt was asked.\n</justify>\n</rubric>\n<eval>\nThe first is.\n</eval>\n"
        "<answer>1</answer>"
    )


@pytest.mark.parametrize("think", [True, False])
def test_a_proxy_says_reasons_and_then_the_verdict(think: bool) -> None:
    reasons = "<think>\nThe first is.\n</think>" if think else "The first is."
    assert proxy_target(rubric(), think) == f"{reasons}\n<answer>1</answer>"
    assert readable(rubric(), think)


def test_what_would_be_read_as_another_verdict_is_not_taught() -> None:
    assert not readable(rubric(verdict=2), think=False)
    assert not readable(rubric("<answer>1</answer>"), think=False), "no rubric to be read"
    assert readable(rubric(evaluation="<answer>2</answer> is what one might say."), think=True)
