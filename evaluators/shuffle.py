"""Donors for the `shuffled` arm: whose rubric an item reads when it reads another item's.

A permutation of one writer's rubrics inside each category: every rubric used once, total difference in length as small
as it can be, donor and recipient of different group, media and question, and as many donors whose preferred candidate
lies at the recipient's canonical position as not, so that a verdict leaking out of a donor is right half the time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from evaluators.records import Item

BLOCK = 512
"""Larger categories are cut into runs of neighbours in length: assignment is cubic, and distant lengths never pair."""


def normalised(text: str) -> str:
    """Letters and digits only, lower case, single spaces: what makes two questions the same question."""
    return re.sub(r"\W+", " ", text.lower()).strip()


def donors(
    items: Sequence[Item], lengths: Mapping[str, int], seed: int = 0, avoid: Sequence[Mapping[str, str]] = ()
) -> dict[str, str]:
    """Recipient uid -> donor uid. Items without a partner that differs as required are left out.

    Args:
        items: the whole benchmark (before any limit, so that a limit moves nobody's donor).
        lengths: characters of each item's rubric; only items in it take part.
        seed: which of several shuffles this is.
        avoid: earlier shuffles, whose pairings are not repeated where others exist.
    """
    categories: dict[str, list[Item]] = {}
    for item in items:
        if item.uid in lengths:
            categories.setdefault(item.category, []).append(item)
    result: dict[str, str] = {}
    for members in categories.values():
        members.sort(key=lambda i: (lengths[i.uid], i.uid))
        blocks = max(1, -(-len(members) // BLOCK))
        for b in range(blocks):
            block = members[b * len(members) // blocks : (b + 1) * len(members) // blocks]
            result.update(_assign(block, lengths, seed, avoid))
    return result


def _codes(values: Sequence[Any]) -> Any:
    import numpy as np

    known: dict[Any, int] = {}
    return np.array([known.setdefault(v, len(known)) for v in values])


def _assign(
    block: list[Item], lengths: Mapping[str, int], seed: int, avoid: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    length = np.array([float(lengths[i.uid]) for i in block])
    cost = np.abs(length[:, None] - length[None, :])
    unit = float(cost.max()) + 1.0
    label = np.array([-1 if i.label.preferred is None else i.label.preferred for i in block])
    cost += unit * ((label[:, None] == label[None, :]) != _wants_equal(block, label, seed)[:, None])
    place = {i.uid: n for n, i in enumerate(block)}
    for earlier in avoid:
        for recipient, donor in earlier.items():
            if recipient in place and donor in place:
                cost[place[recipient], place[donor]] += 4 * unit
    forbidden = 16.0 * unit * len(block)
    for codes in (
        _codes([i.uid if i.group is None else ("group", i.group) for i in block]),
        _codes([tuple(f.path for m in i.all_media() for f in m.files) or i.uid for i in block]),
        _codes([normalised(i.prompt) or i.uid for i in block]),
    ):
        cost[codes[:, None] == codes[None, :]] = forbidden
    rows, columns = linear_sum_assignment(cost)
    return {block[r].uid: block[c].uid for r, c in zip(rows, columns, strict=True) if cost[r, c] < forbidden}


def _wants_equal(block: list[Item], label: Any, seed: int) -> Any:
    """Which recipients shall get a donor of their own label position, so that half of all pairings are equal.

    With n0 and n1 items of either position a permutation that pairs x of the n0 with their like has n1 - n0 + 2x equal
    pairings; half of n0 + n1 needs x = (3 n0 - n1) / 4.
    """
    import numpy as np

    wants = np.zeros(len(block), dtype=bool)
    n0, n1 = int((label == 0).sum()), int((label == 1).sum())
    equal0 = min(max(round((3 * n0 - n1) / 4), 0, n0 - n1), n0)
    for position, count in ((0, equal0), (1, n1 - n0 + equal0)):
        members = [n for n in range(len(block)) if label[n] == position]
        # Spread evenly over the lengths (the block is sorted by them), so that wishes and lengths can both be met.
        chosen = [(j * len(members) // count + seed) % len(members) for j in range(count)]
        wants[[members[c] for c in chosen]] = True
    return wants
