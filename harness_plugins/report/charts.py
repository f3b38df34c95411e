"""Figures of the matrix, of cost and of calibration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from harness_plugins.report.drawing import (
    BLUE,
    GREEN,
    GRID,
    INK,
    MUTED,
    ON_DARK,
    ON_LIGHT,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    Plot,
    arm_label,
    arm_style,
    canvas,
    row_name,
    short,
    slug,
)
from harness_plugins.report.texts import middle
from harness_plugins.scoring.calibration import Calibration
from harness_plugins.scoring.cells import Contrast
from harness_plugins.scoring.costs import CostPoint
from harness_plugins.scoring.matrix import Margin, Matrix, Pairing
from harness_plugins.scoring.report import Report

CELL_WIDTH, CELL_HEIGHT = 1.2, 0.66
EVEN = 0.18
"""The luminance on which dark and light text have equal contrast (4.6 : 1)."""
COLUMN = 14
"""Characters of a name above a cell."""
LINES = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, MUTED, INK)
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 3)), (0, (3, 3)))


def matrix_plots(report: Report, benchmark: str) -> Iterator[Plot]:
    """Writers by judges, each cell with its gain and accuracy, and the margins over unseen cells."""
    matrices = [m for m in report.matrices if m.benchmark == benchmark]
    for n, m in enumerate(matrices, 1):
        contrast = " minus ".join(m.contrast)
        name = f"matrix-{slug(benchmark)}" + (f"-{n}" if len(matrices) > 1 else "")
        yield Plot(name, benchmark, f"{benchmark}: {contrast}, writers by judges", _matrix_alt(m), _matrix(m))


class Point(NamedTuple):
    x: float
    y: float


def _matrix(m: Matrix) -> Any:
    """The figure of a matrix: a cell for each writer and judge, the margins at the ends."""
    rows, columns = len(m.writers), len(m.judges)
    by_writer, by_judge = {x.name: x for x in m.by_writer.margins}, {x.name: x for x in m.by_judge.margins}
    width = columns + (1.15 if by_writer else 0)
    height = rows + (1.15 if by_judge else 0)
    figure = canvas(2.2 + CELL_WIDTH * width, 1.5 + CELL_HEIGHT * height)
    axes = figure.subplots()
    gains = [e.gain.value for e in m.entries.values()] + [
        x.gain.value for x in (*m.by_writer.margins, *m.by_judge.margins)
    ]
    largest_gain = max([0.05, *(abs(g) for g in gains if not math.isnan(g))])
    for i, writer in enumerate(m.writers):
        for j, judge in enumerate(m.judges):
            entry = m.entries.get(Pairing(writer, judge))
            if entry is None:
                _empty(axes, Point(j, i))
                continue
            below = f"{100 * entry.accuracy.value:.1f} %"
            apart = entry.relation not in ("unseen", "undeclared", "baseline", "")
            relation = entry.relation.replace("_", " ") if apart else ""
            _heat(axes, Point(j, i), entry.gain, largest_gain, below=below, apart=relation)
    for i, writer in enumerate(m.writers):
        if writer in by_writer:
            margin = by_writer[writer]
            _heat(axes, Point(columns + 0.15, i), margin.gain, largest_gain, below=_over(margin, "judge"))
    for j, judge in enumerate(m.judges):
        if judge in by_judge:
            margin = by_judge[judge]
            _heat(axes, Point(j, rows + 0.15), margin.gain, largest_gain, below=_over(margin, "writer"))
    _frame(axes, m, width, height)
    return figure


def _over(margin: Margin, what: str) -> str:
    return f"over {len(margin.over)} {what}{'s' * (len(margin.over) != 1)}"


def _heat(axes: Any, corner: Point, gain: Contrast, largest_gain: float, *, below: str, apart: str = "") -> None:
    """A cell of the matrix in the colour of its gain.

    Args:
        largest_gain: the gain of the deepest colour.
        below: what is under the gain.
        apart: the relation of judge and writer, where the row is listed apart.
    """
    import matplotlib
    from matplotlib.patches import Rectangle

    x, y = corner
    value = 0.0 if math.isnan(gain.value) else gain.value
    rgb = matplotlib.colormaps["RdBu"](0.5 + 0.4 * value / largest_gain)[:3]
    colour = matplotlib.colors.to_hex(rgb)
    ink = ON_LIGHT if _luminance(rgb) > EVEN else ON_DARK
    hatch = "////" if apart else None
    axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colour, edgecolor="#ffffff", lw=1.5))
    if hatch:
        axes.add_patch(Rectangle((x, y), 1, 1, fill=False, edgecolor="#8c959f", hatch=hatch, lw=0))
    gain_y = 0.30 if apart else 0.38
    box = {"facecolor": colour, "edgecolor": "none", "pad": 1.0} if apart else None
    axes.text(
        x + 0.5,
        y + gain_y,
        f"{100 * value:+.1f}",
        ha="center",
        va="center",
        color=ink,
        fontsize=11,
        bbox=box,
    )
    axes.text(
        x + 0.5, y + (0.58 if apart else 0.72), below, ha="center", va="center", color=ink, fontsize=7.5, bbox=box
    )
    if apart:
        axes.text(x + 0.5, y + 0.82, apart, ha="center", va="center", color=ink, fontsize=7, style="italic", bbox=box)


def _luminance(rgb: Sequence[float]) -> float:
    """WCAG 2's relative luminance."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _empty(axes: Any, corner: Point) -> None:
    from matplotlib.patches import Rectangle

    x, y = corner
    axes.add_patch(Rectangle((x, y), 1, 1, fill=False, edgecolor=GRID, lw=1, ls=":"))
    axes.text(x + 0.5, y + 0.5, "not judged", ha="center", va="center", color=MUTED, fontsize=7.5)


