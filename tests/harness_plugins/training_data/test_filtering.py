"""Pairs that are fit to train on; of the others the first reason why not."""

from __future__ import annotations

from typing import Any

import pytest

from evaluators.records import Candidate, Item, Label, Media
from harness_plugins.training_data.config import Filters
from harness_plugins.training_data.filtering import filtered
from harness_plugins.training_data.reading import Pair


def pair(prompt: str, first: str, second: str, margin: float | None = None, media: tuple[Media, ...] = ()) -> Pair:
    candidates = (Candidate(first, media), Candidate(second, media))
    return Pair(Item("x:1", "x", "1", 1, prompt, candidates, (0, 1), Label(preferred=0)), "rows.jsonl:1", margin)


@pytest.mark.parametrize(
    ("example", "filters", "why"),
    [
        (pair("What?", "a cup", "a dog"), {}, None),
        (pair(" ", "a cup", "a dog"), {}, "prompt_length"),
        (pair("What?", "a cup", ""), {}, "response_length"),
        (pair("What?", "a cup", "a  cup "), {}, "same_responses"),
        (pair("What?", "a cup", "a dog"), {"prompt": (6, 100)}, "prompt_length"),
        (pair("What?", "a cup", "a large dog"), {"response": (1, 10)}, "response_length"),
        (pair("What?", "a cup", "a large dog"), {"length_ratio": 2.0}, "length_ratio"),
        (pair("What?", "a cup", "a dog", 0.5), {"min_margin": 1.0}, "margin"),
        (pair("What?", "a cup", "a dog", None), {"min_margin": 1.0}, None),
        (pair("What?", "", "", media=(Media("photo"),)), {"response": (1, 10), "length_ratio": 2.0}, None),
    ],
)
def test_one_pair(example: Pair, filters: dict[str, Any], why: str | None) -> None:
    passing, dropped = filtered([example], Filters(**filters))
    assert [d.why for d in dropped] == ([why] if why else [])
    assert passing == ([] if why else [example])
    assert all(d.place == "rows.jsonl:1" and d.detail for d in dropped)
