"""What two runs have in common: judges asked alike, and items that are the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluators.errors import UserError
from evaluators.records import Candidate, Item, Label
from harness_plugins.scoring.arrays import BenchmarkData, CellData, CellKey, RunData
from harness_plugins.scoring.matching import Both, judges_of, same_items, writer_pairs


def item(n: int, text: str = "answer") -> Item:
    return Item(f"x:{n}", "x", str(n), n, "?", (Candidate(text), Candidate("b")), (0, 1), Label(preferred=0))


def run(name: str, judges: dict[str, dict[str, Any]], *keys: CellKey) -> RunData:
    shape = (1, 2, 1)
    cells = {k: CellData(k, np.zeros(shape, np.int8), np.zeros(shape), np.ones(shape, bool)) for k in keys}
    benchmark = BenchmarkData("x", [item(1)], {}, cells)
    manifest = {"judges": {n: {"key": {"backend": "openai", **key}, "orders": "both"} for n, key in judges.items()}}
    return RunData(Path(name), manifest, {"x": benchmark}, {}, {}, {}, {})


def none(judge: str) -> CellKey:
    return CellKey(judge, "none", None)


def test_judges_of_one_name_and_one_key_are_set_side_by_side() -> None:
    same, other = {"model": "m", "sampling": {"temperature": 0.0}}, {"model": "m", "sampling": {"temperature": 0.7}}
    a = run("a", {"j": same, "k": same, "l": same}, none("j"), none("k"), none("l"))
    b = run("b", {"j": same, "k": other}, none("j"), none("k"))
    alike, not_comparable = judges_of(Both(a, b))
    assert alike == ["j"]
    assert [(r.judge, [tuple(d) for d in r.differences]) for r in not_comparable] == [
        ("k", [("sampling.temperature", "0.0", "0.7")])
    ]


def test_where_no_judge_was_asked_alike_it_says_why() -> None:
    a, b = (run(n, {"j": {"model": m}}, none("j")) for n, m in (("a", "m"), ("b", "n")))
    with pytest.raises(UserError, match="no judge was asked alike in both runs"):
        judges_of(Both(a, b))
    with pytest.raises(UserError, match="share no judge by name: A has j; B has k"):
        judges_of(Both(a, run("b", {"k": {"model": "m"}}, none("k"))))
    with pytest.raises(UserError, match=r"has no manifest.json"):
        judges_of(Both(a, replace(b, manifest={})))


def test_items_are_the_same_by_what_they_say() -> None:
    a = BenchmarkData("x", [item(1), item(2), item(3)], {})
    b = BenchmarkData("x", [item(3), item(2, "another answer"), item(4)], {})
    (here, there), changed = same_items(Both(a, b))
    assert (here.tolist(), there.tolist(), changed) == ([2], [0], 1)


def writers(*names: str) -> BenchmarkData:
    return run("r", {}, *(CellKey("j", "transferred", w) for w in names)).benchmarks["x"]


@pytest.mark.parametrize(
    ("a", "b", "chosen", "pairs"),
    [
        (("w", "v"), ("v", "u"), (None, None), [("v", "v")]),
        (("w",), ("v",), (None, None), [("w", "v")]),
        (("w", "v"), ("u",), ("v", None), [("v", "u")]),
        (("w", "v"), ("u",), (None, None), []),
        (("w",), ("v",), ("u", None), []),
        ((), ("v",), (None, None), []),
    ],
)
def test_whose_rubrics_are_compared(
    a: tuple[str, ...], b: tuple[str, ...], chosen: tuple[str | None, str | None], pairs: list[tuple[str, str]]
) -> None:
    folders = Both(Path("a"), Path("b"))
    answer = writer_pairs(Both(writers(*a), writers(*b)), folders, "transferred", ["j"], Both(*chosen))
    assert answer.pairs == pairs and bool(answer.problem) is not bool(pairs)


def test_within_one_run_its_two_writers_are_compared() -> None:
    one = writers("w", "v")
    pairs, _ = writer_pairs(Both(one, one), Both(Path("a"), Path("a")), "transferred", ["j"], Both(None, None))
    assert pairs == [("w", "v")]
