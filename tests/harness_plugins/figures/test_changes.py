"""What became right, and what ceased to be."""

from __future__ import annotations

from pathlib import Path

from harness_plugins import run, score
from harness_plugins.figures.changes import changes_of
from tests.conftest import ROOT
from tests.harness_plugins.scripted_judges import BY_CONTENT, FEW, ITEMS, judge, judged


def test_bars_count_what_the_judge_did(tmp_path: Path) -> None:
    right = BY_CONTENT | {"transferred": {0, 1, 5, 6}, "generic": FEW | {9}}
    (part,) = changes_of(judged(tmp_path, {"a": judge(right)}))
    assert (part.benchmark, part.items, [j.judge for j in part.judges]) == ("pairs", ITEMS, ["a"])
    counts = {c.title: (c.fixed, c.broken, c.minor) for c in part.judges[0].changes}
    # Items are numbered 0 to 39, and each last digit is that of four.
    assert counts == {"w": (8, 12, False), "other item's · w": (0, 0, True), "generic": (4, 0, True)}
    assert part.most == 12


def test_baselines_alone_are_shown_and_blind_ones_are_not(tmp_path: Path) -> None:
    (part,) = changes_of(score(run(ROOT / "examples" / "demo.yaml", out=tmp_path, limit=8).out))
    assert [j.judge for j in part.judges] == ["lexical"]


def test_without_rubrics_nothing_changed(tmp_path: Path) -> None:
    assert changes_of(judged(tmp_path, {"a": judge(BY_CONTENT)}, arms="none, repeat", rubrics={})) == []
