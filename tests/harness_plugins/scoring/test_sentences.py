"""A conclusion in words: the verdict, whose rubrics, for which judges, and the numbers that it rests on."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from harness_plugins.scoring.cells import Contrast, Unequal
from harness_plugins.scoring.conclusions import Conclusion, Lead, Problem, Verdict, decide
from harness_plugins.scoring.sentences import bounds, listed, p_text, points, sentence
from harness_plugins.scoring.statistics import Interval


def contrast(value: float, p: float = 0.001, reference: str = "none") -> Contrast:
    return Contrast(reference, 100, 100 * value, value, value - 0.02, value + 0.02, p, 0.03)


def concluded(gain: float, **leads: float) -> Conclusion:
    tested = tuple(Lead(name, "tested", 100, 100, contrast(lead, 0.01, name)) for name, lead in leads.items())
    c = Conclusion("demo", "arr", judges=("qwen", "gpt"), positive=2, gain=contrast(gain), leads=tested, of_items=120)
    decide([c])
    return c


def test_numbers_in_words() -> None:
    assert points(contrast(0.123)) == "+12.3 points [10.3, 14.3]"
    assert bounds(-0.0001, math.nan) == "[no interval]" and bounds(-0.0001, 0.0) == "[0.0, 0.0]"
    assert (p_text(0.0004), p_text(0.04)) == ("p < .001", "p = .040")
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


@pytest.mark.parametrize(
    ("gain", "leads", "verdict", "control", "start"),
    [
        (0.1, {"generic": 0.05, "shuffled": 0.1}, Verdict.BY_CONTENT, None, "Helps by its content: "),
        (0.1, {"generic": 0.05, "shuffled": -0.03}, Verdict.NO_MORE, "shuffled", "Helps; no more than shuffled: "),
        (
            0.1,
            {"generic": 0.05, "shuffled": 0.0},
            Verdict.NOT_SHOWN_TO_BE_MORE,
            "shuffled",
            "Helps; not shown to be more than shuffled: ",
        ),
        (-0.1, {"generic": -0.05}, Verdict.WORSE, None, "Worse: "),
        (0.0, {"generic": 0.05}, Verdict.NOT_SHOWN, None, "Not shown: "),
    ],
)
def test_the_verdict_and_the_control_that_it_names(
    gain: float, leads: dict[str, float], verdict: Verdict, control: str | None, start: str
) -> None:
    c = concluded(gain, **leads)
    assert (c.verdict, c.control) == (verdict, control)
    assert sentence(c).startswith(f"{start}the rubrics of arr on demo, for qwen and gpt; positive in 2 of 2: ")
    assert c.verdict.helps == sentence(c).startswith("Helps")


def test_a_control_that_was_not_tested_leaves_the_cause_open() -> None:
    c = concluded(0.1, generic=0.05)
    c.leads += (Lead("shuffled", "few items", 3, 100),)
    decide([c])
    assert (c.verdict, c.control) == (Verdict.NOT_TESTED, "shuffled")
    assert "; shuffled has a rubric of its own for 3 of 100 items; 100 of 120 items." in sentence(c)


def test_judges_at_large_are_named_where_their_interval_excludes_zero() -> None:
    c = concluded(0.1, generic=0.05)
    c.families, c.over_judges = 5, {"none": Interval(0.01, 0.2), "generic": Interval(0.01, 0.1)}
    assert c.at_large and "so it is for judges at large: [1.0, 20.0] over 5 families" in sentence(c)
    c.over_judges["generic"] = Interval(-0.01, 0.1)
    assert not c.at_large and "at large" not in sentence(c)


def test_problems_and_bounds_stand_in_place_of_numbers() -> None:
    c = replace(concluded(0.1), shared=True)
    assert c.gain is not None
    c.gain.bounds = Interval(-0.1, 0.25)
    c.problems = (Problem("incomplete", "none", "gpt", 3, 4), Problem("unparsed", "generic", "", 0.1, 0.02))
    decide([c])
    assert sentence(c) == (
        "Cannot say: this rubric (arr) on demo, for qwen and gpt: incomplete: gpt, none: 3 of 4 answered; answers without a readable "
        "verdict differ: 10.0 % under transferred, 2.0 % under generic; over no rubric it is between -10.0 and +25.0 points."
    )


def test_the_bare_verdict_of_the_writer() -> None:
    c = concluded(0.1, generic=0.05)
    c.advice = contrast(-0.04, reference="advice")
    assert sentence(c).endswith(" Less than the writer's bare verdict, by 4.0 points [2.0, 6.0], p = .001.")
    c.advice.unequal = [Unequal("refused", 0.2, 0.0)]
    assert "Nothing is said of the writer's bare verdict: refused 20.0 % here, 0.0 % in advice." in sentence(c)
