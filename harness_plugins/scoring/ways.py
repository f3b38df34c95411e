"""The same model asked in several ways: pairwise or listwise or pointwise, holistically or by criterion, with ties or without.

Which is better is a table: each way minus the first that the config names, item by item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness_plugins.folder.usage import model_of
from harness_plugins.scoring import paired
from harness_plugins.scoring.arrays import CellKey
from harness_plugins.scoring.cells import CellReport, Contrast, Metric, json_numbers
from harness_plugins.scoring.metrics import Scores


class Way(NamedTuple):
    judge: str
    accuracy: Metric
    difference: Contrast | None = None
    """From the first way; None for the first itself."""


@dataclass(frozen=True)
class Ways:
    """One model's ways of being asked, over one arm."""

    benchmark: str
    model: str
    arm: str
    writer: str | None
    ways: tuple[Way, ...]
    """The reference first."""

    def objects(self, protocol: str) -> Iterator[dict[str, Any]]:
        """One flat object for each difference."""
        base = {"benchmark": self.benchmark, "writer": self.writer, "arm": self.arm, "protocol": protocol}
        for way in self.ways:
            if (x := way.difference) is not None:
                numbers = {"k": x.total, "n": x.n, "value": x.value, "low": x.low, "high": x.high, "p": x.p}
                yield {**base, "judge": way.judge, "metric": f"gain_over_judge_{x.reference}", **json_numbers(numbers)}


def ways(cells: Sequence[CellReport], scores: Scores) -> list[Ways]:
    """One for each model, arm and writer that at least two of its judges completed."""
    groups: dict[tuple[str, str, str | None], list[CellReport]] = {}
    for cell in cells:
        key = scores.run.judge(cell.judge).get("key", {})
        if cell.complete and not cell.baseline and not cell.computed and key.get("model"):
            groups.setdefault((model_of(key), cell.arm, cell.writer), []).append(cell)
    return [
        Ways(scores.benchmark.name, model, arm, writer, tuple(_ways(members, scores)))
        for (model, arm, writer), members in groups.items()
        if len({m.grading for m in members}) > 1
    ]


def _ways(cells: Sequence[CellReport], scores: Scores) -> Iterator[Way]:
    first = cells[0]
    yield Way(first.judge, first.metrics["accuracy"])
    reference = CellKey(first.judge, first.arm, first.writer)
    for cell in cells[1:]:
        key = reference._replace(judge=cell.judge)
        difference = _difference(key, reference, scores)
        if difference is not None and scores.by_ratio.keys() & {key, reference}:
            difference.by_ratio = _difference(key, reference, scores.with_ratios())
        yield Way(cell.judge, cell.metrics["accuracy"], difference)


def _difference(key: CellKey, reference: CellKey, scores: Scores) -> Contrast | None:
    difference = scores.by_key[key].score - scores.by_key[reference].score
    return paired.contrasts({reference.judge: difference}, scores.benchmark.cluster)[reference.judge]
