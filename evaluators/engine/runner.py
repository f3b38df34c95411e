"""Ask what is due: judges side by side (in-process ones in turn), a bounded number of requests each, journal as it goes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from evaluators.engine.breaker import FirstAnswers
from evaluators.engine.budget import Account, Reservation
from evaluators.engine.caller import Caller, Tally, failure_of
from evaluators.engine.due import Cell, Finished, Work, grouped
from evaluators.engine.journal import Journal
from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.images.media import WINDOW_BYTES, MediaWindow
from evaluators.judges import Judge
from evaluators.prompts.template import Case, pick_of
from evaluators.records import Answer, Item, Order, Verdict, encode
from evaluators.replies.parsing import Parsed, parse

log = logging.getLogger(__name__)

# One hop to a thread costs as much as reading a small file, so many files share a hop.
BATCH_ITEMS = 32
# The batch that is asked and the one that is read ahead must both stay in the window.
BATCH_BYTES = WINDOW_BYTES // 4


class Judging(NamedTuple):
    """What is due of one judge."""

    judge: Judge
    works: Sequence[Work]


class Due(NamedTuple):
    """An item whose media are read, and its open cells; those of one call are together."""

    item: Item
    calls: list[list[Cell]]


@dataclass(frozen=True, slots=True)
class _Asking:
    """One judge while it is asked."""

    judge: Judge
    caller: Caller
    first: FirstAnswers


class Runner:
    """One run over a folder's journals. `tally` may be read at any time.

    Args:
        accounts: by judge, where its requests are paid from; judges without one spend nothing that is counted.
        stop_unreadable: end the run where a judge's first answers all hold no verdict, once what is in flight is written.
    """

    def __init__(
        self,
        verdicts: Journal,
        items: Journal,
        listed: set[str],
        finished: Finished,
        *,
        accounts: Mapping[str, Account] | None = None,
        stop_unreadable: bool = False,
    ) -> None:
        self._verdicts = verdicts
        self._items = items
        self._listed = listed
        self._finished = finished
        self._accounts = accounts or {}
        self._stop_unreadable = stop_unreadable
        self._unreadable: str | None = None
        """Why the run is to end: a judge whose first answers cannot be read."""
        self.tally = Tally()

    async def run(self, work: Sequence[Judging]) -> None:
        """Ask all that is due.

        Raises:
            RunStopped: going on is hopeless; or the budget is used up, or a judge's answers cannot be read and that ends the
                run: then all that was asked is answered and written.
            UserError: a judge, a template or a file is not as it must be.
        """
        for judge, works in work:
            self.tally.expect(judge.spec, sum(w.cells for w in works), judge.in_process)
        due = [j for j in work if any(w.calls for w in j.works)]
        remote = [j.judge for j in due if not j.judge.in_process]
        local = [j for j in due if j.judge.in_process]
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
                # All of them, also those that were never opened: an earlier one may have failed.
                await judge.close()
            media.close()
        if self._unreadable:
            raise RunStopped(self._unreadable)
        for budget in {a.budget for a in self._accounts.values() if a.budget.reached}:
            missing = self.tally.total - self.tally.written + self.tally.statuses["error"]
            raise budget.stop(f"{missing:,} verdicts", self._verdicts.path.parent)

    async def _one_by_one(self, work: Sequence[Judging], media: MediaWindow) -> None:
        for judge, works in work:
            try:
                await judge.open(media)
                await self._judge(judge, works, media)
            finally:
                await judge.close()

    async def _judge(self, judge: Judge, works: Sequence[Work], media: MediaWindow) -> None:
        account, requests = self._accounts.get(judge.spec.name), sum(w.calls for w in works)
        caller = Caller(judge.spec, self.tally, account, requests=requests)
        asking = _Asking(judge, caller, FirstAnswers(judge.spec))
        # `aclosing`: where the run ends early, reading ahead is cancelled now, not when the garbage collector comes by.
        async with asyncio.TaskGroup() as group, contextlib.aclosing(self._prepared(works, media, judge)) as prepared:
            async for item, calls in prepared:
                for call_cells in calls:
                    # Admitted before its task exists: a million due calls are never a million tasks.
                    reservation = None if self._unreadable else await caller.admit(case_of(item, call_cells[0]))
                    if reservation is None:  # what is in flight is waited for and written
                        return
                    group.create_task(self._ask(asking, item, call_cells, reservation))

    async def _prepared(self, works: Sequence[Work], media: MediaWindow, judge: Judge) -> AsyncGenerator[Due]:
        """The items with open cells; while one batch is asked, the media of the next are read."""
        encoded, max_pixels = (
            judge.sees_media and not judge.in_process,
            judge.spec.max_pixels,
        )  # engines open files themselves
        batches = (
            (w, asyncio.ensure_future(media.prepare(items, encoded, max_pixels)))
            for w in works
            for items in _batches(w)
        )
        ahead = next(batches, None)
        try:
            while ahead is not None:
                work, reading = ahead
                ready = await reading
                ahead = next(batches, None)  # begins to read the next batch, while this one is asked
                # Before any of them is asked about: a killed run must leave no verdict on an item that is in no list.
                self._list([item for item, _ in ready])
                for item, error in ready:
                    cells = list(work.grid.cells(item, work.judge, work.rows))
                    fresh = [c for c in cells if not self._finished.has(c)]
                    if (
                        item is not work.grid.items[work.place[item.uid]]
                    ):  # read just now: its keys were not known before
                        self.tally.parts[judge.spec.name].total -= len(cells) - len(fresh)
                    calls = [
                        call_cells for call_cells in grouped(fresh).values() if call_cells[0].call not in work.reuse
                    ]
                    if error is None:
                        yield Due(item, calls)
                        continue
                    for call_cells in calls:  # a picture that cannot be shown costs its own verdicts
                        self.tally.failures[error.kind] += 1
                        self.write(item, call_cells, None, Parsed("error"), error)
        finally:
            if ahead is not None:
                ahead[1].cancel()

    def _list(self, items: Sequence[Item]) -> None:
        """Note items in the folder, before any verdict on them, in one append; those not digested are listed already."""
        new = [i for i in items if i.uid not in self._listed and i.digested()]
        if new:
            self._listed.update(i.uid for i in new)
            self._items.append(b"".join(map(encode, new)))

    async def _ask(self, asking: _Asking, item: Item, cells: list[Cell], reservation: Reservation) -> None:
        """One call for cells that share it: their verdicts are written, or the error is."""
        judge, caller = asking.judge, asking.caller
        cell, case = cells[0], case_of(item, cells[0])
        seed = seed_of(item, cell.order, cell.arm, cell.writer, sample=cell.sample, replicate=cell.arm_input.replicate)
        question = judge.spec.question_for(case)
        try:
            answer, parsed = await caller.call(
                reservation,
                case,
                item.uid,
                lambda: judge.decide(case, seed),
                lambda answer: parse(answer, question, judge.spec.complete_reasons),
            )
        except BackendError as error:
            # Written first: `lost` may end the run.
            self.write(item, cells, None, Parsed("error"), error)
            caller.lost(error, item.uid)
        else:
            self.write(item, cells, answer, parsed)
            warning = asking.first.add(answer.text, parsed.status)
            if warning:
                show = f"rubric-harness show {self._verdicts.path.parent} --judge {judge.spec.name}"
                warning = f"judge {warning}. To read some: {show}"
            if warning and self._stop_unreadable:
                self._unreadable = f"{warning}. To go on anyway, leave --stop-unreadable out"
            elif warning:
                log.warning("%s. The run goes on; --stop-unreadable would end it", warning)

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
            # A failed `--redo` leaves the earlier answer, which stays valid; what it cost is noted anyway.
            if error is None or error.replies or not self._finished.answered(cell):
                self._verdicts.append(encode(make_verdict(item, cell, answer, parsed, error=error, time=now)))
            self.tally.parts[cell.judge].written += 1
            self.tally.statuses[parsed.status] += 1
        if error:
            self.tally.unanswered[error.kind] += len(cells)
            self.tally.examples[error.kind] = error.message
            if error.kind == "image":
                self.tally.pictures.setdefault(error.message)
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
    return cell.arm_input.case(item, cell.order, cell.candidate)


def seed_of(item: Item, order: str, arm: str, writer: str | None = None, *, sample: int = 0, replicate: int = 0) -> str:
    """What the `random` baseline draws from: the cell, by name, so that the same row comes out wherever it is made."""
    return repr((item.uid, order, arm, writer, sample, replicate))


def make_verdict(
    item: Item, cell: Cell, answer: Answer | None, parsed: Parsed, *, error: BackendError | None, time: str
) -> Verdict:
    """The record of one cell, from the answer that came and what it was read as, or the failure in its place."""
    return Verdict(
        key=cell.key,
        call=cell.call,
        benchmark=item.benchmark,
        item=item.uid,
        media=cell.media,
        judge=cell.judge,
        arm=cell.arm,
        writer=cell.writer,
        order=cell.order,
        sample=cell.sample,
        replicate=cell.arm_input.replicate,
        rubric=cell.arm_input.rubric.uid if cell.arm_input.rubric else None,
        donor=cell.arm_input.donor,
        edited=cell.arm_input.edited,
        candidate=cell.candidate,
        answer=answer,
        error=failure_of(error) if error else None,
        time=time,
        **derived(parsed, cell.order),
    )


def derived(parsed: Parsed, order: Order) -> dict[str, Any]:
    """The fields of a verdict that are derived from its answer: positions as parsed, and candidates in canonical order."""
    ranks = parsed.ranks
    return {
        "status": parsed.status,
        "choice": parsed.choice,
        "pick": None if parsed.choice is None else pick_of(parsed.choice, order),
        "both_bad": parsed.both_bad,
        "score": parsed.score,
        "ranks": None if ranks is None else tuple(ranks[order.index(letter)] for letter in sorted(order)),
        "criteria": parsed.criteria,
        "forms": parsed.forms,
        "p": parsed.p,
        "parser": parsed.parser,
    }


def cause_of(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one failure that tells the user what to do; the rest are its echoes."""
    flat: list[BaseException] = []
    pending: list[BaseException] = [failures]
    while pending:
        failure = pending.pop()
        if isinstance(failure, BaseExceptionGroup):
            pending.extend(failure.exceptions)
        else:
            flat.append(failure)
    return next((e for e in flat if isinstance(e, RunStopped | UserError)), flat[0])
