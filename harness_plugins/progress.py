"""The progress line: rate, time left, tokens, failures by kind, and, when the run waits, why it waits."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections import deque
from collections.abc import AsyncIterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from evaluators.engine.budget import Budget
from evaluators.engine.caller import Tally
from evaluators.errors import KINDS
from evaluators.text import printable, say

TERMINAL_S = 0.2
PLAIN_S = 10.0
RATE_WINDOW_S = 15.0


class Rate:
    """Verdicts a second over the last seconds, and the time left at that rate."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def update(self, written: int) -> float:
        now = time.monotonic()
        self._seen.append((now, written))
        while len(self._seen) > 2 and now - self._seen[0][0] > RATE_WINDOW_S:
            self._seen.popleft()
        (start, before), (end, after) = self._seen[0], self._seen[-1]
        return (after - before) / (end - start) if end > start else 0.0


def _span(seconds: float) -> str:
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02}:{s:02}" if hours else f"{m}:{s:02}"


def _count(n: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if n >= size:
            return f"{n / size:.1f}{unit}"
    return f"{n:.0f}"


def describe(tally: Tally, rate: float) -> str:
    """One line of what is going on."""
    parts = [f"{rate:.1f}/s"] if rate else []
    if rate and tally.written < tally.total:
        parts.append(f"{_span((tally.total - tally.written) / rate)} left")
    if tally.prompt_tokens or tally.completion_tokens:
        parts.append(f"{_count(tally.prompt_tokens)} tokens in, {_count(tally.completion_tokens)} out")
    if tally.budget is not None:
        parts.append(_money(tally.budget))
    if tally.failures:
        parts.append("failed: " + ", ".join(f"{kind} {n}" for kind, n in tally.failures.most_common()))
    if tally.waits.counts:
        why = ", ".join(f"{n} for {KINDS.get(kind, kind)}" for kind, n in tally.waits.counts.items())
        asked = f", server asked for {tally.waits.asked_s:.0f} s" if tally.waits.asked_s else ""
        parts.append(f"waiting to retry: {why}{asked}")
    return printable(" | ".join(parts))


def _money(budget: Budget) -> str:
    """What the run folder took so far; near the limit, also why there are fewer requests in flight."""
    if budget.most is None:
        return f"spent {budget.spent_text()}"
    of = f"spent {budget.text(budget.spent)} of {budget.text(budget.most)}"
    return f"{of} (the rest is held for what is in flight)" if budget.waiting else of


@contextlib.asynccontextmanager
async def shown(tally: Tally, doing: str = "judging") -> AsyncIterator[None]:
    """Show the tally on stderr while the body runs: a live bar in a terminal, a line each 10 s elsewhere."""
    console = Console(file=sys.stderr)
    shower = asyncio.create_task(_live(tally, console, doing) if console.is_terminal else _plain(tally, doing))
    try:
        yield
    finally:
        shower.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await shower


async def _live(tally: Tally, console: Console, doing: str) -> None:
    rate = Rate()
    columns = (
        TextColumn(doing, markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[state]}", markup=False),
    )
    with Progress(*columns, console=console, refresh_per_second=5) as bar:
        task = bar.add_task(doing, total=None, state="")
        try:
            while True:
                state = describe(tally, rate.update(tally.written))
                bar.update(task, total=tally.total or None, completed=tally.written, state=state)
                await asyncio.sleep(TERMINAL_S)
        finally:
            state = describe(tally, rate.update(tally.written))
            bar.update(task, total=tally.total or 1, completed=tally.written or int(not tally.total), state=state)


async def _plain(tally: Tally, doing: str) -> None:
    rate = Rate()
    while True:
        await asyncio.sleep(PLAIN_S)
        state = describe(tally, rate.update(tally.written))
        say(f"{doing} {tally.written}/{tally.total} | {state}", file=sys.stderr, flush=True)
