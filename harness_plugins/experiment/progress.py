"""What a long command is doing: steps with a bar, and the progress line of requests.

The line has rate, time left of the slowest model, tokens, failures by kind, and, when the run waits, why it waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from evaluators.engine.budget import Budget
from evaluators.engine.caller import Part, Tally
from evaluators.errors import KINDS
from evaluators.text import printable, say

TERMINAL_S = 0.2
PLAIN_S = 10.0
RATE_WINDOW_S = 15.0


class Pace(NamedTuple):
    """How fast the models of a tally are, and the time left at that. Baselines ask no model and do not count."""

    rate: float
    """Verdicts a second."""
    left_s: float | None
    """Of the slowest; of those in this process, which take turns, together. None where nothing is left or known."""
    whose: tuple[str, ...]
    """Whose time that is, where other models have something left as well."""
    least: bool
    """Another model has not started yet, so it may be more."""


class Clock:
    """Looks at a tally from time to time.

    Args:
        window_s: a rate is that of the last so many seconds, or of as many more as its last verdict took.
    """

    def __init__(self, window_s: float = RATE_WINDOW_S) -> None:
        self._window_s = window_s
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def pace(self, tally: Tally, now: float | None = None) -> Pace:
        """Args:
        now: as `time.monotonic()` gives it.
        """
        now = time.monotonic() if now is None else now
        models = {name: p for name, p in tally.parts.items() if not p.baseline}
        rates = {name: self._rate(name, p, now) for name, p in models.items()}
        unfinished = {name: p for name, p in models.items() if p.written < p.total}
        remaining_s = {name: (p.total - p.written) / rates[name] for name, p in unfinished.items() if rates[name]}
        turns = tuple(name for name in remaining_s if models[name].in_process)
        groups: list[tuple[float, tuple[str, ...]]] = [
            (s, (name,)) for name, s in remaining_s.items() if name not in turns
        ]
        if turns:
            groups.append((sum(remaining_s[name] for name in turns), turns))
        left_s, whose = max(groups) if groups else (None, ())
        return Pace(
            rate=sum(rates[name] for name in unfinished or models),
            left_s=left_s,
            whose=whose if len(whose) < len(unfinished) else (),
            least=len(remaining_s) < len(unfinished),
        )

    def _rate(self, name: str, part: Part, now: float) -> float:
        """Lines a second that one judge or writer writes, over the last `window_s`."""
        if part.start is None:
            return 0.0
        samples = self._seen.setdefault(name, deque([part.start]))
        samples.append((now, part.written))
        # The last verdict stays inside the window, however long ago: a slow model would have no rate otherwise.
        while len(samples) > 2 and now - samples[0][0] > self._window_s and samples[1][1] < part.written:
            samples.popleft()
        (begun, first_count), (end, last_count) = samples[0], samples[-1]
        return (last_count - first_count) / (end - begun) if end > begun else 0.0


def _span(seconds: float) -> str:
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02}:{s:02}" if hours else f"{m}:{s:02}"


def _count(n: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if n >= size:
            return f"{n / size:.1f}{unit}"
    return f"{n:.0f}"


def describe(tally: Tally, pace: Pace) -> str:
    """One line of what is going on."""
    parts = [f"{pace.rate:.1f}/s"] if pace.rate else []
    if pace.left_s is not None:
        whose = f" for {', '.join(pace.whose)}" if pace.whose else ""
        parts.append(f"{'over ' if pace.least else ''}{_span(pace.left_s)} left{whose}")
    if tally.prompt_tokens or tally.completion_tokens:
        parts.append(f"{_count(tally.prompt_tokens)} tokens in, {_count(tally.completion_tokens)} out")
    if tally.budget is not None:
        parts.append(_money(tally.budget))
    if tally.failures:
        parts.append("failed: " + ", ".join(f"{kind} {n}" for kind, n in tally.failures.most_common()))
    if tally.waits.counts:
        why = ", ".join(f"{n} for {KINDS.get(kind, kind)}" for kind, n in tally.waits.counts.items())
        server_pause = f", server asked for {tally.waits.asked_s:.0f} s" if tally.waits.asked_s else ""
        parts.append(f"waiting to retry: {why}{server_pause}")
    return printable(" | ".join(parts))


def _money(budget: Budget) -> str:
    """What the run folder took so far; near the limit, also why there are fewer requests in flight."""
    if budget.limit is None:
        return f"spent {budget.spent_text()}"
    of = f"spent {budget.text(budget.spent)} of {budget.text(budget.limit)}"
    return f"{of} (the rest is reserved for requests in flight)" if budget.waiting else of


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
    clock = Clock()
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
                state = describe(tally, clock.pace(tally))
                bar.update(task, total=tally.total or None, completed=tally.written, state=state)
                await asyncio.sleep(TERMINAL_S)
        finally:
            state = describe(tally, clock.pace(tally))
            bar.update(task, total=tally.total or 1, completed=tally.written or int(not tally.total), state=state)


async def _plain(tally: Tally, doing: str) -> None:
    clock = Clock()
    while True:
        await asyncio.sleep(PLAIN_S)
        state = describe(tally, clock.pace(tally))
        say(f"{doing} {tally.written}/{tally.total} | {state}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Steps:
    """What a long command is doing, on stderr: a bar in a terminal, a line each 10 s elsewhere, nothing when quiet."""

    show: bool = False

    @contextlib.contextmanager
    def counted(self, doing: str, total: int) -> Iterator[Callable[[int], None]]:
        """Within it, call what it yields with the number of things done."""
        if not self.show or not total:
            yield lambda done: None
            return
        console = Console(file=sys.stderr)
        if console.is_terminal:
            with Progress(console=console) as bar:
                task = bar.add_task(doing, total=total)
                yield lambda done: bar.update(task, advance=done)
            return
        last, sum_done = time.monotonic(), 0

        def count(done: int) -> None:
            nonlocal last, sum_done
            sum_done += done
            if time.monotonic() - last >= PLAIN_S:
                last = time.monotonic()
                say(f"{doing} {sum_done}/{total}", file=sys.stderr, flush=True)

        yield count
