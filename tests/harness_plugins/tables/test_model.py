"""A table: its rows fit its columns, and what says nothing is left out."""

from __future__ import annotations

import pytest

from harness_plugins.tables.model import Cell, Table, names, numbers


def test_a_row_must_fit_the_columns() -> None:
    table = Table("t", "T", [*names("judge"), *numbers("accuracy")])
    with pytest.raises(ValueError, match="table t: a row of 1 cells under 2 columns"):
        table.add("qwen")
    table.add("qwen", Cell("50.0", marks=("1",)))
    with pytest.raises(ValueError, match="no footnote '1'"):
        table.check()


def test_what_says_nothing_is_left_out() -> None:
    shown = Table("t", "T", [*names("judge"), *numbers("a", "b")], notes=["n", "n"])
    shown.add("qwen", "", "1")
    assert (shown.without_empty().headers, shown.without_empty().notes) == (["judge", "b"], ["n"])
    shown.keeps_empty = True
    assert shown.without_empty().headers == ["judge", "a", "b"]
