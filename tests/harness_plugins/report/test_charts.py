"""Figures of a crossed run: what is drawn and what is said of it in words. How they look: test_report.py."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from harness_plugins.report.charts import calibration_plots, cost_plots, matrix_plots
from harness_plugins.scoring.score import score
from tests.crossed import JUDGES, WRITERS, crossed

pytestmark = pytest.mark.xdist_group("report")


def test_each_figure_has_words_for_those_who_cannot_see_it(tmp_path: Path) -> None:
    report = score(crossed(tmp_path, items=12))
    (matrix,) = matrix_plots(report, "pairs")
    assert matrix.name == "matrix-pairs" and "writers" in matrix.alt
    drawn = {text.get_text() for axes in matrix.figure.axes for text in axes.texts}
    drawn |= {
        label.get_text() for axes in matrix.figure.axes for label in (*axes.get_xticklabels(), *axes.get_yticklabels())
    }
    assert {*WRITERS, *JUDGES} <= drawn
    gains = [f"{100 * e.gain.value:+.1f}" for m in report.matrices for e in m.entries.values()]
    assert set(gains) <= drawn
    calibrations = list(calibration_plots(report, "pairs"))
    assert calibrations and all(p.alt and p.figure.axes for p in calibrations)
    assert list(cost_plots(report, "another")) == [] == list(matrix_plots(report, "another"))
