"""The commands that read files and print, and what they answer to the shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness_plugins.cli import main
from tests.conftest import ROOT

COMPLETE, BAD_INPUT, ERRORS_REMAIN = 0, 2, 3


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a complete run. Not to be changed."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "c.yaml").write_text(
        "benchmarks: [{name: demo, limit: 6}]\narms: [none, generic]\njudges: [longest]\nout: out\n"
    )
    assert main(["run", str(folder / "c.yaml"), "--quiet"]) == COMPLETE
    return folder / "out"


def printed(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    capsys.readouterr()
    assert main([str(a) for a in argv]) == COMPLETE
    return capsys.readouterr().out


def test_score_is_the_tables_as_objects(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(printed(capsys, "score", out, "--json")) == json.loads(
        printed(capsys, "table", out, "--format", "json")
    )
    assert printed(capsys, "score", out) == printed(capsys, "table", out)


def test_a_whole_folder_is_said_to_be_whole(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(out)]) == COMPLETE
    lines = capsys.readouterr().out.splitlines()
    assert lines and not any("not in" in line for line in lines)


def test_one_that_lacks_verdicts_is_not(out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in out.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    verdicts = (tmp_path / "verdicts.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "verdicts.jsonl").write_bytes(b"".join(verdicts[1:]))
    assert main(["check", str(tmp_path)]) == ERRORS_REMAIN


def test_items_and_specs_are_listed(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(printed(capsys, "items", out.parent / "c.yaml").splitlines()) == 6
    assert len(printed(capsys, "table", "--specs").splitlines()) == len(
        list((ROOT / "results" / "tables").glob("*.yaml"))
    )


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["table"], "name a RUN_DIR, or a paper's table with --spec NAME"),
        (["table", "--spec", "arr_preference", "--protocol", "strict"], "each column names its own protocol"),
        (["export", "OUT", "--out", "OUT/public"], "--public"),
    ],
)
def test_refused(argv: list[str], complaint: str, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([a.replace("OUT", str(out)) for a in argv]) == BAD_INPUT
    assert complaint in capsys.readouterr().err
