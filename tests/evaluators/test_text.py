"""Whatever others wrote drives no terminal: every command over a run folder that is full of escapes."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.errors import BackendError
from evaluators.prompts.template import Case
from evaluators.records import Answer
from evaluators.testing.mock import MockJudge
from evaluators.text import printable, printable_json, say
from harness_plugins import run
from harness_plugins.cli import main
from harness_plugins.config.run import load_config
from harness_plugins.tables.escaping import spreadsheet_text
from harness_plugins.tables.model import Cell, Column, Table
from harness_plugins.tables.render.terminal import print_tables
from tests.conftest import pair, png, write_jsonl

HOSTILE = "\x1b[2J\x1b]0;title\x07\x1b]8;;http://evil.example\x1b\\\\click\x9b31m\x90q\u202etxt.exe\u2066\u200f\x08\x7f\rover\x00"
BAD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def test_what_would_drive_a_terminal_is_shown_as_a_sign() -> None:
    assert printable("a\tb\nc\r\nd") == "a\tb\nc\nd"
    assert printable("\x1b[31m\x07\x7f\x9b\u202e\udc80\r") == "␛[31m␇␡\ufffd\ufffd\ufffd␍"
    assert printable("é 世界 שלום 👩\u200d👧 ₂") == "é 世界 שלום 👩\u200d👧 ₂"


@given(st.text())
def test_nothing_of_the_kind_is_left(text: str) -> None:
    assert not BAD.search(printable(text)) and printable(printable(text)) == printable(text)


@given(
    st.recursive(
        st.text(st.characters(exclude_categories=("Cs",))), lambda x: st.lists(x) | st.dictionaries(st.just("k"), x)
    )
)
def test_json_keeps_its_meaning(value: Any) -> None:
    import orjson

    made = printable_json(orjson.dumps(value).decode())
    assert json.loads(made) == value and not BAD.search(made)


def test_a_stream_that_lacks_letters_gets_their_numbers() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    say("é", 1, "\x1b", file=stream)
    stream.flush()
    assert stream.buffer.getvalue() == b"\\xe9 1 \\u241b\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "\t=1+1", " =1+1", "\r=1+1", "\x00=1+1", "＝1+1", "\u202e=1"]
)
def test_a_text_is_no_formula_in_a_spreadsheet(text: str) -> None:
    assert spreadsheet_text(text).startswith("'") and spreadsheet_text(-1.5) == -1.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over hostile rows, rubrics and answers, with a judge whose server fails in hostile words."""
    tmp_path = tmp_path_factory.mktemp("hostile")
    name = HOSTILE.replace("\x00", "").replace("/", "_") + ".png"
    (tmp_path / name).write_bytes(png(1))
    text = f"good {HOSTILE}"
    responses = [text, f"bad {HOSTILE}"]
    rows = [
        pair(
            n,
            id=f"{n} {HOSTILE}",
            prompt=f"q{n} {HOSTILE}",
            category=f"=c {HOSTILE}",
            media=[name],
            candidates=responses,
        )
        for n in range(4)
    ]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    rubrics = [{"benchmark": "pairs", "row": n, "writer": "w", "text": f"1. Be kind {n} {HOSTILE}"} for n in range(4)]
    write_jsonl(tmp_path / "w.jsonl", rubrics)
    (tmp_path / "run.yaml").write_text(
        "benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none, transferred, generic]\nrubrics: {w: w.jsonl}\nout: out\n"
        "judges:\n"
        + "".join(
            f"  - {{name: {n}, backend: openai, model: m, base_url: 'http://h.invalid/v1', retries: 0}}\n" for n in "ab"
        )
    )

    def reply(case: Case) -> Answer | BackendError:
        if case.item.source_id.startswith("3"):
            return BackendError("rejected", f"HTTP 400 {HOSTILE}", http=400)
        return Answer(
            f"{HOSTILE}\n<answer>1</answer>", "tag", reasoning=HOSTILE, finish_reason="stop", model=f"m {HOSTILE}"
        )

    config = load_config(tmp_path / "run.yaml")
    for out in ("out", "other"):
        run(config, out=tmp_path / out, judges={s.name: MockJudge(s, reply) for s in config.judges})
    return tmp_path


COMMANDS = [
    "show out", "show out --where none=error", "show out --limit 50", "items run.yaml", "run run.yaml --dry-run",
    "score out", "score out --json",
    "table out", "table out --format csv", "table out --format latex", "table out --format json", "table out --format html",
    "cost out", "compare out other", "compare out other --format csv", "compare out other --format json", "export out --out public",
    "report out --out page.html", "show out --judge \x1b[31m", "show \x1b]0;x\x07", "run \u202eno.yaml", "table --spec \x9bno",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_prints_what_drives_a_terminal(
    folder: Path, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    main(command.split(" "))
    said = capsys.readouterr()
    assert said.out or said.err
    assert not BAD.search(said.out), BAD.findall(said.out)
    assert not BAD.search(said.err), BAD.findall(said.err)


def test_a_summary_of_failures_and_errors_of_rows_are_printable(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness_plugins.experiment import run as experiment_run

    def reply(case: Case) -> BackendError:
        return BackendError("rejected", f"HTTP 400 {HOSTILE}")

    monkeypatch.setattr(experiment_run.judge_factory, "create", lambda spec: MockJudge(spec, reply))
    assert main(["run", str(folder / "run.yaml"), "--out", str(folder / "failed"), "--quiet"]) == 3
    said = capsys.readouterr()
    assert "HTTP 400 ␛[2J" in said.err and not BAD.search(said.out + said.err)
    write_jsonl(folder / "bad.jsonl", [pair(0, media=[f"no{HOSTILE}"]), pair(1, label=HOSTILE)])
    (folder / "bad.yaml").write_text(
        "benchmarks: [{name: pairs, path: bad.jsonl}]\narms: [none]\njudges: [{name: first, backend: baseline}]\n"
    )
    assert main(["run", str(folder / "bad.yaml"), "--out", str(folder / "bad"), "--quiet"]) == 2
    said = capsys.readouterr()
    assert said.err.count("error: ") >= 2 and not BAD.search(said.out + said.err)


def test_a_table_in_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("t", f"title [bold]{HOSTILE}", [Column(f"head {HOSTILE}")], notes=[f"note {HOSTILE}"])
    table.add(Cell(f"cell {HOSTILE}", bold=True))
    print_tables([table])
    said = capsys.readouterr().out
    assert "[bold]" in said and "click" in said and not BAD.search(said)


def test_csv_has_a_line_a_row_whatever_the_texts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(folder / "out"), "--format", "csv"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert len({len(r) for r in rows}) == 1 and len(rows) > 10


def test_nothing_is_printed_but_by_say() -> None:
    """ruff's T20 holds it for `print`; this for what else writes to a terminal."""
    root = Path(main.__code__.co_filename).parents[2]
    found: dict[str, Callable[..., Any] | int] = {}
    for package in ("evaluators", "harness_plugins"):
        for path in (root / package).rglob("*.py"):
            writes = len(re.findall(r"sys\.std(?:out|err)\.write|(?<![\w.])print\(", path.read_text(encoding="utf-8")))
            if writes:
                found[str(path.relative_to(root))] = writes
    assert found == {"evaluators/text.py": 1}
