"""The one reader and writer of run folders: file names, the union of parts, and what DuckDB finds in them."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest

from evaluators.engine.journal import Damage
from evaluators.errors import UserError
from evaluators.records import encode
from harness_plugins.benchmarks.loader import load_benchmark
from harness_plugins.folder.run_folder import RunFolder


def verdict(item: str = "a", key: str = "0", **fields: object) -> bytes:
    value = {
        "key": key * 64,
        "call": "c" * 64,
        "benchmark": "demo",
        "judge": "j",
        "arm": "none",
        "writer": None,
        "item": item,
        "order": "AB",
        "status": "ok",
        "pick": 0,
        "answer": {"text": f"on {item}", "answer_format": "text"},
    }
    return orjson.dumps(value | fields, option=orjson.OPT_APPEND_NEWLINE)


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "gone")
    assert folder.manifest() == {} and folder.items() == {} and folder.scores() == []
    assert not [*folder.rubrics(), *folder.verdicts(), *folder.verdicts_on(["a"]), *folder.originals()]
    assert not folder.has_records() and folder.inductions() == {}
    assert "no run folder" in str(folder.without_items())


def test_readers_take_the_union_of_the_ranks_files(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for rank, item in ((None, "a"), (0, "b"), (1, "c")):
        with folder.journal("verdicts", rank) as journal:
            journal.append(verdict(item))
    folder.file("verdicts", 2).touch()
    assert [f.name for f in folder.files("verdicts")] == [
        "verdicts.jsonl",
        "verdicts-0.jsonl",
        "verdicts-1.jsonl",
        "verdicts-2.jsonl",
    ]
    assert len(folder.filled("verdicts")) == 3
    assert [v["item"] for v in folder.verdicts()] == ["a", "b", "c"]
    assert [v["item"] for v in folder.verdicts_on(["c", "a"])] == ["a", "c"]


def test_between_files_the_item_whose_media_are_digested_counts(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    first, second = load_benchmark("demo").items[:2]
    folder.file("items", 0).write_bytes(encode(first) + encode(second))
    folder.file("items", 1).write_bytes(encode(first))
    assert list(folder.items()) == [first.uid, second.uid]


def test_lines_that_are_no_verdicts_are_told_and_left_out(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.file("verdicts").write_bytes(verdict("a") + verdict("a", status="fine") + b"[]\n" + verdict("a", order="CD"))
    damage: Damage = {}
    assert len(list(folder.verdicts(damage))) == 1 == len(list(folder.verdicts_on(["a"])))
    assert sorted(number for _, number in damage) == [2, 3, 4]


def test_the_texts_of_one_cell(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    lines = [verdict("a"), verdict("b", order="BA", sample=2), verdict("c", writer="w"), verdict("d", answer=None)]
    folder.file("verdicts").write_bytes(b"".join(lines))
    assert [tuple(t) for t in folder.answer_texts("j", "none", None)] == [
        ("a", "AB", 0, 0, "on a"),
        ("b", "BA", 2, 0, "on b"),
    ]
    assert [t.text for t in folder.answer_texts("j", "none", "w")] == ["on c"]


def test_inductions_and_artefacts_are_named_by_their_writer(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for path in (folder.file("induction", "arr"), folder.artefact("arr"), folder.artefact("arr", 2)):
        path.touch()
    assert folder.inductions() == {"arr": tmp_path / "induction-arr.jsonl"}
    assert [p.name for p in folder.artefacts()] == ["rubric-arr.yaml", "rubric-arr@2.yaml"]
    folder.write_manifest({"schema": 1, "judges": {}})
    assert [p.name for p in folder.originals()] == [
        "induction-arr.jsonl",
        "manifest.json",
        "rubric-arr.yaml",
        "rubric-arr@2.yaml",
    ]
    assert folder.manifest() == {"schema": 1, "judges": {}}


def test_what_is_no_plain_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "verdicts-3.jsonl")
    with pytest.raises(UserError, match="FIFO"):
        RunFolder(tmp_path).files("verdicts")


def test_whether_somebody_writes_it_now(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert not folder.is_being_written() and not list(tmp_path.iterdir()), "asking leaves nothing behind"
    for shared in (False, True):
        with folder.locked(shared):
            assert folder.is_being_written()
        assert not folder.is_being_written()
