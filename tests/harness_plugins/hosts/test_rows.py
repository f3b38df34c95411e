"""A benchmark under a setting as rows: one an item and order, each a cell of a native run."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.errors import UserError
from harness_plugins.hosts import GRADING, RUBRICS
from harness_plugins.hosts.rows import load_rows


def test_each_item_stands_in_both_orders(out: Path) -> None:
    rows = load_rows("demo", "judge")
    assert len(rows.rows) == 80 and len({r.item.uid for r in rows.rows}) == 40
    assert len({r.id for r in rows.rows}) == 80
    for number, row in enumerate(rows.rows[:6]):
        doc = rows.doc(number)
        assert (doc["item"], doc["order"], doc["arm"], doc["writer"]) == (row.item.uid, row.order, "none", "")
        preferred = row.item.candidates[row.item.label.preferred or 0]
        assert row.case.shown()[int(rows.target(number)) - 1] == preferred


def test_a_candidate_is_a_row_where_each_is_scored_alone(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GRADING, "pointwise")
    rows = load_rows("demo", "judge")
    assert {r.candidate for r in rows.rows} == {0, 1} and {rows.target(n) for n in range(4)} == {"preferred", "other"}


def test_rubrics_must_be_named_and_be_there(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {r.writer for r in load_rows("demo", "transfer").rows} == {"careful"}
    monkeypatch.setenv(RUBRICS, "/nowhere.jsonl")
    with pytest.raises(UserError, match=r"/nowhere\.jsonl: no such file"):
        load_rows("demo", "transfer")
    monkeypatch.delenv(RUBRICS)
    with pytest.raises(UserError, match=f"rt_demo_transfer reads rubrics and {RUBRICS} is not set"):
        load_rows("demo", "transfer")


def test_a_grading_that_means_nothing_is_said(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GRADING, "pointwize")
    with pytest.raises(UserError, match=f"{GRADING}: .*pointwise"):
        load_rows("demo", "judge")


def test_what_a_cache_is_keyed_on_changes_with_the_rubrics(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_rows("demo", "transfer")
    other = tmp_path / "other.jsonl"
    other.write_text('{"benchmark": "demo", "row": 0, "writer": "w", "text": "Prefer the longer one."}\n')
    monkeypatch.setenv(RUBRICS, str(other))
    after = load_rows("demo", "transfer")
    assert before.data_digest != after.data_digest and before.rubrics_sha256 != after.rubrics_sha256
    assert load_rows("demo", "judge").rubrics_sha256 is None
