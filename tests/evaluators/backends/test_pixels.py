"""Judges that look at pixels: what each prefers, in both orders, and what they refuse."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from PIL import Image

from evaluators.backends.pixels import LOOKS
from evaluators.errors import UserError
from evaluators.specs import JudgeSpec
from harness_plugins.rewards import Group, RPOReward, Score

COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0), "red": (200, 0, 0), "green": (0, 200, 0), "blue": (0, 0, 200)}


def scored(look: str, *colours: str, **fields: Any) -> list[Score]:
    async def ask() -> list[Score]:
        pictures = [Image.new("RGB", (4, 4), COLOURS[c]) for c in colours]
        async with RPOReward(JudgeSpec(name=look, backend="pixels", **fields)) as reward:
            return (await reward.score([Group("a square", pictures, replies=True)]))[0]

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("look", "better", "worse"),
    [
        ("brightest", "white", "red"),
        ("darkest", "black", "white"),
        ("reddest", "red", "white"),
        ("greenest", "green", "blue"),
        ("bluest", "blue", "red"),
    ],
)
def test_the_better_picture_wins_in_both_orders(look: str, better: str, worse: str) -> None:
    assert look in LOOKS
    for shown, values in (((better, worse), [1.0, -0.1]), ((worse, better), [-0.1, 1.0])):
        scores = scored(look, *shown)
        assert [s.value for s in scores] == values
        assert {r.preferred for r in scores[0].replies} == {shown.index(better)}


def test_the_reply_says_what_was_seen() -> None:
    first = scored("brightest", "white", "black")[0].replies[0]
    assert first.text == "255.0000, 0.0000: number 1 leads.\n<answer>1</answer>"


def test_equal_pictures_are_a_tie() -> None:
    scores = scored("reddest", "white", "black")
    assert [s.value for s in scores] == [0.45, 0.45] and scores[0].pairs == ("tie",)
    assert scores[0].replies[0].preferred is None and "a tie" in scores[0].replies[0].text


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": "brighter"}, "brightest"),
        ({"name": "brightest", "verdict": "direct"}, "no verdict mode"),
        ({"name": "brightest", "grading": "listwise"}, "leave grading"),
    ],
)
def test_what_does_not_fit_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises((UserError, ValueError), match=complaint):
        JudgeSpec(backend="pixels", **fields)
