"""The numbers that a harness prints of a setting, computed by the code behind `score`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from evaluators.prompts.template import pick_of
from evaluators.records import Verdict
from harness_plugins.hosts.rows import Row, Rows
from harness_plugins.scoring import protocols
from harness_plugins.scoring.arrays import ABSENT, BOTH_BAD, CODES, BenchmarkData, CellData, CellKey, compare_scores
from harness_plugins.scoring.metric_kinds import extensions, metric_kind
from harness_plugins.scoring.metrics import facts_of, is_right
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.score import defined, measure

Outcome = tuple[int, str]
"""(row number, its result: "1", "2", "score 7", or a status such as "unparsed")."""

SHOWN = (
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
    "low_mass",
    "answered",
)
"""Under the protocol `strict`; the same names as in `score --json`."""
OWN = "metric_"
"""Before the names of the metrics that the benchmark's own protocol gives."""
REFERENCES = ("none", "shuffled")
"""Arms that rubrics are compared with in the row of the setting `transfer`."""
HARNESS_ONLY = ("score", "valid")
"""Shares that `score` does not have: of a row its result, of writing the answers that are rubrics."""


def outcome_of(verdict: Verdict) -> str:
    """The result of a row, in a word."""
    if verdict.status != "ok":
        return "both_bad" if verdict.status == "tie" and verdict.both_bad else verdict.status
    return str(verdict.choice) if verdict.score is None else f"score {verdict.score}"


def direction(name: str) -> bool | None:
    """Whether higher is better; None where neither end is.

    Raises:
        KeyError: no metric has such a name.
    """
    if name in HARNESS_ONLY:
        return True
    if name in BOUNDS:
        return None
    return {"higher": True, "lower": False}.get(metric_kind(name.removeprefix(OWN)).better)


def metric_names(rows: Rows, row_numbers: Sequence[int]) -> list[str]:
    """The metrics that have a value where all these rows are answered: ours, the 95 % interval of accuracy, accuracy by category,
    and those of the benchmark's own protocol (`metric_...`)."""
    answer = "score 1" if rows.grading.kind == "pointwise" else "1"
    return _defined(rows, [(n, answer) for n in row_numbers])


def _defined(rows: Rows, outcomes: Sequence[Outcome]) -> list[str]:
    """The metrics that have a value with these outcomes, as `metric_names` lists them."""
    data, cell = _cell(rows, outcomes)
    protocol = protocols.resolve("metric", rows.grid.benchmark)
    groups = protocol is not None and protocol.by_group
    shown = {*SHOWN, *(e.kind.name for e in extensions())}
    metrics = []
    for name in defined(data, cell):
        if name in shown or name.startswith("accuracy[") or (groups and name.startswith("acc_plus")):
            metrics.append(name)
        if name == "accuracy":
            metrics += bounds_of("accuracy")
    if protocol:
        metrics += [f"{OWN}{name}" for name in defined(data, cell, "metric") if name not in ("parsed", "answered")]
    return metrics


