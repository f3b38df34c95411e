"""The numbers that a harness prints of a setting, computed by the code behind `score`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from evaluators.rendering import pick_of
from harness_plugins.hosted.rows import Row, Rows
from harness_plugins.scoring import measure, protocols
from harness_plugins.scoring.metrics import facts_of, grouped
from harness_plugins.scoring.read import ABSENT, CODES, BenchmarkData, CellData, CellKey, compare_scores

Outcome = tuple[int, str]
"""(row number, what came of it: "1", "2", or a status such as "unparsed")."""

PLAIN = (
    "accuracy",
    "strict_both",
    "consistency",
    "forward",
    "reverse",
    "first_position_rate",
    "longer_pick_rate",
    "tie",
    "unparsed",
    "refused",
    "truncated",
    "answered",
)
"""Under the protocol `strict`; the same names as in `score --json`."""
LOWER_IS_BETTER = ("tie", "unparsed", "refused", "truncated")


def metric_names(rows: Rows) -> list[str]:
    """All metrics of a setting: ours, the 95 % interval of accuracy, by category, and the benchmark's own (`metric_...`)."""
    data = BenchmarkData(rows.grid.benchmark, list(rows.grid.items), rows.benchmark.facts())
    facts = facts_of(data, "")
    categories = sorted(set(facts.category))
    names = ["accuracy", "accuracy_low", "accuracy_high", *PLAIN[1:]]
    names += [f"accuracy[{c}]" for c in categories] if len(categories) > 1 else []
    if protocols.resolve("metric", rows.grid.benchmark):
        names += ["metric_accuracy", "metric_macro"]
        if grouped(facts):
            names += ["acc_plus_expected", "acc_plus_strict", "metric_acc_plus_strict"]
    return names


def aggregate(rows: Rows, outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Every metric by name; NaN where it is not defined (Acc+ under a limit, say)."""
    judged = sorted({rows.rows[n].item.uid for n, _ in outcomes})
    items = [i for i in rows.grid.items if i.uid in set(judged)]
    data = BenchmarkData(rows.grid.benchmark, items, rows.benchmark.facts())
    cell = _cell(rows, data, outcomes)
    strict = measure(data, cell)
    found = {name: metric.value for name, metric in strict.items()}
    found |= {"accuracy_low": strict["accuracy"].low, "accuracy_high": strict["accuracy"].high}
    if protocols.resolve("metric", rows.grid.benchmark):
        own = measure(data, cell, "metric")
        found |= {f"metric_{name}": metric.value for name, metric in own.items()}
    return {name: found.get(name, math.nan) for name in metric_names(rows)}


def _cell(rows: Rows, data: BenchmarkData, outcomes: Sequence[Outcome]) -> CellData:
    """The outcomes as an array (items, orders, draws); a row judged under `none` stands for all draws of its item."""
    places = {i.uid: n for n, i in enumerate(data.items)}
    replicates = tuple(sorted({rows.rows[n].given.replicate for n, _ in outcomes}))
    shape = (len(data.items), data.width, len(replicates))
    outcome, expected = np.full(shape, ABSENT, dtype=np.int8), np.zeros(shape, dtype=bool)
    each, scores = np.full((*shape, data.width), ABSENT, dtype=np.int8), np.full((*shape, data.width), np.nan)
    for number, came in outcomes:
        row = rows.rows[number]
        fallback = row.arm.name != rows.arm.name
        draw = slice(None) if fallback else replicates.index(row.given.replicate)
        place = places[row.item.uid], ord(row.order[0]) - ord("A")
        expected[place][draw] = True
        if row.candidate is not None:
            scored = came.startswith("score ")
            each[place][draw, row.candidate] = 0 if scored else _code(row, came)
            scores[place][draw, row.candidate] = -float(came.removeprefix("score ")) if scored else np.nan
        else:
            outcome[place][draw] = _code(row, came)
    # An item of which a limit let through one order is not complete: `score` says so too.
    expected = expected.any(axis=1, keepdims=True) & data.in_orders(rows.grid.orders, rows.grading.kind)[:, :, None]
    key = CellKey("judge", rows.arm.name, rows.rows[0].writer)
    cell = CellData(key, outcome, np.full(shape, np.nan), expected, replicates=replicates, grading=rows.grading.key())
    if rows.grading.kind == "pointwise":
        cell.places = scores
        compare_scores(data, cell, each)
    return cell


def _code(row: Row, came: str) -> int:
    return pick_of(int(came), row.order) if came.isdigit() else CODES[came]
