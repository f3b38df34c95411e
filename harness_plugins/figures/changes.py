"""What changed: items that became right in every order under an arm, and those that ceased to be, judge by judge."""

from __future__ import annotations

from dataclasses import dataclass

from evaluators.rubrics.arms import ARMS
from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.report import Report

BESIDE = ("shuffled", "generic", "repeat")
"""Arms whose changes are the noise that a writer's are read against."""


@dataclass(frozen=True)
class Change:
    """One arm of one judge."""

    writer: str | None
    arm: str
    relation: str
    fixed: float | None
    """None where answers are missing."""
    broken: float | None

    @property
    def minor(self) -> bool:
        return self.arm != "transferred"

    @property
    def title(self) -> str:
        """The writer's name; of a control what it gives."""
        if not self.minor:
            return self.writer or ""
        called = ARMS.facts(self.arm).called
        return f"{called} · {self.writer}" if self.writer else called


@dataclass(frozen=True)
class JudgeChanges:
    judge: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Changes:
    """One benchmark."""

    benchmark: str
    items: int
    judges: tuple[JudgeChanges, ...]

    @property
    def most(self) -> float:
        """Items of the longest bar, at least 1."""
        return max([1.0, *(n for j in self.judges for c in j.changes for n in (c.fixed, c.broken) if n is not None)])


def changes_of(report: Report) -> list[Changes]:
    """For each benchmark the models that read rubrics; baselines where no model did."""
    parts = []
    for benchmark, counts in report.items.items():
        cells = [c for c in report.cells if c.benchmark == benchmark and not c.computed and not c.blind]
        readers = [c for c in cells if c.arm == "transferred"]
        judges = dict.fromkeys(c.judge for c in readers if not c.baseline) or dict.fromkeys(c.judge for c in readers)
        if judges:
            parts.append(Changes(benchmark, counts.items, tuple(JudgeChanges(j, _changes(cells, j)) for j in judges)))
    return parts


def _changes(cells: list[CellReport], judge: str) -> tuple[Change, ...]:
    own = [c for c in cells if c.judge == judge and c.arm in ("transferred", *BESIDE)]
    own.sort(key=lambda c: ("transferred", *BESIDE).index(c.arm))
    return tuple(
        Change(c.writer, c.arm, c.relation, c.gained if c.complete else None, c.lost if c.complete else None)
        for c in own
    )
