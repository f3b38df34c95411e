"""The figures of a run as files. `all_plots` draws those that have data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from harness_plugins.report.charts import calibration_plots, cost_plots, matrix_plots
from harness_plugins.report.drawing import (
    BLUE,
    INK,
    MUTED,
    PAPER,
    SKY,
    VERMILLION,
    Plot,
    arm_label,
    canvas,
    row_name,
    short,
    slug,
)
from harness_plugins.report.track_plots import answer_plots, category_plots, position_plots
from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.report import Report

ROWS = 44
"""Of one figure: more are drawn on several."""
ROW = 0.27
WIDTH = 8.6


class Group(NamedTuple):
    """A judge with rows of its own."""

    judge: str
    cells: list[CellReport]


class CellRow(NamedTuple):
    """A row of a figure: where it is drawn, and the cell that it shows."""

    y: float
    cell: CellReport


class Rows(NamedTuple):
    """A figure with a line for each cell, under its judge's name."""

    figure: Any
    axes: Any
    cell_rows: list[CellRow]


def all_plots(report: Report) -> dict[str, list[Plot]]:
    """By section of the page; a section without data is not there. To be called within `drawing.style`."""
    kinds: dict[str, Callable[[Report, str], Iterator[Plot]]] = {
        "answer": answer_plots,
        "matrix": matrix_plots,
        "categories": category_plots,
        "transitions": transition_plots,
        "position": position_plots,
        "cost": cost_plots,
        "calibration": calibration_plots,
    }
    plots_by_section = {kind: [p for b in report.items for p in draw(report, b)] for kind, draw in kinds.items()}
    return {kind: plots for kind, plots in plots_by_section.items() if plots}


def _cells(report: Report, benchmark: str) -> list[CellReport]:
    return [c for c in report.cells if c.benchmark == benchmark and (not c.blind or c.arm == "none")]


def pages(cells: Sequence[CellReport]) -> Iterator[list[Group]]:
    """Rows by judge, on as many figures as they take."""
    groups: dict[str, list[CellReport]] = {}
    for c in cells:
        groups.setdefault(c.judge, []).append(c)
    page: list[Group] = []
    used = 0
    for judge, rows in groups.items():
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            if page and used + len(part) + 1 > ROWS:
                yield page
                page, used = [], 0
            page.append(Group(judge, part))
            used += len(part) + 1
    if page:
        yield page


def rows_of(page: Sequence[Group]) -> Rows:
    """A figure with the names of the rows, and nothing drawn in them yet."""
    count = sum(len(rows) + 1 for _, rows in page)
    figure = canvas(WIDTH, 1.0 + ROW * count)
    axes = figure.subplots()
    cell_rows: list[CellRow] = []
    ticks, labels, y = [], [], 0.0
    for judge, rows in page:
        axes.text(
            0,
            y,
            short(judge),
            transform=axes.get_yaxis_transform(),
            va="center",
            ha="left",
            weight="bold",
            fontsize=9.5,
        )
        for c in rows:
            y += 1
            cell_rows.append(CellRow(y, c))
            ticks.append(y)
            labels.append(arm_label(c))
        y += 1
    axes.set_yticks(ticks, labels)
    axes.set_ylim(y - 0.4, -0.7)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    return Rows(figure, axes, cell_rows)


def _wide(axes: Any, least: float) -> None:
    """At least so many points to either side of zero, so that a tiny difference looks tiny."""
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -least), max(high, least))


def _part(n: int, several: Sequence[object]) -> str:
    return f" ({n} of {len(several)})" if len(several) > 1 else ""


def _name(kind: str, benchmark: str, n: int, several: Sequence[object]) -> str:
    return f"{kind}-{slug(benchmark)}" + (f"-{n}" if len(several) > 1 else "")


class StateStyle(NamedTuple):
    """How a state of a pair is drawn."""

    state: str
    text: str
    colour: str
    hatch: str


OTHERS = (
    StateStyle("both_wrong", "wrong in both orders", VERMILLION, ""),
    StateStyle("first_slot", "first shown picked twice", BLUE, "///"),
    StateStyle("second_slot", "second shown picked twice", SKY, "..."),
    StateStyle("incomplete", "some order without a choice", MUTED, "xxx"),
)
"""All states but right in both orders."""


def transition_plots(report: Report, benchmark: str) -> Iterator[Plot]:
    """Items that became right in both orders, by what they were under `none`, and those that ceased to be."""
    cells = [c for c in _cells(report, benchmark) if c.transitions and c.complete]
    several = list(pages(cells))
    for n, page in enumerate(several, 1):
        figure, axes, cell_rows = rows_of(page)
        net_changes = []
        for y, c in cell_rows:
            t = c.transitions or {}
            total_gained = total_lost = 0.0
            for state, _, colour, hatch in OTHERS:
                gained, lost = t[state]["both_right"], t["both_right"][state]
                for start, size in ((total_gained, gained), (-total_lost - lost, lost)):
                    axes.barh(y, size, left=start, height=0.62, color=colour, hatch=hatch, ec=PAPER, lw=0.5)
                total_gained, total_lost = total_gained + gained, total_lost + lost
            axes.text(
                1.01,
                y,
                f"+{total_gained:g} / −{total_lost:g}",
                transform=axes.get_yaxis_transform(),
                va="center",
                fontsize=8,
            )
            net_changes.append(
                (total_gained - total_lost, row_name(c), f"{total_gained:g} gained, {total_lost:g} lost")
            )
        axes.axvline(0, color=INK, lw=1)
        _wide(axes, 1)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.margins(x=0.06)
        axes.xaxis.set_major_formatter(lambda x, _: f"{abs(x):g}")
        axes.set_xlabel("items    ← no longer right in both orders        newly right in both orders →")
        _legend(figure, OTHERS, "before (right), or after (left):")
        best, worst = max(net_changes), min(net_changes)
        alt = f"{len(cell_rows)} rows. Best net: {best[1]}: {best[2]}. Worst: {worst[1]}: {worst[2]}."
        title = f"{benchmark}: pairs that an arm fixed or broke" + _part(n, several)
        yield Plot(_name("transitions", benchmark, n, several), benchmark, title, alt, figure)


def _legend(figure: Any, styles: Sequence[StateStyle], title: str) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=s.colour, hatch=s.hatch, edgecolor=PAPER, label=s.text) for s in styles]
    figure.legend(handles=handles, loc="outside lower left", ncols=2, title=title, alignment="left", title_fontsize=8.5)
