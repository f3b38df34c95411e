"""From outcomes to metrics, on outcomes written down. Whole runs: test_scoring.py."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evaluators.records import Candidate, Item, Label
from harness_plugins.benchmarks.spec import ProtocolSpec
from harness_plugins.scoring.arrays import (
    ABSENT,
    ANY_TIE,
    BOTH_BAD,
    ERROR,
    TIE,
    UNPARSED,
    BenchmarkData,
    CellData,
    CellKey,
)
from harness_plugins.scoring.metrics import (
    STATES,
    ParsedCell,
    Scored,
    aggregated,
    category_columns,
    columns,
    facts_of,
    group_columns,
    is_pick,
    is_right,
    score_cell,
    states,
    transitions,
)
from harness_plugins.scoring.protocols import STRICT

ROWS = [[0, 0], [1, 1], [0, 1], [1, 0], [0, UNPARSED], [0, ERROR]]
"""Each a pair's picks in AB and BA; the first candidate is the preferred one of all."""


def benchmark(rows: list[list[int]], **more: object) -> BenchmarkData:
    items = [
        Item(
            f"x:{n}", "x", str(n), n, f"{n}?", (Candidate("longer"), Candidate("x")), (0, 1), Label(preferred=0), **more
        )  # type: ignore[arg-type]
        for n in range(len(rows))
    ]
    return BenchmarkData("x", items, {})


def scored(
    rows: list[list[int]], without_rubric: list[int] | None = None, none: list[list[int]] | None = None,
    protocol: ProtocolSpec = STRICT,
) -> tuple[Scored, BenchmarkData]:  # fmt: skip
    data = benchmark(rows)
    cell, before = (None if r is None else cell_of(r) for r in (rows, none))
    assert cell is not None
    if without_rubric is not None:
        cell.without_rubric = np.isin(np.arange(len(rows)), without_rubric)[:, None] & np.ones((1, 2), bool)
    earlier = None if before is None else ParsedCell(before, before.outcome)
    return score_cell(data, ParsedCell(cell, cell.outcome), earlier, facts_of(data, ""), protocol), data


def cell_of(rows: list[list[int]]) -> CellData:
    outcome = np.array(rows, np.int8)[:, :, None]
    return CellData(CellKey("j", "none", None), outcome, np.full(outcome.shape, np.nan), np.ones(outcome.shape, bool))


def test_an_item_is_right_by_the_share_of_its_orders_and_an_error_leaves_it_open() -> None:
    cell, data = scored(ROWS)
    assert cell.complete.tolist() == [True] * 5 + [False]
    assert cell.num.tolist() == [1, 0, 0.5, 0.5, 0.5, 0] and cell.trials == (11, 12)
    by_name = {c.name: (float(c.num.sum()), float(c.den.sum())) for c in columns(cell, facts_of(data, ""))}
    assert by_name["accuracy"] == (2.5, 5) and by_name["strict_both"] == (1, 5) and by_name["consistency"] == (2, 5)
    assert by_name["unparsed"] == (1, 11) and by_name["answered"] == (11, 12)
    assert by_name["accuracy_preferred_longer"] == (2.5, 5) and by_name["accuracy_preferred_shorter"] == (0, 0)


def test_states_and_what_became_of_them() -> None:
    cell, data = scored(ROWS)
    names = [STATES[s] for s in states(cell, facts_of(data, "")).ravel()]
    assert names == ["both_right", "both_wrong", "first_slot", "second_slot", "incomplete", "incomplete"]
    after, _ = scored([[0, 0]] * 6)
    moved = transitions(cell, after, facts_of(data, ""))
    assert moved is not None and {a: row["both_right"] for a, row in moved.items()} == dict.fromkeys(STATES, 1.0)


def test_without_a_rubric_the_verdict_of_none_stands() -> None:
    cell, _ = scored([[0, 0], [ABSENT, ABSENT]], without_rubric=[1], none=[[1, 1], [1, 0]])
    assert cell.num.tolist() == [1, 0.5] and cell.complete.all()
    assert cell.with_rubric is not None and cell.with_rubric.tolist() == [True, False]
    alone, _ = scored([[0, 0], [ABSENT, ABSENT]], without_rubric=[1])
    assert alone.complete.tolist() == [True, False], "nothing to stand in: it is missing"


@pytest.mark.parametrize(("unparsed", "num", "den"), [("wrong", 0.5, 1.0), ("drop", 0.5, 0.5), ("coin", 0.75, 1.0)])
def test_what_is_no_choice_counts_as_the_protocol_says(unparsed: str, num: float, den: float) -> None:
    protocol = STRICT.model_copy(update={"unparsed": unparsed})
    cell, _ = scored([[0, UNPARSED]], protocol=protocol)
    assert (float(cell.num[0]), float(cell.den[0])) == (num, den)


def test_ties_are_picks_of_none_and_right_where_the_label_is_one() -> None:
    outcome = np.array([0, 1, TIE, BOTH_BAD, ANY_TIE, UNPARSED])
    assert is_pick(outcome).tolist() == [True, True, False, False, False, False]
    assert is_right(outcome, np.array(TIE)).tolist() == [False, False, True, False, True, False]
    assert is_right(outcome, np.array(BOTH_BAD)).tolist() == [False, False, False, True, True, False]


def test_log_odds_become_right_half_right_or_wrong() -> None:
    decided = aggregated(np.array([1.5, 0.0, -2.0, math.nan]))
    assert decided.tolist()[:3] == [1.0, 0.5, 0.0] and math.isnan(decided[3])


def test_categories_and_groups() -> None:
    rows = [[0, 0], [0, 0], [0, 0], [1, 1]]
    data = benchmark(rows)
    data.items = [
        Item(
            i.uid, "x", i.source_id, n, i.prompt, i.candidates, (0, 1), i.label, category="ab"[n % 2], group=str(n // 2)
        )
        for n, i in enumerate(data.items)
    ]
    facts, (cell, _) = facts_of(data, ""), scored(rows)
    by_name = {c.name: (float(c.num.sum()), float(c.den.sum())) for c in category_columns(cell, facts)}
    assert by_name == {"accuracy[a]": (2, 2), "accuracy[b]": (1, 2)}
    for acc_plus in group_columns(cell, facts):
        assert acc_plus.k == 1.0 and acc_plus.items is not None and acc_plus.items.tolist() == [0, 2]
