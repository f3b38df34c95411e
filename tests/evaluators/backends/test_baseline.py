"""Judges without a model: what each of them goes by."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from evaluators.backends.baseline import PICKS, BaselineJudge, drawn, overlap, words
from evaluators.errors import UserError
from evaluators.prompts.template import Case, RubricText
from evaluators.records import Candidate, Criterion, Item, Label
from evaluators.specs import JudgeSpec

SHORT, LONG = Candidate("A red cup."), Candidate("The picture shows a blue plate upon a table.")
ITEM = Item("x:1", "x", "1", 1, "What is shown?", (SHORT, LONG), (0, 1), Label(preferred=0))
CUP = RubricText("Look for the cup.", (Criterion("cup", "red cup"), Criterion("table", "wooden table")))


def choice(model: str, order: str, rubric: RubricText | None = None, seed: str = "seed") -> str:
    judge = BaselineJudge(JudgeSpec(name="b", backend="baseline", model=model))
    return asyncio.run(judge.decide(Case(ITEM, order, rubric), seed)).text


@pytest.mark.parametrize(
    ("model", "ab", "ba"),
    [("first", 1, 1), ("longest", 2, 1), ("shortest", 1, 2), ("lexical", 1, 2)],
)
def test_what_each_names_in_both_orders(model: str, ab: int, ba: int) -> None:
    rubric = CUP if model == "lexical" else None
    assert choice(model, "AB", rubric) == f"<answer>{ab}</answer>"
    assert choice(model, "BA", rubric) == f"<answer>{ba}</answer>"


def test_random_is_fixed_by_its_seed_and_fair() -> None:
    assert choice("random", "AB", seed="a cell") == choice("random", "AB", seed="a cell")
    counts = Counter(drawn(str(n), 3) for n in range(3000))
    assert set(counts) == {1, 2, 3} and min(counts.values()) > 900


def test_lexical_weighs_criteria() -> None:
    assert words("It is the RED cup") == {"red", "cup"}
    assert overlap(CUP, SHORT) == pytest.approx((1 + 0) / 2)
    assert overlap(CUP, LONG) == pytest.approx((0 + 1 / 2) / 2)
    heavy = RubricText("", (Criterion("cup", "red cup", 90.0), Criterion("table", "wooden table", 10.0)))
    assert overlap(heavy, SHORT) == pytest.approx(0.9)
    assert overlap(None, SHORT) == 0.0
    assert choice("lexical", "BA") == "<answer>1</answer>", "nothing to go by: the first shown"


def test_lexical_goes_by_lines_where_there_are_no_criteria() -> None:
    assert overlap(RubricText("red cup\nblue plate"), SHORT) == 0.5


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"model": "longst"}, "longest"),
        ({"model": "first", "verdict": "direct"}, "takes no verdict mode"),
        ({"model": "first", "grading": "pointwise"}, "leave grading"),
    ],
)
def test_what_does_not_fit_is_refused(fields: dict[str, str], complaint: str) -> None:
    with pytest.raises((ValueError, UserError), match=complaint):
        JudgeSpec(name="b", backend="baseline", **fields)
    assert len(PICKS) == 5
