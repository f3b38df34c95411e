"""Tokens as servers tell them: what can be true is read, what cannot is not told at all."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.engine.budget import Rates
from evaluators.records import FailedReplies
from evaluators.usage import MOST_TOKENS, both, failed_replies, read_usage

BOTH = {"prompt_tokens": 10, "completion_tokens": 5}


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (BOTH, BOTH),
        ({"prompt_tokens": "10", "completion_tokens": 5.0, "prompt_tokens_details": None, "total_tokens": None}, BOTH),
        (BOTH | {"prompt_tokens_details": {"cached_tokens": 8}}, BOTH | {"cached_tokens": 8}),
        (BOTH | {"cached_tokens": 8}, BOTH | {"cached_tokens": 8}),
        (BOTH | {"cost": math.nan, "total_tokens": "many"}, BOTH),
        ({"prompt_tokens": 10}, {"prompt_tokens": 10}),
        ({"prompt_tokens": 10, "completion_tokens": None}, {"prompt_tokens": 10}),
        ({"prompt_tokens": 21, "completion_tokens": 0, "total_tokens": 81}, {"prompt_tokens": 21, "completion_tokens": 60}),
        (BOTH | {"total_tokens": 12}, BOTH),
        ({}, None),
        (None, None),
        ([10, 5], None),
        ("10", None),
    ],
)  # fmt: skip
def test_what_a_usage_tells(told: object, usage: dict[str, int] | None) -> None:
    assert read_usage(told) == usage


@pytest.mark.parametrize("part", ["prompt_tokens", "completion_tokens", "cached_tokens"])
@pytest.mark.parametrize(
    "number", [-1, -1e9, True, False, 1.5, math.nan, math.inf, 10**7 + 1, 10**30, "-5", "1e9", "٣", "", "abc", [10], {}]
)
def test_a_number_that_cannot_be_true_spoils_all_of_it(part: str, number: object) -> None:
    assert read_usage(BOTH | {part: number}) is None


def test_parts_that_contradict_each_other() -> None:
    assert read_usage(BOTH | {"prompt_tokens_details": {"cached_tokens": 11}}) is None
    assert read_usage({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}) is None, "no request is empty"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "prompt_tokens_details")


@given(
    st.dictionaries(
        st.sampled_from(NAMES), JSON | st.integers(-5, 50) | st.builds(lambda n: {"cached_tokens": n}, JSON)
    )
)
def test_whatever_a_server_tells_costs_no_less_than_nothing(told: dict[str, Any]) -> None:
    usage = read_usage(told)
    if usage is None:
        return
    assert set(usage) <= {"prompt_tokens", "completion_tokens", "cached_tokens"}
    assert all(type(n) is int and 0 <= n <= MOST_TOKENS for n in usage.values())
    assert orjson.loads(orjson.dumps(usage)) == usage == read_usage(usage)
    cost = Rates(3.0, 1.0, 5.0).cost(usage)
    assert cost is None or cost > 0


def test_replies_that_came_to_nothing_add_up() -> None:
    one = failed_replies([BOTH, None, {"prompt_tokens": 7}])
    assert one == FailedReplies(3, 1, BOTH), "a reply tells its tokens where it tells both"
    assert both(one, failed_replies([BOTH])) == FailedReplies(4, 2, {"prompt_tokens": 20, "completion_tokens": 10})
    assert failed_replies([]) is None and both(None, one) == one
