"""The criteria in a rubric's text, as people and models write them."""

from __future__ import annotations

import math

import pytest

from evaluators.prompts.criteria import criteria_of, parse_criteria, weighted
from evaluators.records import Criterion


@pytest.mark.parametrize(
    ("rubric", "criteria"),
    [
        ("1. Colour: Is it red?\n2. Shape: Is it round?", [("Colour", "Is it red?"), ("Shape", "Is it round?")]),
        ("- **Colour**: red\n* Shape: round", [("Colour", "red"), ("Shape", "round")]),
        (
            "1. Colour: Is it\n   red all over?\n2. Shape: round",
            [("Colour", "Is it red all over?"), ("Shape", "round")],
        ),
        ("1. Colour:\n   - shade\n   - depth\n2. Shape: round", [("Colour", "- shade - depth"), ("Shape", "round")]),
        (
            "Before it.\n<rubric_item>Colour: red</rubric_item><rubric_item>Shape: round</rubric_item>",
            [("Colour", "red"), ("Shape", "round")],
        ),
        ("Prefer the answer that is right.", []),
        ("", []),
    ],
)
def test_where_criteria_begin(rubric: str, criteria: list[tuple[str, str]]) -> None:
    assert [(c.name, c.description) for c in parse_criteria(rubric)] == criteria


@pytest.mark.parametrize(
    ("line", "name", "description", "weight"),
    [
        ("1. Colour (40%): Is it red?", "Colour", "Is it red?", 40.0),
        ("1. Colour [12.5 %]: Is it red?", "Colour", "Is it red?", 12.5),
        ("1. Colour [weight: 12.5 %]: Is it red?", "Colour", "Is it red?", 12.5),
        ("1. Colour (Weight 40%): Is it red?", "Colour", "Is it red?", 40.0),
        ("Colour 40 percent: Is it red?", "Colour", "Is it red?", 40.0),
        ("1. Colour: Is it red? 40%", "Colour", "Is it red?", 40.0),
        ("1. Share: Is at least 40% of it red?", "Share", "Is at least 40% of it red?", math.nan),
        ("1. Is it red (30%)", "Is it red", "Is it red", 30.0),
    ],
)
def test_weights(line: str, name: str, description: str, weight: float) -> None:
    (criterion,) = parse_criteria(line)
    assert (criterion.name, criterion.description) == (name, description)
    assert criterion.weight == pytest.approx(weight, nan_ok=True)


def test_one_without_a_weight_counts_as_the_others_do_on_average() -> None:
    assert [c.weight for c in criteria_of("1. A (10%): a\n2. B (30%): b\n3. C: c")] == [10.0, 30.0, 20.0]
    assert [c.weight for c in criteria_of("1. A: a\n2. B: b")] == [1.0, 1.0]
    assert weighted([]) == ()
    assert weighted([Criterion("a", "a", 3.0)]) == (Criterion("a", "a", 3.0),)
