"""Have rubrics written: writers side by side (in-process ones in turn), a bounded number of requests each, journal as it goes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from evaluators.engine.breaker import FirstAnswers
from evaluators.engine.budget import Account, Reservation
from evaluators.engine.caller import Caller, Tally, failure_of
from evaluators.engine.journal import Journal
from evaluators.engine.runner import BATCH_BYTES, BATCH_ITEMS, cause_of
from evaluators.errors import BackendError
from evaluators.images.media import MediaWindow
from evaluators.messages import ChatBackend, ChatRequest
from evaluators.records import encode
from evaluators.replies.finish import ending
from evaluators.writers.base import Draw, WriterSpec, failed, request_of, rubric_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Writing:
    """What one writer is to write."""

    spec: WriterSpec
    backend: ChatBackend
    draws: Sequence[Draw]
    account: Account | None = None
    """Where its requests are paid from."""


class Ready(NamedTuple):
    """A draw with the digests of its item's media, or why these cannot be shown."""

    draw: Draw
    error: BackendError | None


@dataclass(frozen=True, slots=True)
class _Asking:
    """One writer while it is asked."""

    work: Writing
    journal: Journal
    caller: Caller
    first: FirstAnswers


async def write_rubrics(work: Sequence[Writing], journal: Journal, tally: Tally) -> None:
    """Ask all writers for all draws; every answer is a line of the journal as it arrives, failures too.

    Raises:
        RunStopped: going on is pointless, or the budget is used up: then all that was asked is answered and written.
        UserError: a writer, a template or a file is not as it must be.
    """
    for writing in work:
        tally.expect(writing.spec, len(writing.draws), writing.backend.in_process)
    due = [w for w in work if w.draws]
    media = MediaWindow()
    try:
        async with asyncio.TaskGroup() as group:
            for writing in due:
                if not writing.backend.in_process:
                    group.create_task(_write([writing], journal, tally, media))
            local = [w for w in due if w.backend.in_process]
            if local:
                group.create_task(_write(local, journal, tally, media))
    except BaseExceptionGroup as failures:
        raise cause_of(failures) from None
    finally:
        media.close()
    missing = tally.total - tally.written + tally.statuses["error"]
    for budget in {w.account.budget for w in due if w.account and w.account.budget.reached}:
        raise budget.stop(f"{missing:,} rubrics and then the verdicts", journal.path.parent)


async def _write(works: Sequence[Writing], journal: Journal, tally: Tally, media: MediaWindow) -> None:
    for work in works:
        caller = Caller(work.spec, tally, work.account, requests=len(work.draws))
        asking = _Asking(work, journal, caller, FirstAnswers(work.spec, "rubric"))
        try:
            await work.backend.open(media)
            # As in the runner: reading ahead is cancelled at once where the run ends early.
            async with asyncio.TaskGroup() as group, contextlib.aclosing(_prepared(work, media)) as prepared:
                async for draw, error in prepared:
                    if error is not None:  # a picture that cannot be shown costs its own rubrics
                        tally.failures[error.kind] += 1
                        _fail(work.spec, draw, error, journal, tally)
                        tally.parts[work.spec.name].written += 1
                        continue
                    request = request_of(work.spec, draw)
                    reservation = await caller.admit(request)
                    if reservation is None:  # what is in flight is waited for and written
                        break
                    group.create_task(_write_one(asking, draw, request, reservation))
        finally:
            await work.backend.close()


async def _prepared(work: Writing, media: MediaWindow) -> AsyncGenerator[Ready]:
    """While one batch is asked, the media of the next are read."""
    encoded, max_pixels = not work.backend.in_process, work.spec.max_pixels  # engines open files themselves
    batches = (
        (batch, asyncio.ensure_future(media.prepare([d.item for d in batch], encoded, max_pixels)))
        for batch in _batches(work.draws)
    )
    ahead = next(batches, None)
    try:
        while ahead is not None:
            batch, reading = ahead
            ready = await reading
            ahead = next(batches, None)
            for draw, (item, error) in zip(batch, ready, strict=True):
                yield Ready(replace(draw, item=item), error)
    finally:
        if ahead is not None:
            ahead[1].cancel()


def _batches(draws: Sequence[Draw]) -> Iterator[list[Draw]]:
    """A few draws at a time, as the runner takes items: as many as are read in one go and fit the media window twice over."""
    batch: list[Draw] = []
    size = 0
    for draw in draws:
        # The draws of an item follow each other and share its media.
        if not batch or draw.item is not batch[-1].item:
            size += sum(f.size * 4 // 3 for m in draw.item.all_media() for f in m.files)
        batch.append(draw)
        if len(batch) == BATCH_ITEMS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def _write_one(asking: _Asking, draw: Draw, request: ChatRequest, reservation: Reservation) -> None:
    work, journal, caller, tally = asking.work, asking.journal, asking.caller, asking.caller.tally
    try:
        answer, rubric = await caller.call(
            reservation,
            request,
            draw.item.uid,
            lambda: work.backend.chat(request),
            lambda answer: rubric_of(work.spec, draw, answer, _now()),
        )
    except BackendError as error:
        _fail(work.spec, draw, error, journal, tally)
        caller.lost(error, draw.item.uid)
    else:
        journal.append(encode(replace(rubric, answer=answer)))
        tally.statuses[rubric.status] += 1
        # No rubric because of a limit has another fix than no rubric at all: raise max_tokens.
        cut = ending(answer.finish_reason, work.spec.complete_reasons) == "cut"
        warning = asking.first.add(answer.text, "truncated" if cut and rubric.status == "invalid" else rubric.status)
        if warning:
            log.warning("writer %s. The run goes on", warning)
    finally:
        tally.parts[work.spec.name].written += 1
        tally.last_written = time.monotonic()


def _fail(spec: WriterSpec, draw: Draw, error: BackendError, journal: Journal, tally: Tally) -> None:
    """File a rubric that was not written, and why."""
    journal.append(encode(failed(spec, draw, failure_of(error), _now())))
    tally.unanswered[error.kind] += 1
    tally.examples[error.kind] = error.message
    if error.kind == "image":
        tally.pictures.setdefault(error.message)
    tally.statuses["error"] += 1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
