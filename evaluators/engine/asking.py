"""Ask a model a question of some procedure, once: answers are in a journal by key, and a second run reads them there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from evaluators.engine.budget import Account
from evaluators.engine.caller import Caller, Tally, failure_of
from evaluators.engine.journal import Damage, Journal, read_records
from evaluators.errors import BackendError
from evaluators.images.media import MediaWindow
from evaluators.messages import ChatBackend, ChatRequest
from evaluators.records import Answer, Failure, Item
from evaluators.specs import ModelSpec


class Asker:
    """One model, a bounded number of requests at a time. Use it within `async with opened(...)`.

    A request that fails for good is an exception: what depends on all answers cannot go on without one.
    """

    def __init__(
        self,
        spec: ModelSpec,
        backend: ChatBackend,
        journal: Journal,
        answers: dict[str, Answer],
        tally: Tally,
        *,
        account: Account | None = None,
    ) -> None:
        self._max_pixels = spec.max_pixels
        self._backend = backend
        self._journal = journal
        self._answers = answers
        self._account = account
        self._caller = Caller(spec, tally, account)
        self._media = MediaWindow()
        self.tally = tally
        self.name = spec.name

    async def ready(self, item: Item) -> Item:
        """The item with the digests of its media, which are then available.

        Raises:
            BackendError: of kind `image`: one of them cannot be shown.
        """
        ((digested, error),) = await self._media.prepare([item], not self._backend.in_process, self._max_pixels)
        if error is not None:
            raise error
        return digested

    async def ask(self, key: str, request: ChatRequest) -> Answer:
        """The answer to a request, from the journal or the model.

        Raises:
            BackendError: it failed for good.
            RunStopped: nothing but refusals comes back, or the budget is used up.
        """
        if key in self._answers:
            return self._answers[key]
        tally = self.tally
        tally.parts[self.name].total += 1
        reservation = await self._caller.admit(request)
        if reservation is None:
            assert self._account is not None
            raise self._account.budget.stop(f"the rest of the induction by {self.name!r}", self._journal.path.parent)
        try:
            answer, _ = await self._caller.call(
                reservation, request, key, lambda: self._backend.chat(request), lambda answer: None
            )
        except BackendError as e:
            if e.replies:  # an answer is still due, but this was paid for
                self._note(key, None, failure_of(e))
            tally.unanswered[e.kind] += 1
            tally.examples[e.kind] = e.message
            tally.statuses["error"] += 1
            self._caller.lost(e, key)
            raise
        finally:
            tally.parts[self.name].written += 1
        self._note(key, answer)
        self._answers[key] = answer
        return answer

    def _note(self, key: str, answer: Answer | None, error: Failure | None = None) -> None:
        line = {"key": key, "answer": answer} if error is None else {"key": key, "answer": None, "error": error}
        self._journal.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    async def open(self) -> None:
        await self._backend.open(self._media)

    async def close(self) -> None:
        await self._backend.close()
        self._media.close()


@asynccontextmanager
async def opened(
    spec: ModelSpec, backend: ChatBackend, path: Path, tally: Tally, account: Account | None = None
) -> AsyncIterator[Asker]:
    """An Asker over a journal.

    Raises:
        UserError: another process has the journal open.
    """
    with Journal(path) as journal:
        asker = Asker(spec, backend, journal, answers_in(path), tally, account=account)
        await asker.open()
        try:
            yield asker
        finally:
            await asker.close()


def answers_in(path: Path, damage: Damage | None = None) -> dict[str, Answer]:
    """What a journal of answers holds, by key; a line without an answer says what a failed request was paid for.

    What cannot be read is asked again.
    """
    return {reply.key: reply.answer for reply in read_records(path, _Reply, damage) if reply.answer is not None}


@dataclass(frozen=True, slots=True)
class _Reply:
    """One line of a journal of answers."""

    key: str
    answer: Answer | None
    error: Failure | None = None
