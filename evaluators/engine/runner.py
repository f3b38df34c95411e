"""Ask what is due: judges side by side (in-process ones in turn), a bounded number of requests each, journal as it goes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from evaluators.engine.budget import Account, Budget, Held
from evaluators.engine.journal import Journal
from evaluators.engine.pacing import Slots, Waits, with_retries
from evaluators.engine.plan import Cell, Finished, Work, grouped
from evaluators.errors import FATAL, KINDS, BackendError, RunStopped, UserError
from evaluators.judges import Judge
from evaluators.media import WINDOW_BYTES, MediaWindow
from evaluators.parsing import Parsed, parse
from evaluators.records import Answer, Failure, Item, Order, Verdict, encode
from evaluators.rendering import Case, pick_of

BATCH_ITEMS = 32
BATCH_BYTES = WINDOW_BYTES // 4


@dataclass
class Tally:
    """What has happened so far, for the progress line and the summary."""

    total: int = 0
    written: int = 0
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
    notes: list[str] = field(default_factory=list)
    """What a person is to be told at the end."""
    waits: Waits = field(default_factory=Waits)
    first_sent: float | None = None
    """`time.monotonic()` of the first request."""
    last_written: float | None = None
    budget: Budget | None = None
    """Where prices are known."""


class Breaker:
    """Ends the run when a judge gives nothing but fatal failures: on all its first requests, or as many in a row later.

    Until something else has come back, fatal failures are not retried.
    """

    def __init__(self, judge: str, first: int) -> None:
        self._judge = judge
        self._first = max(first, 3)  # one late 404 is no proof, however few requests are in flight
        self._streak = 0
        self._alive = False

    def pointless(self, error: BackendError) -> bool:
        return error.kind in FATAL and not self._alive

    def heard(self, error: BackendError | None = None) -> None:
        if error is None or error.kind not in FATAL:
            self._alive = True
            self._streak = 0

    def lost(self, error: BackendError) -> None:
        """Count a request that failed for good.

        Raises:
            RunStopped: it was one too many.
        """
        if error.kind not in FATAL:
            return
        self._streak += 1
        if self._streak >= self._first:
            mend = {
                "refused_connection": "start the server or correct base_url",
                "auth": "set the key in the environment variable that api_key_env names",
                "quota": "add money or quota to the account, or set another key",
                "certificate": "name a file of trusted certificates in SSL_CERT_FILE, or correct base_url",
                "proxy": "correct HTTP_PROXY or HTTPS_PROXY, or name the server in NO_PROXY",
                "not_found": "correct model or base_url (it usually ends in /v1)",
                "redirect": "set base_url to the address that the server names",
                "stream": "set `stream: true` of the judge",
            }[error.kind]
            raise RunStopped(
                f"judge {self._judge!r}: the last {self._streak} requests all failed: "
                f"{KINDS[error.kind]} ({error.message}). To mend: {mend}; then run the same command again."
            )


class Runner:
    """One run over a folder's journals. `tally` may be read at any time.

    Args:
        accounts: by judge, where its requests are paid from; judges without one spend nothing that is counted.
    """

    def __init__(
        self,
        verdicts: Journal,
        items: Journal,
        listed: set[str],
        finished: Finished,
        accounts: Mapping[str, Account] | None = None,
    ) -> None:
        self._verdicts = verdicts
        self._items = items
        self._listed = listed
        self._finished = finished
        self._accounts = accounts or {}
        self.tally = Tally()

    async def run(self, work: Sequence[tuple[Judge, Sequence[Work]]]) -> None:
        """Ask all that is due.

        Raises:
            RunStopped: going on is pointless, or the budget is used up: then all that was asked is answered and written.
            UserError: a judge, a template or a file is not as it must be.
        """
        self.tally.total += sum(w.cells for _, works in work for w in works)
        due = [(judge, works) for judge, works in work if any(w.calls for w in works)]
        remote = [judge for judge, _ in due if not judge.in_process]
        local = [(judge, works) for judge, works in due if judge.in_process]
        media = MediaWindow()
        try:
            for judge in remote:  # all of them before the first request: one that cannot work stops the run for free
                await judge.open(media)
            async with asyncio.TaskGroup() as group:
                for judge, works in due:
                    if not judge.in_process:
                        group.create_task(self._judge(judge, works, media))
                if local:
                    group.create_task(self._one_by_one(local, media))
        except BaseExceptionGroup as failures:
            raise cause_of(failures) from None
        finally:
            for judge in remote:
                await judge.close()
            media.close()
        for budget in {a.budget for a in self._accounts.values() if a.budget.reached}:
            raise budget.stop(f"{self.tally.total - self.tally.written:,} verdicts", self._verdicts.path.parent)

    async def _one_by_one(self, work: Sequence[tuple[Judge, Sequence[Work]]], media: MediaWindow) -> None:
        for judge, works in work:
            try:
                await judge.open(media)
                await self._judge(judge, works, media)
            finally:
                await judge.close()

    async def _judge(self, judge: Judge, works: Sequence[Work], media: MediaWindow) -> None:
        slots = Slots(judge.spec.concurrency, judge.spec.adaptive)
        breaker = Breaker(judge.spec.name, min(judge.spec.concurrency, sum(w.calls for w in works)))
        account = self._accounts.get(judge.spec.name)
        async with asyncio.TaskGroup() as group, contextlib.aclosing(self._prepared(works, media, judge)) as prepared:
            async for item, calls in prepared:
                for same in calls:
                    await slots.acquire()
                    held = await account.hold(judge.spec, case_of(item, same[0])) if account else Held()
                    if held is None:  # what is in flight is waited for and written
                        slots.release()
                        return
                    group.create_task(self._ask(judge, item, same, slots, breaker, held))

    async def _prepared(
        self, works: Sequence[Work], media: MediaWindow, judge: Judge
    ) -> AsyncGenerator[tuple[Item, list[list[Cell]]]]:
        """The items with open cells; while one batch is asked, the media of the next are read."""
        shown, most = judge.sees_media and not judge.in_process, judge.spec.max_pixels  # engines open files themselves
        batches = (
            (w, asyncio.ensure_future(media.prepare(items, shown, most))) for w in works for items in _batches(w)
        )
        ahead = next(batches, None)
        try:
            while ahead is not None:
                work, reading = ahead
                items = await reading
                ahead = next(batches, None)
                self._list(items)
                for item in items:
                    cells = list(work.grid.cells(item, work.judge, work.rows))
                    fresh = [c for c in cells if not self._finished.has(c)]
                    if (
                        item is not work.grid.items[work.place[item.uid]]
                    ):  # read just now: its keys were not known before
                        self.tally.total -= len(cells) - len(fresh)
                    yield item, [same for same in grouped(fresh).values() if same[0].call not in work.reuse]
        finally:
            if ahead is not None:
                ahead[1].cancel()

    def _list(self, items: Sequence[Item]) -> None:
        """Note items in the folder, before any verdict on them, in one append."""
        new = [i for i in items if i.uid not in self._listed]
        if new:
            self._listed.update(i.uid for i in new)
            self._items.append(b"".join(map(encode, new)))

    async def _ask(
        self, judge: Judge, item: Item, cells: list[Cell], slots: Slots, breaker: Breaker, held: Held
    ) -> None:
        tally, cell, case = self.tally, cells[0], case_of(item, cells[0])
        asked = judge.spec.asked(case)
        account, came = self._accounts.get(judge.spec.name), None

        async def once() -> tuple[Answer, Parsed]:
            tally.asked += 1
            tally.first_sent = tally.first_sent or time.monotonic()
            try:
                answer = await judge.decide(
                    case, seed_of(item, cell.order, cell.arm, cell.writer, cell.sample, cell.given.replicate)
                )
                parsed = parse(answer, asked)
            except (BackendError, UserError, RunStopped, asyncio.CancelledError):
                raise
            except Exception as e:  # a fault of one backend on one request must not cost the rest of the run
                raise BackendError("backend", f"{type(e).__name__}: {e}"[:300]) from e
            breaker.heard()
            return answer, parsed

        def failed(error: BackendError) -> None:
            tally.failures[error.kind] += 1
            breaker.heard(error)

        tally.in_flight += 1
        try:
            (answer, parsed), attempts = await with_retries(
                once,
                retries=judge.spec.retries,
                slots=slots,
                waits=tally.waits,
                give_up=breaker.pointless,
                failed=failed,
            )
        except BackendError as error:
            self.write(item, cells, None, Parsed("error"), error)
            breaker.lost(error)
        else:
            came = answer
            self.write(item, cells, replace(answer, attempts=attempts) if attempts > 1 else answer, parsed)
        finally:
            if account:
                account.settle(held, came)
            tally.in_flight -= 1
            slots.release()

    def write(
        self,
        item: Item,
        cells: Sequence[Cell],
        answer: Answer | None,
        parsed: Parsed,
        error: BackendError | None = None,
    ) -> None:
        """Append the verdicts of all cells that share an answer (or a failure)."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        for cell in cells:
            if error is None or not self._finished.answered(cell):  # a failed `--redo` leaves what was answered
                self._verdicts.append(encode(make_verdict(item, cell, answer, parsed, error, now)))
            self.tally.written += 1
            self.tally.statuses[parsed.status] += 1
        if error:
            self.tally.unanswered[error.kind] += len(cells)
            self.tally.examples[error.kind] = error.message
        if answer and answer.usage:
            self.tally.prompt_tokens += answer.usage.get("prompt_tokens", 0)
            self.tally.completion_tokens += answer.usage.get("completion_tokens", 0)
        self.tally.last_written = time.monotonic()


