"""Figures as files: drawn from the lines that the page draws."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from harness_plugins import score
from harness_plugins.report.drawing import png, style
from harness_plugins.report.track_plots import answer_plots, category_plots, position_plots
from tests.crossed import WRITERS, crossed
from tests.harness_plugins.scripted_judges import BY_CONTENT, judge, judged


def test_the_answer_has_a_part_a_writer(tmp_path: Path) -> None:
    report = score(crossed(tmp_path, 12, categories=("colour", "shape")))
    with style():
        for plots, count in ((answer_plots, len(WRITERS)), (category_plots, 2), (position_plots, 3)):
            (plot,) = plots(report, "pairs")
            assert len(plot.figure.axes) == count and png(plot).startswith(b"\x89PNG")


def test_its_words_hold_the_numbers(tmp_path: Path) -> None:
    with style():
        (plot,) = answer_plots(judged(tmp_path, {"a": judge(BY_CONTENT)}), "pairs")
    assert plot.name == "answer-pairs" and plot.alt.startswith("w: by content, its rubrics +30.0 [")


def test_without_rubrics_it_is_of_the_judges(tmp_path: Path) -> None:
    with style():
        (plot,) = answer_plots(judged(tmp_path, {"a": judge(BY_CONTENT)}, arms="none", rubrics={}), "pairs")
    assert plot.name == "accuracy-pairs" and "a 50.0 %" in plot.alt
