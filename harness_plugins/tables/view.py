"""What of a report is one benchmark's, as tables show it: its cells, and how judges and writers are called there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.report import Report


class RowNames(NamedTuple):
    """What names a cell's row."""

    judge: str
    writer: str
    arm: str


@dataclass(frozen=True)
class View:
    """One benchmark of a report.

    Example:
        >>> view = next(views(report))                                              # doctest: +SKIP
        >>> [view.about(c.judge, c.writer, c.arm) for c in view.cells]              # doctest: +SKIP
        ['qwen, -, none', 'qwen, gpt, transferred']
    """

    report: Report
    benchmark: str

    @cached_property
    def cells(self) -> list[CellReport]:
        """All cells but the arms of judges that look at no rubric, which are one and the same."""
        return [c for c in self.report.cells if c.benchmark == self.benchmark and (not c.blind or c.arm == "none")]

    @cached_property
    def _judges(self) -> dict[str, str]:
        return {c.judge: f"{c.judge} ({c.grading})" for c in self.cells if c.grading != "pairwise"}

    @cached_property
    def _writers(self) -> dict[str | None, str]:
        return {c.writer: f"{c.writer} (shared)" for c in self.cells if c.rubrics == "shared"}

    def judge(self, name: str) -> str:
        """The judge's name, and how it was asked where that is not the plain comparison of two."""
        return self._judges.get(name, name)

    def writer(self, name: str | None) -> str:
        """The writer's name, and whether its rubrics are shared by all items; empty for no writer."""
        return self._writers.get(name, name or "")

    def about(self, judge: str, writer: str | None, *more: str) -> str:
        """How a note begins that is about a judge with a writer's rubrics, and an arm where one is given."""
        return ", ".join((self.judge(judge), self.writer(writer) or "-", *more))

    def row(self, cell: CellReport) -> RowNames:
        return RowNames(self.judge(cell.judge), self.writer(cell.writer), cell.arm)


def views(report: Report) -> Iterator[View]:
    return (View(report, benchmark) for benchmark in report.items)
