"""Proxy-GRM's writer: a structural parser that names each fault, and where the reference's own code is wrong."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.records import Answer
from evaluators.writers.base import Draft
from evaluators.writers.methods import proxy_grm
from evaluators.writers.methods.proxy_grm import VIOLATIONS, parse

RUBRIC = "1. Count (60%): the number of cups is right\n2. Colour (40%): the colours match"
WHOLE = f"<rubric>\n{RUBRIC}\n<justify>Cups are asked for.</justify>\n</rubric>\n<eval>R1 counts three.</eval>\n<answer>1</answer>"


def taken(text: str, blind: bool = False, finish: str = "stop") -> Draft:
    return parse(Answer(text, "proxy_grm", finish_reason=finish), blind)


def test_a_whole_answer() -> None:
    draft = taken(WHOLE)
    assert (draft.rubric, draft.justify, draft.evaluation) == (RUBRIC, "Cups are asked for.", "R1 counts three.")
    assert (draft.verdict, draft.violations) == (1, ())
    assert [(c.name, c.weight) for c in draft.criteria] == [("Count", 60.0), ("Colour", 40.0)]
    assert draft.criteria[0].description == "the number of cups is right"


@pytest.mark.parametrize(
    ("text", "violations", "has_rubric", "verdict"),
    [
        (WHOLE.replace("</rubric>", ""), {"unclosed_rubric", "misplaced_justify", "text_outside"}, False, 1),
        (WHOLE.replace("<rubric>", "").replace("</rubric>", ""), {"missing_rubric", "misplaced_justify", "text_outside"}, False, 1),
        (WHOLE + "\n<answer>2</answer>", {"duplicate_answer"}, True, None),
        (WHOLE.replace("<answer>1", "<answer>banana"), {"bad_verdict"}, True, None),
        (WHOLE.replace("<answer>1", "<answer>10"), {"bad_verdict"}, True, None),
        (WHOLE.replace("<answer>1", "<answer>"), {"empty_answer"}, True, None),
        (WHOLE.replace("60%", "50%"), {"weights_do_not_sum"}, True, 1),
        (WHOLE.replace(" (60%)", ""), {"no_weights"}, True, 1),
        (WHOLE.replace("R1 counts three.", " "), {"empty_eval"}, True, 1),
        (f"Sure!\n{WHOLE}", {"text_outside"}, True, 1),
        (WHOLE.replace("</justify>", ""), {"unclosed_justify"}, True, 1),
        (f"<rubric><eval>x</eval>{RUBRIC}</rubric><answer>1</answer>", {"nested_tags"}, False, 1),
        (f"<answer>1</answer><rubric>{RUBRIC}</rubric><eval>x</eval>", {"wrong_order"}, True, 1),
        ("<think><summary>x</summary></think><answer>1</answer>", {"missing_rubric", "missing_eval"}, False, 1),
        (f"<rubric>{RUBRIC}</rubric><rubric>{RUBRIC}</rubric><eval>x</eval><answer>2</answer>", {"duplicate_rubric"}, False, 2),
        (f"<rubric>{RUBRIC}<justify>a<justify></rubric><eval>x</eval><answer>2</answer>", {"duplicate_justify"}, True, 2),
        ("<rubric><justify>only</justify></rubric><eval>x</eval><answer>2</answer>", {"empty_rubric"}, False, 2),
    ],
)  # fmt: skip
def test_each_fault_has_a_name(text: str, violations: set[str], has_rubric: bool, verdict: int | None) -> None:
    draft = taken(text)
    assert set(draft.violations) == violations <= set(VIOLATIONS)
    assert (bool(draft.rubric), draft.verdict) == (has_rubric, verdict)


def test_harmless_layout_is_no_fault() -> None:
    """The reference's format check failed on a trailing space, an indented <eval> and <rubric_item> children."""
    items = "<rubric_item>Count (60%): right number</rubric_item>\n<rubric_item>**Colour** - 40%: match</rubric_item>"
    draft = taken(f"  <rubric>{items}</rubric>\n   <eval>x</eval>\n<answer> 2 </answer>  ")
    assert draft.violations == () and draft.verdict == 2
    assert [(c.name, c.weight) for c in draft.criteria] == [("Count", 60.0), ("Colour", 40.0)]


