"""The forest: what each writer's rubrics gained on each benchmark, beside the controls that could explain it away.

>>> forest = forest_of(report)  # doctest: +SKIP
>>> [(row.writer, row.gain.value) for row in forest.panels[0].rows]  # doctest: +SKIP
[('grm', 0.281), ('arr', 0.133)]
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evaluators.rubrics.arms import ARMS
from harness_plugins.scoring.cells import CellReport, Contrast
from harness_plugins.scoring.conclusions import Conclusion, Verdict
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.sentences import listed, signed
from harness_plugins.scoring.statistics import Interval

STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Between two ticks of the axis, as shares."""
MOST_TICKS = 7


class Mark(NamedTuple):
    """A verdict as figures show it: by a shape, by words, and by a colour."""

    symbol: str
    words: str
    tone: str
    """`yes`, `plain`, `control`, `open`, `worse` or `none`: the one meaning that its colour has."""


MARKS = {
    Verdict.BY_CONTENT: Mark("◆", "by content", "yes"),
    Verdict.NOT_SHOWN_TO_BE_MORE: Mark("◆", "helps", "plain"),
    Verdict.NOT_TESTED: Mark("◆", "helps", "plain"),
    Verdict.NO_MORE: Mark("◆", "as a control", "control"),
    Verdict.WORSE: Mark("▼", "worse", "worse"),
    Verdict.NOT_SHOWN: Mark("◇", "not shown", "open"),
    Verdict.CANNOT_SAY: Mark("–", "cannot say", "none"),
}
_BASELINE = Mark("–", "no model", "none")


@dataclass(frozen=True)
class JudgeGain:
    """What one judge gained by a writer's rubrics."""

    judge: str
    gain: Contrast
    apart: bool
    """Not in the mean: kin of the writer, or not known to be unseen."""


@dataclass(frozen=True)
class ControlGain:
    """What a control gained for the same judges on the same items."""

    arm: str
    gain: Contrast | None
    why: str = ""
    """Why there is no gain."""

    @property
    def title(self) -> str:
        return ARMS.facts(self.arm).called

    @property
    def reason(self) -> str:
        """Why there is no gain, as it stands in place of one."""
        return "same text" if self.why == "void" else self.why


@dataclass(frozen=True)
class Row:
    """One writer on one benchmark."""

    writer: str
    conclusion: Conclusion
    gain: Contrast | None
    """The mean over the unseen judges; of the baseline where no model judged."""
    controls: tuple[ControlGain, ...]
    judges: tuple[JudgeGain, ...] = ()
    baseline: str | None = None
    """The judge that stands in where no model judged."""

    @property
    def verdict(self) -> Verdict:
        return self.conclusion.verdict

    @property
    def mark(self) -> Mark:
        return _BASELINE if self.baseline else MARKS[self.verdict]

    @property
    def again(self) -> Contrast | None:
        """`repeat` minus `none`, where asking again changed something."""
        return next(
            (c.gain for c in self.controls if c.arm == "repeat" and c.gain is not None and c.gain.differs), None
        )


@dataclass(frozen=True)
class Panel:
    """One benchmark."""

    benchmark: str
    items: int
    judges: tuple[str, ...]
    """Whose mean every row is of, the baseline where no model judged; empty where the rows are of different judges."""
    rows: tuple[Row, ...]

    @property
    def arms(self) -> tuple[str, ...]:
        """The controls that some row has, in the order of the arms."""
        present = {c.arm for row in self.rows for c in row.controls}
        return tuple(sorted(present, key=_rank))


