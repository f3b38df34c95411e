"""How a judge stands to a writer: the nearest relation that holds."""

from __future__ import annotations

import pytest

from evaluators.records import Writer
from harness_plugins.scoring.relation import relation

WRITER = Writer("w", model="qwen-7b-grm", base="qwen-7b", family="qwen", trained_with=("pixtral",))


@pytest.mark.parametrize(
    ("model", "base", "family", "expected"),
    [
        ("qwen-7b-grm", None, "qwen", "self"),
        ("pixtral", None, "mistral", "training_proxy"),
        ("pixtral-chat", "pixtral", "mistral", "training_proxy"),
        ("qwen-7b", None, "qwen", "same_base"),
        ("qwen-7b-chat", "qwen-7b", "qwen", "same_base"),
        ("qwen-72b", None, "qwen", "same_family"),
        ("gpt", None, "openai", "unseen"),
        ("gpt", None, None, "undeclared"),
    ],
)
def test_the_nearest_that_holds(model: str, base: str | None, family: str | None, expected: str) -> None:
    assert relation(WRITER, model=model, base=base, family=family) == expected


def test_a_person_is_kin_of_no_model() -> None:
    me = Writer("me", family="person")
    assert (
        relation(me, model="gpt", base=None, family=None)
        == relation(me, model="gpt", base=None, family="x")
        == "unseen"
    )
    assert relation(Writer("me"), model="gpt", base=None, family="x") == "undeclared", (
        "that it is a person is not assumed"
    )


def test_unseen_needs_both_families() -> None:
    assert relation(Writer("w", model="m"), model="gpt", base=None, family="openai") == "undeclared"
    assert relation(Writer("w"), model="gpt", base=None, family="openai") == "undeclared"