def _batches(work: Work) -> Iterator[list[Item]]:
    """The items with open cells, a few at a time: as many as are read in one go and fit the media window twice over."""
    batch: list[Item] = []
    size = 0
    for index in work.items:
        item = work.grid.items[index]
        batch.append(item)
        size += sum(f.size * 4 // 3 for m in item.all_media() for f in m.files)
        if len(batch) == BATCH_ITEMS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def case_of(item: Item, cell: Cell) -> Case:
    """What a judge is shown."""
    return cell.given.case(item, cell.order, cell.candidate)


def seed_of(item: Item, order: str, arm: str, writer: str | None = None, sample: int = 0, replicate: int = 0) -> str:
    """What the `random` baseline draws from: the cell, by name, so that the same row comes out wherever it is made."""
    return repr((item.uid, order, arm, writer, sample, replicate))


def make_verdict(
    item: Item, cell: Cell, answer: Answer | None, parsed: Parsed, error: BackendError | None, time: str
) -> Verdict:
    """The record of one cell, from the answer that came and what it was read as, or the failure in its place."""
    return Verdict(
        key=cell.key,
        status=parsed.status,
        call=cell.call,
        benchmark=item.benchmark,
        item=item.uid,
        media=cell.media,
        judge=cell.judge,
        arm=cell.arm,
        writer=cell.writer,
        order=cell.order,
        sample=cell.sample,
        replicate=cell.given.replicate,
        rubric=cell.given.rubric.uid if cell.given.rubric else None,
        donor=cell.given.donor,
        edited=cell.given.edited,
        choice=parsed.choice,
        pick=None if parsed.choice is None else pick_of(parsed.choice, cell.order),
        both_bad=parsed.both_bad,
        candidate=cell.candidate,
        score=parsed.score,
        ranks=_canonical(parsed.ranks, cell.order),
        criteria=parsed.criteria,
        p=parsed.p,
        parser=parsed.parser,
        answer=answer,
        error=Failure(error.kind, error.message, error.http) if error else None,
        time=time,
    )


def _canonical(ranks: tuple[int, ...] | None, order: Order) -> tuple[int, ...] | None:
    """Places by position as places by canonical candidate."""
    if ranks is None:
        return None
    return tuple(ranks[order.index(letter)] for letter in sorted(order))


def cause_of(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one failure that tells the user what to do; the rest are its echoes."""
    flat: list[BaseException] = []
    rest: list[BaseException] = [failures]
    while rest:
        one = rest.pop()
        if isinstance(one, BaseExceptionGroup):
            rest.extend(one.exceptions)
        else:
            flat.append(one)
    return next((e for e in flat if isinstance(e, RunStopped | UserError)), flat[0])
