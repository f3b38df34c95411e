"""The judge that reads the masked rubric: what it takes for given away."""

from __future__ import annotations

import asyncio

import pytest

from evaluators.engine.caller import Tally
from evaluators.errors import UserError
from evaluators.records import Candidate, Item, Label, Rubric, Writer
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from harness_plugins.rewards.content_leaks import ContentLeaks
from harness_plugins.rewards.resources import deadline

RESPONSES = (Candidate("A red bus stands at the kerb."), Candidate("Two cats sleep on a sofa."))
ITEM = Item("x:0", "x", "0", 0, "What is shown?", RESPONSES, (0, 1), Label(preferred=0))
SPEC = JudgeSpec(name="j", backend="openai", model="m", base_url="http://unused.invalid/v1", retries=0)


def given_away(text: str, choice: int, judge: object = "lexical") -> bool:
    async def ask() -> bool:
        leaks = ContentLeaks(judge, Tally())  # type: ignore[arg-type]
        await leaks.open()
        try:
            return await leaks.given_away(ITEM, Rubric("x", "x:0", Writer("w"), text), choice, deadline(5))
        finally:
            await leaks.close()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("text", "choice", "leaks"),
    [
        ("The one with the bus is right.", 0, True),
        ("The one with the bus is right.", 1, False),
        ("Look for cats on a sofa.", 1, True),
        ("Counts what can be seen, and invents nothing.", 0, False),
        ("The first response is right.", 0, False),
        ("", 0, False),
    ],
)
def test_words_of_one_response_give_it_away(text: str, choice: int, leaks: bool) -> None:
    assert given_away(text, choice) is leaks


def test_a_model_that_goes_by_the_place_gives_nothing_away() -> None:
    assert given_away("Any rubric.", 0, MockJudge(SPEC, lambda case: "1")) is False


def test_no_other_name_is_taken() -> None:
    with pytest.raises(UserError, match="leak_judge: unknown judge 'longest'"):
        ContentLeaks("longest", Tally())  # type: ignore[arg-type]
