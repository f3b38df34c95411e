"""The verdict lines of a folder as tables: the last line of a trial counts, and what is damaged does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from evaluators.records import Answer, Verdict, encode
from harness_plugins.folder.run_folder import RunFolder

FIRST = Verdict(
    key=64 * "a", status="ok", call=64 * "b", benchmark="b", item="b:1", judge="j", arm="none", writer=None, order="AB",
    choice=1, pick=0, answer=Answer("<answer>1</answer>", "tag"),
)  # fmt: skip


def last(folder: Path, *changes: dict[str, Any], **how: Any) -> list[tuple[Any, ...]]:
    """What counts of the verdict `FIRST`, once for each of its changes, written one after the other."""
    lines = [orjson.loads(encode(FIRST)) | change for change in changes]
    (folder / "verdicts.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    db = RunFolder(folder).tables(**how)
    rows: list[tuple[Any, ...]] = db.execute('SELECT item, "order", status, pick FROM last ORDER BY 1, 2').fetchall()
    return rows


def test_of_several_lines_for_one_trial_the_last_counts(tmp_path: Path) -> None:
    assert last(tmp_path, {"pick": 0}, {"pick": 1}, {"order": "BA"}) == [
        ("b:1", "AB", "ok", 1),
        ("b:1", "BA", "ok", 0),
    ]


def test_an_answer_counts_before_a_later_error(tmp_path: Path) -> None:
    error = {"status": "error", "pick": None, "answer": None}
    assert last(tmp_path, {}, error) == [("b:1", "AB", "ok", 0)]
    assert last(tmp_path, error) == [("b:1", "AB", "error", None)]


@pytest.mark.parametrize("pick", ["1", True, 1.5])
def test_a_line_whose_numbers_are_none_is_damage(tmp_path: Path, pick: Any) -> None:
    assert last(tmp_path, {}, {"item": "b:2", "pick": pick}) == [("b:1", "AB", "ok", 0)]


@pytest.mark.parametrize(("floor", "status"), [(0.1, "ok"), (0.5, "low_mass")])
def test_the_floor_decides_whether_digits_count(tmp_path: Path, floor: float, status: str) -> None:
    weighed = {"p": {"first": 0.6, "mass": 0.3}, "answer": {"text": "1", "answer_format": "token"}}
    assert last(tmp_path, weighed, mass_floor=floor) == [("b:1", "AB", status, 0)]


def test_a_folder_without_verdicts_has_no_tables(tmp_path: Path) -> None:
    tables = RunFolder(tmp_path).tables().execute("SELECT table_name FROM information_schema.tables").fetchall()
    assert tables == []