@pytest.mark.parametrize(
    ("rubric", "criteria", "violations"),
    [
        (
            "1. Accuracy (60%): right\n   - names the object\n2. Clarity (40%): clear",
            [("Accuracy", 60), ("Clarity", 40)],
            (),
        ),
        ("1. Facts (60%): right\n   - at least 90% hold\n2. Form (40%): clear", [("Facts", 60), ("Form", 40)], ()),
        ("Criteria, weights total 100%:\n1. A (60%): x\n2. B (40%): y", [("A", 60), ("B", 40)], ()),
        ("1. A: an error in over 50% of facts is fatal (60%)\n2. B: y (40%)", [("A", 60), ("B", 40)], ()),
        ("Accuracy, 60%: right\nClarity, 40%: clear", [("Accuracy", 60), ("Clarity", 40)], ()),
        ("1. A (60%): x\n2. B: y", [("A", 60), ("B", None)], ("no_weights",)),
    ],
)
def test_criteria_are_found_where_they_stand(
    rubric: str, criteria: list[tuple[str, int | None]], violations: tuple[str, ...]
) -> None:
    draft = taken(f"<rubric>{rubric}</rubric><eval>x</eval><answer>1</answer>")
    assert [(c.name, None if math.isnan(c.weight) else c.weight) for c in draft.criteria] == criteria
    assert draft.violations == violations


def test_nothing_past_the_rubric_is_ever_read() -> None:
    """The reference sent the whole output, answer included, to the proxy where `</rubric>` was missing."""
    for text in (WHOLE, WHOLE.replace("</rubric>", ""), WHOLE.replace("</justify>", ""), WHOLE.replace("<rubric>", "")):
        draft = taken(text)
        assert (
            "R1 counts" not in draft.rubric
            and "answer" not in draft.rubric
            and "Cups are asked for" not in draft.rubric
        )


def test_blind_writers_and_answers_that_are_none() -> None:
    blind = taken(f"<rubric>{RUBRIC}</rubric>", blind=True)
    assert blind.violations == () and blind.rubric == RUBRIC and blind.verdict is None
    assert taken("<think>long thoughts about <rubric>").violations == ("no_answer",)
    cut = taken(WHOLE[:-9], finish="length")
    assert cut.rubric == RUBRIC and {"truncated", "unclosed_answer"} <= set(cut.violations)
    assert taken(f"<think><rubric>draft</rubric></think>{WHOLE}").violations == ()
    refusal = parse(Answer("", "proxy_grm", refusal="no"), False)
    assert refusal.violations == ("refused",) and not refusal.rubric


pieces = st.sampled_from(
    [
        "<rubric>",
        "</rubric>",
        "<justify>",
        "</justify>",
        "<eval>",
        "</eval>",
        "<answer>",
        "</answer>",
        "1",
        "2",
        "x (50%)",
        "\n",
        " ",
    ]
)


@given(st.lists(pieces, max_size=14).map("".join))
def test_any_arrangement_is_parsed_and_no_tag_ends_up_in_a_rubric(text: str) -> None:
    draft = taken(text)
    assert set(draft.violations) <= set(VIOLATIONS)
    assert "<eval>" not in draft.rubric and "<answer>" not in draft.rubric and "justify>" not in draft.rubric
    assert draft.verdict in (None, 1, 2) and all(math.isnan(c.weight) or c.weight >= 0 for c in draft.criteria)
    if not draft.violations:
        assert draft.rubric and draft.verdict


def test_which_violations_are_faults() -> None:
    violations = ("unclosed_eval", "empty_answer", "weights_do_not_sum", "text_outside")
    assert proxy_grm.faults(violations) == violations
    assert proxy_grm.faults(violations, "tags") == ("unclosed_eval", "text_outside")
    assert proxy_grm.faults(violations, allow=["text_outside"]) == violations[:3]
    assert set(proxy_grm.CONTENT) < set(proxy_grm.VIOLATIONS)
