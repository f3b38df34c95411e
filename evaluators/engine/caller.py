"""One judge's or writer's way to its model, for all who ask: slots, retries, the budget, and an end where going on is hopeless."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, NamedTuple, TypeVar

from evaluators import stop_messages
from evaluators.engine.breaker import Breaker
from evaluators.engine.budget import Account, Budget, Reservation
from evaluators.engine.pacing import Slots, Waits, asked_s, backoff_s
from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.messages import ChatRequest
from evaluators.prompts.template import Case
from evaluators.records import Answer, Failure
from evaluators.replies.finish import check_finished
from evaluators.specs import ModelSpec
from evaluators.usage import both, failed_replies

T = TypeVar("T")

log = logging.getLogger(__name__)

LONG_PAUSE_S = 60.0
"""A longer pause is reported also where there is no progress line."""


@dataclass
class Part:
    """What one judge or writer is to write, and has written."""

    total: int = 0
    written: int = 0
    baseline: bool = False
    """It asks no model."""
    in_process: bool = False
    """It waits for the others that do so."""
    start: tuple[float, int] | None = None
    """`time.monotonic()` of its first request, and what was written before it."""


@dataclass
class Tally:
    """What has happened so far, for the progress line and the summary."""

    parts: defaultdict[str, Part] = field(default_factory=lambda: defaultdict(Part))
    """By judge or writer."""
    asked: int = 0
    in_flight: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    """Failed attempts by kind, retried ones included."""
    unanswered: Counter[str] = field(default_factory=Counter)
    """Verdicts that ended without an answer, by kind of failure."""
    examples: dict[str, str] = field(default_factory=dict)
    """What a server said with a failure of each kind."""
    pictures: dict[str, None] = field(default_factory=dict)
    """What is wrong with each file that could not be shown, in order of appearance."""
    notes: list[str] = field(default_factory=list)
    """The message to print at the end."""
    waits: Waits = field(default_factory=Waits)
    first_sent: float | None = None
    """`time.monotonic()` of the first request."""
    last_written: float | None = None
    budget: Budget | None = None
    """Where prices are known."""

    @property
    def total(self) -> int:
        return sum(p.total for p in self.parts.values())

    @property
    def written(self) -> int:
        return sum(p.written for p in self.parts.values())

    def expect(self, spec: ModelSpec, count: int, in_process: bool) -> None:
        """Add to what a judge or writer is to write."""
        part = self.parts[spec.name]
        part.total += count
        part.baseline, part.in_process = not spec.asks_model, in_process


def failure_of(error: BackendError) -> Failure:
    """What a record says of a request that was never answered."""
    return Failure(error.kind, error.message, error.http, failed_replies(error.replies))


class Answered(NamedTuple, Generic[T]):
    """An answer, and what was read in it."""

    answer: Answer
    parsed: T


class Caller:
    """Sends one judge's or writer's requests and counts them in a tally.

        reservation = await caller.admit(case)  # a slot, and money; None: the budget is used up
        answer, parsed = await caller.call(reservation, case, item.uid, ask, read)

    Args:
        account: where its requests are paid from.
        requests: how many there are to be, where that is known.
        ends: False where the caller never gives up: a training run waits for a server that is down.
    """

    def __init__(
        self,
        spec: ModelSpec,
        tally: Tally,
        account: Account | None = None,
        requests: int | None = None,
        ends: bool = True,
    ) -> None:
        self.spec, self.tally = spec, tally
        self._account = account
        self._slots = Slots(spec.concurrency, spec.adaptive)
        at_once = spec.concurrency if requests is None else min(spec.concurrency, requests)
        self._breaker = Breaker(spec.name, at_once, ends)
        self._reported_until = 0.0

    async def admit(self, request: Case | ChatRequest) -> Reservation | None:
        """Wait until a request may be sent, with what it may cost set aside.

        Returns:
            None where it costs more than is left of the budget: it must not be sent.

        Raises:
            RunStopped: going on is hopeless.
        """
        # Money is set aside last: a request that waits for a slot, or while the judge is in doubt, keeps none from the
        # others.
        await self._slots.acquire()
        reservation = None
        try:
            await self._breaker.ready()
            reservation = await self._hold(request)
        finally:
            if reservation is None:
                self._slots.release()
        return reservation

    async def _hold(self, request: Case | ChatRequest) -> Reservation | None:
        return await self._account.hold(self.spec, request) if self._account else Reservation()

    async def call(
        self,
        reservation: Reservation,
        request: Case | ChatRequest,
        item: str,
        ask: Callable[[], Awaitable[Answer]],
        read: Callable[[Answer], T],
    ) -> Answered[T]:
        """Ask until an answer comes that can be read, at most 1 + `retries` times; each attempt is paid for, and asks the budget.

        Args:
            item: what the request is about, by name.
            read: makes something of the answer. What it raises fails the attempt.

        Raises:
            BackendError: the last failure, with the usage of all replies that failed. Record it, then call `lost`.
        """
        tally, number = self.tally, self._breaker.sent()
        earlier: list[dict[str, int] | None] = []
        paying: Reservation | None = reservation
        attempt = 0
        tally.in_flight += 1
        try:
            while True:
                attempt += 1
                try:
                    answer, parsed = await self._attempt(ask, read)
                except BackendError as e:
                    self._failed(e)
                    # Settled before the pause: money that waits with a request would keep others from being sent.
                    self._settle(paying, None, e.replies)
                    paying = None
                    error = e.after(earlier)
                    if e.permanent or attempt > self.spec.retries or self._breaker.pointless(e):
                        raise error from None
                    earlier += e.replies
                    await self._pause(attempt, e)
                    paying = await self._hold(request)
                    if paying is None:  # the budget is used up: the run ends, and the next one asks again
                        raise error from None
                else:
                    self._slots.succeeded()
                    self._breaker.heard()
                    self._settle(paying, answer)
                    paying = None
                    if attempt > 1:
                        failures = both(failed_replies(earlier), answer.failed_replies)
                        answer = replace(answer, attempts=attempt, failed_replies=failures)
                    return Answered(answer, parsed)
        finally:
            if paying is not None:  # cancelled, or an error that is not the server's: nothing was paid
                self._settle(paying)
            # Before `lost` counts it: a judge in doubt waits for what is in flight, and this request is not any more.
            self._breaker.back(number)
            tally.in_flight -= 1
            self._slots.release()

    def lost(self, error: BackendError, item: str) -> None:
        """Count a request that failed for good, once that is on record.

        Raises:
            RunStopped: going on is hopeless.
        """
        self._breaker.lost(error, item)

    async def _attempt(self, ask: Callable[[], Awaitable[Answer]], read: Callable[[Answer], T]) -> Answered[T]:
        self.tally.asked += 1
        part = self.tally.parts[self.spec.name]
        if part.start is None:
            # What was written before the first request cost no time, and must not count into the speed.
            part.start = time.monotonic(), part.written
        self.tally.first_sent = self.tally.first_sent or part.start[0]
        usage = None
        try:
            answer = await ask()
            # Before the answer is looked at: whatever fails from here on, its tokens were paid for.
            usage = answer.usage
            check_finished(answer.finish_reason, self.spec.complete_reasons, usage=usage)
            return Answered(answer, read(answer))
        except (BackendError, UserError, RunStopped, asyncio.CancelledError):
            raise
        except Exception as e:  # a fault of one backend on one request must not cost the rest
            raise BackendError("backend", f"{type(e).__name__}: {e}"[:300], usage=usage) from e

    def _failed(self, error: BackendError) -> None:
        self._slots.failed(error.kind)
        self.tally.failures[error.kind] += 1
        self._breaker.heard(error)

    def _settle(
        self,
        reservation: Reservation | None,
        answer: Answer | None = None,
        failed: Sequence[dict[str, int] | None] = (),
    ) -> None:
        """Release what was reserved and book what was paid."""
        lost = failed_replies(failed) if answer is None else answer.failed_replies
        for usage in (answer.usage if answer else None, lost.usage if lost else None):
            self.tally.prompt_tokens += (usage or {}).get("prompt_tokens", 0)
            self.tally.completion_tokens += (usage or {}).get("completion_tokens", 0)
        if self._account and reservation is not None:
            self._account.settle(reservation, answer, lost)

    async def _pause(self, attempt: int, error: BackendError) -> None:
        most_s = self.spec.retry_after_most_s
        requested_s, seconds = asked_s(error), backoff_s(attempt, error, most_s)
        now = time.monotonic()
        if requested_s is not None and seconds > LONG_PAUSE_S and now + seconds > self._reported_until + 1.0:
            self._reported_until = now + seconds  # all requests in flight wait for the same thing: reported once
            log.warning("%s", stop_messages.asked_to_wait(self.spec.name, error, requested_s, seconds, most_s))
        await self.tally.waits.pause(error.kind, seconds, by_server=requested_s is not None)
