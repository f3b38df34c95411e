"""Differences item by item, and means of them over judges."""

from __future__ import annotations

import numpy as np
import pytest

from harness_plugins.scoring import paired


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
