"""What scoring computes with: a run folder as arrays, the outcome of every trial by benchmark and cell."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.backends.baseline import PICKS
from evaluators.engine.due import Orders, orders_of
from evaluators.keys import media_digest
from evaluators.prompts.grading import Kind
from evaluators.records import STATUSES, Item, Rubric, Writer
from evaluators.replies.parsing import MASS_FLOOR
from evaluators.rubrics.arms import ARMS, WriterRubrics
from evaluators.specs import capabilities
from harness_plugins.folder.problems import LostItems, Problems
from harness_plugins.folder.usage import FolderUsage
from harness_plugins.scoring.statistics import Ints, clusters

TIE, UNPARSED, REFUSED, TRUNCATED, ERROR, ABSENT, BOTH_BAD, ANY_TIE, LOW_MASS = range(100, 109)
"""Outcomes of a trial are the canonical candidate picked (0, 1, ...), or why there is no pick. BOTH_BAD: a tie because none is
any good. ANY_TIE: one that does not say whether they are good or bad, where that is asked."""

CODES = {
    "tie": TIE,
    "unparsed": UNPARSED,
    "low_mass": LOW_MASS,
    "refused": REFUSED,
    "truncated": TRUNCATED,
    "error": ERROR,
}
assert set(CODES) | {"ok"} == set(STATUSES)

GIVEN = "given"
"""In a manifest, of imported judges: each item is in the order, or orders, in which it was judged."""

Codes = NDArray[np.int8]
Bools = NDArray[np.bool_]


class CellKey(NamedTuple):
    judge: str
    arm: str
    writer: str | None


@dataclass(frozen=True)
class Mass:
    """P of all offered answers together, over a cell's one-token answers."""

    count: int
    median: float
    below_half: float
    """The share of answers below 0.5: what the model wanted to write was something else."""


class MeanTokens(NamedTuple):
    """A verdict's, over those whose answers report them; NaN where none does."""

    read: float = np.nan
    written: float = np.nan


class FormCounts(NamedTuple):
    """How many text answers hold several different forms of a verdict, of how many."""

    several: int = 0
    texts: int = 0


@dataclass
class CellData:
    """All trials of one cell.

    `outcome`, `p` (P of canonical candidate 0, NaN where unknown) and `expected` (the trials there are to be) have the
    shape (items, orders, draws): the cyclic orders of an item, AB and BA of a pair; draw d is sample d % samples of
    replicate replicates[d // samples]. `without_rubric` (items, orders) marks where the arm has no rubric, in an order
    that the judge is asked in.
    """

    key: CellKey
    outcome: Codes
    p: NDArray[np.float64]
    expected: Bools
    samples: int = 1
    replicates: tuple[int, ...] = (0,)
    without_rubric: Bools | None = None
    provenance: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    grading: Mapping[str, Any] = field(default_factory=dict)
    """How the judge was asked, as its key has it (`grading.Grading.key`)."""
    ranks: NDArray[np.float64] | None = None
    """(items, orders, draws, candidates): listwise the rank of each (0 = best), pointwise its score, negated; NaN unknown."""
    by_ratio: Codes | None = None
    """`outcome` with its `low_mass` answers taken as their digits say, by ratio alone; None where it has none of them."""
    mass: Mass | None = None
    forms: FormCounts = field(default_factory=FormCounts)
    tokens: MeanTokens = field(default_factory=MeanTokens)
    computed: bool = False
    """A baseline computed from the items, without having been run."""

    def draw(self, sample: int, replicate: int) -> int | None:
        """The draw that a verdict's sample and replicate are; None for one that is no longer asked for."""
        if sample >= self.samples or replicate not in self.replicates:
            return None
        return self.replicates.index(replicate) * self.samples + sample


@dataclass
class BenchmarkData:
    name: str
    items: list[Item]
    facts: dict[str, Any]
    cells: dict[CellKey, CellData] = field(default_factory=dict)
    lost: int = 0
    """Items that the folder has lost."""

    @cached_property
    def media(self) -> list[str]:
        """What `Verdict.media` says of each item as it is now."""
        return [media_digest(i.all_media())[:16] for i in self.items]

    @cached_property
    def width(self) -> int:
        """Candidates of the item with the most of them, and so cyclic orders."""
        return max(len(i.candidates) for i in self.items)

    @cached_property
    def turns(self) -> Bools:
        """(items, orders): the cyclic orders that each item has."""
        answer: Bools = np.arange(self.width) < np.array([len(i.candidates) for i in self.items])[:, None]
        return answer

    @cached_property
    def cluster(self) -> Ints:
        """(items,): the cluster of each item (`statistics.clusters`)."""
        return clusters(self.items)

    @cached_property
    def memo(self) -> dict[Hashable, Any]:
        """What several cells need and is computed once."""
        return {}

    def in_orders(self, orders: Orders, grading: Kind = "pairwise") -> Bools:
        """(items, orders): which orders of each item `orders` asks for."""
        memo_key = ("in_orders", orders, grading)
        if memo_key not in self.memo:
            in_orders = self.turns
            if orders != "both" or grading == "pointwise":
                turns_by_item = [{ord(o[0]) - ord("A") for o in orders_of(i, orders, grading)} for i in self.items]
                in_orders = in_orders & np.array(
                    [[t in item_turns for t in range(self.width)] for item_turns in turns_by_item], dtype=bool
                )
            self.memo[memo_key] = in_orders
        answer: Bools = self.memo[memo_key]
        return answer


