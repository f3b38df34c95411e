"""The grid: writers by judges, each cell with what the rubrics did to that judge."""

from __future__ import annotations

from dataclasses import dataclass

from harness_plugins.scoring.cells import CellReport, Contrast
from harness_plugins.scoring.conclusions import Conclusion
from harness_plugins.scoring.report import Report

SHADES = 4
"""Of each colour, from faint to deep."""
DEEPEST = 0.3
"""The gain from which a cell has the deepest shade, as a share."""


@dataclass(frozen=True)
class Square:
    """One judge with one writer's rubrics."""

    judge: str
    writer: str
    relation: str
    gain: Contrast
    without: float
    """Accuracy under `none`."""
    accuracy: float
    """With the rubrics; NaN where answers are missing."""

    @property
    def apart(self) -> bool:
        return self.relation not in ("unseen", "")

    @property
    def shade(self) -> int:
        """From -SHADES (the deepest loss) over 0 to SHADES."""
        if not self.gain.complete:
            return 0
        size = min(1.0, abs(self.gain.value) / DEEPEST)
        return round(size * SHADES) * (1 if self.gain.value > 0 else -1)


@dataclass(frozen=True)
class Line:
    """A writer's row, and its mean over the unseen judges."""

    writer: str
    squares: tuple[Square | None, ...]
    """One for each judge; None where nothing is known: it was not judged, or not one item was answered on both sides."""
    conclusion: Conclusion


@dataclass(frozen=True)
class Grid:
    """One benchmark."""

    benchmark: str
    items: int
    judges: tuple[str, ...]
    lines: tuple[Line, ...]


def grids_of(report: Report) -> list[Grid]:
    """A grid for each benchmark on which some model read rubrics."""
    grids = []
    for benchmark, counts in report.items.items():
        cells = [c for c in report.cells if c.benchmark == benchmark and not c.baseline and not c.computed]
        read = [c for c in cells if c.arm == "transferred"]
        judges = tuple(dict.fromkeys(c.judge for c in read))
        none_cells = {c.judge: c for c in cells if c.arm == "none"}
        squares = {(c.writer, c.judge): _square(c, none_cells[c.judge]) for c in read if "none" in c.contrasts}
        conclusions = [c for c in report.conclusions if c.benchmark == benchmark]
        lines = tuple(Line(c.writer, tuple(squares.get((c.writer, j)) for j in judges), c) for c in conclusions)
        if judges and lines:
            grids.append(Grid(benchmark, counts.items, judges, lines))
    return grids


def _square(cell: CellReport, none_cell: CellReport) -> Square:
    accuracy = cell.metrics["accuracy"].value if cell.complete else float("nan")
    without = none_cell.metrics["accuracy"].value if none_cell.complete else float("nan")
    return Square(cell.judge, cell.writer or "", cell.relation, cell.contrasts["none"], without, accuracy)