class Axis(NamedTuple):
    """As shares: 0.1 is ten points."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Where a value lies between the ends, from 0 to 1."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


@dataclass(frozen=True)
class Forest:
    panels: tuple[Panel, ...]

    @property
    def axis(self) -> Axis:
        """One for all panels, wide enough for every interval."""
        ends = [0.0]
        for x in (x for panel in self.panels for row in panel.rows for x in _contrasts(row)):
            ends += [end for end in (*extent(x), x.value) if not math.isnan(end)]
        low, high = min(ends), max(ends)
        step = next((s for s in STEPS if (high - low) / s <= MOST_TICKS - 2), STEPS[-1])
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        last = max(last, first + 2)
        return Axis(first * step, last * step, tuple(n * step for n in range(first, last + 1)))


def extent(x: Contrast) -> Interval:
    """The ends of what is known: its interval, or its bounds where answers are missing."""
    if x.complete or x.bounds is None:
        return Interval(x.low, x.high)
    return x.bounds


def _contrasts(row: Row) -> Iterator[Contrast]:
    yield from (x for x in (row.gain, *(j.gain for j in row.judges), *(c.gain for c in row.controls)) if x is not None)


def forest_of(report: Report) -> Forest | None:
    """The forest of a run; None where it has no rubrics."""
    panels = []
    for benchmark, counts in report.items.items():
        conclusions = [c for c in report.conclusions if c.benchmark == benchmark]
        cells = [c for c in report.cells if c.benchmark == benchmark]
        rows = tuple(_row(c, cells) for c in conclusions)
        if rows:
            named = {(row.baseline,) if row.baseline else row.conclusion.judges for row in rows}
            panels.append(Panel(benchmark, counts.items, named.pop() if len(named) == 1 else (), rows))
    return Forest(tuple(panels)) if panels else None


def _row(conclusion: Conclusion, cells: Sequence[CellReport]) -> Row:
    writer = conclusion.writer
    own = [c for c in cells if c.arm == "transferred" and c.writer == writer and "none" in c.contrasts]
    models = [c for c in own if not c.baseline]
    judges = tuple(JudgeGain(c.judge, c.contrasts["none"], c.judge not in conclusion.judges) for c in models)
    reading = next((c for c in own if c.baseline and not c.blind), None)
    # A model that the config names and that has not answered yet is waited for: no baseline stands in for it.
    if judges or reading is None or not any(p.kind == "no model" for p in conclusion.problems):
        return Row(writer, conclusion, conclusion.gain, tuple(_controls(conclusion)), judges)
    beside = [c for c in cells if c.judge == reading.judge and c.writer in (None, writer) and "none" in c.contrasts]
    controls = (ControlGain(c.arm, c.contrasts["none"]) for c in beside if ARMS.facts(c.arm).beside)
    return Row(writer, conclusion, reading.contrasts["none"], _sorted(controls), baseline=reading.judge)


def _controls(conclusion: Conclusion) -> tuple[ControlGain, ...]:
    gains = [ControlGain(arm, gain) for arm, gain in conclusion.control_gains.items()]
    untested = [ControlGain(x.control, None, x.state) for x in conclusion.untested if x.state != "not declared"]
    return _sorted([*gains, *untested])


def _sorted(controls: Iterable[ControlGain]) -> tuple[ControlGain, ...]:
    return tuple(sorted(controls, key=lambda control: _rank(control.arm)))


def _rank(arm: str) -> int:
    """The writer's own controls come first, the noise floor last; those of packages between them."""
    return {"shuffled": 0, "advice": 1, "generic": 2, "repeat": 4}.get(arm, 3)


def stand_in(rows: Sequence[Row]) -> str:
    """What a baseline makes of rubrics that no model read, in a sentence; empty where models judged."""
    read = [row for row in rows if row.baseline and row.gain is not None and row.gain.complete]
    if not read:
        return ""
    baselines = listed(list(dict.fromkeys(str(row.baseline) for row in read)))
    several = len({row.conclusion.benchmark for row in rows}) > 1
    gains = [_stand_in_gain(row, several) for row in read]
    return f"The baseline {baselines}, which counts shared words, gains {listed(gains)}."


def _stand_in_gain(row: Row, several: bool) -> str:
    assert row.gain is not None
    where = f" on {row.conclusion.benchmark}" if several else ""
    return f"{signed(row.gain.value)} points with {row.writer}'s{where}"
