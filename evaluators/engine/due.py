"""Which cells a run has, which are still due, and which of them share one request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from evaluators.keys import call_digest, digest, media_digest, verdict_key
from evaluators.prompts.grading import Kind
from evaluators.records import Item, Order, rotations
from evaluators.rubrics.arms import Arm, ArmInput, WriterRubrics
from evaluators.specs import JudgeSpec

Orders = Literal["both", "AB", "BA", "hashed", "stored"] | int
"""`both`: all cyclic orders of an item's candidates, two of a pair. A number: the first so many. `AB` and `BA`: of three
candidates or more, the first order and the second. `stored` shows first what the dataset stores first, as some official
protocols do. `hashed` gives each item one order, by a hash of its uid: half the calls, and
no decomposition of position bias."""


def orders_of(item: Item, orders: Orders, grading: Kind = "pairwise") -> tuple[Order, ...]:
    """The orders in which an item is judged. Pointwise, order only says in which one its rubric was written: a pair's."""
    every = rotations(len(item.candidates))
    if grading == "pointwise" and len(every) > 2:
        return every[:1]
    if orders == "both":
        return every
    if orders == "hashed":
        return (every[int(digest("order", item.uid)[:8], 16) % len(every)],)
    if orders == "stored":
        return (every[item.stored.index(0)],)
    if isinstance(orders, int):
        return every[:orders]
    return (every[0 if orders == "AB" else 1],)


def scored_alone(item: Item, judge: JudgeSpec) -> tuple[int | None, ...]:
    """The candidates that one cell's verdicts are on: each alone where the judge scores, else all together (None)."""
    return tuple(range(len(item.candidates))) if judge.grading == "pointwise" else (None,)


@dataclass(frozen=True, slots=True)
class Cell:
    """One verdict to be: a judge, an arm (and writer), an item in an order, a sample."""

    key: str
    call: str
    judge: str
    arm: str
    writer: str | None
    order: Order
    sample: int
    arm_input: ArmInput
    media: str | None = None
    """16 hex over the bytes of the item's media, None where it has none."""
    candidate: int | None = None
    """Pointwise: the canonical candidate that is scored."""


Selects = Callable[[str, str, str, str | None], bool]
"""(benchmark, judge, arm, writer) -> is it part of this run?"""


class GridRow(NamedTuple):
    """One row of a judge's table: an arm, and the writer whose rubrics it reads."""

    arm: Arm
    writer: WriterRubrics | None

    @property
    def writer_name(self) -> str | None:
        return self.writer.name if self.writer else None


class Trial(NamedTuple):
    """A cell before it has a key."""

    order: Order
    arm: Arm
    writer: str | None
    arm_input: ArmInput
    sample: int
    candidate: int | None
    """The one that is scored alone; None where all are shown."""


@dataclass(frozen=True)
class Grid:
    """One benchmark with everything that is crossed over its items."""

    benchmark: str
    items: Sequence[Item]
    arms: Sequence[Arm]
    writers: Sequence[WriterRubrics] = ()
    orders: Orders = "both"
    selects: Selects = field(default=lambda benchmark, judge, arm, writer: True)

    def rows(self, judge: JudgeSpec) -> list[GridRow]:
        """The arms of a judge, those of a writer once a writer."""
        rows = [GridRow(arm, w) for arm in self.arms for w in self._writers(arm, judge)]
        return [r for r in rows if self.selects(self.benchmark, judge.name, r.arm.name, r.writer_name)]

    def _writers(self, arm: Arm, judge: JudgeSpec) -> Sequence[WriterRubrics | None]:
        if not arm.per_writer:
            return (None,)
        owner = judge.name if arm.own else None
        return [w for w in self.writers if w.owner == owner and arm.fits(w)]

    def trials(self, item: Item, judge: JudgeSpec, rows: Sequence[GridRow]) -> Iterator[Trial]:
        """The cells of one item and judge, unnamed: arms of one order follow each other, since they share a prompt prefix."""
        for order in orders_of(item, self.orders, judge.grading):
            for arm, writer in rows:
                for arm_input in arm.give(item, order, writer):
                    for sample in range(judge.samples):
                        for candidate in scored_alone(item, judge):
                            yield Trial(order, arm, writer.name if writer else None, arm_input, sample, candidate)

    def cells(self, item: Item, judge: JudgeSpec, rows: Sequence[GridRow]) -> Iterator[Cell]:
        """The same with their keys. They depend on the bytes of the item's media, so these must be known."""
        pictures = item.all_media()
        media = media_digest(pictures)
        item_digest, judge_digest = digest(item.uid, media), judge.digest
        shown = media[:16] if pictures else None
        for order, arm, writer, arm_input, sample, candidate in self.trials(item, judge, rows):
            view = order if candidate is None else f"candidate {candidate}"  # alone, whatever the order
            call = call_digest(
                item_digest, judge_digest, view, _read_as(arm_input, judge), sample, repeat_id=arm_input.repeat_id
            )
            # A candidate alone is asked about once for all orders, and each order still needs a verdict of its own.
            trial_digest = call if candidate is None else digest(call, order)
            key = verdict_key(trial_digest, arm.name, writer, arm_input.replicate)
            yield Cell(key, call, judge.name, arm.name, writer, order, sample, arm_input, shown, candidate)