def aggregate(rows: Rows, outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Every metric that has a value, by name. One that has none (Acc+ under a limit, say) is not there."""
    data, cell = _cell(rows, outcomes)
    strict = measure(data, cell)
    values = {name: metric.value for name, metric in strict.items()}
    values |= zip(bounds_of("accuracy"), (strict["accuracy"].low, strict["accuracy"].high), strict=True)
    if protocols.resolve("metric", rows.grid.benchmark):
        values |= {f"{OWN}{name}": metric.value for name, metric in measure(data, cell, "metric").items()}
    return {name: values[name] for name in _defined(rows, outcomes)}


def row_scores(rows: Rows, outcomes: Sequence[Outcome]) -> dict[int, float]:
    """By row 1.0 where the right answer was given and 0.0 where not, under the labels that the benchmark's own protocol counts.
    A candidate that is scored alone shares the result of its item in that order."""
    data, cell = _cell(rows, outcomes)
    protocol = protocols.resolve("metric", rows.grid.benchmark)
    facts = facts_of(data, "", protocol.spec.labels if protocol else "preferred")
    right = is_right(cell.outcome, facts.label[:, None, None])
    where = _Places(rows, data, cell.replicates)
    return {number: float(right[where(rows.rows[number])].mean()) for number, _ in outcomes}


def gains(report: Report, rows: Rows, judge: str) -> dict[str, float]:
    """The arm of these rows minus each reference of the same judge and writer, with the 95 % interval, as `score` has them; none where
    a side is incomplete or no item came out differently, where `score` has no answer either."""
    writer = rows.grid.writers[0].name if rows.grid.writers else None
    setting = (rows.grid.benchmark, judge, rows.arm.name, writer)
    figures: dict[str, float] = {}
    for cell in report.cells:
        if (cell.benchmark, cell.judge, cell.arm, cell.writer) == setting:
            for reference in REFERENCES:
                contrast = cell.contrasts.get(reference)
                if contrast is not None and contrast.complete and contrast.differs:
                    values = (contrast.value, contrast.low, contrast.high)
                    figures |= dict(zip(gain_names(reference), values, strict=True))
    return {name: value for name, value in figures.items() if not np.isnan(value)}


def gain_names(reference: str) -> tuple[str, ...]:
    """A gain and its bounds, by the names of `score --json`."""
    name = f"gain_over_{reference}"
    return name, *bounds_of(name)


def bounds_of(name: str) -> tuple[str, ...]:
    """The lower and the upper end of a metric's interval, each of which a harness prints as a metric of its own."""
    return f"{name}_low", f"{name}_high"


BOUNDS = frozenset(bound for name in ("accuracy", *(f"gain_over_{r}" for r in REFERENCES)) for bound in bounds_of(name))


class HostedCell(NamedTuple):
    """A setting of a harness as scoring has it: the benchmark's items that were judged, and their outcomes."""

    benchmark: BenchmarkData
    cell: CellData


class Place(NamedTuple):
    """Where a row is in arrays of (items, orders, draws)."""

    item: int
    order: int
    draw: int | slice


def _cell(rows: Rows, outcomes: Sequence[Outcome]) -> HostedCell:
    """The outcomes as an array (items, orders, draws); a row judged under `none` stands for all draws of its item."""
    judged = {rows.rows[n].item.uid for n, _ in outcomes}
    items = [i for i in rows.grid.items if i.uid in judged]
    data = BenchmarkData(rows.grid.benchmark, items, rows.benchmark.facts())
    replicates = tuple(sorted({rows.rows[n].arm_input.replicate for n, _ in outcomes}))
    where = _Places(rows, data, replicates)
    shape = (len(data.items), data.width, len(replicates))
    outcome, expected = np.full(shape, ABSENT, dtype=np.int8), np.zeros(shape, dtype=bool)
    codes, scores = np.full((*shape, data.width), ABSENT, dtype=np.int8), np.full((*shape, data.width), np.nan)
    for number, came in outcomes:
        row = rows.rows[number]
        index = where(row)
        expected[index] = True
        if row.candidate is not None:
            scored = came.startswith("score ")
            codes[(*index, row.candidate)] = 0 if scored else _code(row, came)
            scores[(*index, row.candidate)] = -float(came.removeprefix("score ")) if scored else np.nan
        else:
            outcome[index] = _code(row, came)
    # An item of which a limit let through one order is not complete: `score` says so too.
    expected = expected.any(axis=1, keepdims=True) & data.in_orders(rows.grid.orders, rows.grading.kind)[:, :, None]
    key = CellKey("judge", rows.arm.name, rows.rows[0].writer)
    cell = CellData(key, outcome, np.full(shape, np.nan), expected, replicates=replicates, grading=rows.grading.key())
    if rows.grading.kind == "pointwise":
        cell.ranks = scores
        compare_scores(data, cell, codes)
    return HostedCell(data, cell)


class _Places:
    """The place of each row."""

    def __init__(self, rows: Rows, data: BenchmarkData, replicates: Sequence[int]) -> None:
        self._arm, self._replicates = rows.arm.name, replicates
        self._items: Mapping[str, int] = {i.uid: n for n, i in enumerate(data.items)}

    def __call__(self, row: Row) -> Place:
        in_all_draws = row.arm.name != self._arm  # judged under `none`, once
        draw = slice(None) if in_all_draws else self._replicates.index(row.arm_input.replicate)
        return Place(self._items[row.item.uid], ord(row.order[0]) - ord("A"), draw)


def _code(row: Row, came: str) -> int:
    if came.isdigit():
        return pick_of(int(came), row.order)
    return BOTH_BAD if came == "both_bad" else CODES[came]
