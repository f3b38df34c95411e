"""The teacher: each pair judged by a Proxy-GRM writer, and what its answers make of the pair. Resumable as all writing is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from evaluators.engine.caller import Tally
from evaluators.engine.writing import Writing
from evaluators.gc_pause import rare_collections
from evaluators.judges import chat_backend
from evaluators.keys import digest
from evaluators.messages import ChatBackend
from evaluators.records import ORDERS, Item, Order, Rubric
from evaluators.rubrics.leaks import leak_classes
from evaluators.writers.base import Draw
from evaluators.writers.methods import proxy_grm
from harness_plugins.experiment.run import block_on
from harness_plugins.experiment.writing import Written, write
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.training_data.config import DataConfig, Distil
from harness_plugins.training_data.reading import Pair
from harness_plugins.training_data.targets import readable

Outcome = Literal["correct", "hard", "malformed", "leaking", "unanswered", "unasked", "spare"]
"""`unasked`: there is no teacher. `spare`: the parts were full before its turn came."""


@dataclass(frozen=True)
class Taught:
    """A pair with the teacher's answers, by the order it saw, and what they make of it."""

    pair: Pair
    outcome: Outcome
    rubrics: Mapping[Order, Rubric] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    """Of form, or of a leak, by name."""


def preferred_first(item: Item, order: Order) -> bool:
    """Whether the preferred response is first in an order."""
    return (item.label.preferred == 0) == (order == "AB")


def order_with(item: Item, first: bool) -> Order:
    """The order in which the preferred response is first, or second."""
    return "AB" if (item.label.preferred == 0) == first else "BA"


def orders_for(item: Item, distil: Distil, seed: int) -> tuple[Order, ...]:
    """The orders that the teacher sees a pair in.

    One of them is chosen at random for each two rows of a source, and the other row gets its opposite: the preferred response
    is first in half of them, and a source that grows, or is read with a limit, asks nothing twice.
    """
    if distil.orders == "both":
        return ORDERS
    block, second = divmod(item.row, 2)
    coin = int(digest("teacher-order", seed, item.benchmark, block)[:8], 16) % 2
    return (order_with(item, coin == second),)


def due(config: DataConfig, pairs: Sequence[Pair], written: Written, redo: Collection[str] = ()) -> list[Draw]:
    """What the teacher has still to answer."""
    assert config.teacher is not None
    answers = written.by_writer[config.teacher.name]
    draws = (Draw(p.item, order) for p in pairs for order in orders_for(p.item, config.distil, config.seed))
    return [d for d in draws if d.place not in answers or answers[d.place].status in redo]


def teach(
    config: DataConfig,
    pairs: Sequence[Pair],
    folder: Path,
    *,
    tally: Tally,
    redo: Collection[str] = (),
    backend: ChatBackend | None = None,
    progress: bool = False,
) -> None:
    """Ask the teacher what is due; answers are lines of the folder's `rubrics.jsonl` as they come.

    Raises:
        UserError, RunStopped: as `evaluators.engine.writing.write_rubrics`; what was answered stays.
    """
    spec = config.teacher
    assert spec is not None
    draws = due(config, pairs, Written.read(RunFolder(folder), [spec]), redo)
    if draws:
        with rare_collections():
            block_on(write([Writing(spec, backend or chat_backend(spec), draws)], RunFolder(folder), tally, progress))


def rounds(config: DataConfig, pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """What the teacher is asked about, as growing lists: with `ask: until_full` the parts are looked at after each of them.

    The first holds as many pairs as the parts can take at best, each further one a tenth of that more, in an order that pair and
    seed decide: a run that was stopped comes by the same lists again.
    """
    if config.teacher is None or config.distil.ask == "all":
        yield list(pairs)
        return
    ordered = sorted(pairs, key=lambda p: digest("teacher", config.seed, p.uid))
    least = sum(config.sizes().values())
    for end in range(least, len(ordered), max(least // 10, 1)):
        yield ordered[:end]
    yield ordered


def outcomes(config: DataConfig, pairs: Sequence[Pair], folder: Path) -> Iterator[Taught]:
    """Each pair with what the teacher's answers make of it, in the order of the pairs.

    Raises:
        UserError: the folder holds another teacher's answers under this one's name.
    """
    spec = config.teacher
    if spec is None:
        yield from (Taught(p, "unasked") for p in pairs)
        return
    answers = Written.read(RunFolder(folder), [spec]).by_writer[spec.name]
    for pair in pairs:
        orders = orders_for(pair.item, config.distil, config.seed)
        by_order = {o: answers.get(Draw(pair.item, o).place) for o in orders}
        rubrics = {o: r for o, r in by_order.items() if r is not None}
        if len(rubrics) < len(orders):
            yield Taught(pair, "unanswered", rubrics)
        else:
            yield outcome_of(pair, rubrics, config.distil, config.proxy.think)


def outcome_of(pair: Pair, rubrics: Mapping[Order, Rubric], distil: Distil, think: bool = False) -> Taught:
    """`malformed` where an answer breaks the form, `hard` where a verdict is wrong, `leaking` where that is asked for, `correct`."""
    violations = dict.fromkeys(v for r in rubrics.values() for v in r.violations)
    faults = proxy_grm.faults(violations, distil.form, distil.allow)
    if faults or any(r.status != "valid" or r.verdict is None for r in rubrics.values()):
        return Taught(pair, "malformed", rubrics, faults)
    if any((r.verdict == 1) != preferred_first(pair.item, o) for o, r in rubrics.items()):
        return Taught(pair, "hard", rubrics)
    if not all(readable(r, think) for r in rubrics.values()):
        return Taught(pair, "malformed", rubrics, ("unreadable_target",))
    if distil.leaks == "drop":
        texts = [c.text for c in pair.item.candidates]
        leaks = tuple(sorted({c for r in rubrics.values() for c in leak_classes(r.text, texts)}))
        if leaks:
            return Taught(pair, "leaking", rubrics, leaks)
    return Taught(pair, "correct", rubrics)