def _frame(axes: Any, m: Matrix, width: float, height: float) -> None:
    """Limits, ticks and names of the axes of a matrix of so many cells."""
    rows, columns = len(m.writers), len(m.judges)
    axes.set_xlim(-0.02, width + 0.02)
    axes.set_ylim(height + 0.02, -0.02)
    xs = [j + 0.5 for j in range(columns)] + ([columns + 0.65] if m.by_writer.margins else [])
    names = [_wrapped(j) for j in m.judges] + (["mean over\nunseen judges"] if m.by_writer.margins else [])
    ys = [i + 0.5 for i in range(rows)] + ([rows + 0.65] if m.by_judge.margins else [])
    writers = [short(writer) for writer in m.writers] + (["mean over\nunseen writers"] if m.by_judge.margins else [])
    axes.set_xticks(xs, names)
    axes.set_yticks(ys, writers)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_title("judges", loc="left", fontsize=9, color=MUTED, pad=6)
    axes.set_ylabel("rubric writers", color=MUTED)
    kin = any(e.relation not in ("unseen", "undeclared", "baseline", "") for e in m.entries.values())
    text = "gain in points over accuracy" + ("; hatched: judge and writer are kin" if kin else "")
    axes.set_xlabel(text, fontsize=8, color=MUTED, loc="left")


def _wrapped(name: str) -> str:
    """A name on up to three lines of a cell's width, broken after a mark where there is one."""
    lines: list[str] = []
    remaining = middle(name, 3 * COLUMN - 4)
    while len(remaining) > COLUMN and len(lines) < 2:
        cut = max(remaining.rfind(c, 3, COLUMN) for c in "-_/ .") + 1
        cut = cut or COLUMN
        lines.append(remaining[:cut].rstrip())
        remaining = remaining[cut:]
    return "\n".join([*lines, remaining])


def _matrix_alt(m: Matrix) -> str:
    alt = f"{len(m.writers)} writers by {len(m.judges)} judges, {len(m.entries)} cells judged completely."
    if m.entries:
        best = max(m.entries.values(), key=lambda e: e.gain.value)
        worst = min(m.entries.values(), key=lambda e: e.gain.value)
        alt += "".join(
            f" {which}: {short(e.writer)} with {short(e.judge)}, {100 * e.gain.value:+.1f} points."
            for which, e in (("Largest gain", best), ("Smallest", worst))
        )
    return alt


AXES = {"compute": "billions of parameters times tokens", "tokens": "tokens"}


