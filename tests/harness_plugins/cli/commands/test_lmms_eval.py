"""`lmms-eval`: exit codes that lmms-eval's own command lacks. `tests/hosts` starts the whole of it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evaluators.errors import UserError
from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE, ERRORS_REMAIN
from harness_plugins.hosts.base import HostEnded
from harness_plugins.hosts.lmms_eval import cli
from harness_plugins.hosts.lmms_eval.cli import HostRun
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


class Host:
    """lmms-eval's command: what it was handed, and how it ends."""

    def __init__(self, end: HostRun | BaseException) -> None:
        self.end = end
        self.arguments: list[str] = []
        self.ours: dict[str, Any] = {}

    def __call__(self, arguments: Sequence[str], **ours: Any) -> HostRun:
        self.arguments, self.ours = list(arguments), ours
        if isinstance(self.end, BaseException):
            raise self.end
        return self.end


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    instead = Host(HostRun(0, []))
    monkeypatch.setattr(cli, "lmms_eval", instead)
    return instead


def test_what_is_not_ours_goes_on_as_it_is(host: Host, typed: Typed) -> None:
    theirs = ["--tasks", "rt_demo", "--model", "rubric_judge", "--limit", "3"]
    assert typed("lmms-eval", "--judge", "me", *theirs, "--out", "o").code == COMPLETE
    assert host.arguments == theirs
    assert host.ours == {"judge": "me", "out": Path("o"), "rubrics": None, "config": None, "grading": None}


def test_it_ends_in_our_table(host: Host, judged: Path, tmp_path: Path, typed: Typed) -> None:
    host.end = HostRun(0, [judged])
    done = typed("lmms-eval")
    assert done.code == COMPLETE and "The baseline lexical, which counts shared words, gains" in done.out
    assert f"rubric-harness table {judged}" in done.out
    host.end = HostRun(0, [Path(shutil.copytree(judged, tmp_path / "out"))])
    verdicts = (tmp_path / "out" / "verdicts.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "out" / "verdicts.jsonl").write_bytes(b"".join(verdicts[1:]))
    assert typed("lmms-eval").code == ERRORS_REMAIN


@pytest.mark.parametrize(
    ("end", "code", "error"),
    [
        (HostRun(1, []), 1, ""),
        (HostEnded("stopped: no judge answers", stopped=True), ERRORS_REMAIN, "stopped: no judge answers\n"),
        (HostEnded("error: no rubrics", stopped=False), BAD_INPUT, "error: no rubrics\n"),
        (SystemExit("a word of lmms-eval"), BAD_INPUT, "a word of lmms-eval\n"),
        (UserError("unknown task 'rt_dmo'"), BAD_INPUT, "error: unknown task 'rt_dmo'\n"),
    ],
    ids=["failed", "stopped", "refused", "its own word", "mistake"],
)
def test_how_it_ended_is_the_exit_code(
    end: HostRun | BaseException, code: int, error: str, host: Host, typed: Typed
) -> None:
    host.end = end
    assert typed("lmms-eval") == (code, "", error)


def test_an_exit_of_its_own_is_passed_on(host: Host, typed: Typed) -> None:
    host.end = SystemExit(7)
    with pytest.raises(SystemExit) as ended:
        typed("lmms-eval")
    assert ended.value.code == 7


@pytest.mark.parametrize("argv", [["--list"], ["--tasks", "rt_demo"]])
def test_without_lmms_eval_it_says_what_to_install(
    argv: list[str], typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lmms_eval", None)
    done = typed("lmms-eval", *argv)
    assert done.code == BAD_INPUT and "lmms-eval cannot be imported (" in done.err
    assert "pip install 'rubric-harness[lmms-eval]'" in done.err
