"""Amounts as the tables of cost write them."""

from __future__ import annotations

import math

import pytest

from harness_plugins.config.prices import Prices
from harness_plugins.tables.run_tables._amounts import cost_of_items, share, tokens
from tests.harness_plugins.tables.reports import point

EUROS = Prices.model_validate({"currency": "EUR", "models": {"m": {"read": 1, "written": 2}}})


@pytest.mark.parametrize(
    ("part", "total", "text"),
    [
        (8, 8, "100 % (8 of 8)"),
        (99_999, 100_000, "99.9 % (99,999 of 100,000)"),
        (0, 8, "0 % (0 of 8)"),
        (1, 3, "33.3 % (1 of 3)"),
    ],
)
def test_only_all_is_100_per_cent(part: int, total: int, text: str) -> None:
    assert share(part, total) == text


def test_what_is_not_known_is_not_zero() -> None:
    assert (tokens(1234.4), tokens(math.nan)) == ("1,234", "")
    assert cost_of_items(math.nan, point(), None) == "not known"


def test_a_thousand_items_cost_what_the_axis_counts() -> None:
    assert cost_of_items(0.0012, point(axis="money"), EUROS) == "1.20 EUR"
    assert cost_of_items(500, point(axis="tokens"), None) == "500 k tokens"
    assert cost_of_items(8 * 500, point(axis="compute"), EUROS) == "4 P parameters x tokens", "8 billion, 500 tokens"
    assert cost_of_items(0.4, point(), None) == "400 tokens"
