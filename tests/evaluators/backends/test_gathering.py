"""Requests that wait go to an engine together; what one batch meets, the next does not feel."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from evaluators.backends._gathering import Answers, Choose, Gathering, everything
from evaluators.errors import BackendError, UserError
from evaluators.messages import ChatRequest, Message, Text, text_of
from evaluators.records import Answer


def request(text: str) -> ChatRequest:
    return ChatRequest((Message("user", (Text(text),)),))


def asked(texts: Sequence[str], answers: Answers, choose: Choose = everything) -> list[Answer | BaseException]:
    async def all_at_once() -> list[Answer | BaseException]:
        gathering = Gathering("engine", answers, choose)
        try:
            return await asyncio.gather(*(gathering.ask(request(t)) for t in texts), return_exceptions=True)
        finally:
            gathering.close()

    return asyncio.run(all_at_once())


def echoes(batch: list[ChatRequest]) -> list[Answer]:
    return [Answer(text_of(r.messages).upper(), "tag") for r in batch]


def texts(replies: Sequence[Answer | BaseException]) -> list[str]:
    return [r.text if isinstance(r, Answer) else str(r) for r in replies]


def test_what_starts_together_is_one_batch_in_the_engines_thread() -> None:
    batches: list[int] = []
    threads: set[str] = set()

    def answers(batch: list[ChatRequest]) -> list[Answer]:
        batches.append(len(batch))
        threads.add(threading.current_thread().name)
        return echoes(batch)

    assert texts(asked("abc", answers)) == ["A", "B", "C"]
    assert batches == [3] and threads == {"engine_0"}


def test_the_engine_chooses_its_batches_and_everyone_gets_their_own_answer() -> None:
    batches: list[list[str]] = []

    def answers(batch: list[ChatRequest]) -> list[Answer]:
        batches.append([text_of(r.messages) for r in batch])
        return echoes(batch)

    longest_first = asked(["a", "bbb", "cc"], answers, lambda waiting: [_longest(waiting)])
    assert texts(longest_first) == ["A", "BBB", "CC"]
    assert batches == [["bbb"], ["cc"], ["a"]]


def _longest(waiting: Sequence[ChatRequest]) -> int:
    return max(range(len(waiting)), key=lambda n: len(text_of(waiting[n].messages)))


def test_one_request_may_fail_alone() -> None:
    def answers(batch: list[ChatRequest]) -> list[Answer | BackendError]:
        return [BackendError("image", "no picture"), *echoes(batch[1:])]

    first, second = asked("ab", answers)
    assert isinstance(first, BackendError) and first.kind == "image"
    assert isinstance(second, Answer) and second.text == "B"


def test_what_an_engine_raises_fails_its_batch_and_not_the_next() -> None:
    def answers(batch: list[ChatRequest]) -> list[Answer]:
        if text_of(batch[0].messages) == "a":
            raise MemoryError("out of memory")
        return echoes(batch)

    first, second = asked("ab", answers, lambda waiting: [0])
    assert isinstance(first, BackendError) and (first.kind, first.message) == ("backend", "MemoryError: out of memory")
    assert isinstance(second, Answer)


def test_a_mistake_of_the_user_stays_one() -> None:
    def answers(batch: list[ChatRequest]) -> list[Answer]:
        raise UserError("no such model")

    assert [type(r) for r in asked("ab", answers)] == [UserError, UserError]


def test_too_few_answers_are_nobodys() -> None:
    replies = asked("ab", lambda batch: echoes(batch)[:1])
    assert [str(r) for r in replies] == ["ValueError: 1 answers to 2 requests"] * 2


def test_other_work_is_done_in_the_same_thread() -> None:
    async def loaded() -> str:
        gathering = Gathering("engine", echoes)
        try:
            return await gathering.run(lambda: threading.current_thread().name)
        finally:
            gathering.close()

    assert asyncio.run(loaded()) == "engine_0"