def cost_plots(report: Report, benchmark: str) -> Iterator[Plot]:
    """Accuracy against what an item costs, the writer's share included; a figure for each judge."""
    by_judge: dict[str, list[CostPoint]] = {}
    for p in report.costs:
        if p.benchmark == benchmark and math.isfinite(p.cost) and not math.isnan(p.accuracy.value):
            by_judge.setdefault(p.judge, []).append(p)
    for n, (judge, points) in enumerate(by_judge.items(), 1):
        points.sort(key=lambda p: p.cost)
        name = f"cost-{slug(benchmark)}" + (f"-{n}" if len(by_judge) > 1 else "")
        title = f"{benchmark}: accuracy against cost, {short(judge)}"
        best = max(points, key=lambda p: p.accuracy.value)
        alt = (
            f"{len(points)} points, {sum(p.frontier for p in points)} on the frontier. Most accurate: {_point(best)}, "
            f"{100 * best.accuracy.value:.1f} per cent."
        )
        money = report.prices.currency if report.prices else "money"
        yield Plot(name, benchmark, title, alt, _cost(points, AXES.get(points[0].axis, money)))


def _point(p: CostPoint) -> str:
    return f"vote@{p.votes}, {arm_label(p)}" if p.votes else arm_label(p)


def _cost(points: Sequence[CostPoint], unit: str) -> Any:
    figure = canvas(8.6, max(3.2, 0.9 + 0.21 * len(points)))
    axes = figure.subplots()
    front = [(p.cost, 100 * p.accuracy.value) for p in points if p.frontier]
    axes.plot(*zip(*front, strict=True), color=MUTED, lw=1.2, drawstyle="steps-post", zorder=1) if front else None
    handles = []
    span = points[-1].cost / max(points[0].cost, 1e-12)
    for n, p in enumerate(points, 1):
        marker, colour = ("p", MUTED) if p.votes else arm_style(p.arm)
        x, y = p.cost, 100 * p.accuracy.value
        low, high = 100 * p.accuracy.low, 100 * p.accuracy.high
        if not math.isnan(low):
            axes.plot([x, x], [low, high], color=colour, lw=0.8, alpha=0.55, zorder=2)
        face = colour if p.frontier else "none"
        (drawn,) = axes.plot(x, y, marker=marker, ms=8, mfc=face, mec=colour, mew=1.4, ls="none", zorder=3)
        drawn.set_label(f"{n}  {_point(p)}  ({y:.1f} %)")
        handles.append(drawn)
    if span > 8:
        axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.6g}")
    axes.xaxis.set_minor_formatter(lambda x, _: "")
    axes.margins(x=0.08)
    _numbered(figure, axes, [Point(p.cost, 100 * p.accuracy.value) for p in points])
    axes.grid(visible=True)
    axes.set_ylabel("accuracy in per cent")
    axes.set_xlabel(f"{unit} an item, with the rubric's share (line: frontier; filled: on it)")
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, labelspacing=0.35)
    return figure


SPOTS = tuple(
    (dx, dy)
    for ring in (1, 2, 3)
    for dx, dy in ((7 * ring, 5), (7 * ring, -12), (-7 * ring - 6, 5), (-7 * ring - 6, -12), (-3, 9 * ring))
)
"""Where a point's number may be placed, in points from it, best first."""


def _numbered(figure: Any, axes: Any, points: Sequence[Point]) -> None:
    """Each point's number beside it, where it covers no other number and no point."""
    # The layout decides where points are, and is made only when the figure is drawn.
    figure.draw_without_rendering()
    scale = 72 / figure.dpi
    positions = [Point(scale * x, scale * y) for x, y in (axes.transData.transform(p).tolist() for p in points)]
    taken: list[Point] = []
    for n, (point, position) in enumerate(zip(points, positions, strict=True), 1):
        others = [other for other in positions if other != position]
        x, y = position
        crowded = [_near(Point(x + dx + 3, y + dy + 3), taken + others) for dx, dy in SPOTS]
        dx, dy = SPOTS[crowded.index(min(crowded))]
        taken.append(Point(x + dx + 3, y + dy + 3))
        axes.annotate(str(n), point, (dx, dy), textcoords="offset points", fontsize=8, color=INK, zorder=4)


