"""What hangs together by what it shares."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.benchmarks.components import components


def test_a_chain_is_one_component() -> None:
    assert components([["a"], ["b"], [], ["a", "c"], ["c", "b"], []]) == [0, 0, 1, 0, 0, 2]
    assert components([]) == []


@given(st.lists(st.sets(st.integers(0, 8), max_size=3), max_size=12))
def test_as_joining_until_nothing_more_can_be_joined(ties: list[set[int]]) -> None:
    sets = [({n}, set(shared)) for n, shared in enumerate(ties)]
    while pair := next(((a, b) for a, b in itertools.combinations(sets, 2) if a[1] & b[1]), None):
        sets = [s for s in sets if s not in pair] + [(pair[0][0] | pair[1][0], pair[0][1] | pair[1][1])]
    numbers = components(ties)
    for n, m in itertools.combinations(range(len(ties)), 2):
        assert (numbers[n] == numbers[m]) == any({n, m} <= members for members, _ in sets)
