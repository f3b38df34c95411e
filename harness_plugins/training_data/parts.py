"""The parts of the training data: disjoint by cluster, at given sizes, repeatable by their seed, labels balanced.

Proxy-SFT, Proxy-RL and GRM-SFT are made from pairs that the teacher judged rightly, GRM-RL from the others (Proxy-GRM, figure 2).
A cluster belongs to the part that takes it first. The seed decides the order of clusters; only where the sizes cannot be met
so, those come first that hold least of what other parts need (`packed`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from evaluators.errors import UserError
from evaluators.keys import digest
from harness_plugins.training_data.config import PART_FACTS, UNTAUGHT, Part, Pool


@dataclass(frozen=True, slots=True)
class Entry:
    """One pair that a part may take."""

    uid: str
    cluster: int
    pool: Pool
    first: bool | None
    """Whether the preferred response was first for the teacher; None where it answered in both orders, or was not asked."""


class Member(NamedTuple):
    uid: str
    preferred_first: bool
    """Whether the preferred response is shown first."""


@dataclass
class Drawn:
    """What each part holds, in its order."""

    parts: dict[Part, list[Member]] = field(default_factory=dict)
    packed: bool = False


def draw(entries: Sequence[Entry], sizes: Mapping[Part, int], seed: int, as_many: bool = False) -> Drawn:
    """Draw the parts.

    Args:
        sizes: how many pairs each part should have; parts choose in this order.
        as_many: where a size cannot be met, take what there is.

    Raises:
        UserError: a size cannot be met; says how many there are, a line for each such part.
    """
    best: Drawn | None = None
    for packed in (False, True):
        drawn = Drawn(_parts(entries, sizes, seed, packed), packed)
        if all(len(drawn.parts[p]) == n for p, n in sizes.items()):
            return drawn
        if best is None or _total(drawn) > _total(best):
            best = drawn
    assert best is not None
    if not as_many:
        raise UserError(*_short(entries, sizes, best))
    return best


def _total(drawn: Drawn) -> int:
    return sum(map(len, drawn.parts.values()))


def _short(entries: Sequence[Entry], sizes: Mapping[Part, int], best: Drawn) -> list[str]:
    lines = []
    for part, size in sizes.items():
        if len(best.parts[part]) < size:
            pool = PART_FACTS[part].pool
            candidates = [e for e in entries if e.pool == pool]
            lines.append(
                f"parts: {part}: {size:,} asked for and {len(best.parts[part]):,} available: there are {len(candidates):,} "
                f"{_POOL_WORDS[pool]} in {len({e.cluster for e in candidates}):,} clusters, no cluster may be in two parts, and "
                "earlier parts choose first"
            )
    return [*lines, "parts: lower the sizes, add sources, or set `as_many: true` to take what there is"]


_POOL_WORDS: dict[Pool, str] = {"correct": "pairs that the teacher judged rightly", "hard": "pairs for reinforcement"}


def _parts(entries: Sequence[Entry], sizes: Mapping[Part, int], seed: int, packed: bool) -> dict[Part, list[Member]]:
    members: dict[int, list[Entry]] = defaultdict(list)
    # A digest of seed and uid is a random order that stays the same in whatever order the pairs come.
    for entry in sorted(entries, key=lambda e: digest(seed, "pair", e.uid)):
        members[entry.cluster].append(entry)
    drawing = Counter(PART_FACTS[p].pool for p in sizes)
    owner: dict[int, Part] = {}
    parts: dict[Part, list[Member]] = {}
    for part, size in sizes.items():
        pool = PART_FACTS[part].pool
        open_ = [c for c, group in members.items() if c not in owner and any(e.pool == pool for e in group)]
        # What a cluster costs the other parts: the share of its pairs that they could take, and cannot any more.
        lost = {c: sum(e.pool != pool and drawing[e.pool] > 0 for e in members[c]) / len(members[c]) for c in open_}
        rank = {c: (lost[c] if packed else 0.0, digest(seed, part, members[c][0].uid)) for c in open_}
        eligible = [e for c in sorted(open_, key=lambda c: rank[c]) for e in members[c] if e.pool == pool]
        taken = _balanced(eligible, size, part in UNTAUGHT)
        owner.update({e.cluster: part for e in taken})
        parts[part] = _shuffled(taken, seed, part)
    return parts


def _balanced(entries: Sequence[Entry], size: int, free: bool) -> list[Entry]:
    """The first `size` entries, no more than half of them with either order fixed, as far as there are enough of both."""
    if free:
        return list(entries[:size])
    half = (size + 1) // 2
    taken: list[Entry] = []
    spare: list[Entry] = []
    count = {True: 0, False: 0}
    for entry in entries:
        if len(taken) == size:
            break
        if entry.first is not None and count[entry.first] == half:
            spare.append(entry)
            continue
        if entry.first is not None:
            count[entry.first] += 1
        taken.append(entry)
    return taken + spare[: size - len(taken)]


def _shuffled(taken: Sequence[Entry], seed: int, part: Part) -> list[Member]:
    """In the part's order; entries whose order is free get the one that evens out the labels."""
    fixed = {e.uid: e.first for e in taken if e.first is not None and part not in UNTAUGHT}
    lean = sum(1 if first else -1 for first in fixed.values())
    members = []
    for entry in sorted(taken, key=lambda e: digest(seed, part, "order", e.uid)):
        first = fixed.get(entry.uid)
        if first is None:
            first = lean < 0 or (lean == 0 and int(digest(seed, part, "coin", entry.uid)[:8], 16) % 2 == 0)
            lean += 1 if first else -1
        members.append(Member(entry.uid, first))
    return members
