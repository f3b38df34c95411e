"""Numbers in cells: each as its unit is printed, and a difference with what may be read from it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from harness_plugins.scoring.cells import Metric
from harness_plugins.scoring.metrics import Trials
from harness_plugins.scoring.statistics import Interval
from harness_plugins.tables.cells import accuracy, accuracy_interval, behind, gain, in_unit, interval, percent
from harness_plugins.tables.model import Cell
from tests.harness_plugins.tables.reports import cell, difference, metric


@pytest.mark.parametrize(
    ("measured", "text"),
    [
        (metric("accuracy", 123, 170), "72.4 (123/170)"),
        (metric("accuracy", 4.5, 8), "56.2 (4.5/8)"),
        (metric("macro", 2.25, 3), "75.0 (mean of 3)"),
        (metric("macro[style]", 1.5, 2), "75.0 (mean of 2)"),
        (metric("position_bias", 1, 8, -0.03, 0.28), "+12.5 [-3.0, 28.0]"),
        (metric("kendall_tau", 5, 12), "0.42"),
        (metric("kendall_tau", -0.01, 12), "0.00"),
        (metric("kendall_tau", -12, 12), "-1.00"),
        (metric("calibration_brier[averaged]", 2.188, 12), "0.1823"),
        (metric("tos", 0, 0), ""),
        (None, ""),
    ],
)
def test_a_number_is_printed_in_its_unit(measured: Metric | None, text: str) -> None:
    assert in_unit(measured).text == text


def test_what_is_no_share_is_of_no_count() -> None:
    """Five wins more than losses over twelve items are not 5 of 12."""
    assert behind(metric("kendall_tau", 5, 12)) == behind(metric("position_bias", 1, 12)) == "n 12"
    assert behind(metric("pair_accuracy", 5, 12)) == "5/12"


def test_the_value_is_in_the_unit_of_the_text() -> None:
    assert percent(metric("accuracy", 3, 4)) == Cell("75.0 (3/4)", 75.0)
    assert in_unit(metric("kendall_tau", 5, 12)).value == pytest.approx(5 / 12)


def test_an_interval_has_no_negative_zero_and_may_be_unknown() -> None:
    assert interval(-0.0001, 0.25) == "[0.0, 25.0]"
    assert interval(math.nan, math.nan) == ""


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({}, "+3.1 [1.1, 5.1] p=.004"),
        ({"p": 0.0001}, "+3.1 [1.1, 5.1] p<.001"),
        ({"p_holm": 0.012}, "+3.1 [1.1, 5.1] p=.004 (Holm .012)"),
        ({"p_holm": 0.0002}, "+3.1 [1.1, 5.1] p=.004 (Holm <.001)"),
        ({"of": 120}, "+3.1 [1.1, 5.1] p=.004 (100/120 items)"),
        ({"by_ratio": difference(-0.01, p=0.4)}, "+3.1 [1.1, 5.1] p=.004 (by ratio -1.0 p=.400)"),
        ({"differs": False}, "no answer"),
        ({"complete": False}, "incomplete"),
        ({"complete": False, "bounds": Interval(-0.02, 0.05)}, "incomplete: between -2.0 and +5.0"),
    ],
)
def test_a_difference_with_what_may_be_read_from_it(more: dict[str, Any], text: str) -> None:
    assert gain(difference(0.031, **more)).text == text


def test_a_short_difference_has_no_interval_and_no_correction() -> None:
    assert gain(difference(0.031, p_holm=0.012), short=True).text == "+3.1 p=.004"
    assert gain(None) == Cell()


def test_an_incomplete_cell_shows_no_accuracy() -> None:
    incomplete = cell(trials=Trials(7, 8))
    assert accuracy(incomplete) == Cell("incomplete: 7/8 answered", state="incomplete")
    assert (accuracy_interval(incomplete), accuracy_interval(cell())) == ("", "[25.0, 100.0]")
