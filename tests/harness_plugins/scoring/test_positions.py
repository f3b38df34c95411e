"""Position bias, by where the preferred candidate was shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluators.prompts.template import Case
from harness_plugins.scoring.metrics import facts_of
from harness_plugins.scoring.positions import one_order
from harness_plugins.scoring.read import read_run
from tests.conftest import MakePairs
from tests.harness_plugins.scoring.test_scoring import cell_of, good_is, judged


def values(make_pairs: MakePairs, folder: Path, rule: str) -> dict[str, float]:
    def reply(case: Case) -> str:
        right = good_is(case)
        return {"right": right, "first": "1", "last": "2", "mixed": right if case.item.row % 2 else "1"}[rule]

    metrics = cell_of(judged(folder / "run", make_pairs(8, images=False), reply)).metrics
    names = ("position_bias", "flip_rate", "primacy_flips", "recency_flips", "debiased_accuracy")
    return {n: metrics[n].value for n in names}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("right", (0.0, 0.0, 0.0, 0.0, 1.0)),
        ("first", (1.0, 1.0, 1.0, 0.0, 0.5)),
        ("last", (-1.0, 1.0, 0.0, 1.0, 0.5)),
        ("mixed", (0.5, 0.5, 0.5, 0.0, 0.75)),
    ],
)
def test_what_each_rule_comes_to(rule: str, expected: tuple[float, ...], make_pairs: MakePairs, tmp_path: Path) -> None:
    assert tuple(values(make_pairs, tmp_path, rule).values()) == pytest.approx(expected)


def test_one_order_an_item_is_said(make_pairs: MakePairs, tmp_path: Path) -> None:
    judged(tmp_path / "run", make_pairs(4, images=False), good_is)
    benchmark = read_run(tmp_path / "run").benchmarks["pairs"]
    facts = facts_of(benchmark, "")
    first = np.arange(2)[None, :] == facts.label[:, None]
    (line,) = one_order(first, facts)
    assert line.startswith("the preferred response was always shown first")
    first[0] = ~first[0]
    (line,) = one_order(first, facts)
    assert line.endswith("the preferred response was first in 3 of 4")
    assert one_order(np.ones_like(first), facts) == []
