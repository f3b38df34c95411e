"""Things that belong together by what they share: connected components."""

from __future__ import annotations

from collections.abc import Hashable, Iterable


def components(ties: Iterable[Iterable[Hashable]]) -> list[int]:
    """The component (0, 1, ... by first appearance) of each thing; two that share a tie, or a chain of them, are in one.

    Args:
        ties: for each thing what ties it to others.
    """
    parent: list[int] = []

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    first: dict[Hashable, int] = {}
    for n, shared in enumerate(ties):
        parent.append(n)
        for tie in shared:
            parent[root(n)] = root(first.setdefault(tie, n))
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(n), len(numbers)) for n in range(len(parent))]
