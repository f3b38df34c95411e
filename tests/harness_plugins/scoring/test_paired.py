"""Differences item by item: the mean, its bounds and its p, over the same resamples for all of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness_plugins.scoring.paired import adjust, contrasts

CLUSTER = np.arange(40)


def test_a_difference_that_is_there_and_one_that_is_not() -> None:
    rng = np.random.default_rng(5)
    none = rng.choice([-1.0, 0.0, 1.0], 40)
    tested = contrasts({"gain": np.ones(40), "none": none - none.mean(), "nowhere": np.full(40, np.nan)}, CLUSTER)
    gain, level = tested["gain"], tested["none"]
    assert tested["nowhere"] is None and gain is not None and level is not None
    assert (gain.n, gain.total, gain.value, gain.low, gain.high) == (40, 40.0, 1.0, 1.0, 1.0)
    assert gain.p < 0.001 and math.isnan(gain.detectable), "all alike: nothing is known of the spread"
    assert level.value == pytest.approx(0.0, abs=1e-9) and level.low < 0 < level.high and level.p > 0.5


def test_an_item_without_a_difference_is_left_out() -> None:
    half = np.where(CLUSTER % 2 == 0, 0.5, np.nan)
    contrast = contrasts({"half": half}, CLUSTER)["half"]
    assert contrast is not None and (contrast.n, contrast.value, contrast.of) == (20, 0.5, 40)


def test_clusters_count_as_one() -> None:
    rng = np.random.default_rng(6)
    values = np.repeat(rng.normal(0.3, 1.0, 10), 4)
    apart, together = (contrasts({"x": values}, c)["x"] for c in (CLUSTER, CLUSTER // 4))
    assert apart is not None and together is not None and apart.value == together.value
    assert together.high - together.low > 1.5 * (apart.high - apart.low) and together.p > apart.p


def test_what_is_tested_together_is_adjusted_together() -> None:
    rng = np.random.default_rng(7)
    tested = [c for c in contrasts({n: rng.normal(0.4, 1.0, 40) for n in range(3)}, CLUSTER).values() if c]
    adjust(tested)
    first, *_, last = sorted(tested, key=lambda c: c.p)
    assert first.p_holm == pytest.approx(min(1.0, 3 * first.p)) and last.p_holm >= last.p
