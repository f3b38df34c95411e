"""Accuracy of each judge and arm, one writer's rows together."""

from __future__ import annotations

from pathlib import Path

from harness_plugins.tables.run_tables.summary import tables
from tests.crossed import crossed
from tests.harness_plugins.scripted_judges import BY_CONTENT, judge, judged, written


def test_models_come_before_baselines_and_controls_are_minor(tmp_path: Path) -> None:
    rubrics = {name: written(name) for name in ("w", "v")}
    (table,) = tables(judged(tmp_path, {"a": judge(BY_CONTENT)}, "", "none, generic, transferred, shuffled", rubrics))
    rows = [(*[cell.text for cell in row[:3]], row[0].minor) for row in table.rows]
    assert rows[:6] == [
        ("a", "", "none", False),
        ("a", "", "generic", True),
        ("a", "w", "transferred", False),
        ("a", "w", "shuffled", True),
        ("a", "v", "transferred", False),
        ("a", "v", "shuffled", True),
    ]
    assert all(minor for *_, minor in rows[6:]), "baselines"
    assert table.texts[2][3] == "80.0 (32/40)"


def test_kin_of_a_writer_is_named(tmp_path: Path) -> None:
    from harness_plugins import score

    (table,) = tables(score(crossed(tmp_path, 8)))
    assert any("is not known to be unseen by the writer: ja, alpha: same family" in note for note in table.notes)


def test_without_rubrics_the_answer_is_how_good_the_judges_are(tmp_path: Path) -> None:
    (table,) = tables(judged(tmp_path, {"a": judge(BY_CONTENT)}, arms="none", rubrics={}))
    assert table.answers == ["a is right on 50.0 % of 40 items. a is not told from guessing."]
