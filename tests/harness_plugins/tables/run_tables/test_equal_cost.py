"""Rubrics beside votes that cost as much. The numbers: tests/harness_plugins/scoring/test_costs.py."""

from __future__ import annotations

import math

from harness_plugins.scoring.costs import Bought, EqualCost
from harness_plugins.tables.run_tables.equal_cost import tables
from tests.harness_plugins.tables.reports import difference, point, report

READ = point("transferred", "gpt", cost=500.0, judge_cost=450.0)


def beside(equal: EqualCost) -> list[str]:
    """The only row behind the accuracy: two of its headers are the same."""
    (table,) = tables(report(equal_costs=[equal]))
    assert table.headers[3:5] == ["accuracy", "cost of 1,000 items"]
    return table.texts[0][4:]


def test_the_arm_minus_the_votes_below_and_above_it() -> None:
    below = Bought(4, 400.0, 0.7, difference(0.05, "vote@4"))
    above = Bought(6, 600.0, 0.75, difference(-0.01, "vote@6", p=0.6))
    assert beside(EqualCost(READ, "qwen", 4, below, above, False)) == [
        "500 k tokens",
        *("vote@4 for 400 k tokens: 70.0", "+5.0 [3.0, 7.0] p=.004"),
        *("vote@6 for 600 k tokens: 75.0", "-1.0 [-3.0, 1.0] p=.600"),
    ]


def test_votes_that_cannot_be_had_say_why() -> None:
    untaken = Bought(6, 600.0, math.nan, None)
    assert beside(EqualCost(READ, "qwen", 2, None, untaken, False))[1:] == [
        *("none: vote@2 costs more", ""),
        *("vote@6 for 600 k tokens: 4 samples were taken", ""),
    ]
    exactly = Bought(4, 500.0, 0.7, difference(0.05, "vote@4"))
    assert beside(EqualCost(READ, "qwen", 4, exactly, None, False))[3:] == ["the same", ""]


def test_a_rubric_of_unknown_cost_stands_with_the_judges_alone() -> None:
    votes = Bought(4, 400.0, 0.7, difference(0.05, "vote@4"))
    equal = EqualCost(READ, "qwen-samples", 4, votes, None, True)
    assert beside(equal)[0] == "450 k tokens + its writing"
    (table,) = tables(report(equal_costs=[equal]))
    assert table.notes[0] == "qwen, gpt, transferred: the votes are qwen-samples's, the same model with samples."
