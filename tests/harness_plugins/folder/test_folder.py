"""The run folder: one reader of its lines, what is damaged is asked again, and what is lost is told."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from evaluators.engine.journal import Damage, Journal, damage_notes, objects
from evaluators.errors import UserError
from evaluators.records import Verdict, decode
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from harness_plugins import run, score
from harness_plugins.cli import main
from harness_plugins.config.run import load_config
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.hosts.folder import Folder
from tests.conftest import pair, read_jsonl, write_jsonl

PAIRS = 6


def judged(folder: Path, rows: Path, rubrics: Path) -> tuple[Any, MockJudge]:
    """The same run each time, and the judge that was asked: it says the first response is better."""
    (folder.parent / "config.yaml").write_text(
        f"benchmarks: [{{name: pairs, path: {rows}}}]\n"
        "judges: [{name: mock, backend: openai, model: m, base_url: 'http://127.0.0.1:1/v1'}]\n"
        f"arms: [none, transferred, shuffled]\nrubrics: {{writer: {rubrics}}}\n"
    )
    judge = MockJudge(
        JudgeSpec(name="mock", backend="openai", model="m", base_url="http://127.0.0.1:1/v1"), lambda _: "1"
    )
    return run(folder.parent / "config.yaml", out=folder, judges={"mock": judge}), judge


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows, rubrics and the run over them. To be copied."""
    folder = tmp_path_factory.mktemp("original")
    rows = write_jsonl(folder / "rows.jsonl", [pair(n) for n in range(PAIRS)])
    rubric = {"benchmark": "pairs", "writer": "writer"}
    texts = [f"Prefer the good answer to question {n}." for n in range(PAIRS)]
    lines = [{**rubric, "id": f"pair-{n}", "text": text} for n, text in enumerate(texts)]
    judged(folder / "run", rows, write_jsonl(folder / "writer.jsonl", lines))
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    return tmp_path / "run"


def again(folder: Path) -> list[Any]:
    """What the same config asks for now."""
    result, judge = judged(folder, folder.parent / "rows.jsonl", folder.parent / "writer.jsonl")
    assert result.complete
    return judge.cases


def change(path: Path, number: int, line: Callable[[bytes], bytes]) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number - 1] = line(lines[number - 1])
    path.write_bytes(b"".join(lines))


def printed(capsys: pytest.CaptureFixture[str], *command: object) -> str:
    capsys.readouterr()
    assert main([str(c) for c in command]) == 0
    return capsys.readouterr().out


FORMS: list[Callable[[dict[str, Any]], bytes]] = [
    lambda row: json.dumps(row).encode() + b"\n",
    lambda row: orjson.dumps(row, option=orjson.OPT_SORT_KEYS) + b"\n",
    lambda row: json.dumps(dict(reversed(row.items())), separators=(" , ", " : ")).encode() + b"\n",
    lambda row: b"  " + orjson.dumps(row) + b"\t\r\n",
    lambda row: b"\r\n" + orjson.dumps(row) + b"\n\n",
]


