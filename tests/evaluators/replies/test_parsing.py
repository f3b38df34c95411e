"""Strict parsing: what counts as a verdict, and what does not. The tables of docs/parsing.md are the tests."""

from __future__ import annotations

import math
import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evaluators.errors import BackendError
from evaluators.prompts.grading import PAIR, Grading, Question
from evaluators.records import Answer, Criterion
from evaluators.replies.digits import masses
from evaluators.replies.finish import CUT, FAILED, FILTERED, check_finished
from evaluators.replies.parsing import EACH, FORMATS, OWN_PROMPTS, Parsed, parse

DOCS = Path(__file__).parents[3] / "docs" / "parsing.md"
ROW = re.compile(r"\| (\w+) \| `(.+)` \| ([^|]+) \|")
LISTWISE, POINTWISE = Question(Grading("listwise"), 3), Question(Grading("pointwise"), 1)


def question(form: str) -> Question:
    return {"ranking": LISTWISE, "score": POINTWISE}.get(form, PAIR)


def read(text: str, finish: str | None = "stop", form: str = "tag") -> tuple[str, int | None]:
    parsed = parse(Answer(text, form, finish_reason=finish))
    return parsed.status, parsed.choice


def rows() -> list[tuple[str, str, str]]:
    """(format, reply, verdict) of every row of the tables."""
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    cells = (ROW.fullmatch(line) for line in lines)
    return [(m[1], m[2].replace("⏎", "\n").replace("\\|", "|"), m[3]) for m in cells if m and m[1] in FORMATS]


def said(parsed: Parsed) -> str:
    if parsed.ranks is not None:
        return " > ".join(str(n + 1) for n in sorted(range(len(parsed.ranks)), key=parsed.ranks.__getitem__))
    if parsed.score is not None:
        return f"{parsed.score:g}"
    return {"ok": str(parsed.choice), "unparsed": "none"}.get(parsed.status, parsed.status)


def test_the_page_has_its_tables() -> None:
    assert len(rows()) > 90
    assert {form for form, _, _ in rows()} >= {"tag", "double_bracket", "four_way", "score", "ranking", "plain"}


@pytest.mark.parametrize(("form", "reply", "verdict"), rows())
def test_the_tables_of_the_page(form: str, reply: str, verdict: str) -> None:
    assert said(parse(Answer(reply, form, finish_reason="stop"), question(form))) == verdict


@pytest.mark.parametrize("form", ["proxy_grm", "r1_reward"])
def test_tags_of_other_programs_are_read_by_the_same_rules(form: str) -> None:
    assert read("<answer>2</answer> was a draft.\n<answer>**1**</answer>", form=form) == ("ok", 1)
    assert read("<answer>1</answer>\n<answer>2</answer>", form=form) == ("unparsed", None)


def test_blocks_of_verdicts_follow_the_same_rules() -> None:
    two = Question(Grading(decision="criteria"), 2, (Criterion("a", "a"), Criterion("b", "b")))
    good, torn = "<verdicts>\n1: 2\n2: **2**\n</verdicts>", "<verdicts>\n1: 1\n</verdicts>"
    assert parse(Answer(good, "verdicts"), two).choice == 2
    assert parse(Answer(f"{good}\nNo:\n{torn}", "verdicts"), two).status == "unparsed", "not the earlier block"
    form = "<verdicts>\n1: VERDICT\n2: VERDICT\n</verdicts>"
    assert parse(Answer(f"The form is:\n{form}\n{good}", "verdicts"), two).choice == 2


@pytest.mark.parametrize(
    "reason",
    sorted(
        {*CUT, "MAX_TOKENS", "Max-Tokens", "LENGTH", "maxTokens", "FinishReason.MAX_TOKENS", "FINISH_REASON_MAX_TOKENS"}
    ),
)
def test_a_reply_cut_by_a_limit_has_decided_nothing(reason: str) -> None:
    for form in ("tag", "proxy_grm"):
        assert read("<answer>1</answer> and further", reason, form) == ("truncated", None)


@pytest.mark.parametrize("reason", sorted({*FILTERED, "SAFETY", "RECITATION", "content_filter: RECITATION"}))
def test_a_refusal_is_no_verdict(reason: str) -> None:
    assert read("<answer>1</answer>", reason) == ("refused", None)
    assert read("", reason) == ("refused", None)
    assert parse(Answer("", "tag", refusal="I will not judge this")).status == "refused"


@pytest.mark.parametrize("reason", sorted({*FAILED, "ERROR", "pause_turn", "COMPLETE", "tool_calls"}))
def test_what_its_server_did_not_finish_is_an_error(reason: str) -> None:
    assert read("Draft: <answer>1</answer>. But the sec", reason) == ("error", None)
    with pytest.raises(BackendError, match=reason):
        check_finished(reason)


