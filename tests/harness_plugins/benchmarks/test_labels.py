"""A row's label by each rule, and what is said of a value that the rule does not know."""

from __future__ import annotations

from typing import Any

import pytest

from evaluators.records import Label
from harness_plugins.benchmarks.labels import read_label
from harness_plugins.benchmarks.sources import RowProblem
from harness_plugins.benchmarks.spec import LabelSpec

RULES: dict[str, LabelSpec] = {
    "ranks": LabelSpec(rule="ranks", column="label"),
    "index": LabelSpec(rule="index", column="label"),
    "names": LabelSpec(rule="names", column="label", names={"1": 0, "left": 0, "right": 1, "none": "both_bad"}),
    "any_case": LabelSpec(rule="names", column="label", names={"Left": 0}, any_case=True),
    "comparison": LabelSpec(rule="comparison", column="label", letters="pair"),
    "fixed": LabelSpec(rule="fixed", index=1),
}


def label(rule: str, value: Any, count: int = 2, pair: str = "AvsC") -> Label:
    return read_label(RULES[rule], {"label": value, "pair": pair}.__getitem__, count)


@pytest.mark.parametrize(
    ("rule", "value", "count", "expected"),
    [
        ("fixed", None, 2, Label(preferred=1)),
        ("ranks", [1, 0], 2, Label(preferred=1)),
        ("ranks", [1, 0, 1], 3, Label("ranks", preferred=1, ranks=(1, 0, 1))),
        ("index", 1, 2, Label(preferred=1)),
        ("index", "tie", 2, Label("tie")),
        ("index", [2, 1, 0], 3, Label("ranks", preferred=2, ranks=(2, 1, 0))),
        ("names", 1, 2, Label(preferred=0)),
        ("names", "right", 2, Label(preferred=1)),
        ("names", "none", 2, Label("both_bad")),
        ("any_case", "LEFT", 2, Label(preferred=0)),
        ("comparison", "A>C", 2, Label(preferred=0)),
        ("comparison", "C > A", 2, Label(preferred=1)),
        ("comparison", "A=C", 2, Label("tie")),
    ],
)
def test_a_label(rule: str, value: Any, count: int, expected: Label) -> None:
    assert label(rule, value, count) == expected


@pytest.mark.parametrize(
    ("rule", "value", "complaint"),
    [
        ("ranks", [0, 0], "must rank the 2 candidates"),
        ("ranks", [0, 2], "must rank the 2 candidates"),
        ("index", 2, r"index of the preferred candidate \(0 or 1\)"),
        ("index", True, "'label' is True"),
        ("names", "up", "must be one of 1, left, right, none"),
        ("names", "LEFT", "must be one of"),
        ("comparison", "A>B", '"A>C", "C>A", "A=C"'),
    ],
)
def test_refused(rule: str, value: Any, complaint: str) -> None:
    with pytest.raises(RowProblem, match=complaint):
        label(rule, value)


def test_letters_that_name_no_two() -> None:
    with pytest.raises(RowProblem, match='such as "AvsB"'):
        label("comparison", "A>A", pair="AvsA")
