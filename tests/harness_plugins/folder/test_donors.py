"""The donors of the arm `shuffled` that a folder names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson

from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from harness_plugins import run
from harness_plugins.config.run import Config
from harness_plugins.folder.donors import planned_donors
from tests.conftest import MakePairs


def test_a_folder_names_who_gave_to_whom(make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path) -> None:
    spec = JudgeSpec(name="j", backend="openai", model="m", base_url="http://unused.invalid/v1")
    config = Config(
        benchmarks=({"name": "pairs", "path": make_pairs(6, images=False)},),  # type: ignore[arg-type]
        judges=(spec,),
        arms=("none", "shuffled"),
        rubrics={"w": rubrics(5)},
        shuffles=2,
    )
    run(config, out=tmp_path / "run", judges={"j": MockJudge(spec, lambda case: "1")})
    planned = planned_donors(tmp_path / "run", orjson.loads((tmp_path / "run" / "manifest.json").read_bytes()))
    for number in (0, 1):
        donors, settled = planned.shuffle("pairs", "w", number)
        assert set(donors) == set(donors.values()) == settled and len(settled) == 5
        assert all(recipient != donor for recipient, donor in donors.items())
    assert planned.shuffle("pairs", "w", 2) == ({}, frozenset()), "not drawn yet"
    assert planned.shuffle("pairs", "another", 0) == ({}, frozenset())


def test_a_folder_without_any(tmp_path: Path) -> None:
    assert planned_donors(tmp_path, {}).shuffle("pairs", "w", 0) == ({}, frozenset())
