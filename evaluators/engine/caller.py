"""One judge's or writer's way to its model, for all who ask: slots, retries, the budget, and an end where going on is hopeless."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from evaluators.engine.budget import Account, Budget, Held
from evaluators.engine.pacing import Slots, Waits, asked_s, backoff_s
from evaluators.errors import FATAL, KINDS, BackendError, RunStopped, UserError
from evaluators.messages import ChatRequest
from evaluators.prompts.finish import check_finished
from evaluators.prompts.template import Case
from evaluators.records import Answer, Failure
from evaluators.specs import ModelSpec
from evaluators.text import printable
from evaluators.usage import both, failed_replies

T = TypeVar("T")

log = logging.getLogger(__name__)

TOLD_S = 60.0
"""A longer pause is told also where there is no progress line."""


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
    """What a person is to be told at the end."""
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


FIRST = 8
"""Requests that fail alike, and nothing else, before a judge is in doubt."""
FIRST_ITEMS = 4
"""Items that they are about at least: what is wrong with one of them is wrong in all of its arms and orders."""
PATIENCE_S = 60.0
"""How long a server that may only be busy, limited or starting is tried before it is given up."""
PROBE_MOST_S = 8.0

_PATIENT = frozenset({"rate_limit", "server", "timeout", "reset"})
_OF_ONE_ITEM = frozenset({"too_long", "image", "alone", "backend"})
"""Failures that say nothing of the next request."""

_MENDS = {
    "refused_connection": "start the server or correct base_url",
    "auth": "set the key in the environment variable that api_key_env names",
    "quota": "add money or quota to the account, or set another key",
    "certificate": "name a file of trusted certificates in SSL_CERT_FILE, or correct base_url",
    "proxy": "correct HTTP_PROXY or HTTPS_PROXY, or name the server in NO_PROXY",
    "not_found": "correct model or base_url (it usually ends in /v1)",
    "redirect": "set base_url to the address that the server names",
    "stream": "set `stream: true` of the judge",
    "rejected": "change what the server objects to (`max_tokens`, `max_tokens_field`, `temperature: null`, `extra_body`, "
    "`verdict`; a model that takes no images reads text alone with `media: none`)",
    "finish_reason": "name it in the judge's `complete_reasons` if it means a whole answer",
    "logprobs": "use `verdict: text`, or a server that returns top_logprobs",
    "rate_limit": "wait until the limit is lifted, or set a lower `concurrency`",
    "timeout": "raise timeout_s, or set a lower `concurrency`",
    "reset": "see what the server's log says",
    "descriptors": "raise the limit of open files (`ulimit -n`), or set a lower `concurrency`",
    "too_large": "see what the server sends: no judge's answer is that long",
    "html": "correct base_url (it usually ends in /v1)",
    "bad_json": "correct base_url (it usually ends in /v1), or use a server of OpenAI's chat completions",
    "empty": "raise max_tokens, or turn the model's reasoning off (`extra_body`)",
}


class Breaker:
    """Ends the run when going on with a judge is hopeless, with the server's words and what mends it.

    - *Nothing works* (a dead server, a wrong key, no money): such failures on all its first requests, or on as many in a row
      later. Until something else has come back, they are not retried.
    - *Nothing else comes back* (an unknown parameter, a model that takes no images, a quota of the day): the first `FIRST`
      requests, on `FIRST_ITEMS` items, failed for good and in the same words, numbers and ids aside. Then the judge is in doubt:
      one request goes out at a time, after pauses that grow to `PROBE_MOST_S`. The run ends when all that were in flight have
      failed so too, and, where the server may only be busy or starting, `PATIENCE_S` after the first failure.

    One answer, and the second rule never holds again: what is rejected later is about its item. A failure that can only be
    about one item (too long, a broken picture) is no sign of either.
    """

    def __init__(self, judge: str, most: int, ends: bool = True) -> None:
        self._judge = judge
        self._ends = ends
        self._most = max(most, 3)  # one late 404 is no proof, however few requests are in flight
        self._streak = 0
        self._alive = False
        self._answered = asyncio.Event()
        self._in_flight: set[int] = set()
        self._sent = 0
        self._lost = 0
        self._items: set[str] = set()
        self._words: set[str] = set()
        self._since: float | None = None
        self._awaited: set[int] | None = None
        """Once in doubt: the requests that were in flight then and are not back yet."""
        self._turn = asyncio.Lock()
        self._pause_s = 0.5
        self._over: RunStopped | None = None

    def sent(self) -> int:
        """Note a request; its number."""
        self._sent += 1
        self._in_flight.add(self._sent)
        return self._sent

    def back(self, number: int) -> None:
        """Note that a request has ended, however it did."""
        self._in_flight.discard(number)
        if self._awaited is not None:
            self._awaited.discard(number)

    def pointless(self, error: BackendError) -> bool:
        """Whether a failed attempt is not worth another."""
        return self._ends and error.kind in FATAL and not self._alive

    def heard(self, error: BackendError | None = None) -> None:
        """Note an answer, or an attempt that failed."""
        if error is None:
            self._answered.set()
        elif self._since is None:
            self._since = time.monotonic()
        if error is None or error.kind not in FATAL:
            self._alive = True
            self._streak = 0

    async def ready(self) -> None:
        """Wait while the judge is in doubt, one request after another: a while each, or until it answers.

        Raises:
            RunStopped: it is given up already.
        """
        if self._awaited is not None:
            async with self._turn:
                if self._awaited is not None and not self._answered.is_set() and self._over is None:
                    self._pause_s = min(2 * self._pause_s, PROBE_MOST_S)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._answered.wait(), self._pause_s)
        if self._over is not None:
            raise self._over

    def lost(self, error: BackendError, item: str) -> None:
        """Count a request that failed for good.

        Raises:
            RunStopped: it was one too many.
        """
        if error.kind in FATAL:
            self._streak += 1
            if self._streak >= self._most:
                raise self._stop(error, f"the last {self._streak} requests all failed")
        elif error.kind not in _OF_ONE_ITEM and not self._answered.is_set():
            self._lost += 1
            self._items.add(item)
            self._words.add(f"{error.kind} {same_words(error.message)}")
            self._doubt(error)

    def _doubt(self, error: BackendError) -> None:
        if self._lost < FIRST or len(self._items) < FIRST_ITEMS or len(self._words) > 1:
            self._awaited = None
            return
        left_s = 0.0
        if error.kind in _PATIENT and self._since is not None:
            left_s = self._since + PATIENCE_S - time.monotonic()
        if self._awaited is None:
            self._awaited = set(self._in_flight)
            if left_s > 0:
                log.warning(
                    "judge %r: the first %d requests all failed and nothing else came back: %s. It is asked now and then for "
                    "%.0f s more, then the run ends",
                    self._judge,
                    self._lost,
                    _said(error),
                    left_s,
                )
        if not self._awaited and left_s <= 0:
            raise self._stop(error, f"the first {self._lost} requests all failed and nothing else came back")

    def _stop(self, error: BackendError, what: str) -> RunStopped:
        mend = _MENDS.get(error.kind, "see what the server's log says")
        self._over = RunStopped(
            f"judge {self._judge!r}: {what}: {_said(error)}. To mend: {mend}; then run the same command again."
        )
        return self._over


def same_words(message: str) -> str:
    """A server's words without what differs from request to request: whatever holds a digit.

    >>> same_words("Unknown field 'seed' (request req_011CSHo5, 42 tokens)")
    "unknown field 'seed' (request #, # tokens)"
    """
    return re.sub(r"[\w.-]*\d[\w.-]*", "#", message).lower()


def _said(error: BackendError) -> str:
    return f"{KINDS.get(error.kind, error.kind)} ({printable(error.message)})"


def failure_of(error: BackendError) -> Failure:
    """What a record says of a request that was never answered."""
    return Failure(error.kind, error.message, error.http, failed_replies(error.replies))


class Caller:
    """Sends one judge's or writer's requests and counts them in a tally.

        reservation = await caller.admit(case)  # a slot, and money; None: the budget is used up
        answer, parsed = await caller.call(reservation, case, item.uid, ask, read)

    Args:
        account: where its requests are paid from.
        requests: how many there are to be, where that is known.
        ends: False where going on is never hopeless: a training run waits for a server that is away.
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
        self._told_until = 0.0

    async def admit(self, asked: Case | ChatRequest) -> Held | None:
        """Wait until a request may be sent, with what it may cost set aside.

        Returns:
            None where it costs more than is left of the budget: it must not be sent.

        Raises:
            RunStopped: going on is hopeless.
        """
        await self._slots.acquire()
        reservation = None
        try:
            await self._breaker.ready()
            reservation = await self._hold(asked)
        finally:
            if reservation is None:
                self._slots.release()
        return reservation

    async def _hold(self, asked: Case | ChatRequest) -> Held | None:
        return await self._account.hold(self.spec, asked) if self._account else Held()

    async def call(
        self,
        reservation: Held,
        asked: Case | ChatRequest,
        item: str,
        ask: Callable[[], Awaitable[Answer]],
        read: Callable[[Answer], T],
    ) -> tuple[Answer, T]:
        """Ask until an answer comes that can be read, at most 1 + `retries` times; each attempt is paid for, and asks the budget.

        Args:
            item: what the request is about, by name.
            read: makes something of the answer. What it raises fails the attempt.

        Raises:
            BackendError: the last failure, with the usage of all replies that came to nothing. Write it down, then tell `lost`.
        """
        tally, number = self.tally, self._breaker.sent()
        earlier: list[dict[str, int] | None] = []
        paying: Held | None = reservation
        attempt = 0
        tally.in_flight += 1
        try:
            while True:
                attempt += 1
                try:
                    answer, parsed = await self._attempt(ask, read)
                except BackendError as e:
                    self._failed(e)
                    self._settle(paying, None, e.replies)
                    paying = None
                    error = e.after(earlier)
                    if e.permanent or attempt > self.spec.retries or self._breaker.pointless(e):
                        raise error from None
                    earlier += e.replies
                    await self._pause(attempt, e)
                    paying = await self._hold(asked)
                    if paying is None:  # the budget is used up: the run ends, and the next one asks again
                        raise error from None
                else:
                    self._slots.succeeded()
                    self._breaker.heard()
                    self._settle(paying, answer)
                    paying = None
                    if attempt > 1:
                        before = both(failed_replies(earlier), answer.failed_replies)
                        answer = replace(answer, attempts=attempt, failed_replies=before)
                    return answer, parsed
        finally:
            if paying is not None:
                self._settle(paying)
            self._breaker.back(number)
            tally.in_flight -= 1
            self._slots.release()

    def lost(self, error: BackendError, item: str) -> None:
        """Count a request that failed for good, once that is on record.

        Raises:
            RunStopped: going on is hopeless.
        """
        self._breaker.lost(error, item)

    async def _attempt(self, ask: Callable[[], Awaitable[Answer]], read: Callable[[Answer], T]) -> tuple[Answer, T]:
        self.tally.asked += 1
        part = self.tally.parts[self.spec.name]
        if part.start is None:
            part.start = time.monotonic(), part.written
        self.tally.first_sent = self.tally.first_sent or part.start[0]
        usage = None
        try:
            answer = await ask()
            usage = answer.usage
            check_finished(answer.finish_reason, self.spec.complete_reasons, usage=usage)
            return answer, read(answer)
        except (BackendError, UserError, RunStopped, asyncio.CancelledError):
            raise
        except Exception as e:  # a fault of one backend on one request must not cost the rest
            raise BackendError("backend", f"{type(e).__name__}: {e}"[:300], usage=usage) from e

    def _failed(self, error: BackendError) -> None:
        self._slots.failed(error.kind)
        self.tally.failures[error.kind] += 1
        self._breaker.heard(error)

    def _settle(
        self, reservation: Held | None, answer: Answer | None = None, failed: Sequence[dict[str, int] | None] = ()
    ) -> None:
        """Give back what was held and book what was paid."""
        lost = failed_replies(failed) if answer is None else answer.failed_replies
        for usage in (answer.usage if answer else None, lost.usage if lost else None):
            self.tally.prompt_tokens += (usage or {}).get("prompt_tokens", 0)
            self.tally.completion_tokens += (usage or {}).get("completion_tokens", 0)
        if self._account and reservation is not None:
            self._account.settle(reservation, answer, lost)

    async def _pause(self, attempt: int, error: BackendError) -> None:
        most = self.spec.retry_after_most_s
        requested_s, seconds = asked_s(error), backoff_s(attempt, error, most)
        now = time.monotonic()
        if requested_s is not None and seconds > TOLD_S and now + seconds > self._told_until + 1.0:
            self._told_until = now + seconds  # all requests in flight wait for the same thing: told once
            most_note = (
                ", the most that retry_after_most_s allows; then it is asked again" if requested_s > most else ""
            )
            log.warning(
                "judge %r: the server asks to wait %.0f s: %s; waiting %.0f s%s",
                self.spec.name,
                requested_s,
                _said(error),
                seconds,
                most_note,
            )
        await self.tally.waits.pause(error.kind, seconds, asked=requested_s is not None)
