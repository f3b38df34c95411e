"""Numbered criteria that are answered with yes or no: taken as they stand, each fault by its name."""

from __future__ import annotations

import pytest

from evaluators.records import Answer
from evaluators.writers.base import METHODS
from evaluators.writers.methods import arr_guided, arr_induced, arr_zero_shot
from evaluators.writers.methods._numbered import VIOLATIONS, compares, parse


def test_criteria_are_numbered_anew_and_named() -> None:
    text = "<rubric>\n### 1) **Colour:** Is the cup\nred?\n2. Is there text?\n</rubric>"
    draft = parse(Answer(text, "x", finish_reason="stop"), True, 2)
    assert draft.rubric == "1. Colour: Is the cup red?\n2. Is there text?"
    assert [(c.name, c.description) for c in draft.criteria] == [
        ("Colour", "Is the cup red?"),
        ("Is there text?", "Is there text?"),
    ]
    assert draft.violations == ("not_numbered",)


@pytest.mark.parametrize(
    ("line", "does"),
    [
        ("Is it better?", True),
        ("Is it redder than the other?", True),
        ("Is the first image red?", True),
        ("Is Response 1 right?", True),
        ("Does option 2 win?", True),
        ("Is the left picture red?", True),
        ("Does the sign read “better than the other”?", False),
        ("Is the right answer given?", False),
        ("Is the image a red one?", False),
        ("Is response 1.5 s long?", False),
    ],
)
def test_what_compares(line: str, does: bool) -> None:
    assert compares(line) is does


def test_the_methods_that_share_it() -> None:
    assert {"arr_zero_shot", "arr_guided", "arr_induced"} <= set(METHODS.names())
    assert arr_zero_shot.parse is arr_guided.parse is parse
    assert "exemplars" in arr_guided.OPTIONS and "exemplars" not in arr_zero_shot.OPTIONS
    assert arr_induced.SHARED and set(arr_induced.VIOLATIONS) - set(VIOLATIONS) == {"nothing_verified"}
