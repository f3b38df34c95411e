"""Verdicts in their places: samples, ranks, single candidates, and what is of the past."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evaluators.errors import UserError
from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge, Reply
from harness_plugins import run
from harness_plugins.config.run import Config
from harness_plugins.scoring import placing
from harness_plugins.scoring.arrays import ABSENT, CellData, CellKey
from harness_plugins.scoring.read import read_run
from tests.conftest import MakePairs, pair, png, write_jsonl

PAIRS = 3


def judged(folder: Path, rows: Path, reply: Callable[[Case], Reply], **fields: object) -> Path:
    spec = JudgeSpec(name="j", backend="openai", model="m", base_url="http://unused.invalid/v1", **fields)  # type: ignore[arg-type]
    config = Config(benchmarks=({"name": "pairs", "path": rows},), judges=(spec,), arms=("none",))  # type: ignore[arg-type]
    run(config, out=folder, judges={"j": MockJudge(spec, reply)})
    return folder


def cell(folder: Path) -> CellData:
    return read_run(folder).benchmarks["pairs"].cells[CellKey("j", "none", None)]


def test_each_sample_is_a_draw(make_pairs: MakePairs, tmp_path: Path) -> None:
    replies = iter(["1", "2"] * 100)
    folder = judged(tmp_path / "run", make_pairs(PAIRS), lambda case: next(replies), samples=2, temperature=1.0)
    placed = cell(folder)
    assert placed.outcome.shape == (PAIRS, 2, 2) and set(placed.outcome.ravel()) == {0, 1}
    assert (placed.outcome[:, :, 0] != placed.outcome[:, :, 1]).all()


def test_scores_of_candidates_become_places_and_the_best_is_the_pick(make_pairs: MakePairs, tmp_path: Path) -> None:
    def scores(case: Case) -> str:
        return f"<score>{9 if case.shown()[0].text.startswith('good') else 2}</score>"

    folder = judged(tmp_path / "run", make_pairs(PAIRS), scores, grading="pointwise")
    placed, items = cell(folder), read_run(folder).benchmarks["pairs"].items
    assert placed.ranks is not None and set(np.unique(placed.ranks[placed.expected])) == {-9.0, -2.0}
    assert placed.outcome[placed.expected].tolist() == [
        i.label.preferred for i, e in zip(items, placed.expected, strict=True) for _ in range(int(e.sum()))
    ]
    (folder / "manifest.json").unlink()
    with pytest.raises(UserError, match=r"pointwise verdicts of 'j' and no manifest.json"):
        read_run(folder)


def test_a_verdict_on_other_bytes_does_not_count(make_pairs: MakePairs, tmp_path: Path) -> None:
    rows = make_pairs(PAIRS)
    folder = judged(tmp_path / "run", rows, lambda case: "1")
    assert ABSENT not in cell(folder).outcome
    (tmp_path / "images" / "0.png").write_bytes(png(200) + b" ")
    write_jsonl(rows, [pair(n, media=[f"images/{n}.png"]) for n in range(PAIRS)])
    lines = (folder / "verdicts.jsonl").read_bytes()
    judged(folder, rows, lambda case: "2")
    assert (folder / "verdicts.jsonl").read_bytes().startswith(lines), "it stays in the file"
    outcome = cell(folder).outcome
    assert ABSENT not in outcome and outcome[0].ravel().tolist() == [1, 0], "the second shown, on the new bytes"
    assert outcome[1].ravel().tolist() == [0, 1] and placing.__doc__
