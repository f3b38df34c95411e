"""Verdict mode `reasoned`: reason in text, then the probabilities at the place of the verdict, by one more token."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.errors import BackendError, UserError
from evaluators.messages import ChatRequest
from evaluators.prompts.template import Case
from evaluators.records import Answer, Candidate, Item, Label
from evaluators.replies.parsing import REASONED, begun, parse
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import mock_chat_judge
from evaluators.testing.mock_server import MockServer
from harness_plugins import run, score
from tests.conftest import MakePairs, read_jsonl


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("Good.\n<answer>2</answer>", "Good.\n<answer>"),
        (
            "<answer>1</answer> no:\nit is this:\n<answer> 2 </answer> end",
            "<answer>1</answer> no:\nit is this:\n<answer>",
        ),
        ("<think><answer>1</answer></think>So\n<ANSWER>2</ANSWER>", "<think><answer>1</answer></think>So\n<ANSWER>"),
        ("<think><answer>1</answer>", None),
        ("no verdict, <answer>3</answer>", None),
    ],
)
def test_where_the_verdict_begins(text: str, start: str | None) -> None:
    assert begun(text) == start


@given(st.text(max_size=40), st.sampled_from(["1", "2", "tie"]), st.text(alphabet="ab <>", max_size=10))
def test_what_is_continued_is_a_start_of_what_was_said(before: str, verdict: str, after: str) -> None:
    text = f"{before}<answer>{verdict}</answer>{after}"
    start = begun(text)
    if start is not None:
        assert text.startswith(start) and re.search(r"<answer>$", start, re.I)


TOPS = (("1", -0.1), ("2", -2.5), (" 1", -4.0))


@pytest.mark.parametrize(
    ("answer", "status", "choice", "has_p"),
    [
        (Answer("so <answer>2</answer>", REASONED, top_logprobs=TOPS), "ok", 2, True),
        (Answer("so <answer>2</answer>", REASONED, top_logprobs=(("1", -0.1),)), "ok", 2, False),
        (Answer("so", REASONED), "unparsed", None, False),
        (Answer("so", REASONED, finish_reason="length"), "truncated", None, False),
        (Answer("", REASONED, refusal="no"), "refused", None, False),
    ],
)
def test_the_text_decides_and_the_probabilities_stand_beside_it(
    answer: Answer, status: str, choice: int | None, has_p: bool
) -> None:
    parsed = parse(answer)
    assert (parsed.status, parsed.choice, parsed.p is not None) == (status, choice, has_p)


def config(url: str) -> str:
    judge = f"{{name: m, backend: openai, model: m, base_url: '{url}', verdict: reasoned, retries: 0}}"
    return f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\narms: [none, generic]\njudges: [{judge}]\nout: out\n"


def test_a_run(make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path) -> None:
    make_pairs(5)

    def answer(body: dict[str, Any]) -> str:
        return "1" if body.get("continue_final_message") else "I looked.\n<answer>1</answer>"

    with MockServer(answer=answer, keep=True).running() as server:
        assert run(write_config(config(server.url))).complete
        asked = server.bodies[1:]  # the first is the probe
    seconds = [b for b in asked if b.get("continue_final_message")]
    assert len(asked) == 2 * len(seconds) == 2 * 20
    for body in seconds:
        (first,) = [b for b in asked if b["messages"] == body["messages"][:-1]]
        assert first["max_tokens"] == 4096 and "logprobs" not in first
        assert body["messages"][-1] == {"role": "assistant", "content": "I looked.\n<answer>"}
        assert (body["max_tokens"], body["top_logprobs"], body["add_generation_prompt"]) == (1, 20, False)
    verdict = read_jsonl(tmp_path / "out" / "verdicts.jsonl")[0]
    assert verdict["p"]["first"] == pytest.approx(0.85 / 0.95) and verdict["parser"] == "reasoned/2"
    assert verdict["answer"]["text"].startswith("I looked.") and verdict["answer"]["usage"]["completion_tokens"] == 40
    assert score(tmp_path / "out").cells[0].metrics["accuracy_aggregated"].n == 5


def test_a_server_that_cannot_is_refused_before_anything_is_paid(
    make_pairs: MakePairs, write_config: Callable[[str], Path]
) -> None:
    make_pairs(2)
    with MockServer(logprobs=False).running() as server:
        with pytest.raises(UserError, match="cannot do `verdict: reasoned`"):
            run(write_config(config(server.url)))
        assert server.asked == 1


def test_a_second_call_that_cannot_succeed_leaves_what_the_text_says() -> None:
    """The reasoning is paid for: its verdict stands, without a probability."""

    def reply(request: ChatRequest) -> str | BackendError:
        return BackendError("rejected", "no continuing here") if request.continues else "So.\n<answer>2</answer>"

    spec = JudgeSpec(name="m", backend="openai", model="m", base_url="http://unused.invalid/v1", verdict="reasoned")
    judge = mock_chat_judge(spec, reply)
    candidates = (Candidate("a"), Candidate("b"))
    item = Item("x:1", "x", "1", 0, "q", candidates, (0, 1), Label(preferred=0))
    answer = asyncio.run(judge.decide(Case(item, "AB"), ""))
    assert (parse(answer).status, parse(answer).choice, parse(answer).p) == ("ok", 2, None)


def test_an_answer_that_was_cut_off_is_not_gone_on_with() -> None:
    asked: list[ChatRequest] = []

    def reply(request: ChatRequest) -> Answer:
        asked.append(request)
        return Answer("first I thought <answer>1</answer>, then", "tag", finish_reason="length")

    spec = JudgeSpec(name="m", backend="openai", model="m", base_url="http://unused.invalid/v1", verdict="reasoned")
    item = Item("x:1", "x", "1", 0, "q", (Candidate("a"), Candidate("b")), (0, 1), Label(preferred=0))
    answer = asyncio.run(mock_chat_judge(spec, reply).decide(Case(item, "AB"), ""))
    assert parse(answer).status == "truncated" and len(asked) == 1
