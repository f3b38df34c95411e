"""Figures and tables of a run: win rates at checkpoints, and what each step was like."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from harness_plugins.report.drawing import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    Plot,
    canvas,
    short,
)
from harness_plugins.rpo.run_folder import StepRow
from harness_plugins.rpo.win_rates import WinRate
from harness_plugins.tables.model import Table, names, numbers, words

WIDTH = 8.6
BARS = 60
"""Of one figure: of a longer run a bar is the mean of several steps."""
OUTCOMES = ("decided", "tie", "disagree", "undecided", "error")


class Look(NamedTuple):
    colour: str
    hatch: str


OUTCOME_LOOKS = dict(
    zip(
        OUTCOMES,
        (Look(BLUE, ""), Look(SKY, "..."), Look(ORANGE, "///"), Look(PURPLE, "xxx"), Look(VERMILLION, "\\\\\\")),
        strict=True,
    )
)
PHASE_LOOKS = (Look(BLUE, ""), Look(ORANGE, "///"), Look(GREEN, "..."), Look(PURPLE, "xxx"), Look(MUTED, "\\\\\\"))
JUDGES = ((BLUE, "o", "-"), (VERMILLION, "D", "--"), (GREEN, "s", "-."), (PURPLE, "^", ":"))


def win_rate_plot(rates: Sequence[WinRate], picked: int | None) -> Plot:
    """Win rates on the development prompts over the steps, a line for each judge. To be called within `drawing.style`."""
    figure = canvas(WIDTH, 3.9)
    axes = figure.subplots()
    judges = list(dict.fromkeys((r.audit, r.judge) for r in sorted(rates, key=lambda r: (r.audit, r.judge))))
    last: list[str] = []
    for n, (audit, judge) in enumerate(judges):
        colour, marker, dashes = JUDGES[n % len(JUDGES)]
        name = f"{short(judge)} ({'audit' if audit else 'trains'})"
        own = [r for r in rates if (r.audit, r.judge) == (audit, judge) and r.value is not None and r.interval]
        development = [r for r in own if r.held_out == "development"]
        x = [0, *(r.step for r in development)]
        y = [50.0, *(100 * (r.value or 0) for r in development)]
        low = [50.0, *(100 * r.interval.low for r in development if r.interval)]
        high = [50.0, *(100 * r.interval.high for r in development if r.interval)]
        axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0, zorder=1)
        axes.plot(x, y, color=colour, marker=marker, ms=5, ls=dashes, lw=1.8, label=name, zorder=3)
        for r in (r for r in own if r.held_out == "test"):
            value, spread = 100 * (r.value or 0), r.interval
            assert spread is not None
            axes.errorbar(
                [r.step],
                [value],
                # A rate of 1 may lie above its interval's end by the rounding of that end.
                yerr=[[max(0.0, value - 100 * spread.low)], [max(0.0, 100 * spread.high - value)]],
                color=colour,
                marker=marker,
                ms=9,
                mfc="none",
                mew=1.6,
                lw=1.2,
                capsize=4,
                zorder=4,
                label=f"{short(judge)}, test prompts",
            )
        if development:
            last.append(f"{name}: {y[-1]:.1f} per cent at step {x[-1]}.")
    axes.axhline(50, color=MUTED, lw=1, ls=(0, (4, 3)), zorder=0)
    axes.text(1.0, 50, " 50: as the start", transform=axes.get_yaxis_transform(), va="center", fontsize=8, color=MUTED)
    if picked is not None:
        axes.axvline(picked, color=MUTED, lw=0.8, ls=":", zorder=0)
        axes.text(picked, 103, "picked", ha="center", va="bottom", fontsize=8, color=INK)
    axes.set_ylim(0, 102)
    axes.set_xlim(left=0)
    axes.set_xlabel("updates")
    axes.set_ylabel("% preferred to the start's picture")
    axes.grid(axis="y")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    alt = f"A line for each of {len(judges)} judges over {len({r.step for r in rates})} checkpoints. " + " ".join(last)
    return Plot("win-rates", "", "Win rate against the start on the development prompts", alt, figure)


def step_plots(rows: Sequence[StepRow]) -> list[Plot]:
    """What became of the pairs, what the updates did, and where the time went. To be called within `drawing.style`."""
    outcomes = Plot(
        "outcomes",
        "",
        "What became of the pairs of each step",
        _outcomes_alt(rows),
        _stacked(rows, [_outcome(o) for o in OUTCOMES], "% of pairs", most=100),
    )
    return [outcomes, _update_plot(rows), _seconds_plot(rows)]


class Layer(NamedTuple):
    """A part of a stack of bars."""

    name: str
    look: Look
    of: Any
    """What a step has of it."""
    over: Any
    """What it is a share of, summed like it."""


def _outcome(name: str) -> Layer:
    return Layer(
        name, OUTCOME_LOOKS[name], lambda row: 100 * row.outcomes.get(name, 0), lambda row: sum(row.outcomes.values())
    )


def _stacked(rows: Sequence[StepRow], layers: Sequence[Layer], label: str, most: float | None = None) -> Any:
    width = max(1, math.ceil(len(rows) / BARS))
    bins = [rows[n : n + width] for n in range(0, len(rows), width)]
    figure = canvas(WIDTH, 3.1)
    axes = figure.subplots()
    x = [b[0].step + 1 + (len(b) - 1) / 2 for b in bins]
    bottom = [0.0] * len(bins)
    for layer in layers:
        heights = [sum(map(layer.of, b)) / max(1, sum(map(layer.over, b))) for b in bins]
        if not any(heights):
            continue
        axes.bar(
            x, heights, [0.9 * len(b) for b in bins], bottom, color=layer.look.colour, hatch=layer.look.hatch,
            label=layer.name, lw=0,
        )  # fmt: skip
        bottom = [a + b for a, b in zip(bottom, heights, strict=True)]
    axes.set_ylim(0, most)
    axes.set_xlim(rows[0].step + 0.5, rows[-1].step + 1.5)
    axes.set_xlabel("step" + (f" (a bar is {width} steps)" if width > 1 else ""))
    axes.set_ylabel(label)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=5)
    return figure


def _outcomes_alt(rows: Sequence[StepRow]) -> str:
    pairs = sum(r.pairs for r in rows)
    counts = {o: sum(r.outcomes.get(o, 0) for r in rows) for o in OUTCOMES}
    return f"{pairs} pairs in {len(rows)} steps: " + ", ".join(f"{n} {o}" for o, n in counts.items() if n) + "."


def _update_plot(rows: Sequence[StepRow]) -> Plot:
    figure = canvas(WIDTH, 4.6)
    shown = (
        ("KL to the start", "kl", BLUE),
        ("largest |ratio − 1| before an update", "ratio_off", VERMILLION),
        ("gradient norm", "gradient_norm", GREEN),
        ("adapter norm", "adapter_norm", PURPLE),
    )
    alt: list[str] = []
    for axes, (title, name, colour) in zip(figure.subplots(2, 2, sharex=True).flat, shown, strict=True):
        points = [(r.step + 1, value) for r in rows if (value := getattr(r, name)) is not None]
        axes.set_title(title, loc="left", fontsize=9)
        axes.grid(axis="y")
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4))
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, lw=1.4, marker="o" if len(points) == 1 else None)
            alt.append(f"{title}: {points[-1][1]:.3g} at the end, at most {max(v for _, v in points):.3g}.")
        if not any(v for _, v in points):
            axes.set_ylim(-0.05, 1)
            axes.text(0.02, 0.12, "0 at every step" if points else "not measured", transform=axes.transAxes, fontsize=8)
        elif name != "adapter_norm":
            axes.set_ylim(bottom=0)
    figure.supxlabel("step", fontsize=9)
    return Plot("updates", "", "What the updates did", " ".join(alt), figure)


def _seconds_plot(rows: Sequence[StepRow]) -> Plot:
    phases = list(dict.fromkeys(phase for row in rows for phase in row.seconds))
    layers = [
        Layer(
            "waiting for the judge" if phase == "judge" else phase,
            PHASE_LOOKS[n % len(PHASE_LOOKS)],
            lambda row, phase=phase: row.seconds.get(phase, 0.0),
            lambda row: 1,
        )
        for n, phase in enumerate(phases)
    ]
    total = {phase: sum(r.seconds.get(phase, 0.0) for r in rows) for phase in phases}
    alt = "In all: " + ", ".join(f"{phase} {seconds:.0f} s" for phase, seconds in total.items()) + "."
    return Plot("seconds", "", "Where the time of a step went", alt, _stacked(rows, layers, "seconds a step"))


def step_table(rows: Sequence[StepRow]) -> Table:
    phases = list(dict.fromkeys(phase for row in rows for phase in row.seconds))
    table = Table(
        "steps",
        "Steps",
        [
            *names("step"),
            *numbers("pairs", *OUTCOMES, "KL", "largest |ratio − 1|", "gradient norm", "adapter norm"),
            *numbers(*(f"{phase}, s" for phase in phases)),
            *words("update"),
        ],
    )
    for r in rows:
        table.add(
            str(r.step + 1),
            str(r.pairs),
            *(_count(r.outcomes, o) for o in OUTCOMES),
            *(_number(v) for v in (r.kl, r.ratio_off, r.gradient_norm, r.adapter_norm)),
            *(f"{r.seconds[p]:.1f}" if p in r.seconds else "" for p in phases),
            "" if r.updated else "none",
        )
    return table.without_empty()


def _count(outcomes: Mapping[str, int], name: str) -> str:
    return str(outcomes[name]) if outcomes.get(name) else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
