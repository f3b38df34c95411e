"""What a paper's table is made of: rows whose numbers each say whether they were measured, published, or are unavailable."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Literal

from harness_plugins.scoring.cells import Contrast
from harness_plugins.scoring.metrics import Trials
from harness_plugins.tables.paper.spec import TableSpec

State = Literal["measured", "published", "unavailable", "incomplete"]


@dataclass
class Number:
    """One number with all that is known of it, or why there is none."""

    state: State = "unavailable"
    text: str = ""
    """As it is in the table: published ones exactly as printed, ours with k/N. Empty where unavailable."""
    value: float | None = None
    """In the column's unit."""
    k: float | None = None
    n: float | None = None
    low: float | None = None
    high: float | None = None
    answered: Trials | None = None
    """Of an incomplete cell."""
    sources: tuple[str, ...] = ()
    """Of numbers that were not measured by a run here: where they were printed, or who reported them."""
    flags: tuple[str, ...] = ()
    """What the lint of published numbers finds wrong."""
    conventions: dict[str, Any] = field(default_factory=dict)
    comparable: Hashable | None = None
    """Of our own: what two must share to be compared (items, protocol, orders). None: with nothing."""
    gain: Contrast | None = None
    """Of our own: the difference to the same judge without a rubric, where that is tested."""
    bold: bool = False
    best_of: int = 0
    """Rows that a bold one is the best of, itself included."""


UNAVAILABLE = Number()


@dataclass
class Row:
    """One row. `model`, `method`, `writer`, `rubrics` are what names it."""

    origin: Literal["published", "measured"]
    model: str
    method: str = ""
    writer: str = ""
    rubrics: int | None = None
    arm: str = ""
    relation: str = ""
    apart: bool = False
    """Its judge is kin of the rubric's writer: no headline."""
    run: str = ""
    """The run folder's name, where two runs give one row different numbers."""
    cells: dict[str, Number] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def cell(self, column: str) -> Number:
        return self.cells.get(column, UNAVAILABLE)

    @property
    def label(self) -> str:
        rubrics = f"K={self.rubrics}" if self.rubrics else ""
        return ", ".join(p for p in (self.model, self.method, self.writer, rubrics, self.run) if p)


@dataclass
class PaperTable:
    spec: TableSpec
    rows: list[Row]
    """Published ones first."""
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What spoils our numbers, printed above them."""
