"""The tables of payoffs: each by name, in the order of the reference's numbers. The figures themselves: test_proxy.py."""

from __future__ import annotations

import pytest

from harness_plugins.rewards.payoffs import AGGREGATIONS, PAYOFFS, Aggregation, payoff


def test_every_name_has_a_table() -> None:
    assert tuple(PAYOFFS) == AGGREGATIONS and AGGREGATIONS[0] == "sum"
    assert len({p.about for p in PAYOFFS.values()}) == len(AGGREGATIONS)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_being_right_twice_is_best_and_nothing_earns_more_for_a_wrong_answer(aggregation: Aggregation) -> None:
    values = {(a, p): payoff(aggregation, a, p) for a in (True, False) for p in (True, False)}
    assert max(values.values()) == values[True, True]
    assert values[True, False] >= min(values[False, True], values[False, False])


@pytest.mark.parametrize("graded", [a for a in AGGREGATIONS if a.startswith("graded_sum")])
def test_graded_sums_are_graded_with_the_proxy_term_added(graded: str) -> None:
    without: Aggregation = graded.replace("graded_sum", "graded")  # type: ignore[assignment]
    for answer in (True, False):
        for proxy in (True, False):
            assert payoff(graded, answer, proxy) == payoff(without, answer, proxy) + (1 if proxy else -1)  # type: ignore[arg-type]