def test_a_judge_may_name_reasons_of_its_server_that_mean_a_whole_answer() -> None:
    answer = Answer("<answer>1</answer>", "tag", finish_reason="COMPLETE")
    assert parse(answer, complete_reasons=("complete",)).choice == 1
    with pytest.raises(BackendError, match=r"complete_reasons: \[COMPLETE\]"):
        check_finished("COMPLETE")


@pytest.mark.parametrize("reason", [None, "", "stop", "STOP", "eos", "eos_token", "end_turn", "stop_sequence"])
def test_complete_answers_are_read(reason: str | None) -> None:
    assert read("<answer>1</answer>", reason) == ("ok", 1)


@given(st.text(), st.sampled_from(OWN_PROMPTS))
def test_any_text_parses_to_one_status(text: str, form: str) -> None:
    status, choice = read(text, form=form)
    assert (status == "ok") == (choice in (1, 2))


_BITS = st.sampled_from(
    [
        "<answer>1</answer>",
        "<answer>2</answer>",
        "<answer>x</answer>",
        "<answer>",
        "</answer>",
        "**1**",
        "[[A]]",
        "[[B]]",
        "[[A",
        "]]",
        "\n",
        "\n\n",
        "1. ",
        "2. ",
        "- ",
        " if ",
        " not ",
        "Tone: ",
        "Verdict: ",
        "<think>",
        "</think>",
        "or",
        ",",
        ".",
        "better ",
    ]
)


@given(st.lists(_BITS, max_size=30).map("".join))
def test_no_earlier_verdict_stands_in_for_a_later_one(text: str) -> None:
    """Whatever came before, a last form that cannot be read leaves the reply undecided."""
    assert read(f"{text}\n<answer>neither</answer>")[0] == "unparsed"
    assert read(f"{text}\n[[neither]]", form="double_bracket")[0] == "unparsed"


@given(st.lists(_BITS, max_size=30).map("".join), st.sampled_from([1, 2]))
@example("<answer>2</answer>\n", 1)
def test_a_verdict_on_a_line_of_its_own_after_a_sentence_counts(text: str, choice: int) -> None:
    if "<answer" in text.rpartition("</think>")[2].rpartition("\n")[2]:
        text += "</answer>"
    end = f"\nI have looked at both of them.\nThat settles it.\n<answer>{choice}</answer>"
    assert read(f"<think>x</think>{text}{end}") == ("ok", choice)


@given(st.lists(_BITS, max_size=30).map("".join), st.sampled_from(["tag", "double_bracket"]))
def test_a_choice_is_always_what_the_last_form_says(text: str, form: str) -> None:
    parsed = parse(Answer(text, form))
    if parsed.status == "ok":
        ends = {"tag": ("<answer>1", "<answer>2"), "double_bracket": ("[[A", "[[B")}[form]
        last = [text.rfind(end) for end in ends]
        assert parsed.choice == 1 + last.index(max(last))


@pytest.mark.parametrize(
    "text",
    [
        "<answer>" * 40_000,
        "[[" * 80_000,
        "1,\n" * 60_000 + "<answer>1</answer>",
        " " * 200_000 + ": <answer>1</answer>",
        "<answer>1</answer>\n" * 10_000,
        "1. " * 60_000 + "[[A]]",
        "<think></think>" * 12_000,
        "x <think>a</think>" * 12_000,
    ],
    ids=[
        "open tags",
        "open brackets",
        "one long sentence",
        "blanks",
        "many verdicts",
        "many items",
        "closed",
        "blocks",
    ],
)
def test_hostile_replies_take_linear_time(text: str) -> None:
    started = time.process_time()
    for form in ("tag", "double_bracket", "answer_is_better", "better_response"):
        read(text, form=form)
    assert time.process_time() - started < 3


def test_several_different_forms_are_counted() -> None:
    assert parse(Answer("<answer>2</answer> first.\nThen:\n<answer>1</answer>", "tag")).forms == 2
    assert parse(Answer("<answer>1</answer>\n<answer>1</answer>", "tag")).forms == 1
    assert parse(Answer("nothing", "tag")).forms == 0


# ---- one-token answers ----


def direct(*tops: tuple[str, float], question: Question = PAIR) -> Parsed:
    logprobs = tuple((t, math.log(p) if p else -math.inf) for t, p in tops)
    return parse(Answer("1", "token", finish_reason="length", top_logprobs=logprobs), question)


def test_direct_sums_over_all_tokenisations() -> None:
    parsed = direct(("1", 0.3), (" 1", 0.2), ("▁2", 0.2), ("Ċ2", 0.05), ("The", 0.1))
    assert parsed.p is not None and parsed.p.first == pytest.approx(0.5 / 0.75)
    assert (parsed.status, parsed.choice) == ("ok", 1)
    assert parsed.p.mass == pytest.approx(0.75)