def test_white_space_line_ends_and_the_order_of_keys_are_of_no_account(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines of each file take turns in all forms."""
    commands = [("table", folder), ("score", folder, "--json"), ("show", folder, "--limit", "99"), ("cost", folder)]
    before = [printed(capsys, *c) for c in commands]
    for file in folder.glob("*.jsonl"):
        lines = [form(row) for form, row in zip(itertools.cycle(FORMS), read_jsonl(file), strict=False)]
        assert len(lines) >= len(FORMS)
        file.write_bytes(b"".join(lines).rstrip())  # and no newline at the end
    assert [printed(capsys, *c) for c in commands] == before
    assert again(folder) == [], "nothing is due"
    changed = (folder.parent / "config.yaml").read_text().replace("model: m,", "model: other,")
    (folder.parent / "changed.yaml").write_text(changed)
    assert main(["run", str(folder.parent / "changed.yaml"), "--out", str(folder)]) == 2, "another judge of that name"
    assert "is not the one that" in capsys.readouterr().err


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "broken rest": lambda line: line[:300] + b"\n",
    "closed too early": lambda line: line[: line.index(b',"benchmark"')] + b"}\n",
    "two lines run together": lambda line: line[:-1] + line,
    "half a line before another": lambda line: line[:200] + line,
    "invalid UTF-8": lambda line: line.replace(b"Because", b"\xff\xfeause"),
    "zeros": lambda line: b"\0" * len(line) + b"\n",
    "a list": lambda line: b"[1, 2]\n",
    "null": lambda line: b"null\n",
    "another kind": lambda line: b'{"benchmark": "pairs", "item": null, "writer": {"name": "w"}, "text": "a rubric"}\n',
    "no status of ours": lambda line: line.replace(b'"status":"ok"', b'"status":"fine"'),
    "no choice": lambda line: line.replace(b'"pick":0', b'"pick":null').replace(b'"pick":1', b'"pick":null'),
    "answer without its format": lambda line: line.replace(b'"answer_format":', b'"form":'),
    "no key": lambda line: line.replace(b'"key":', b'"kye":'),
}


@pytest.mark.parametrize("fault", DAMAGED)
def test_a_damaged_line_is_told_and_asked_again(folder: Path, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    change(folder / "verdicts.jsonl", 3, DAMAGED[fault])
    report = score(folder)
    assert [c.complete for c in report.cells if c.judge == "mock"].count(False) >= 1
    (loss,) = report.losses
    assert "verdicts.jsonl: 1 line cannot be read and is left out: line 3 (" in loss
    assert len(again(folder)) == 1
    assert "verdicts.jsonl: 1 line cannot be read" in caplog.text
    assert all(c.complete for c in score(folder).cells)


def test_every_command_tells_of_a_damaged_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(folder / "verdicts.jsonl", 3, DAMAGED["broken rest"])
    for command in (("table", folder), ("score", folder), ("show", folder), ("check", folder)):
        code = main([str(c) for c in command])
        out = capsys.readouterr().out
        assert code == (3 if command[0] == "check" else 0)
        assert "verdicts.jsonl: 1 line cannot be read and is left out: line 3 (" in out, command
    again(folder)
    assert main(["check", str(folder)]) == 0


def test_many_damaged_lines_are_a_few_numbers_and_a_count(folder: Path) -> None:
    lines = (folder / "verdicts.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "verdicts.jsonl").write_bytes(
        b"".join(line[:-9] + b"\n" if n % 2 else line for n, line in enumerate(lines))
    )
    damage: Damage = {}
    assert len(list(RunFolder(folder).verdicts(damage))) == len(lines) / 2
    (note,) = damage_notes(damage)
    assert note.startswith("verdicts.jsonl: 18 lines cannot be read and are left out: line 2 (")
    assert note.endswith("), 4, 6, 8, 10 and 13 more")


def test_a_damaged_item_or_rubric_is_written_again(folder: Path) -> None:
    for name in ("items", "rubrics"):
        change(folder / f"{name}.jsonl", 2, lambda line: line[:-5] + b"\n")
    report = score(folder)
    assert not any(c.complete for c in report.cells if c.arm == "transferred")
    assert any("items.jsonl: 1 line cannot be read" in n for n in report.losses)
    assert again(folder) == [], "all verdicts are there"
    assert all(c.complete for c in score(folder).cells)


def test_a_torn_last_line_is_no_damage(folder: Path) -> None:
    path = folder / "verdicts.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    damage: Damage = {}
    assert len(list(RunFolder(folder).verdicts(damage))) == 35 and not damage
    assert len(again(folder)) == 1


def test_a_whole_last_line_without_its_newline_counts(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'\n{"a": 1}\r\n\t\n{"b": 2}')
    assert list(objects(tmp_path / "a.jsonl")) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("name", ["verdicts.jsonl", "items.jsonl", "rubrics.jsonl", "manifest.json"])
def test_a_byte_order_mark_is_of_no_account(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = printed(capsys, "table", folder)
    (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())
    assert printed(capsys, "table", folder) == before and "Warning" not in printed(capsys, "check", folder)
    assert again(folder) == []


@pytest.mark.parametrize("join", [lambda lines: b"[" + b",".join(lines) + b"]", b"".join, b"\r".join])
def test_a_file_that_another_program_wrote_as_one_line_is_told_and_kept(
    folder: Path, join: Callable[[list[bytes]], bytes]
) -> None:
    """It has no newline at its end, as a torn line has none: to cut it off would lose every answer."""
    path = folder / "verdicts.jsonl"
    text = join(path.read_bytes().splitlines())
    path.write_bytes(text)
    assert "verdicts.jsonl: 1 line cannot be read" in score(folder).losses[0]
    assert again(folder) and path.read_bytes().startswith(text + b"\n")


WRONG: list[tuple[str, Any]] = [
    ("pick", "1"),
    ("sample", True),
    ("sample", -1),
    ("replicate", "x"),
    ("candidate", 1.5),
    ("order", "BAC"),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_tables_and_runs_take_the_same_lines_for_damaged(folder: Path, field: str, value: Any) -> None:
    change(
        folder / "verdicts.jsonl",
        3,
        lambda line: orjson.dumps({**orjson.loads(line), field: value}) + b"\n",
    )
    assert "verdicts.jsonl: 1 line cannot be read" in score(folder).losses[0]
    assert not all(c.complete for c in score(folder).cells)
    assert len(again(folder)) == 1 and all(c.complete for c in score(folder).cells)


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("verdicts.jsonl", ["check", "score", "show", "cost", "export"]),
        ("items-1.jsonl", ["check", "score", "show", "export"]),
        ("rubrics.jsonl", ["check", "score", "show", "cost", "export"]),
        ("induction-a.jsonl", ["cost", "export"]),
    ],
)
def test_a_pipe_or_a_folder_in_place_of_records_is_told_at_once(
    folder: Path, name: str, commands: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / name).unlink(missing_ok=True)
    for make, remove, what in ((os.mkfifo, os.unlink, "a named pipe (FIFO)"), (os.mkdir, os.rmdir, "a folder")):
        make(folder / name)
        for command in commands:
            options = ["--public", "--out", str(folder.parent / "public")] if command == "export" else []
            assert main([command, str(folder), *options]) in (2, 3)
            shown = capsys.readouterr()
            assert f"{folder / name}: cannot be read (it is {what}, not a file)" in shown.out + shown.err
        remove(folder / name)


@pytest.mark.parametrize(
    "parts",
    [
        {"candidates": []},
        {"candidates": [{"text": "one"}]},
        {"stored": [5, 5]},
        {"label": {"kind": "preferred", "preferred": 5}},
        {"label": {"kind": "preferred"}},
        {"label": {"kind": "ranks", "ranks": [0, 1, 2, 3]}},
    ],
)
def test_an_item_whose_parts_do_not_go_together_is_damage(folder: Path, parts: dict[str, Any]) -> None:
    change(folder / "items.jsonl", 3, lambda line: orjson.dumps({**orjson.loads(line), **parts}) + b"\n")
    assert "items.jsonl: 1 line cannot be read and is left out: line 3 (" in score(folder).losses[0]
    assert again(folder) == [] and all(c.complete for c in score(folder).cells)


def test_a_folder_without_its_items_or_its_manifest_is_not_whole(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "items.jsonl").rename(folder.parent / "items")
    for command in (["score"], ["show"], ["export", "--public", "--out", str(folder.parent / "public")]):
        assert main([command[0], str(folder), *command[1:]]) == 2
        assert "items.jsonl is missing, or none of its lines can be read; restore it" in capsys.readouterr().err
    (folder.parent / "items").rename(folder / "items.jsonl")
    (folder / "manifest.json").unlink()
    assert main(["check", str(folder)]) == 3
    assert "manifest.json is missing" in capsys.readouterr().out


def cut(path: Path, keep: Callable[[int, dict[str, Any]], bool]) -> None:
    rows = [row for n, row in enumerate(read_jsonl(path)) if keep(n, row)]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))


def test_lost_items_are_told_and_cells_incomplete(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut(folder / "items.jsonl", lambda n, row: n < 4)
    assert "2 of 6 items are not in items.jsonl; 2 of them have verdicts" in printed(capsys, "table", folder)
    assert not any(c.complete for c in score(folder).cells)
    cut(folder / "verdicts.jsonl", lambda n, row: row["item"] in {i["uid"] for i in read_jsonl(folder / "items.jsonl")})
    report = score(folder)
    assert any("2 of 6 items are not in items.jsonl. Its" in n for n in report.losses), "by the manifest alone"
    assert not any(c.complete or x.complete for c in report.cells for x in c.contrasts.values())
    assert main(["check", str(folder)]) == 3
    assert len(again(folder)) == 12 and main(["check", str(folder)]) == 0


def test_a_benchmark_without_any_item_is_told(folder: Path) -> None:
    rows = [row | {"benchmark": "other"} for row in read_jsonl(folder / "verdicts.jsonl")[:4]]
    with open(folder / "verdicts.jsonl", "ab") as f:
        f.write(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    assert any(n.startswith("other: ") and "items are not in items.jsonl; " in n for n in score(folder).losses)


@pytest.mark.parametrize("keep", [0, 4])
def test_lost_rubrics_are_told_and_their_cells_incomplete(
    folder: Path, keep: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Items without a rubric keep the verdict of `none`: without a word the gain would shrink, and look measured."""
    cut(folder / "rubrics.jsonl", lambda n, row: n < keep)
    assert f"pairs: {PAIRS - keep} rubrics of 'writer' that" in printed(capsys, "table", folder)
    complete = {c.arm: c.complete for c in score(folder).cells if c.judge == "mock"}
    assert complete == {"none": True, "transferred": False, "shuffled": False}
    assert main(["check", str(folder)]) == 3
    assert again(folder) == [] and main(["check", str(folder)]) == 0


def test_records_of_a_newer_version_may_have_more_fields(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands = [("table", folder), ("show", folder, "--limit", "99")]
    before = [printed(capsys, *c) for c in commands]

    def grown(value: Any) -> Any:
        if isinstance(value, dict):
            return {"zz_new": {"a": [1]}} | {k: grown(v) for k, v in value.items()}
        return [grown(v) for v in value] if isinstance(value, list) else value

    for file in folder.glob("*.jsonl"):
        rows = read_jsonl(file)
        fixed = ("categories", "usage", "sampling")  # mappings of names, not records
        file.write_bytes(
            b"".join(orjson.dumps(grown({k: v for k, v in r.items() if k not in fixed})) + b"\n" for r in rows)
        )
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest | {"zz_new": 1}))
    assert [printed(capsys, *c) for c in commands][1] == before[1]
    printed(capsys, "export", folder, "--public", "--out", folder.parent / "public")
    assert again(folder) == []
    with pytest.raises(ValueError, match="zz_new"):
        decode(Verdict, (folder / "verdicts.jsonl").read_bytes().splitlines()[0])


