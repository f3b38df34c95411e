"""Position: how often each judge is right where the preferred candidate was shown first, and where it was shown last."""

from __future__ import annotations

from dataclasses import dataclass

from evaluators.rubrics.arms import ARMS
from harness_plugins.scoring.cells import CellReport, Metric
from harness_plugins.scoring.report import Report


@dataclass(frozen=True)
class Position:
    """One arm of one judge, as shares."""

    writer: str | None
    arm: str
    first: float
    last: float
    bias: Metric
    """first minus last."""

    @property
    def title(self) -> str:
        """The writer's name where its rubrics were read, else what the arm gives."""
        return self.writer or ARMS.facts(self.arm).called


@dataclass(frozen=True)
class JudgePositions:
    judge: str
    arms: tuple[Position, ...]


@dataclass(frozen=True)
class Positions:
    """One benchmark."""

    benchmark: str
    judges: tuple[JudgePositions, ...]


def positions_of(report: Report) -> list[Positions]:
    """For each benchmark the models under `none`, their rubrics, and `repeat`; where both orders were judged."""
    parts = []
    for benchmark in report.items:
        cells = [c for c in report.cells if c.benchmark == benchmark and _shown(c)]
        judges = tuple(dict.fromkeys(c.judge for c in cells))
        if judges:
            rows = (JudgePositions(j, tuple(_position(c) for c in cells if c.judge == j)) for j in judges)
            parts.append(Positions(benchmark, tuple(rows)))
    return parts


def _shown(cell: CellReport) -> bool:
    wanted = cell.arm in ("none", "transferred", "repeat") and not cell.baseline and not cell.computed
    return wanted and cell.complete and "position_bias" in cell.metrics


def _position(cell: CellReport) -> Position:
    first, last = (cell.metrics[f"accuracy_label_{place}"].value for place in ("first", "last"))
    return Position(cell.writer, cell.arm, first, last, cell.metrics["position_bias"])
