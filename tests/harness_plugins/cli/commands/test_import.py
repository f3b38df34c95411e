"""`import`: where its formats are told, and what it says to do next. `tests/harness_plugins/imports` has what each reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_plugins.cli import main
from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE
from harness_plugins.plugins import IMPORTS
from tests.conftest import write_jsonl
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")
SCORES = [{"model": "m", "benchmark": "geneval", "metric": "score", "value": 0.63, "source": "a log"}]
VERDICTS = [{"id": "x1", "chosen": "A", "forward": "A", "reverse": "B"}]


def test_verdicts_are_to_be_scored(tmp_path: Path, typed: Typed) -> None:
    (tmp_path / "mmrb2_t2i").mkdir()
    file, out = write_jsonl(tmp_path / "mmrb2_t2i" / "sample.jsonl", VERDICTS), tmp_path / "run"
    done = typed("import", "mmrb2", f"mine={file}", "--out", out)
    assert done.code == COMPLETE and "mmrb2_t2i: mine: 2 verdicts" in done.out
    *_, hint = done.out.splitlines()
    assert hint.startswith(f"Score them: rubric-harness score {out} --protocol ")
    assert typed(*hint.removeprefix("Score them: rubric-harness ").split()).code == COMPLETE


def test_scores_stand_in_tables(tmp_path: Path, typed: Typed) -> None:
    file, out = write_jsonl(tmp_path / "s.jsonl", SCORES), tmp_path / "run"
    done = typed("import", "scores", file, "--out", out)
    assert done.code == COMPLETE and "geneval: 1 scores of 1 models" in done.out
    assert done.out.splitlines()[-1] == f"In tables:  rubric-harness table --spec NAME {out} RUN_DIR..."


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["scores", "gone.csv"], "gone.csv: no such file or folder"),
        (["scores", "."], ".: no "),
        (["mmrb2", "s.jsonl", "--benchmark", "mmrb2_t2"], "--benchmark: unknown benchmark 'mmrb2_t2'; did you mean 'mmrb2_t2i'?"),
    ],
    ids=["no file", "none in the folder", "no benchmark"],
)  # fmt: skip
def test_a_mistake_is_told_by_name(
    argv: list[str], complaint: str, tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if argv[1] == "s.jsonl":
        write_jsonl(tmp_path / "s.jsonl", VERDICTS)
    done = typed("import", *argv, "--out", "run")
    assert done.code == BAD_INPUT and complaint in done.err and not (tmp_path / "run").exists()


def test_a_folder_that_holds_a_run_is_no_place(judged: Path, tmp_path: Path, typed: Typed) -> None:
    done = typed("import", "scores", write_jsonl(tmp_path / "s.jsonl", SCORES), "--out", judged)
    assert done.code == BAD_INPUT and "holds verdicts already; import into another folder (--out)" in done.err


def test_an_unknown_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["import", "lmms_evl", "x", "--out", "y"])
    error = capsys.readouterr().err
    assert ended.value.code == BAD_INPUT and "unknown format 'lmms_evl'; did you mean 'lmms_eval'?" in error


def test_help_tells_what_each_format_reads(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["import", "--help"])
    text = capsys.readouterr().out
    assert all(f"\n{name}\n" in text for name in IMPORTS.names())
