"""Figures made of tracks, as PNG and SVG: the page draws the same tracks by itself."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from harness_plugins.figures.forest import forest_of
from harness_plugins.figures.grid import grids_of
from harness_plugins.figures.positions import positions_of
from harness_plugins.figures.tracks import Track, Tracks, accuracy_tracks, by_writer, part_tracks, position_tracks
from harness_plugins.report.drawing import (
    BLUE,
    GRID,
    INK,
    MUTED,
    ORANGE,
    PAPER,
    PURPLE,
    VERMILLION,
    Plot,
    canvas,
    short,
    slug,
)
from harness_plugins.scoring.report import Report

LINE, HEAD = 0.25, 0.42
"""Inches of a line, and of what is above and below the lines of a part."""
COLOURS = {"yes": BLUE, "plain": INK, "worse": VERMILLION}
MARKERS = {"diamond": "D", "open diamond": "D", "triangle": "v", "circle": "o", "open circle": "o"}


class Panel(NamedTuple):
    """One part of a figure, under a heading."""

    heading: str
    tracks: Tracks


def answer_plots(report: Report, benchmark: str) -> Iterator[Plot]:
    """The first figure of the page: each writer's gain beside its controls; of a run without rubrics each judge's accuracy."""
    forest = forest_of(report)
    if forest is None:
        panels = [Panel("", accuracy_tracks(report, benchmark))]
        yield _plot("accuracy", benchmark, f"{benchmark}: how often each judge is right", panels)
        return
    panels = [
        Panel(f"{short(writer)}: {x.row.mark.words}", x.tracks)
        for writer, written in by_writer(forest).items()
        for x in written
        if x.tracks.title == benchmark
    ]
    yield _plot("answer", benchmark, f"{benchmark}: points gained over no rubric", panels)


def category_plots(report: Report, benchmark: str) -> Iterator[Plot]:
    """Accuracy without and with the rubrics, category by category."""
    for grid in grids_of(report):
        names = dict.fromkeys(part.category for line in grid.lines for part in line.conclusion.parts)
        if grid.benchmark == benchmark and names:
            panels = [Panel(f"{name}", part_tracks(grid.lines, name)) for name in names]
            yield _plot("categories", benchmark, f"{benchmark}: accuracy without (open) and with the rubrics", panels)


def position_plots(report: Report, benchmark: str) -> Iterator[Plot]:
    """Accuracy where the preferred candidate was shown last, and where it was shown first."""
    for part in positions_of(report):
        if part.benchmark == benchmark:
            panels = [Panel(short(judge.judge), position_tracks(judge)) for judge in part.judges]
            yield _plot("position", benchmark, f"{benchmark}: accuracy, preferred shown last (open) and first", panels)


def _plot(kind: str, benchmark: str, title: str, panels: Sequence[Panel]) -> Plot:
    texts = [
        f"{panel.heading or panel.tracks.title}, {line.label} {line.text}"
        for panel in panels
        for line in panel.tracks.lines
    ]
    return Plot(f"{kind}-{slug(benchmark)}", benchmark, title, f"{'; '.join(texts)}.", _drawn(panels))


def _drawn(panels: Sequence[Panel]) -> Any:
    heights = [HEAD + LINE * len(panel.tracks.lines) for panel in panels]
    figure = canvas(8.6, 0.3 + sum(heights))
    grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)
    for axes, panel in zip(grid[:, 0], panels, strict=True):
        _draw(axes, panel)
    return figure


def _draw(axes: Any, panel: Panel) -> None:
    tracks = panel.tracks
    low, high = 100 * tracks.axis.low, 100 * tracks.axis.high
    axes.set_xlim(low, high)
    axes.set_ylim(len(tracks.lines) - 0.4, -0.6)
    if tracks.band is not None:
        axes.axvspan(100 * tracks.band.low, 100 * tracks.band.high, color=GRID, lw=0, alpha=0.6)
    if not math.isnan(tracks.reference):
        axes.axvline(100 * tracks.reference, color=MUTED, lw=1)
    for y, line in enumerate(tracks.lines):
        _draw_line(axes, y, line)
    axes.set_yticks(range(len(tracks.lines)), [short(line.label) for line in tracks.lines])
    axes.set_xticks([100 * tick for tick in tracks.axis.ticks])
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:+.0f}" if tracks.unit == "points" and round(x) else f"{x:.0f}")
    axes.tick_params(length=0)
    axes.grid(axis="x")
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_title(panel.heading, loc="left", fontsize=9.5, weight="bold")


def _draw_line(axes: Any, y: float, line: Track) -> None:
    colour = COLOURS.get(line.tone, MUTED)
    if line.bounds is not None:
        axes.plot([100 * line.bounds.low, 100 * line.bounds.high], [y, y], color=ORANGE, lw=4, alpha=0.7)
    if line.interval is not None and not math.isnan(line.interval.low):
        axes.plot([100 * line.interval.low, 100 * line.interval.high], [y, y], color=colour, lw=1.5)
    if not math.isnan(line.start):
        axes.plot([100 * line.start, 100 * line.value], [y, y], color=colour, lw=1.5)
        axes.plot(100 * line.start, y, "o", ms=6, mfc=PAPER, mec=colour, mew=1.4, clip_on=False)
    if line.symbol != "none" and not math.isnan(line.value):
        face = PAPER if line.symbol.startswith("open") else colour
        axes.plot(
            100 * line.value, y, MARKERS[line.symbol], ms=6.5, mfc=face, mec=colour, mew=1.4, zorder=3, clip_on=False
        )
    for dot in line.dots:
        face, edge = (PAPER, PURPLE) if dot.apart else (BLUE, BLUE)
        axes.plot(
            100 * dot.value, y, "s" if dot.apart else "o", ms=5, mfc=face, mec=edge, mew=1.3, zorder=3, clip_on=False
        )
    weight = "bold" if line.tone in ("yes", "plain", "worse") and line.interval is not None else "normal"
    axes.text(1.01, y, line.text, transform=axes.get_yaxis_transform(), va="center", fontsize=8, weight=weight)
