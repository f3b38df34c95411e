"""The same model asked in several ways: pairwise or listwise or pointwise, holistically or by criterion, with ties or without.

Which is better is a table: each way minus the first that the config names, item by item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness_plugins.folder.usage import model_of
from harness_plugins.scoring import paired
from harness_plugins.scoring.arrays import CellKey
from harness_plugins.scoring.cells import CellReport, Contrast, Metric, json_numbers
from harness_plugins.scoring.metrics import Scores


@dataclass(frozen=True)
class Ways:
    """One model's ways of being asked, over one arm."""

    benchmark: str
    model: str
    arm: str
    writer: str | None
    judges: tuple[str, ...]
    """The reference first."""
    accuracy: tuple[Metric, ...]
    difference: tuple[Contrast | None, ...]
    """From the first; None for itself."""

    def objects(self, protocol: str) -> Iterator[dict[str, Any]]:
        """One flat object for each difference."""
        base = {"benchmark": self.benchmark, "writer": self.writer, "arm": self.arm, "protocol": protocol}
        for judge, x in zip(self.judges, self.difference, strict=True):
            if x is not None:
                numbers = {"k": x.total, "n": x.n, "value": x.value, "low": x.low, "high": x.high, "p": x.p}
                yield {**base, "judge": judge, "metric": f"gain_over_judge_{x.reference}", **json_numbers(numbers)}


def ways(cells: Sequence[CellReport], scores: Scores) -> list[Ways]:
    """One for each model, arm and writer that at least two of its judges completed."""
    groups: dict[tuple[str, str, str | None], list[CellReport]] = {}
    for cell in cells:
        key = scores.run.judge(cell.judge).get("key", {})
        if cell.complete and not cell.baseline and not cell.computed and key.get("model"):
            groups.setdefault((model_of(key), cell.arm, cell.writer), []).append(cell)
    comparisons = []
    for (model, arm, writer), members in groups.items():
        if len({m.grading for m in members}) > 1:
            first, *others = (CellKey(m.judge, arm, writer) for m in members)
            differences = [_difference(key, first, scores) for key in others]
            for key, contrast in zip(others, differences, strict=True):
                if contrast is not None and scores.by_ratio.keys() & {key, first}:
                    contrast.by_ratio = _difference(key, first, scores.with_ratios())
            accuracy = tuple(m.metrics["accuracy"] for m in members)
            judges = tuple(m.judge for m in members)
            name = scores.benchmark.name
            comparisons.append(Ways(name, model, arm, writer, judges, accuracy, (None, *differences)))
    return comparisons


def _difference(key: CellKey, reference: CellKey, scores: Scores) -> Contrast | None:
    difference = scores.by_key[key].score - scores.by_key[reference].score
    return paired.contrasts({reference.judge: difference}, scores.benchmark.cluster)[reference.judge]
