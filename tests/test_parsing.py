"""Strict parsing: what counts as a verdict, and what does not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.parsing import OWN_PROMPTS, Parsed, parse
from evaluators.records import Answer


def read(text: str, finish: str | None = "stop", form: str = "tag") -> tuple[str, int | None]:
    found = parse(Answer(text, form, finish_reason=finish))
    return found.status, found.choice


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<answer>1</answer>", ("ok", 1)),
        ("Reasons.\n<answer> 2 </answer>\n", ("ok", 2)),
        ("<answer>2</answer> wait, no: <answer>1</answer>", ("ok", 1)),
        ("<answer>1</answer> as in the example <answer>1/2</answer>", ("ok", 1)),
        ("<think>maybe <answer>2</answer></think><answer>1</answer>", ("ok", 1)),
        ("the template opened it: <answer>2</answer></think>\n<answer>1</answer>", ("ok", 1)),
        ("<answer>tie</answer>", ("tie", None)),
        ("<think>I lean to <answer>2</answer>", ("unparsed", None)),
        ("<answer>10</answer>", ("unparsed", None)),
        ("<answer>Response 1</answer>", ("unparsed", None)),
        ("<answer>banana</answer>", ("unparsed", None)),
        ("Response 1 is better", ("unparsed", None)),
        ("1. Accuracy (40%)\n2. Clarity (20%) ... Chatbot 2 hall", ("unparsed", None)),
        ("", ("unparsed", None)),
    ],
)
def test_tagged_verdicts(text: str, expected: tuple[str, int | None]) -> None:
    assert read(text) == expected


def test_a_reply_cut_by_the_limit_has_decided_nothing() -> None:
    assert read("<answer>1</answer> and further", "length") == ("truncated", None)


def test_a_refusal_is_no_verdict() -> None:
    assert read("<answer>1</answer>", "content_filter") == ("refused", None)
    assert parse(Answer("", "tag", refusal="I will not judge this")).status == "refused"


def test_formats_of_other_prompts() -> None:
    assert read("[[A]] looks fine, but [[B]]", form="double_bracket") == ("ok", 2)
    assert read("[[C]]", form="double_bracket") == ("tie", None)
    assert read("Overall Judgment: Answer 2 is slightly better.", form="answer_is_better") == ("ok", 2)
    assert read(" 2.", form="plain") == ("ok", 2)
    assert read("2 it is", form="plain") == ("unparsed", None)


@given(st.text(), st.sampled_from(OWN_PROMPTS))
def test_any_text_parses_to_one_status(text: str, form: str) -> None:
    status, choice = read(text, form=form)
    assert (status == "ok") == (choice in (1, 2))


@given(st.text(), st.sampled_from([1, 2]))
def test_a_final_verdict_counts_whatever_was_said_before(text: str, choice: int) -> None:
    assert read(f"<think>x</think>{text}\n<answer>{choice}</answer>") == ("ok", choice)


def direct(*tops: tuple[str, float]) -> Parsed:
    return parse(Answer("1", "token", finish_reason="length", top_logprobs=tuple((t, math.log(p)) for t, p in tops)))


def test_direct_sums_over_all_tokenisations() -> None:
    found = direct(("1", 0.3), (" 1", 0.2), ("▁2", 0.2), ("Ċ2", 0.05), ("The", 0.1))
    assert found.p is not None
    assert found.status == "ok"
    assert found.choice == 1
    assert found.p.first == pytest.approx(0.5 / 0.75)
    assert found.p.mass == pytest.approx(0.75)


def test_direct_without_one_of_the_two_is_unparsed_not_certain() -> None:
    assert direct(("1", 0.9), ("The", 0.1)) == Parsed("unparsed", parser="token/1")


@given(st.floats(1e-6, 0.5), st.floats(1e-6, 0.5))
def test_direct_probabilities_are_probabilities(a: float, b: float) -> None:
    found = direct(("1", a), ("2", b))
    assert found.p is not None
    assert 0 <= found.p.first <= 1
    assert found.p.mass == pytest.approx(a + b)