def test_a_copied_answer_that_cannot_be_read_is_asked_for(folder: Path) -> None:
    """Two writers of one text share calls; the answer of the first lies in the folder, damaged in a part that no key needs."""
    rows = [row | {"answer": row["answer"] | {"usage": "much"}} for row in read_jsonl(folder / "verdicts.jsonl")]
    (folder / "verdicts.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    shutil.copy(folder.parent / "writer.jsonl", folder.parent / "second.jsonl")
    text = (folder.parent / "second.jsonl").read_text().replace('"writer": "writer"', '"writer": "second"')
    (folder.parent / "second.jsonl").write_text(text)
    config = (
        (folder.parent / "config.yaml")
        .read_text()
        .replace("rubrics: {", f"rubrics: {{second: {folder.parent}/second.jsonl, ")
    )
    (folder.parent / "config.yaml").write_text(config)
    judge = MockJudge(
        JudgeSpec(name="mock", backend="openai", model="m", base_url="http://127.0.0.1:1/v1"), lambda _: "1"
    )
    result = run(folder.parent / "config.yaml", out=folder, judges={"mock": judge})
    assert result.complete and len(judge.cases) >= 12


GOOD = {"backend": "openai", "model": "m"}
MANIFESTS: dict[str, bytes] = {
    "empty": b"",
    "white space": b" \n",
    "no JSON": b"{",
    "byte order mark, and no judges": b"\xef\xbb\xbf{}",
    "UTF-16": '{"schema": 1}'.encode("utf-16"),
    "invalid UTF-8": b'{"schema": 1, "judges": {"\xff": 1}}',
    "NaN": b'{"schema": NaN, "judges": {}}',
    "too deep": b"[" * 3000,
    **{f"the whole is {w}": w.encode() for w in ("null", "[]", "1", '"x"', "true", "{}")},
    **{
        f"{field} is {value!r}": orjson.dumps({"schema": 1, "judges": {}} | {field: value})
        for field, values in {
            "schema": (None, "1", 1.5, True, -1, [], 10**18),
            "judges": (
                None,
                [],
                "x",
                {"a": None},
                {"a": {}},
                {"a": {"key": None}},
                {"a": {"key": {}, "family": None, "base": None}},
            ),
            "benchmarks": (
                None,
                [],
                {"pairs": None},
                {"pairs": {"rows": "6"}},
                {"pairs": {"items": -1}},
                {"pairs": {"rows": 10**18}},
            ),
            "rubrics": (None, [], {"w": 1}),
            "arms": (None, "none", [1]),
            "orders": (None, "none", 0, 99, {}),
            "shuffles": (None, 0, 10**9, "1"),
            "planned": (None, {}, [1], [["pairs", "mock", "none"]], [["pairs", {}, "none", None]]),
            "donors": (None, [], {"pairs": []}, {"pairs": {"w": {}}}, {"pairs": {"w": [{"a": 1}]}}),
            "primary_contrast": (None, "none", ["none"], ["a", "b", "c"], [1, 2]),
            "reference_writer": ([], 1),
            "prices": (1, [], {"currency": 3}),
            "imported": ([], {"format": "x"}),
        }.items()
        for value in values
    },
    **{
        f"a judge's {field} is {value!r}": orjson.dumps(
            {"schema": 1, "judges": {"mock": {"key": GOOD, "family": None, "base": None} | {field: value}}}
        )
        for field, values in {
            "key": (
                [],
                GOOD | {"grading": "x"},
                GOOD | {"grading": {"kind": "none"}},
                GOOD | {"grading": {"scale": [1]}},
                GOOD | {"model": 1},
            ),
            "family": (1, []),
            "samples": (0, 10**9, "1", None),
            "orders": ("none", [], 0),
            "complete_reasons": ("stop", [1], None),
        }.items()
        for value in values
    },
}


def test_a_damaged_manifest_is_one_line_that_names_file_and_field(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "manifest.json"
    whole = path.read_bytes()
    for name, data in MANIFESTS.items():
        path.write_bytes(data)
        for command in ("score", "check"):
            assert main([command, str(folder)]) == (2 if command == "score" else 3), name
            out, err = capsys.readouterr()
            said = err if command == "score" else out.split("Warning:  ")[1]
            assert said.count("\n") == 1 and "manifest.json: " in said, (name, said)
            part = name.partition(" is ")[0].removeprefix("a judge's ")
            assert part in said or " is " not in name or part == "the whole" or "newer" in said, (name, said)
    path.unlink()
    path.mkdir()
    assert main(["score", str(folder)]) == 2 and "manifest.json: no plain file" in capsys.readouterr().err
    path.rmdir()
    path.write_bytes(whole)
    assert main(["score", str(folder)]) == 0


def test_ranks_share_a_folder_and_a_plain_run_holds_it_alone(folder: Path) -> None:
    shared = RunFolder(folder).locked(shared=True), RunFolder(folder).locked(shared=True)
    with shared[0], shared[1], pytest.raises(UserError, match="another process is writing this run"):
        again(folder)
    with RunFolder(folder).locked():
        with (
            pytest.raises(UserError, match="another process is writing this run"),
            RunFolder(folder).locked(shared=True),
        ):
            pass
        with pytest.raises(UserError, match="another process is writing this run"):
            Folder(folder, 0)
    rank_0, rank_1 = Folder(folder, 0), Folder(folder, 1)
    with pytest.raises(UserError, match="another process is writing this run"):
        again(folder)
    with pytest.raises(UserError, match="items-0"):
        Folder(folder, 0)
    rank_0.close()
    rank_1.close()
    assert again(folder) == []


CAUSES = {
    errno.ENOLCK: "gives none",
    errno.EIO: "fails",
    errno.ENOSPC: "disk is full",
    errno.EDQUOT: "quota",
    errno.EACCES: "may not write",
    errno.EROFS: "read-only",
}


@pytest.mark.parametrize("cause", CAUSES, ids=errno.errorcode.get)
@pytest.mark.parametrize("call", ["fcntl.flock", "os.open", "os.write", "os.fsync"])
def test_each_cause_has_its_own_words(
    folder: Path, call: str, cause: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fault is the system's; everything above it is real."""

    def failing(*_: object, **__: object) -> int:
        raise OSError(cause, os.strerror(cause))

    path = folder / "more.jsonl"
    if call in ("os.write", "os.fsync"):
        journal = Journal(path)
        monkeypatch.setattr(call, failing)
        with pytest.raises(UserError, match=CAUSES[cause]):
            (journal.append if call == "os.write" else lambda _: journal.close())(b"{}\n")
    else:
        monkeypatch.setattr(call, failing)
        with pytest.raises(UserError, match=CAUSES[cause]):
            Journal(path)
    monkeypatch.undo()
    assert path.exists() is (call != "os.open")


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace"])
def test_a_manifest_that_cannot_be_written_leaves_nothing_behind(
    folder: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = (folder / "manifest.json").read_bytes()
    monkeypatch.setattr(call, failing)
    with pytest.raises(UserError, match=r"manifest\.json: cannot be written .*the disk is full"):
        RunFolder(folder).write_manifest({"schema": 1})
    assert (folder / "manifest.json").read_bytes() == before
    assert not list(folder.glob(".manifest.json.*"))


@pytest.mark.parametrize(
    "command",
    [
        ["run", "c.yaml"],
        ["rubrics", "c.yaml"],
        ["data", "c.yaml"],
        ["export", "run", "--public"],
        ["report", "run"],
        ["import", "scores", "x.csv"],
        ["lmms-eval", "--tasks", "rt_demo"],
    ],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("out", ["", "  "])
def test_an_empty_out_is_refused(command: list[str], out: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--out", out])
    assert stopped.value.code == 2 and "--out: empty" in capsys.readouterr().err


def test_an_empty_out_of_a_config_is_refused(write_config: Callable[[str], Path]) -> None:
    with pytest.raises(UserError, match="out: empty"):
        load_config(write_config("benchmarks: [{name: demo}]\njudges: [{name: longest, backend: baseline}]\nout: ''\n"))


CONSOLE_SCRIPT = "from harness_plugins.cli import main; sys.exit(main())"
AT_IMPORT = """
import os, signal, sys
class Finder:
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder)
"""
AFTER = """
import sys
class Finder:
    def find_spec(name, path=None, target=None):
        if name == "harness_plugins.cli":  # its first lines make Ctrl-C quiet; until they are read, Python's own import is at work
            print(flush=True)
sys.meta_path.insert(0, Finder)
"""


def started(before: str, command: list[str]) -> subprocess.Popen[str]:
    """A command as its console script runs it; its Ctrl-C is not ignored, as that of jobs in the background is."""
    return subprocess.Popen(
        [sys.executable, "-c", before + CONSOLE_SCRIPT, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    config = tmp_path / "baseline.yaml"
    config.write_text("benchmarks: [{name: demo}]\njudges: [{name: longest, backend: baseline}]\nout: base\n")
    return config


@pytest.mark.parametrize("module", ["argparse", "yaml", "harness_plugins.benchmarks.loader", "duckdb"])
def test_ctrl_c_while_modules_are_imported_is_quiet(baseline: Path, module: str) -> None:
    process = started(AT_IMPORT.format(module=module), ["run", str(baseline), "--quiet"])
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in said and "Exception" not in said, said


@pytest.mark.long
def test_ctrl_c_ends_quietly_at_any_moment(baseline: Path) -> None:
    started("import sys\n", ["tasks"]).communicate(
        timeout=60
    )  # else the first moment is spent on compiling our modules
    for moment in range(40):
        for command in (["run", str(baseline), "--quiet"], ["score", str(baseline.parent / "base")]):
            process = started(AFTER, command)
            assert process.stdout is not None and process.stdout.readline()
            time.sleep(0.02 + moment / 15)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
            assert process.returncode in (0, 130), (command, moment, process.returncode, said)
            assert "Traceback" not in said and "Exception" not in said, (command, moment, said)
