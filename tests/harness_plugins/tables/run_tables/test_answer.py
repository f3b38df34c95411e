"""The table that a run ends in: a row a writer, beside its controls."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_plugins.tables.render.terminal import as_text
from harness_plugins.tables.run_tables.answer import tables
from tests.harness_plugins.scripted_judges import BY_CONTENT, FEW, MORE, Right, judge, judged


@pytest.mark.parametrize(
    ("right", "mark"),
    [(BY_CONTENT, "◆ by content"), (BY_CONTENT | {"transferred": {0}}, "▼ worse"), (dict.fromkeys(BY_CONTENT, FEW), "– cannot say")],
)  # fmt: skip
def test_a_row_has_the_verdict_the_gain_and_the_controls(tmp_path: Path, right: Right, mark: str) -> None:
    report = judged(tmp_path, {"a": judge(right)})
    (table,) = tables(report)
    assert table.headers == ["writer", "verdict", "its rubrics", "95 % CI", "other item's", "generic"]
    (row,) = table.texts
    (conclusion,) = report.conclusions
    assert conclusion.gain is not None
    assert row[:3] == ["w", mark, f"{100 * conclusion.gain.value + 0.0:+.1f}"] and row[4:] == ["+0.0", "+0.0"]


def test_the_forest_stands_in_a_wide_terminal_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = BY_CONTENT | {"repeat": MORE}
    made = tables(judged(tmp_path, {"a": judge(right)}))
    monkeypatch.setenv("COLUMNS", "80")
    narrow = as_text(made)
    monkeypatch.setenv("COLUMNS", "120")
    wide = as_text(made)
    assert "─◆" not in narrow and "─◆─" in wide and "+20" in wide
    assert all(len(line) <= 80 for line in narrow.splitlines()) and all(len(line) <= 120 for line in wide.splitlines())


def test_the_drawing_is_as_wide_as_asked_and_marks_the_mean(tmp_path: Path) -> None:
    (table,) = tables(judged(tmp_path, {"a": judge(BY_CONTENT), "b": judge(BY_CONTENT | {"transferred": FEW | {5}})}))
    assert table.chart is not None
    for width in (24, 48):
        header, line = table.chart.draw(width)
        assert len(header) == len(line) == width and line.count("◆") == 1 and line.count("│") == 1
        assert abs(line.index("◆") - header.index("+20") - 1) <= 1, "+20 points lie under their tick"
