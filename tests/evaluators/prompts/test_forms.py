"""The forms of a verdict: where they stand, and which one decides. Whole replies: docs/parsing.md, read by test_parsing.py."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from evaluators.prompts.forms import (
    Form,
    after_reasoning,
    alone,
    bracketed,
    decision,
    matched,
    named,
    tagged,
    undecorated,
)


def values(forms: Sequence[Form]) -> list[str | None]:
    return [f.value for f in forms]


@pytest.mark.parametrize(
    ("content", "plain"),
    [
        (" **2** ", "2"),
        ("“1”.", "1"),
        ("$\\boxed{2}$", "2"),
        ("[1]", "1"),
        ("（1）。", "1"),
        ("\u200b1\u00a0", "1"),
        ("2.5", "2.5"),
    ],
)
def test_what_changes_no_reading_is_left_out(content: str, plain: str) -> None:
    assert undecorated(content) == plain


@pytest.mark.parametrize(
    ("content", "name"), [("Response 1", "1"), ("the answer #2", "2"), ("**Image B**", "B"), ("Response", "Response")]
)
def test_a_noun_before_the_number_is_left_out(content: str, name: str) -> None:
    assert named(content) == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<answer>1</answer> or <ANSWER> 2 </answer >", ["1", "2"]),
        ("&lt;answer&gt;1&lt;/answer&gt;", ["1"]),
        ("<answer>2", ["2"]),
        ("1</answer>", [None]),
        ("<answer>1</answer></answer>", ["1"]),
        ("<answer>1<answer>2</answer>", [None, "2"]),
        ("no form", []),
    ],
)
def test_tags(text: str, expected: list[str | None]) -> None:
    forms = tagged(text, "answer", named)
    assert values(forms) == expected
    assert all(0 <= f.start <= f.inside <= f.end <= len(text) for f in forms)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[A]] and [[B]]", ["A", "B"]),
        ("\\[\\[A\\]\\]", ["A"]),
        ("[[A", ["A"]),
        ("[[A and so on.", [None]),
        ("A]]", [None]),
    ],
)
def test_brackets(text: str, expected: list[str | None]) -> None:
    assert values(bracketed(text, lambda c: c if c in "AB" else None)) == expected


def test_patterns_and_whole_texts() -> None:
    pattern = re.compile(r"winner: (\w)|(\w) wins")
    assert values(matched("winner: A. No, B wins.", pattern, named)) == ["A", "B"]
    assert values(alone(" 2. ", named)) == ["2"]
    assert alone("?", lambda content: None) == []
    assert values(tagged("<answer>" + "1" * 300 + "</answer>", "answer", named)) == [None], "a text, and no verdict"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("At first <answer>2</answer>.\nBut the sign says STOP.\n<answer>1</answer>", "1"),
        ("<answer>1</answer>\n<answer>?</answer>", None),
        ("Either <answer>1</answer> or <answer>2</answer>", None),
        ("I would not choose <answer>1</answer>", None),
        ("Use one of:\n- <answer>1</answer>\n- <answer>2</answer>", None),
        ("- <answer>1</answer> if the first is better\n- <answer>2</answer> otherwise\n\nIt is.\n<answer>1</answer>", "1"),
        ("1. Tone: <answer>1</answer>", None),
        ("Overall: <answer>1</answer>", "1"),
        ("", None),
    ],
)  # fmt: skip
def test_which_form_decides(text: str, value: str | None) -> None:
    form = decision(text, tagged(text, "answer", lambda c: named(c) if named(c) in "12" else None))
    assert (form and form.value) == value


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("<think>hm</think>1", "1"),
        ("hm</think>1", "1"),
        ("<think>hm", None),
        ("1", "1"),
        ("A <think> is quoted here", "A <think> is quoted here"),
        ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>1<|return|>", "1"),
        ("analysisHm.assistantfinal1", "1"),
        ("analysisHm.", None),
    ],
)
def test_reasoning_comes_before_the_reply(text: str, reply: str | None) -> None:
    assert after_reasoning(text) == reply


def test_reasoning_in_the_middle_is_blanked_in_place() -> None:
    text = "Well. <think>2?</think> So 1."
    reply = after_reasoning(text)
    assert reply == "Well." + 19 * " " + "So 1." and len(reply) == len(text)
