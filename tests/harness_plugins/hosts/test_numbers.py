"""The numbers that a harness prints, from what came of each row."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.records import Verdict
from harness_plugins.hosts.numbers import aggregate, direction, metric_names, outcome_of, row_scores
from harness_plugins.hosts.rows import load_rows


def verdict(status: str, **more: object) -> Verdict:
    return Verdict("k", status, "", "demo", "x", "j", "none", None, "AB", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (verdict("ok", choice=2, pick=1), "2"),
        (verdict("ok", score=7.0), "score 7.0"),
        (verdict("tie"), "tie"),
        (verdict("tie", both_bad=True), "both_bad"),
        (verdict("unparsed"), "unparsed"),
    ],
)
def test_what_came_of_a_row_in_a_word(given: Verdict, word: str) -> None:
    assert outcome_of(given) == word


def test_metrics_over_rows(out: Path) -> None:
    rows = load_rows("demo", "judge")
    right = [(n, rows.target(n)) for n in range(len(rows.rows))]
    assert set(aggregate(rows, right)) <= set(metric_names(rows, range(len(rows.rows))))
    assert aggregate(rows, right)["accuracy"] == 1.0 and aggregate(rows, right)["first_position_rate"] == 0.5
    first = [(n, "1") for n in range(len(rows.rows))]
    values = aggregate(rows, first)
    assert (values["accuracy"], values["strict_both"], values["first_position_rate"]) == (0.5, 0.0, 1.0)
    scores = row_scores(rows, first)
    assert sum(scores.values()) / len(scores) == 0.5


@pytest.mark.parametrize(
    ("name", "higher"), [("accuracy", True), ("unparsed", False), ("tie", None), ("gain_over_none", True)]
)
def test_which_end_is_the_better_one(name: str, higher: bool | None) -> None:
    assert direction(name) is higher
