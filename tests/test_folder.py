"""The run folder: one reader of its lines, what is damaged is asked again, and what is lost is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from evaluators.engine.journal import Damage, damage_notes, objects, verdicts_of
from evaluators.judges import JudgeSpec
from evaluators.mock import MockJudge
from evaluators.records import Verdict, decode
from harness_plugins import run, score
from harness_plugins.cli import main
from tests.conftest import read_jsonl

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


@pytest.fixture
def folder(make_pairs: Callable[..., Path], rubrics: Callable[..., Path], tmp_path: Path) -> Path:
    judged(tmp_path / "run", make_pairs(PAIRS, images=False), rubrics(PAIRS))
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


FORMS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "spaces": lambda row: json.dumps(row).encode() + b"\n",
    "sorted keys": lambda row: orjson.dumps(row, option=orjson.OPT_SORT_KEYS) + b"\n",
    "reversed keys": lambda row: json.dumps(dict(reversed(row.items())), separators=(" , ", " : ")).encode() + b"\n",
    "CRLF": lambda row: b"  " + orjson.dumps(row) + b"\t\r\n",
    "blank lines": lambda row: b"\r\n" + orjson.dumps(row) + b"\n\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_white_space_line_ends_and_the_order_of_keys_are_of_no_account(
    folder: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = [("table", folder), ("score", folder, "--json"), ("show", folder, "--limit", "99"), ("cost", folder)]
    before = [printed(capsys, *c) for c in commands]
    for file in folder.glob("*.jsonl"):
        file.write_bytes(b"".join(map(FORMS[form], read_jsonl(file))).rstrip())  # and no newline at the end
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
def test_a_damaged_line_is_told_and_asked_again(
    folder: Path, fault: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    change(folder / "verdicts.jsonl", 3, DAMAGED[fault])
    for command in (("table", folder), ("score", folder), ("show", folder), ("check", folder)):
        code = main([str(c) for c in command])
        out = capsys.readouterr().out
        assert code == (3 if command[0] == "check" else 0)
        assert "verdicts.jsonl: 1 line cannot be read and is left out: line 3 (" in out, command
    cells = [c for c in score(folder).cells if c.judge == "mock"]
    assert [c.complete for c in cells].count(False) >= 1
    assert len(again(folder)) == 1
    assert "verdicts.jsonl: 1 line cannot be read" in caplog.text
    assert all(c.complete for c in score(folder).cells) and main(["check", str(folder)]) == 0


def test_many_damaged_lines_are_a_few_numbers_and_a_count(folder: Path) -> None:
    lines = (folder / "verdicts.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "verdicts.jsonl").write_bytes(
        b"".join(line[:-9] + b"\n" if n % 2 else line for n, line in enumerate(lines))
    )
    damage: Damage = {}
    assert len(list(verdicts_of(folder, damage))) == len(lines) / 2
    (note,) = damage_notes(damage)
    assert note.startswith("verdicts.jsonl: 18 lines cannot be read and are left out: line 2 (")
    assert note.endswith("), 4, 6, 8, 10 and 13 more")


def test_a_damaged_item_or_rubric_is_written_again(folder: Path) -> None:
    for name in ("items", "rubrics"):
        change(folder / f"{name}.jsonl", 2, lambda line: line[:-5] + b"\n")
    report = score(folder)
    assert not any(c.complete for c in report.cells if c.arm == "transferred")
    assert any("items.jsonl: 1 line cannot be read" in n for n in report.notes)
    assert again(folder) == [], "all verdicts are there"
    assert all(c.complete for c in score(folder).cells)


def test_a_torn_last_line_is_no_damage(folder: Path) -> None:
    path = folder / "verdicts.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    damage: Damage = {}
    assert len(list(verdicts_of(folder, damage))) == 35 and not damage
    assert len(again(folder)) == 1


def test_a_whole_last_line_without_its_newline_counts(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'\n{"a": 1}\r\n\t\n{"b": 2}')
    assert list(objects(tmp_path / "a.jsonl")) == [(2, {"a": 1}), (4, {"b": 2})]


def cut(path: Path, keep: Callable[[int, dict[str, Any]], bool]) -> None:
    rows = [row for n, row in enumerate(read_jsonl(path)) if keep(n, row)]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))


def test_lost_items_are_told_and_cells_incomplete(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut(folder / "items.jsonl", lambda n, row: n < 4)
    assert "2 of 6 items are not in items.jsonl; 2 of them have verdicts" in printed(capsys, "table", folder)
    assert not any(c.complete for c in score(folder).cells)
    cut(folder / "verdicts.jsonl", lambda n, row: row["item"] in {i["uid"] for i in read_jsonl(folder / "items.jsonl")})
    report = score(folder)
    assert any("2 of 6 items are not in items.jsonl. Its" in n for n in report.notes), "by the manifest alone"
    assert not any(c.complete or x.complete for c in report.cells for x in c.contrasts.values())
    assert main(["check", str(folder)]) == 3
    assert len(again(folder)) == 12 and main(["check", str(folder)]) == 0


def test_a_benchmark_without_any_item_is_told(folder: Path) -> None:
    rows = [row | {"benchmark": "other"} for row in read_jsonl(folder / "verdicts.jsonl")[:4]]
    with open(folder / "verdicts.jsonl", "ab") as f:
        f.write(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    assert any(n.startswith("other: ") and "items are not in items.jsonl; " in n for n in score(folder).notes)


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
