"""A question of some procedure is asked once: the second run reads its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.engine.asking import answers_in, opened
from evaluators.engine.caller import Tally
from evaluators.errors import BackendError
from evaluators.messages import ChatRequest, Message, Text, text_of
from evaluators.records import Answer
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockBackend, Reply
from tests.conftest import read_jsonl

SPEC = JudgeSpec(name="m", backend="openai", model="m", base_url="http://unused.invalid/v1", retries=0)


def asked(path: Path, texts: str, reply: Callable[[ChatRequest], Reply]) -> tuple[list[Answer | BaseException], Tally]:
    tally = Tally()

    async def all_of_them() -> list[Answer | BaseException]:
        async with opened(SPEC, MockBackend(reply), path, tally) as asker:
            requests = [ChatRequest((Message("user", (Text(t),)),)) for t in texts]
            return await asyncio.gather(
                *(asker.ask(f"key {t}", r) for t, r in zip(texts, requests, strict=True)), return_exceptions=True
            )

    return asyncio.run(all_of_them()), tally


def echo(request: ChatRequest) -> str:
    return text_of(request.messages).upper()


def never(request: ChatRequest) -> str:
    raise AssertionError("asked again")


def test_answers_are_read_from_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    answers, tally = asked(path, "ab", echo)
    assert [a.text for a in answers if isinstance(a, Answer)] == ["A", "B"]
    assert (tally.asked, tally.written, tally.total) == (2, 2, 2)
    again, tally = asked(path, "ab", never)
    assert again == answers and tally.asked == 0
    assert set(answers_in(path)) == {"key a", "key b"}


def test_what_fails_is_an_exception_and_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"

    def refuses(request: ChatRequest) -> Reply:
        return BackendError("rejected", "not this one") if text_of(request.messages) == "b" else echo(request)

    (first, second), tally = asked(path, "ab", refuses)
    assert isinstance(first, Answer) and isinstance(second, BackendError)
    assert tally.unanswered == {"rejected": 1} and tally.examples == {"rejected": "not this one"}
    assert [line["key"] for line in read_jsonl(path)] == ["key a"], "nothing came, nothing is noted"
    answers, tally = asked(path, "ab", echo)
    assert [a.text for a in answers if isinstance(a, Answer)] == ["A", "B"] and tally.asked == 1


def test_a_torn_line_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    asked(path, "ab", echo)
    path.write_bytes(path.read_bytes()[:-20])
    _, tally = asked(path, "ab", echo)
    assert tally.asked == 1 and len(answers_in(path)) == 2


@pytest.mark.parametrize("reply", ["", "1"])
def test_an_answer_is_kept_word_for_word(tmp_path: Path, reply: str) -> None:
    path = tmp_path / "answers.jsonl"
    (answer,), _ = asked(path, "a", lambda request: Answer(reply, "x", usage={"prompt_tokens": 5}))
    assert answers_in(path)["key a"] == answer
