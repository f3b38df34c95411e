"""The answer: a sentence and a row a writer, with its gain beside the gains of the controls. `run` ends in it."""

from __future__ import annotations

import math

from evaluators.rubrics.arms import ARMS
from harness_plugins.figures.forest import Axis, ControlGain, Forest, Panel, Row, extent, forest_of, stand_in
from harness_plugins.scoring.answers import writer_sentences
from harness_plugins.scoring.cells import Contrast
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.sentences import counted, listed, signed
from harness_plugins.tables.cells import incomplete, interval
from harness_plugins.tables.model import Cell, Chart, Table, names, numbers, words
from harness_plugins.tables.remarks import missing, warnings


def tables(report: Report) -> list[Table]:
    forest = forest_of(report)
    if forest is None:
        return []
    made = [_table(report, panel, forest) for panel in forest.panels]
    made[0].answers += writer_sentences(report)
    text = stand_in([row for panel in forest.panels for row in panel.rows])
    made[0].answers += [text] if text else []
    return made


def _table(report: Report, panel: Panel, forest: Forest) -> Table:
    arms = panel.arms
    columns = [
        *names("writer"),
        *words("verdict"),
        *numbers("its rubrics", "95 % CI", *(ARMS.facts(arm).called for arm in arms)),
    ]
    judges = listed(panel.judges) if 0 < len(panel.judges) <= 3 else "the unseen judges"
    title = f"{panel.benchmark}: points of accuracy gained over no rubric, {counted(panel.items, 'item')}, {judges}"
    table = Table("answer", title, columns, benchmark=panel.benchmark, section="summary")
    for row in panel.rows:
        by_arm = {control.arm: control for control in row.controls}
        controls = [_control(by_arm.get(arm)) for arm in arms]
        shared = " (shared)" if row.conclusion.shared else ""
        table.add(f"{row.writer}{shared}", _mark(row), *_gain(row), *controls)
    table.chart = _chart(panel, forest.axis)
    table.warnings = [*missing(report, panel.benchmark), *warnings(report, panel.benchmark)]
    return table


def _mark(row: Row) -> Cell:
    minor = row.mark.tone in ("open", "none")
    return Cell(f"{row.mark.symbol} {row.mark.words}", bold=row.mark.tone == "yes", minor=minor)


def _gain(row: Row) -> list[Cell]:
    gain = row.gain
    if gain is None:
        return [Cell(), Cell()]
    if not gain.complete:
        return [Cell(incomplete(gain), state="incomplete"), Cell()]
    return [Cell(signed(gain.value), 100 * gain.value, bold=not row.baseline), Cell(interval(gain.low, gain.high))]


def _control(control: ControlGain | None) -> Cell:
    if control is None:
        return Cell()
    if control.gain is None:
        return Cell(control.reason, minor=True)
    return Cell(signed(control.gain.value), 100 * control.gain.value, minor=True)


def _chart(panel: Panel, axis: Axis) -> Chart:
    note = "░ asked again, 95 %" if any(row.again for row in panel.rows) else ""
    return Chart(lambda width: [_ticks(axis, width), *(_line(row, axis, width) for row in panel.rows)], note)


def _ticks(axis: Axis, width: int) -> str:
    header = [" "] * width
    for tick in axis.ticks:
        label = f"{100 * tick:+.0f}" if round(tick, 9) else "0"
        start = min(max(0, _column(axis, tick, width) - len(label) // 2), width - len(label))
        header[start : start + len(label)] = label
    return "".join(header)


def _line(row: Row, axis: Axis, width: int) -> str:
    """A row's interval and mean on the axis, before the band of the same question asked again."""
    line = [" "] * width
    if (again := row.again) is not None:
        _fill(line, axis, again, "░")
    line[_column(axis, 0.0, width)] = "│"
    if row.gain is not None:
        _fill(line, axis, row.gain, "─")
        if row.gain.complete:
            line[_column(axis, row.gain.value, width)] = "◇" if row.mark.symbol == "–" else row.mark.symbol
    return "".join(line)


def _fill(line: list[str], axis: Axis, x: Contrast, character: str) -> None:
    if any(math.isnan(end) for end in extent(x)):
        return
    low, high = (_column(axis, end, len(line)) for end in extent(x))
    for n in range(low, high + 1):
        line[n] = "┼" if line[n] == "│" and character == "─" else character


def _column(axis: Axis, value: float, width: int) -> int:
    return 0 if math.isnan(value) else round(axis.share(value) * (width - 1))
