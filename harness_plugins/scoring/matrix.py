"""The matrix of writers and judges, and its margins over unseen cells: who transfers best, who gains most (decision 4, 13)."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness_plugins.scoring.report import Contrast, Metric


@dataclass(frozen=True)
class Entry:
    """What one writer's rubrics did in one judge's hands."""

    writer: str
    judge: str
    relation: str
    accuracy: Metric
    gain: Contrast
    """The run's primary contrast."""


@dataclass(frozen=True)
class Margin:
    """A writer over judges, or a judge over writers: the mean of their gains, item by item."""

    name: str
    over: tuple[str, ...]
    """The unseen judges (or writers) that it is a mean of."""
    apart: tuple[tuple[str, str], ...]
    """Those left out, each with its relation."""
    gain: Contrast


@dataclass
class Matrix:
    benchmark: str
    contrast: tuple[str, str]
    """Arm and reference, such as ("transferred", "none")."""
    writers: list[str]
    judges: list[str]
    entries: dict[tuple[str, str], Entry]
    """By (writer, judge); those that are not there were not judged, or not completely."""
    writer_margins: list[Margin] = field(default_factory=list)
    judge_margins: list[Margin] = field(default_factory=list)
    reference_writer: str | None = None
    against: list[Margin] = field(default_factory=list)
    """Each other writer minus the reference writer, over the judges that are unseen to both."""
