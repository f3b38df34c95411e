"""A control that hands over the writer's very text is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness_plugins.scoring.arrays import CellKey
from harness_plugins.scoring.controls import controlled, same_text
from tests.conftest import MakePairs
from tests.harness_plugins.scoring.test_scoring import good_is, judged

PAIRS = 6


@pytest.mark.parametrize(("written", "identical"), [({}, 0), ({"text": "Is it right?"}, PAIRS)])
def test_where_another_items_rubric_is_the_same_text(
    make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path, written: dict[str, Any], identical: int
) -> None:
    more = {"arms": ("none", "transferred", "generic", "shuffled"), "rubrics": {"w": rubrics(PAIRS, **written)}}
    data = judged(tmp_path / "run", make_pairs(PAIRS, images=False), good_is, **more).data
    (benchmark,) = data.benchmarks.values()
    assert same_text(benchmark, data.rubrics[benchmark.name, "w"], "shuffled").sum() == identical
    assert not same_text(benchmark, data.rubrics[benchmark.name, "w"], "generic").any()
    judge = next(key.judge for key in benchmark.cells if key.arm == "shuffled")
    assert controlled(data, benchmark, CellKey(judge, "shuffled", "w"), "w").sum() == PAIRS - identical
