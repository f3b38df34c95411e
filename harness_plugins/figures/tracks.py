"""Tracks: lines of a figure, each a name, marks on an axis that all lines share, and the numbers in text.

The page and the PNG and SVG of a figure are drawn from the same tracks, so that they cannot say different things.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from harness_plugins.figures.forest import Axis, ControlGain, Forest, JudgeGain, Row
from harness_plugins.figures.grid import Line
from harness_plugins.figures.positions import JudgePositions
from harness_plugins.scoring.cells import CellReport, Contrast
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.sentences import bounds, signed
from harness_plugins.scoring.statistics import Interval

Symbol = Literal["diamond", "open diamond", "triangle", "circle", "open circle", "none"]
_SYMBOLS: dict[str, Symbol] = {"◆": "diamond", "◇": "open diamond", "▼": "triangle", "–": "open diamond"}
SHARES = Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))


class Dot(NamedTuple):
    """One judge."""

    name: str
    value: float
    apart: bool
    """Not in the mean."""


@dataclass(frozen=True)
class Track:
    """One line. Values are shares: 0.1 is ten points, or ten per cent."""

    label: str
    text: str
    """The numbers, at its end."""
    symbol: Symbol = "none"
    value: float = math.nan
    interval: Interval | None = None
    """95 %."""
    bounds: Interval | None = None
    """Where the value must lie, whatever the missing answers are."""
    start: float = math.nan
    """Where a line begins that ends in the value: without, and with."""
    dots: tuple[Dot, ...] = ()
    tone: str = "control"
    """As `forest.Mark` has it."""

    @property
    def minor(self) -> bool:
        return self.tone == "control"


@dataclass(frozen=True)
class Tracks:
    """Lines under each other."""

    title: str
    about: str
    """Small, beside the title."""
    axis: Axis
    lines: tuple[Track, ...]
    reference: float = 0.0
    """Where a line goes down through all of them."""
    band: Interval | None = None
    """Behind all lines: the same question asked again."""
    unit: Literal["points", "per cent"] = "points"


def numbers(x: Contrast | None) -> str:
    """`+28.1 [20.6, 35.0]`, or what is known where answers are missing."""
    if x is None:
        return ""
    if not x.complete:
        return "incomplete" if x.bounds is None else f"{signed(x.bounds.low)} to {signed(x.bounds.high)}"
    return f"{signed(x.value)} {bounds(x.low, x.high)}" if x.differs else "nothing changed"


def forest_tracks(row: Row, title: str, about: str, axis: Axis) -> Tracks:
    """A writer on one benchmark: its rubrics, each judge, and each control."""
    lines = [_own(row), *_judges(row.judges), *map(_control, row.controls)]
    again = row.again
    return Tracks(title, about, axis, tuple(lines), band=None if again is None else Interval(again.low, again.high))


def _own(row: Row) -> Track:
    gain, symbol = row.gain, _SYMBOLS[row.mark.symbol]
    if gain is None:
        return Track("its rubrics", "not known", tone=row.mark.tone)
    if not gain.complete:
        return Track("its rubrics", numbers(gain), bounds=gain.bounds, tone=row.mark.tone)
    return Track("its rubrics", numbers(gain), symbol, gain.value, Interval(gain.low, gain.high), tone=row.mark.tone)


def _judges(judges: Sequence[JudgeGain]) -> Iterator[Track]:
    """One line for all of them, where there are several."""
    dots = [Dot(j.judge, j.gain.value, j.apart) for j in judges if j.gain.complete]
    unknown = [j.gain.bounds for j in judges if not j.gain.complete and j.gain.bounds is not None]
    if len(judges) < 2 and not any(j.apart for j in judges):
        return
    known = sorted(dot.value for dot in dots if not dot.apart) or sorted(dot.value for dot in dots)
    text = "" if not known else signed(known[0]) if len(known) == 1 else f"{signed(known[0])} to {signed(known[-1])}"
    where = Interval(min(b.low for b in unknown), max(b.high for b in unknown)) if unknown else None
    yield Track("each judge", text, bounds=where, dots=tuple(dots))


def _control(control: ControlGain) -> Track:
    gain = control.gain
    if gain is None:
        return Track(control.title, control.reason)
    if not gain.complete:
        return Track(control.title, numbers(gain), bounds=gain.bounds)
    return Track(control.title, numbers(gain), "open circle", gain.value, Interval(gain.low, gain.high))


def part_tracks(lines: Sequence[Line], category: str) -> Tracks:
    """A category: each writer's accuracy without its rubrics and with them, the mean over the unseen judges."""
    tracks, items = [], 0
    for line in lines:
        for part in line.conclusion.parts:
            if part.category == category:
                gain, items = part.gain, max(items, part.gain.n)
                tone = "control" if not (gain.low > 0 or gain.high < 0) else "worse" if gain.value < 0 else "yes"
                text = f"{signed(gain.value)} {bounds(gain.low, gain.high)}"
                tracks.append(
                    Track(line.writer, text, "circle", part.without + gain.value, start=part.without, tone=tone)
                )
    return Tracks(category, f"{items:,} items", SHARES, tuple(tracks), reference=math.nan, unit="per cent")


def position_tracks(judge: JudgePositions) -> Tracks:
    """A judge: its accuracy where the preferred candidate was shown last, and where it was shown first."""
    lines = [
        Track(
            p.title,
            signed(p.bias.value),
            "circle",
            p.first,
            start=p.last,
            tone="yes" if p.arm == "transferred" else "control",
        )
        for p in judge.arms
    ]
    return Tracks(judge.judge, "shown first − last", SHARES, tuple(lines), reference=math.nan, unit="per cent")


def accuracy_tracks(report: Report, benchmark: str) -> Tracks:
    """The judges of a run without rubrics, best first, then the baselines."""
    cells = [c for c in report.cells if c.benchmark == benchmark and c.arm == "none"]
    cells.sort(key=lambda c: (c.baseline or c.computed, not c.complete, -c.metrics["accuracy"].value))
    data = report.data.benchmarks[benchmark]
    even = 0.5 if data.width == 2 else math.nan
    return Tracks(
        benchmark,
        f"{report.items[benchmark].items:,} items · per cent right",
        SHARES,
        tuple(map(_accuracy, cells)),
        even,
        unit="per cent",
    )


def _accuracy(cell: CellReport) -> Track:
    if not cell.complete:
        return Track(cell.judge, f"{cell.trials.answered:,} of {cell.trials.due:,} answered")
    accuracy, bias = cell.metrics["accuracy"], cell.metrics.get("position_bias")
    minor = cell.baseline or cell.computed
    text = f"{100 * accuracy.value:.1f} % {bounds(accuracy.low, accuracy.high)}"
    if bias is not None and not minor:
        text += f" · first − last {signed(bias.value)}"
    symbol: Symbol = "open circle" if minor else "circle"
    return Track(
        cell.judge,
        text,
        symbol,
        accuracy.value,
        Interval(accuracy.low, accuracy.high),
        tone="control" if minor else "yes",
    )


class WriterPanel(NamedTuple):
    row: Row
    tracks: Tracks


def by_writer(forest: Forest) -> dict[str, list[WriterPanel]]:
    """Writer -> its benchmarks."""
    panels: dict[str, list[WriterPanel]] = {}
    axis = forest.axis
    for panel in forest.panels:
        for row in panel.rows:
            judged = f" · {row.baseline}" if row.baseline else ""
            tracks = forest_tracks(row, panel.benchmark, f"{panel.items:,} items{judged}", axis)
            panels.setdefault(row.writer, []).append(WriterPanel(row, tracks))
    return panels
