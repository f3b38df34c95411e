"""Ask a model a question of some procedure, once: answers lie in a journal by key, and a second run reads them there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import orjson

from evaluators.engine.budget import Account, Held
from evaluators.engine.journal import Journal, lines
from evaluators.engine.pacing import Slots, with_retries
from evaluators.engine.runner import Breaker, Tally
from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.finish import check_finished
from evaluators.judges import JudgeSpec
from evaluators.media import MediaWindow
from evaluators.messages import ChatBackend, ChatRequest
from evaluators.records import Answer, Item, decode


class Asker:
    """One model, a bounded number of requests at a time. Use it within `async with opened(...)`.

    A request that fails for good is an exception: what depends on all answers cannot go on without one.
    """

    def __init__(
        self,
        spec: JudgeSpec,
        backend: ChatBackend,
        journal: Journal,
        held: dict[str, Answer],
        tally: Tally,
        account: Account | None = None,
    ) -> None:
        self._spec = spec
        self._backend = backend
        self._journal = journal
        self._held = held
        self._account = account
        self._slots = Slots(spec.concurrency, spec.adaptive)
        self._breaker = Breaker(spec.name, spec.concurrency)
        self._media = MediaWindow()
        self.tally = tally
        self.name = spec.name

    async def ready(self, item: Item) -> Item:
        """The item with the digests of its media, which are then at hand.

        Raises:
            BackendError: of kind `image`: one of them cannot be shown.
        """
        ((found, error),) = await self._media.prepare([item], not self._backend.in_process, self._spec.max_pixels)
        if error is not None:
            raise error
        return found

    async def ask(self, key: str, request: ChatRequest) -> Answer:
        """The answer to a request, from the journal or the model.

        Raises:
            BackendError: it failed for good.
            RunStopped: nothing but refusals comes back, or the budget is used up.
        """
        if key in self._held:
            return self._held[key]
        tally = self.tally

        async def once() -> Answer:
            tally.asked += 1
            try:
                answer = await self._backend.chat(request)
                check_finished(answer.finish_reason, self._spec.complete_reasons, usage=answer.usage)
            except (BackendError, UserError, RunStopped):
                raise
            except Exception as e:  # a fault of one backend on one request
                raise BackendError("backend", f"{type(e).__name__}: {e}"[:300]) from e
            self._breaker.heard()
            return answer

        def failed(error: BackendError) -> None:
            tally.failures[error.kind] += 1
            self._breaker.heard(error)

        tally.total += 1
        await self._slots.acquire()
        held = await self._account.hold(self._spec, request) if self._account else Held()
        if self._account and held is None:
            self._slots.release()
            raise self._account.budget.stop(f"the rest of the induction by {self.name!r}", self._journal.path.parent)
        tally.in_flight += 1
        came = None
        try:
            came, attempts = await with_retries(
                once,
                retries=self._spec.retries,
                slots=self._slots,
                waits=tally.waits,
                give_up=self._breaker.pointless,
                failed=failed,
            )
        except BackendError as e:
            tally.unanswered[e.kind] += 1
            tally.examples[e.kind] = e.message
            tally.statuses["error"] += 1
            self._breaker.lost(e)
            raise
        finally:
            if self._account:
                self._account.settle(held or Held(), came)
            tally.in_flight -= 1
            tally.written += 1
            self._slots.release()
        answer = replace(came, attempts=attempts)
        self._journal.append(orjson.dumps({"key": key, "answer": answer}, option=orjson.OPT_APPEND_NEWLINE))
        self._held[key] = answer
        if answer.usage:
            tally.prompt_tokens += answer.usage.get("prompt_tokens", 0)
            tally.completion_tokens += answer.usage.get("completion_tokens", 0)
        return answer

    async def open(self) -> None:
        await self._backend.open(self._media)

    async def close(self) -> None:
        await self._backend.close()
        self._media.close()


@asynccontextmanager
async def opened(
    spec: JudgeSpec, backend: ChatBackend, path: Path, tally: Tally, account: Account | None = None
) -> AsyncIterator[Asker]:
    """An Asker over a journal.

    Raises:
        UserError: the journal is held by another process, or a line of it is no answer.
    """
    with Journal(path) as journal:
        asker = Asker(spec, backend, journal, answers_in(path), tally, account)
        await asker.open()
        try:
            yield asker
        finally:
            await asker.close()


def answers_in(path: Path) -> dict[str, Answer]:
    """What a journal of answers holds, by key."""
    found = {}
    for number, line in enumerate(lines(path), 1):
        try:
            value = orjson.loads(line)
            found[str(value["key"])] = decode(Answer, value["answer"])
        except (ValueError, KeyError, TypeError) as e:
            raise UserError(
                f"{path}: line {number}: no answer ({e}); remove the line and run the same command again"
            ) from None
    return found