@dataclass(frozen=True)
class ArmInputs:
    """What an arm has for the items of a benchmark, in each of their orders."""

    replicates: tuple[int, ...]
    available: Bools
    """(items, orders, replicates)."""
    reads: NDArray[np.int32] | None = None
    """(items, orders, replicates): the number of the rubric that is read (of the donor, where shuffled) under
    `RunData.numbers`, -1 where none is or it is not written yet. None where it is not known, or there is none to read."""


@dataclass
class RunData:
    folder: Path
    manifest: dict[str, Any]
    benchmarks: dict[str, BenchmarkData]
    writers: dict[str, Writer]
    rubrics: dict[tuple[str, str], WriterRubrics]
    """(benchmark, writer) -> its valid rubrics, as judges read them."""
    drafts: dict[tuple[str, str], list[Rubric]]
    """(benchmark, writer) -> the last record of each rubric, whatever its status; answers left out."""
    uids: dict[tuple[str, str], frozenset[str]]
    """(benchmark, writer) -> the uids of all its rubrics, also of those written again since."""
    problems: Problems = field(default_factory=Problems)
    """What the folder has lost."""
    mass_floor: float = MASS_FLOOR
    notes: list[str] = field(default_factory=list)
    """Notes on how the folder was read."""
    arm_inputs: dict[Hashable, ArmInputs] = field(default_factory=dict, repr=False)
    """What each arm gives, once it was asked for (`arm_inputs.arm_inputs_of`)."""
    numbers: dict[str, int] = field(default_factory=dict, repr=False)
    """Rubrics' uids, and donors', as numbers."""

    def items(self) -> dict[str, Item]:
        return {i.uid: i for b in self.benchmarks.values() for i in b.items}

    def written(self) -> Iterator[Rubric]:
        """The rubrics of all benchmarks and writers."""
        return chain.from_iterable(self.drafts.values())

    def number(self, uid: str | None) -> int:
        """The number that stands for a uid in arrays; -1 for none."""
        return -1 if uid is None else self.numbers.setdefault(uid, len(self.numbers))

    usage: FolderUsage = field(default_factory=FolderUsage)
    """Calls and tokens, paid for and by cell."""

    def judge(self, name: str) -> dict[str, Any]:
        entry: dict[str, Any] = self.manifest.get("judges", {}).get(name, {})
        return entry

    def baseline(self, judge: str) -> bool:
        entry = self.judge(judge)
        return not capabilities(entry["key"]["backend"]).asks_model if entry else judge in PICKS

    def blind(self, judge: str) -> bool:
        entry = self.judge(judge)
        return self.baseline(judge) and (entry["key"]["model"] if entry else judge) != "lexical"

    def shared(self, benchmark: str, writer: str | None) -> bool | None:
        """Whether a writer's rubrics are shared by all items of a benchmark; None where it has none."""
        rubrics = self.rubrics.get((benchmark, writer)) if writer else None
        return None if rubrics is None else bool(rubrics.shared) and not rubrics.by_item

    def package_arm(self, name: str) -> dict[str, Any]:
        """What the folder says of an arm of another package, which may not be installed here."""
        facts: dict[str, Any] = self.manifest.get("package_arms", {}).get(name, {})
        return facts

    def from_donors(self, arm: str) -> bool:
        """Whether an arm reads what the shuffle drew."""
        return ARMS[arm].donors if arm in ARMS else bool(self.package_arm(arm).get("donors"))

    def donors(self, benchmark: str, writer: str) -> list[dict[str, str]] | None:
        """The donors of each shuffle as planned; None where the folder does not say."""
        donors: list[dict[str, str]] | None = self.manifest.get("donors", {}).get(benchmark, {}).get(writer)
        return donors


def compare_scores(benchmark: BenchmarkData, cell: CellData, codes: Codes) -> None:
    """Outcomes of candidates that were scored alone: the highest score is the pick, several highest are a tie.

    Args:
        codes: (items, orders, draws, candidates): 0 where there is a score, else why there is none.
    """
    assert cell.ranks is not None
    exists = benchmark.turns[:, None, None, :]  # an item has as many candidates as orders
    ranks = np.where(exists & (codes == 0), cell.ranks, np.inf)
    is_best = (ranks == ranks.min(axis=3)[..., None]) & np.isfinite(ranks)
    cell.outcome[...] = np.where(is_best.sum(axis=3) == 1, is_best.argmax(axis=3), TIE)
    # What is missing weighs more than what was said.
    for code in (TIE, LOW_MASS, TRUNCATED, UNPARSED, REFUSED, ERROR, ABSENT):
        cell.outcome[((codes == code) & exists).any(axis=3)] = code


def note_lost_items(run: RunData, judged: Mapping[str, int]) -> None:
    """Say which benchmarks lack items that were planned, or that verdicts are on.

    Args:
        judged: by benchmark how many items verdicts are on that `items.jsonl` lacks.
    """
    planned = {name: int(facts.get("items") or 0) for name, facts in run.manifest.get("benchmarks", {}).items()}
    run.problems.items.clear()
    for name in dict.fromkeys([*run.benchmarks, *planned, *judged]):
        benchmark = run.benchmarks.get(name)
        items = len(benchmark.items) if benchmark else 0
        lost = LostItems(name, items, planned.get(name, 0), judged.get(name, 0))
        if lost.count > 0:
            run.problems.items.append(lost)
            if benchmark:
                benchmark.lost = lost.count