def test_a_sure_digit_stands_though_the_other_is_not_listed() -> None:
    """ "2" has at most what is left over, 0.01: nothing can change the choice, but P is not known."""
    parsed = direct(("1", 0.95), ("The", 0.04))
    assert (parsed.status, parsed.choice) == ("ok", 1)
    assert parsed.p is not None and parsed.p.first is None and parsed.p.mass == pytest.approx(0.95)


def test_a_digit_that_the_unlisted_one_might_beat_is_none() -> None:
    assert direct(("The", 0.5), ("A", 0.1), ("1", 0.1)).status == "unparsed", "2 may have 0.1 as well"
    assert direct(("The", 0.9)).status == "unparsed"
    assert direct().status == "unparsed"


def test_a_listed_probability_of_zero_is_zero() -> None:
    """-Infinity is how some servers write it."""
    parsed = direct(("1", 0.6), ("2", 0.0), ("The", 0.4))
    assert (parsed.status, parsed.choice) == ("ok", 1)


def test_ties_that_were_offered_are_bounded_too() -> None:
    allowed = Question(Grading(ties="allowed"))
    assert direct(("The", 0.4), ("1", 0.2), ("2", 0.15), ("A", 0.2), question=allowed).status == "ok", (
        "a 3 has at most 0.05"
    )
    assert direct(("The", 0.5), ("1", 0.12), ("2", 0.1), question=allowed).status == "ok"
    assert direct(("1", 0.12), ("2", 0.12), ("3", 0.2), question=allowed).status == "tie"


def test_one_visible_digit_is_no_score() -> None:
    assert direct(("1", 0.3), ("The", 0.2), ("A", 0.2), question=POINTWISE).status == "unparsed", "it is not 1.0"
    sure = direct(("8", 0.999), ("The", 0.0005), question=POINTWISE)
    assert sure.status == "ok" and sure.score == 8


def test_below_the_floor_nothing_is_decided() -> None:
    """The model would have written `<think>`: what the digits say is noise."""
    parsed = direct(("<think>", 1 - 1e-8), ("1", 6e-9), ("2", 2e-9))
    assert parsed.status == "low_mass" and parsed.choice == 1
    assert direct(("<think>", 0.94), ("1", 0.05), ("2", 0.005)).status == "ok"


def test_criteria_by_token_are_bounded_too() -> None:
    two = Question(Grading(decision="criteria"), 2, (Criterion("a", "a", 1.0), Criterion("b", "b", 1.0)))

    def each(*calls: dict[str, float]) -> Parsed:
        listed = tuple(tuple((t, math.log(p)) for t, p in call.items()) for call in calls)
        return parse(Answer("", EACH, each=listed), two)

    assert each({"1": 0.9, "2": 0.05}, {"1": 0.8, "2": 0.1}).choice == 1
    sure = each({"1": 0.97, "x": 0.01}, {"1": 0.96, "x": 0.02})
    assert sure.choice == 1 and [c.p for c in sure.criteria] == [None, None]
    assert each({"1": 0.3, "x": 0.3}, {"1": 0.9, "2": 0.05}).status == "unparsed", "a 2 may have as much"
    assert each({"1": 0.6, "x": 0.3}, {"2": 0.62, "y": 0.3}).status == "unparsed", "the sum may lean either way"
    assert each({"1": 1e-6, "2": 1e-7, "x": 0.99}, {"1": 0.9, "2": 0.1}).status == "low_mass"


@given(st.floats(1e-6, 0.5), st.floats(1e-6, 0.5))
def test_direct_probabilities_are_probabilities(a: float, b: float) -> None:
    parsed = direct(("1", a), ("2", b))
    assert parsed.p is not None and parsed.p.first is not None
    assert 0 <= parsed.p.first <= 1
    assert parsed.p.mass == pytest.approx(a + b)


@given(st.dictionaries(st.integers(1, 9).map(str), st.floats(1e-9, 0.11), max_size=9), st.floats(1e-9, 0.01))
def test_no_value_of_an_unlisted_digit_moves_a_score_that_stands(listed: dict[str, float], least: float) -> None:
    tokens = [(d, math.log(p)) for d, p in listed.items()] + [("x", math.log(least))]
    digits = masses(tokens, range(1, 10))
    score = digits.expected(range(1, 10))
    missing = digits.missing()
    if score is not None and missing:
        for digit in missing:
            moved = {**digits.listed, digit: digits.bound}
            mean = sum(d * p for d, p in moved.items()) / sum(moved.values())
            assert abs(mean - score) <= 0.05 + 1e-9
