"""Differences item by item: the mean, its bounds and its p, over the same resamples for all of them; and means over judges."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness_plugins.scoring import paired

CLUSTER = np.arange(40)


def test_a_difference_that_is_there_and_one_that_is_not() -> None:
    rng = np.random.default_rng(5)
    none = rng.choice([-1.0, 0.0, 1.0], 40)
    tested = paired.contrasts(
        {"gain": np.ones(40), "none": none - none.mean(), "nowhere": np.full(40, np.nan)}, CLUSTER
    )
    gain, level = tested["gain"], tested["none"]
    assert tested["nowhere"] is None and gain is not None and level is not None
    assert (gain.n, gain.total, gain.value, gain.low, gain.high) == (40, 40.0, 1.0, 1.0, 1.0)
    assert gain.p < 0.001 and math.isnan(gain.detectable), "all alike: nothing is known of the spread"
    assert level.value == pytest.approx(0.0, abs=1e-9) and level.low < 0 < level.high and level.p > 0.5


def test_an_item_without_a_difference_is_left_out() -> None:
    half = np.where(CLUSTER % 2 == 0, 0.5, np.nan)
    contrast = paired.contrasts({"half": half}, CLUSTER)["half"]
    assert contrast is not None and (contrast.n, contrast.value, contrast.of) == (20, 0.5, 40)


def test_clusters_count_as_one() -> None:
    rng = np.random.default_rng(6)
    values = np.repeat(rng.normal(0.3, 1.0, 10), 4)
    apart, together = (paired.contrasts({"x": values}, c)["x"] for c in (CLUSTER, CLUSTER // 4))
    assert apart is not None and together is not None and apart.value == together.value
    assert together.high - together.low > 1.5 * (apart.high - apart.low) and together.p > apart.p


def test_what_is_tested_together_is_adjusted_together() -> None:
    rng = np.random.default_rng(7)
    tested = [c for c in paired.contrasts({n: rng.normal(0.4, 1.0, 40) for n in range(3)}, CLUSTER).values() if c]
    paired.adjust(tested)
    first, *_, last = sorted(tested, key=lambda c: c.p)
    assert first.p_holm == pytest.approx(min(1.0, 3 * first.p)) and last.p_holm >= last.p


def test_thirds_that_cancel_are_no_difference() -> None:
    third = np.array([1 / 3, 0.1])
    rest = np.array([-1.0, np.nan])
    mean = paired.mean([third, third, third + 1e-16, rest])
    assert mean[0] == 0 and np.isnan(mean[1])
    (x,) = paired.contrasts({"none": mean}, np.arange(2)).values()
    assert x is not None and not x.differs and x.n == 1


def test_a_difference_over_no_item_has_no_contrast() -> None:
    tested = paired.contrasts({"a": np.full(3, np.nan), "b": np.array([1.0, 0.0, np.nan])}, np.arange(3))
    assert tested["a"] is None and tested["b"] is not None and (tested["b"].n, tested["b"].value) == (2, 0.5)


def test_content_and_order_are_split_over_the_items_of_known_content() -> None:
    value = np.array([1.0, 0.0, np.nan, 0.5])
    (x,) = paired.contrasts({"none": value}, np.arange(4)).values()
    assert x is not None
    paired.split(x, value, np.array([0.5, np.nan, 1.0, 0.5]))
    assert (x.content_n, x.content, x.order) == (2, pytest.approx(0.5), pytest.approx(0.25))
    paired.split(x, value, np.full(4, np.nan))
    assert x.content_n == 2
