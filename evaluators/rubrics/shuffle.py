"""Donors for the `shuffled` arm: whose rubric an item reads when it reads another item's.

A permutation of one writer's rubrics inside each category: every rubric used once, donor and recipient of different
group, media (by path), responses and rubric text, and as many donors whose preferred candidate is at the recipient's canonical
position as not, so that a verdict leaking out of a donor is right half the time. Which recipients get a donor of their
own position is spread evenly over the lengths; given that, the total difference in length is as small as it can be.

The same question may donate: benchmarks ask thousands of pictures the same thing, and many pairs of responses one question.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from evaluators.keys import normalised
from evaluators.records import Item

WHOLE = 2048
"""Up to this many rubrics are assigned in one go; assignment is cubic."""
BLOCK = 512
"""Larger categories are cut into runs of neighbours in length; items without a partner there are paired across them."""


def donors(
    items: Sequence[Item],
    rubrics: Mapping[str, str],
    seed: int = 0,
    avoid: Sequence[Mapping[str, str]] = (),
    *,
    planned: Mapping[str, str] = MappingProxyType({}),
    settled: Collection[str] = (),
) -> dict[str, str]:
    """Recipient uid -> donor uid. Items without a partner that differs as required are left out.

    Args:
        items: the whole benchmark (before any limit, so that a limit moves nobody's donor).
        rubrics: the text of each item's rubric; only items in it take part.
        seed: which of several shuffles this is.
        avoid: earlier shuffles, whose pairings are not repeated where others exist.
        planned: the pairs that a run folder names already. They stay.
        settled: items that took part when these were planned: without a pair among them they get none now.
    """
    categories: dict[str, list[Item]] = {}
    for item in items:
        if item.uid in rubrics:
            categories.setdefault(item.category, []).append(item)
    result = {r: d for r, d in planned.items() if r in rubrics and d in rubrics}
    settled = {*settled, *result}
    used = set(result.values())
    for members in categories.values():
        # By length, so that each block has neighbours in length; uids settle what is equal, so that a second run gives
        # the same pairs.
        members.sort(key=lambda i: (len(rubrics[i.uid]), i.uid))
        recipients = [i for i in members if i.uid not in settled]
        givers = [i for i in members if i.uid not in used]
        count = 1 if len(members) <= WHOLE else -(-len(members) // BLOCK)
        pairs: dict[str, str] = {}
        for b in range(count):
            block, theirs = (x[b * len(x) // count : (b + 1) * len(x) // count] for x in (recipients, givers))
            pairs.update(_assign(block, theirs, rubrics, seed, avoid))
        # What found no partner in its own block may find one in another. Also limited, since assignment is cubic.
        if count > 1:
            assigned = set(pairs.values())
            unpaired = [i for i in recipients if i.uid not in pairs][:WHOLE]
            pairs.update(_assign(unpaired, [i for i in givers if i.uid not in assigned][:WHOLE], rubrics, seed, avoid))
        result.update(pairs)
    return result


def _assign(
    recipients: list[Item],
    givers: list[Item],
    rubrics: Mapping[str, str],
    seed: int,
    avoid: Sequence[Mapping[str, str]],
) -> dict[str, str]:
    """The cheapest assignment of givers to recipients; pairs that may not be are left out."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    if not recipients or not givers:
        return {}
    lengths = [[len(rubrics[i.uid]) for i in who] for who in (recipients, givers)]
    cost = np.abs(_column(lengths[0]) - _column(lengths[1]).T)
    # Costs in steps, each above what the one before can add to a pair: lengths, then the label's position, then earlier pairings.
    unit = float(cost.max()) + 1.0
    label, theirs = (
        [-1 if i.label.preferred is None else i.label.preferred for i in who] for who in (recipients, givers)
    )
    cost += unit * ((_column(label) == _column(theirs).T) != _column(_wants_equal(label, seed)))
    rows, columns = ({i.uid: n for n, i in enumerate(who)} for who in (recipients, givers))
    for earlier in avoid:
        for recipient, donor in earlier.items():
            if recipient in rows and donor in columns:
                cost[rows[recipient], columns[donor]] += 4 * unit
    # More than all pairs together can cost, however many earlier shuffles there are: else no pair is cheaper than a repeated one.
    forbidden = max(16.0, 4.0 * len(avoid) + 4.0) * unit * max(cost.shape)
    sharers: dict[Any, tuple[list[int], list[int]]] = {}
    for side, who in enumerate((recipients, givers)):
        for n, item in enumerate(who):
            for tie in (*_ties(item), ("rubric", rubrics[item.uid])):
                sharers.setdefault(tie, ([], []))[side].append(n)
    for tied_rows, tied_columns in sharers.values():
        if tied_rows and tied_columns:
            cost[np.ix_(tied_rows, tied_columns)] = forbidden
    chosen = zip(*linear_sum_assignment(cost), strict=True)
    # An assignment gives everyone a partner where it can, also one that may not be.
    return {recipients[r].uid: givers[c].uid for r, c in chosen if cost[r, c] < forbidden}


def _column(values: Iterable[float]) -> Any:
    import numpy as np

    return np.array(list(values), dtype=float)[:, None]


def _ties(item: Item) -> set[tuple[str, object]]:
    """What an item may not have in common with its donor."""
    media = {("media", f.path) for m in item.all_media() for f in m.files}
    ties: set[tuple[str, object]] = {("item", item.uid), *media}
    if item.group is not None:
        ties.add(("group", item.group))
    # Sorted: two items may have the same responses in different canonical orders.
    responses = tuple(sorted(normalised(c.text) for c in item.candidates))
    # Candidates that are images have no text: empty ones must not tie all items of a benchmark together.
    if any(responses):
        ties.add(("responses", responses))
    return ties


def _wants_equal(label: Sequence[int], seed: int) -> list[bool]:
    """Which recipients (sorted by length) shall get a donor of their own label position, so that half of all pairs are.

    With n0 and n1 items of either position a permutation that pairs x of the n0 with their like has n1 - n0 + 2x equal
    pairs; half of n0 + n1 needs x = (3 n0 - n1) / 4.
    """
    wants = [False] * len(label)
    n0, n1 = label.count(0), label.count(1)
    equal0 = min(max(round((3 * n0 - n1) / 4), 0, n0 - n1), n0)
    for position, count in ((0, equal0), (1, n1 - n0 + equal0)):
        members = [n for n, item_position in enumerate(label) if item_position == position]
        for j in range(count):
            wants[members[(j * len(members) // count + seed) % len(members)]] = True
    return wants
