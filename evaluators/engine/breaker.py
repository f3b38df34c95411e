"""When asking a model goes on, and when it ends: nothing but failures comes back, or its first answers cannot be read."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections import Counter

from evaluators import stop_messages
from evaluators.errors import FATAL, BackendError, RunStopped
from evaluators.specs import ModelSpec

log = logging.getLogger(__name__)

FIRST = 8
"""Requests that fail in the same way, and nothing else, before a judge is in doubt."""
FIRST_ITEMS = 4
"""They are about at least this many items: a fault of one item shows in all of its arms and orders."""
PATIENCE_S = 60.0
"""How long a server that may only be busy, limited or starting is tried before it is given up."""
PROBE_MOST_S = 8.0

_PATIENT = frozenset({"rate_limit", "server", "timeout", "reset"})
_OF_ONE_ITEM = frozenset({"too_long", "image", "alone", "backend"})
"""Failures that say nothing about the next request."""


class Breaker:
    """Ends the run when going on with a judge is hopeless, with the server's words and what fixes it.

    - *Nothing works* (a dead server, a wrong key, no money): such failures on all its first requests, or on as many in a row
      later. Until something else has come back, they are not retried.
    - *Nothing else comes back* (an unknown parameter, a model that takes no images, a quota of the day): the first `FIRST`
      requests, on `FIRST_ITEMS` items, failed for good and in the same words, numbers and ids aside. Then the judge is in doubt:
      one request goes out at a time, after pauses that grow to `PROBE_MOST_S`. The run ends when all that were in flight have
      failed so too, and, where the server may only be busy or starting, `PATIENCE_S` after the first failure.

    One answer, and the second rule never holds again: what is rejected later is about its item. A failure that can only be
    about one item (too long, a broken picture) is no sign of either.
    """

    def __init__(self, judge: str, at_once: int, ends: bool = True) -> None:
        self._judge = judge
        self._ends = ends
        self._streak_limit = max(at_once, 3)  # one late 404 is no proof, however few requests are in flight
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
        """Note a request; returns its number."""
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
            async with self._turn:  # a queue: one probe goes out for each pause, however many requests wait
                if self._awaited is not None and not self._answered.is_set() and self._over is None:
                    self._pause_s = min(2 * self._pause_s, PROBE_MOST_S)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._answered.wait(), self._pause_s)
        if self._over is not None:
            raise self._over

    def lost(self, error: BackendError, item: str) -> None:
        """Count a request that failed for good.

        Raises:
            RunStopped: there were too many of them.
        """
        if error.kind in FATAL:
            self._streak += 1
            if self._streak >= self._streak_limit:
                raise self._stop(error, f"the last {self._streak} requests all failed")
        elif error.kind not in _OF_ONE_ITEM and not self._answered.is_set():
            self._lost += 1
            self._items.add(item)
            self._words.add(f"{error.kind} {same_words(error.message)}")
            self._doubt(error)

    def _doubt(self, error: BackendError) -> None:
        if self._lost < FIRST or len(self._items) < FIRST_ITEMS or len(self._words) > 1:
            self._awaited = None  # different words: each request may have failed for a reason of its own
            return
        left_s = 0.0
        if error.kind in _PATIENT and self._since is not None:
            left_s = self._since + PATIENCE_S - time.monotonic()
        if self._awaited is None:
            self._awaited = set(self._in_flight)  # sent before the doubt: any of them may still be answered
            if left_s > 0:
                log.warning("%s", stop_messages.in_doubt(self._judge, self._lost, error, left_s))
        if not self._awaited and left_s <= 0:
            raise self._stop(error, f"the first {self._lost} requests all failed and nothing else came back")

    def _stop(self, error: BackendError, what: str) -> RunStopped:
        self._over = stop_messages.hopeless(self._judge, what, error)
        return self._over


def same_words(message: str) -> str:
    """A server's words without what differs from request to request: whatever holds a digit.

    >>> same_words("Unknown field 'seed' (request req_011CSHo5, 42 tokens)")
    "unknown field 'seed' (request #, # tokens)"
    """
    return re.sub(r"[\w.-]*\d[\w.-]*", "#", message).lower()


FIRST_ANSWERS = 20


class FirstAnswers:
    """Looks whether a model's first answers hold what they should hold, so that a prompt or limit that does not fit is seen at once.

    Args:
        what: "verdict" or "rubric".
    """

    def __init__(self, spec: ModelSpec, what: str = "verdict") -> None:
        self._spec, self._what = spec, what
        self._statuses: Counter[str] = Counter()
        self._over = False

    def add(self, text: str, status: str) -> str | None:
        """Count an answer.

        Returns:
            The message to print, at the last of `FIRST_ANSWERS` where none of them can be read; else None.
        """
        if self._over:
            return None
        self._statuses[status] += 1
        # Refusals and ties end the count: they are answers, and no prompt or limit is at fault.
        if status not in ("unparsed", "low_mass", "truncated", "invalid"):
            self._over = True
            return None
        if self._statuses.total() < FIRST_ANSWERS:
            return None
        self._over = True
        direct = self._spec.probabilities > 0 and not self._spec.continues
        fixes = stop_messages.reading_fixes(self._statuses, self._spec.max_tokens, direct)
        return stop_messages.unreadable(self._spec.name, self._what, self._statuses, text, fixes)