def _near(spot: Point, others: Sequence[Point]) -> int:
    return sum(abs(spot.x - other.x) < 9 and abs(spot.y - other.y) < 9 for other in others)


PANELS = 12


def calibration_plots(report: Report, benchmark: str) -> Iterator[Plot]:
    """Reliability of each cell, order-averaged where both orders are there, and the accuracy of what is most certain."""
    by_cell: dict[tuple[str, str | None, str], Calibration] = {}
    for c in (c for c in report.calibrations if c.benchmark == benchmark):
        key = (c.judge, c.writer, c.arm)
        if key not in by_cell or c.order == "averaged":
            by_cell[key] = c
    shown = list(by_cell.values())
    parts = [shown[n : n + PANELS] for n in range(0, len(shown), PANELS)]
    for n, part in enumerate(parts, 1):
        tail, of = (f"-{n}", f" ({n} of {len(parts)})") if len(parts) > 1 else ("", "")
        worst = max(part, key=lambda c: c.metrics["ece"].value)
        alt = (
            f"{len(part)} panels of accuracy against confidence. Largest calibration error: {row_name(worst)}, "
            f"{100 * worst.metrics['ece'].value:.1f} points where {100 * worst.ece_floor[0]:.1f} are expected by chance."
        )
        title = f"{benchmark}: is a judge right as often as it says?{of}"
        yield Plot(f"calibration-{slug(benchmark)}{tail}", benchmark, title, alt, _reliability(part))
    judges: dict[str, list[Calibration]] = {}
    for c in shown:
        if c.selective:
            judges.setdefault(c.judge, []).append(c)
    for n, (judge, members) in enumerate(judges.items(), 1):
        tail = f"-{n}" if len(judges) > 1 else ""
        alt = f"{len(members)} curves: accuracy of the most confident items, from few to all of them."
        title = f"{benchmark}: accuracy of the items that {short(judge)} is most certain of"
        yield Plot(f"selective-{slug(benchmark)}{tail}", benchmark, title, alt, _selective(members))


def _reliability(part: Sequence[Calibration]) -> Any:
    across = min(4, len(part))
    down = math.ceil(len(part) / across)
    figure = canvas(2.3 * across + 0.6, 2.45 * down + 0.4)
    grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for n, axes in enumerate(grid.flat):
        if n >= len(part):
            axes.set_visible(False)
            continue
        c = part[n]
        marker, colour = arm_style(c.arm)
        axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls="--")
        xs, ys = [b.confidence for b in c.bins], [b.accuracy for b in c.bins]
        axes.plot(xs, ys, color=colour, lw=1, marker=marker, ms=4.5)
        axes.set_title(f"{short(c.judge)}\n{arm_label(c)}", fontsize=8, loc="left")
        ece, floor = 100 * c.metrics["ece"].value, 100 * c.ece_floor[0]
        axes.text(
            0.97, 0.04, f"ECE {ece:.1f}\nby chance {floor:.1f}", transform=axes.transAxes, ha="right", fontsize=7.5
        )
        axes.grid(visible=True)
        low = min([0.5, *xs])
        axes.set_xlim(low - 0.02, 1.02)
        axes.set_ylim(-0.03, 1.05)
        axes.tick_params(labelbottom=n + across >= len(part))
    figure.supxlabel("confidence", fontsize=9)
    figure.supylabel("accuracy", fontsize=9)
    return figure


def _selective(members: Sequence[Calibration]) -> Any:
    figure = canvas(8.6, max(3.2, 0.9 + 0.22 * len(members)))
    axes = figure.subplots()
    for n, c in enumerate(members):
        xs, ys = zip(*((100 * x, 100 * y) for x, y in c.selective), strict=True)
        axes.plot(
            xs,
            ys,
            color=LINES[n % len(LINES)],
            ls=DASHES[(n + n // len(LINES)) % len(DASHES)],
            lw=1.6,
            label=arm_label(c),
        )
    axes.set_xlim(0, 101)
    axes.grid(visible=True)
    axes.set_xlabel("items kept, the most confident first, in per cent")
    axes.set_ylabel("accuracy in per cent")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return figure
