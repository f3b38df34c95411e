"""A row of a training set as what the reward is about."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from evaluators.errors import UserError
from evaluators.records import Candidate, Failure, Item, Label, Media, MediaFile, decode
from harness_plugins.rewards.images import ImageFiles
from harness_plugins.rewards.proxy import Reward, Sample
from harness_plugins.rewards.samples import masked, pair, pictures_of, position, resolved, sample_of, score_rows
from tests.conftest import png

ITEM = Item("x:1", "x", "1", 1, "What?", (Candidate("a cup"), Candidate("a dog")), (0, 1), Label(preferred=0))
COLUMNS = {"question": "What?", "response_1": "a cup", "response_2": "a dog", "answer": 2}


def sample(row: dict[str, Any]) -> Sample:
    with ImageFiles() as files:
        return sample_of(row, "<answer>1</answer>", files)


def test_columns_make_an_item_in_the_order_shown() -> None:
    made = sample({**COLUMNS, "image": png(1)})
    assert (made.saw, made.item.label.preferred, made.item.prompt) == ("AB", 1, "What?")
    assert [c.text for c in made.item.candidates] == ["a cup", "a dog"] and len(made.item.media) == 1
    assert made.item.uid == sample({**COLUMNS, "image": png(1)}).item.uid != sample(COLUMNS).item.uid


@pytest.mark.parametrize("value", [ITEM, orjson.dumps(ITEM).decode(), orjson.loads(orjson.dumps(ITEM))])
def test_a_record_is_taken_as_it_is(value: Any) -> None:
    made = sample({"item": value, "saw": "BA"})
    assert (made.item, made.saw) == (ITEM, "BA")
    assert sample({"item": value}).saw == "AB"


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"item": ITEM, "saw": "CA"}, "`saw` is 'CA'; it is AB"),
        ({"item": "{}"}, "`item` is not the record of an item"),
        ({"question": "What?", "answer": 1}, "response_1, response_2 is missing; there are: answer, question"),
        ({**COLUMNS, "answer": 3}, "`answer` is 3; it is 1 or 2"),
        ({**COLUMNS, "answer": True}, "`answer` is True"),
    ],
)
def test_refused(row: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        sample(row)


def test_answers_and_pictures_come_in_many_forms() -> None:
    assert [position(a) for a in (1, "2", 2.0, " 1 ")] == [1, 2, 2, 1]
    assert pictures_of({"image": "a", "images": ["b", None, "c"]}) == ["a", "b", "c"]
    assert pictures_of({"image": None}) == []
    assert pair("What?", ("a", "b"), 1, criterion="truth").uid != pair("What?", ("a", "b"), 1).uid


def test_a_row_with_a_broken_picture_is_masked_and_the_others_are_scored() -> None:
    class Scorer:
        scored = 0
        paths: Collection[str] = ()

        async def open(self) -> None: ...

        async def close(self) -> None: ...

        async def score(self, samples: Sequence[Sample], /) -> list[Reward]:
            self.scored += len(samples)
            return [Reward(float(s.completion), "correct", None, True) for s in samples]

        def forget(self, paths: Collection[str]) -> None:
            self.paths = list(paths)

    scorer = Scorer()
    rows = [{**COLUMNS, "image": png(1)}, {**COLUMNS, "image": b"no picture"}, COLUMNS]
    first, broken, last = asyncio.run(score_rows(scorer, rows, ["1", "2", "3"]))
    assert (first.value, last.value, scorer.scored, len(scorer.paths)) == (1.0, 3.0, 2, 1)
    assert broken.value is None and broken.error is not None and broken.error.kind == "image"


def test_a_masked_reward_still_says_what_the_rubric_gives_away() -> None:
    text = "<rubric>1. Choice (100%): Response 1 is better.</rubric><eval>Read.</eval><answer>1</answer>"
    reward = masked(Sample(ITEM, "AB", text), Failure("late", "no answer"))
    assert reward.value is None and "verdict" in reward.leaks and reward.masked_because == "late"


def test_paths_of_a_set_are_found_where_the_set_is() -> None:
    media = (Media("a.png", "image", (MediaFile("images/a.png"),)),)
    row = {
        "image": {"bytes": None, "path": "images/b.png"},
        "images": [
            "images/a.png",
            "/elsewhere/c.png",
            "data:image/png;base64,AA==",
            {"bytes": b"x", "path": "d.png"},
            None,
        ],
        "item": orjson.dumps(replace(ITEM, media=media)).decode(),
        "question": "images/a.png",
    }
    moved = resolved(row, Path("/set"))
    assert moved["image"] == {"bytes": None, "path": "/set/images/b.png"} and moved["question"] == "images/a.png"
    assert moved["images"] == ["/set/images/a.png", "/elsewhere/c.png", *row["images"][2:]]
    assert decode(Item, moved["item"].encode()).media[0].files[0].path == "/set/images/a.png"
