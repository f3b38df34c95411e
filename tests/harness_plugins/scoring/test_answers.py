"""The answer first: a headline, and a sentence a writer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness_plugins import run, score
from harness_plugins.scoring.answers import headline, question, writer_sentence, writer_sentences
from harness_plugins.scoring.cells import Contrast
from harness_plugins.scoring.conclusions import Conclusion, Lead, decide
from tests.conftest import ROOT
from tests.harness_plugins.scripted_judges import BY_CONTENT, FEW, MORE, OTHERS, Right, judge, judged, written


@pytest.mark.parametrize(
    ("right", "short", "sentence"),
    [
        (BY_CONTENT, "w's rubrics help by their content.",
         "w's rubrics help a and b by their content: +30.0 points on pairs, more than generic rubrics and rubrics for other items."),
        (BY_CONTENT | {"shuffled": OTHERS}, "w's rubrics help, not shown to be more than rubrics for other items.",
         "w's rubrics help a and b: +30.0 points on pairs; it is not shown to be more than rubrics for other items do."),
        (BY_CONTENT | {"shuffled": MORE | {8, 9}}, "w's rubrics help no more than rubrics for other items.",
         "w's rubrics help a and b: +30.0 points on pairs, but no more than rubrics for other items do."),
        (BY_CONTENT | {"transferred": {0}}, "w's rubrics make judges worse.",
         "w's rubrics make a and b worse: -40.0 points on pairs."),
        (BY_CONTENT | {"transferred": {0, 1, 2, 3, 5}}, "w's rubrics make no difference that can be shown.",
         "w's rubrics make no difference for a and b that 40 items of pairs (+0.0 points) can show."),
    ],
)  # fmt: skip
def test_each_verdict_in_words(tmp_path: Path, right: Right, short: str, sentence: str) -> None:
    report = judged(tmp_path, {"a": judge(right), "b": judge(right)})
    assert question(report) == "Does this rubric make another judge better?"
    assert (headline(report), writer_sentences(report)) == (short, [sentence])


def test_what_was_not_tested_is_named(tmp_path: Path) -> None:
    report = judged(tmp_path, {"a": judge(BY_CONTENT)}, arms="none, generic, transferred")
    assert headline(report) == "w's rubrics help, the cause not tested."
    (sentence,) = writer_sentences(report)
    assert sentence.endswith("; whether by their content was not tested (shuffled was not run).")


def test_writers_with_one_outcome_share_a_headline(tmp_path: Path) -> None:
    rubrics = {name: written(name) for name in ("w", "v")}
    report = judged(tmp_path, {"a": judge(BY_CONTENT), "b": judge(BY_CONTENT)}, rubrics=rubrics)
    assert headline(report) == "The rubrics of w and v help by their content."
    assert len(writer_sentences(report)) == 2


def test_four_judges_are_a_number(tmp_path: Path) -> None:
    report = judged(tmp_path, {name: judge(BY_CONTENT) for name in "abcd"})
    assert writer_sentences(report)[0].startswith("w's rubrics help 4 judges by their content: ")


def test_nothing_can_be_said_of_baselines(tmp_path: Path) -> None:
    report = score(run(ROOT / "examples" / "demo.yaml", out=tmp_path, limit=8).out)
    reason = "no model judged, and baselines are no evidence of transfer."
    assert headline(report) == f"Cannot say: {reason}"
    assert writer_sentences(report) == [f"Cannot say of careful's and vague's rubrics: {reason}"]


def test_without_rubrics_it_says_how_good_the_judges_are(tmp_path: Path) -> None:
    right = {"a": MORE, "b": FEW}
    report = judged(
        tmp_path, {n: judge({"none": x, "transferred": x}) for n, x in right.items()}, arms="none", rubrics={}
    )
    assert question(report) == "How good are these judges?"
    assert headline(report) == "a is right on 80.0 % of 40 items, b on 50.0 %. b is not told from guessing."


def test_benchmarks_with_one_verdict_share_a_clause_and_others_have_their_own(tmp_path: Path) -> None:
    """A writer that has one of the run's two benchmarks is not said to help on all of them."""
    helps, nothing = contrast(0.3, 0.001), contrast(0.0, 0.9)
    every = [
        concluded("w", "a", helps),
        concluded("w", "b", helps),
        concluded("v", "a", helps),
        concluded("v", "b", nothing),
    ]
    report = replace(judged(tmp_path, {"a": judge(BY_CONTENT)}), conclusions=every)
    assert headline(report) == (
        "w's rubrics help by their content on both benchmarks. v's rubrics help by their content on a; make no difference that can be "
        "shown on b."
    )
    assert writer_sentence(every[:2]) == (
        "w's rubrics help j by their content: +30.0 points on a and +30.0 points on b, more than generic rubrics."
    )
    alone = replace(report, conclusions=[*every[:2], every[2]])
    assert headline(alone).endswith(" v's rubrics help by their content on a.")


def contrast(value: float, p: float) -> Contrast:
    return Contrast("x", 100, 100 * value, value, value - 0.1, value + 0.1, p, 0.1)


def concluded(writer: str, benchmark: str, gain: Contrast) -> Conclusion:
    leads = (Lead("generic", "tested", 100, 100, gain),)
    conclusion = Conclusion(benchmark, writer, judges=("j",), gain=gain, leads=leads, of_items=100)
    decide([conclusion])
    return conclusion
