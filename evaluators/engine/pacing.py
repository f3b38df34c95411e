"""How many requests are in flight and when a failed one is asked again: bounded slots and waits, additive increase, full jitter."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import deque
from dataclasses import dataclass, field

from evaluators.errors import BackendError
from evaluators.specs import RETRY_AFTER_MOST_S

BACKOFF_FIRST_S = 0.5
BACKOFF_MOST_S = 30.0
# `descriptors` is a limit of this process, not of the server: fewer requests at a time help there too.
CONGESTION = frozenset({"rate_limit", "server", "timeout", "descriptors"})


class Slots:
    """At most `most` requests in flight. Adaptive: starts low, adds one a round of successes, halves on congestion."""

    def __init__(self, concurrency: int, adaptive: bool = False) -> None:
        self.concurrency = concurrency
        self.limit = min(8, concurrency) if adaptive else concurrency
        self.in_use = 0
        self._adaptive = adaptive
        self._grown = 0.0
        self._last_cut = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> None:
        # One that comes now must not pass those that wait already.
        if self.in_use < self.limit and not self._waiting:
            self.in_use += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            # Admitted and cancelled in the same round of the loop: the slot goes to the next one, or it would be lost.
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        self.in_use -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self.in_use < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_use += 1
                turn.set_result(None)

    def succeeded(self) -> None:
        if self._adaptive and self.limit < self.concurrency:
            self._grown += 1 / self.limit
            if self._grown >= 1:
                self._grown = 0.0
                self.limit += 1
                self._admit()

    def failed(self, kind: str) -> None:
        # One congestion shows up in many requests at once: cut for it once a second, not once a request.
        now = time.monotonic()
        if self._adaptive and kind in CONGESTION and now - self._last_cut > 1.0:
            self._last_cut = now
            self._grown = 0.0
            self.limit = max(1, self.limit // 2)


@dataclass
class Waits:
    """Why the run waits: how many requests sit out a pause, by kind, for the progress line."""

    counts: dict[str, int] = field(default_factory=dict)
    asked_s: float = 0.0
    """The longest pause that the server asked for among those now waiting."""

    async def pause(self, kind: str, seconds: float, by_server: bool) -> None:
        """Sleep, counted under `kind`.

        Args:
            by_server: the server asked for the pause.
        """
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if by_server:
            self.asked_s = max(self.asked_s, seconds)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.counts[kind] -= 1
            if not self.counts[kind]:
                del self.counts[kind]
            if not self.counts:
                self.asked_s = 0.0


def asked_s(error: BackendError) -> float | None:
    """Seconds that the server asked to wait; None where it did not, or asked for what is no time."""
    seconds = error.retry_after_s
    return None if seconds is None or math.isnan(seconds) or seconds < 0 else seconds


def backoff_s(attempt: int, error: BackendError, most_s: float = RETRY_AFTER_MOST_S) -> float:
    """Seconds before attempt + 1: what the server asked for, `most_s` at most, plus full jitter on a doubling base."""
    # Requests that failed together must not come back together, also where the server asks all of them for the same
    # pause.
    jitter = random.uniform(0, min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2 ** (attempt - 1)))  # noqa: S311 (no secret)
    requested_s = asked_s(error)
    return jitter if requested_s is None else min(requested_s, most_s) + min(jitter, 1.0)
