"""How figures look and are written: one style for screen, dark screens and print, and the same bytes for the same input."""

from __future__ import annotations

import importlib.util
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from evaluators.errors import UserError
from harness_plugins.report.texts import middle

INK, MUTED, GRID, PAPER = "#1b1f24", "#57606a", "#d8dee4", "#fefefe"
BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9"
"""Okabe and Ito's colours, which the colour-blind tell apart; shapes and hatches say the same again."""
ON_LIGHT, ON_DARK = "#101418", "#fcfdfe"
"""Text on a coloured cell, which stays as it is on a dark screen."""

DARK = {
    INK: "#e6edf3",
    MUTED: "#9da7b3",
    GRID: "#333b44",
    PAPER: "#161b22",
    BLUE: "#4aa8e0",
    VERMILLION: "#ff8a4c",
    GREEN: "#35c99a",
    PURPLE: "#e29cc4",
}
"""What the colours become where the reader's screen is dark."""


class ArmStyle(NamedTuple):
    marker: str
    colour: str


ARM_STYLE = {
    "none": ArmStyle("o", MUTED),
    "generic": ArmStyle("s", ORANGE),
    "transferred": ArmStyle("D", BLUE),
    "shuffled": ArmStyle("v", VERMILLION),
    "repeat": ArmStyle("X", MUTED),
    "advice": ArmStyle("P", PURPLE),
    "crossed": ArmStyle(">", SKY),
    "masked": ArmStyle("<", GREEN),
    "self": ArmStyle("*", GREEN),
    "blind": ArmStyle("h", SKY),
}
"""`arm_style` gives the rest of the arms one."""

NAME = 26
"""Characters of a name; longer ones lose their middle."""

_RC: dict[str, Any] = {
    # Without a salt matplotlib draws the ids in an SVG at random: equal runs are to give equal bytes.
    "svg.hashsalt": "rubric-harness",
    "svg.fonttype": "path",
    "text.parse_math": False,  # names are data: a $ is a $
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "hatch.linewidth": 0.6,
    "hatch.color": PAPER,
}


@dataclass
class Plot:
    """One figure, before it is written."""

    name: str
    """Of its files."""
    benchmark: str
    title: str
    alt: str
    """What it shows, for those who cannot see it."""
    figure: Any
    """A matplotlib Figure."""

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        with style():
            return png(self)


class Named(Protocol):
    """A row of a report: of a judge with a writer's rubrics under an arm."""

    @property
    def judge(self) -> str: ...
    @property
    def writer(self) -> str | None: ...
    @property
    def arm(self) -> str: ...


def arm_style(arm: str) -> ArmStyle:
    return ARM_STYLE.get(arm, ArmStyle("d", INK))


def arm_label(row: Named) -> str:
    """An arm and whose rubrics it gives, as printed under the judge's name."""
    return f"{row.arm} · {short(row.writer)}" if row.writer else row.arm


def row_name(row: Named) -> str:
    return ", ".join(part for part in (short(row.judge), short(row.writer or ""), row.arm) if part)


def short(name: str) -> str:
    return middle(name, NAME)


def slug(text: str) -> str:
    """A name as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()[:60] or "unnamed"


def has_matplotlib() -> bool:
    return importlib.util.find_spec("matplotlib") is not None


def need_matplotlib() -> None:
    """Raises:
    UserError: matplotlib is not installed."""
    if not has_matplotlib():
        raise UserError("figures as PNG and SVG need matplotlib: pip install 'rubric-harness[report]'")


@contextmanager
def style() -> Iterator[None]:
    """Everything is drawn and written within.

    Raises:
        UserError: matplotlib is not installed.
    """
    need_matplotlib()
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")  # the tables have every name in full
        # A matplotlibrc of the user's would change the figures.
        matplotlib.rcdefaults()
        parameters: Any = matplotlib.rcParams  # its stubs want literal names
        parameters.update(_RC)
        yield


def canvas(width: float, height: float) -> Any:
    """An empty figure, in inches, that no window or global state knows of."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def svg(plot: Plot) -> bytes:
    """The figure without date or title of its own, its glyphs as outlines."""
    out = io.BytesIO()
    plot.figure.savefig(
        out, format="svg", metadata={"Date": None, "Creator": None}, pad_inches=0.08, bbox_inches="tight"
    )
    return out.getvalue()


def png(plot: Plot) -> bytes:
    out = io.BytesIO()
    plot.figure.savefig(
        out, format="png", dpi=200, metadata={"Software": None}, facecolor="white", pad_inches=0.08, bbox_inches="tight"
    )
    return out.getvalue()


def for_page(drawn: bytes) -> bytes:
    """An SVG that turns its ink with the reader's screen."""
    rules = "".join(
        f'[style*="fill: {light}"]{{fill:{dark}!important}}[style*="stroke: {light}"]{{stroke:{dark}!important}}'
        for light, dark in DARK.items()
    )
    block = f'<style type="text/css">@media (prefers-color-scheme: dark){{{rules}}}</style></defs>'
    return drawn.replace(b"</defs>", block.encode(), 1)