def _read_as(arm_input: ArmInput, judge: JudgeSpec) -> object:
    """What of an arm's input decides: `lexical`, and who decides by criteria, weighs them; other models read the text alone."""
    # What the judge does not read must not be in the key: a rubric with the same text is the same request.
    read: object = arm_input.rubric and (arm_input.rubric.text if judge.asks_model else arm_input.rubric)
    if arm_input.rubric and judge.decision == "criteria":
        read = (arm_input.rubric.text, arm_input.rubric.criteria)
    if arm_input.advice is None and not arm_input.hidden:
        return read
    return (read, arm_input.advice, tuple(sorted(arm_input.hidden)))


class Finished:
    """The keys and calls that a run folder already holds an answer to, at 16 bytes each."""

    def __init__(self) -> None:
        self.keys: set[bytes] = set()
        self.calls: set[bytes] = set()
        self.reopened: set[bytes] = set()
        """Keys that hold an answer which is to be asked again: a failure must not take its place."""

    @classmethod
    def read(cls, verdicts: Iterable[Mapping[str, Any]], redo: Collection[str] = ()) -> Finished:
        """What is in a folder's verdict lines, except errors and the statuses to be asked again."""
        finished = cls()
        for verdict in verdicts:
            finished.note(verdict["key"], verdict["status"], verdict["call"], redo)
        return finished

    def note(self, key: str, status: str, call: str, redo: Collection[str] = ()) -> None:
        """Take up a verdict line; a later line on the same key replaces it."""
        if status == "error":
            return  # an error opens nothing: answers before and after it stay valid
        short_key, short_call = _short(key), _short(call)
        if status in redo:
            self.keys.discard(short_key)
            self.calls.discard(short_call)
            self.reopened.add(short_key)
        else:
            self.keys.add(short_key)
            self.calls.add(short_call)
            if self.reopened:
                self.reopened.discard(short_key)

    def has(self, cell: Cell) -> bool:
        return _short(cell.key) in self.keys

    def answered(self, cell: Cell) -> bool:
        """Whether the folder holds an answer to the cell, also one that is asked again."""
        return self.has(cell) or _short(cell.key) in self.reopened

    def has_call(self, cell: Cell) -> bool:
        return _short(cell.call) in self.calls


def _short(digest_hex: str) -> bytes:
    try:
        return bytes.fromhex(digest_hex[:32])
    except ValueError:  # damaged: no cell has it, so the one that had is due
        return b""


@dataclass
class Work:
    """What is still to be asked of one grid and judge: the items with open cells, and the counts for the progress line."""

    grid: Grid
    judge: JudgeSpec
    rows: list[GridRow]
    items: list[int]
    """Indices into grid.items."""
    cells: int = 0
    planned: int = 0
    calls: int = 0
    reuse: dict[str, list[tuple[Item, Cell]]] = field(default_factory=dict)
    """Open cells whose call the folder has answered already, by call: a copy, no request."""

    def ask_anew(self, call: str) -> None:
        """Ask for cells whose answer is in the folder and cannot be read."""
        uids = {item.uid for item, _ in self.reuse.pop(call)}
        self.items = sorted({*self.items, *(n for n, item in enumerate(self.grid.items) if item.uid in uids)})
        self.calls += 1

    @cached_property
    def place(self) -> dict[str, int]:
        """Index into grid.items by uid."""
        return {self.grid.items[i].uid: i for i in self.items}


def due(grid: Grid, judge: JudgeSpec, finished: Finished) -> Work:
    """Go through all cells once and keep what is open. Of items whose media are not read yet no verdict can exist."""
    work = Work(grid, judge, grid.rows(judge), [])
    for index, item in enumerate(grid.items):
        open_calls: set[object] = set()
        if not item.digested():  # no keys yet: only count
            for order, _, _, arm_input, sample, candidate in grid.trials(item, judge, work.rows):
                work.planned += 1
                work.cells += 1
                # The parts that `call_digest` will be made of, so that the number of requests is right before any key
                # is known.
                open_calls.add(
                    (order if candidate is None else candidate, _read_as(arm_input, judge), sample, arm_input.repeat_id)
                )
        else:
            for cell in grid.cells(item, judge, work.rows):
                work.planned += 1
                if finished.has(cell):
                    continue
                work.cells += 1
                if finished.has_call(cell):
                    work.reuse.setdefault(cell.call, []).append((item, cell))
                else:
                    open_calls.add(cell.call)
        if open_calls:
            work.items.append(index)
            work.calls += len(open_calls)
    return work


def grouped(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    """Cells by call, in order: one request answers each group."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.call, []).append(cell)
    return groups
