"""Where the preferred candidate was shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.prompts.template import Case
from evaluators.testing.mock import Reply
from harness_plugins.figures.positions import positions_of
from tests.harness_plugins.scripted_judges import BY_CONTENT, judge, judged


def goes_first(case: Case) -> Reply:
    return "1" if case.rubric is None else judge(BY_CONTENT)(case)


def test_a_judge_that_follows_the_place_is_told_from_one_that_reads(tmp_path: Path) -> None:
    (part,) = positions_of(judged(tmp_path, {"a": goes_first}))
    arms = {p.title: p for p in part.judges[0].arms}
    assert list(arms) == ["no rubric", "w"]
    assert (arms["no rubric"].first, arms["no rubric"].last, arms["no rubric"].bias.value) == (1, 0, 1)
    assert (arms["w"].first, arms["w"].last) == (pytest.approx(0.8), pytest.approx(0.8))


def test_one_order_alone_says_nothing_of_position(tmp_path: Path) -> None:
    assert positions_of(judged(tmp_path, {"a": goes_first}, "orders: 1\n")) == []
