"""What the shell is answered."""

from __future__ import annotations

import argparse

import pytest

from evaluators.errors import RunStopped, UserError
from harness_plugins.cli import exit_codes, main
from harness_plugins.cli.commands import score
from harness_plugins.cli.parser import build_parser


def test_the_help_names_each() -> None:
    codes = (exit_codes.COMPLETE, exit_codes.BAD_INPUT, exit_codes.ERRORS_REMAIN, exit_codes.INTERRUPTED)
    assert "{} complete, {} bad input, {} errors remain or --max-cost is used up, {} interrupted".format(*codes) in (
        build_parser().epilog or ""
    )


@pytest.mark.parametrize(
    ("raised", "code", "error"),
    [
        (UserError("one", "two"), exit_codes.BAD_INPUT, "error: one\nerror: two\n"),
        (RunStopped("no judge answers"), exit_codes.ERRORS_REMAIN, "stopped: no judge answers\n"),
        (PermissionError(13, "Permission denied", "items.jsonl"), exit_codes.BAD_INPUT, "error: items.jsonl: Permission denied\n"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), exit_codes.BAD_INPUT, "error: a file: 'utf-8' codec"),
        (KeyboardInterrupt(), exit_codes.INTERRUPTED, ""),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_ends_a_command_has_a_code(
    raised: BaseException, code: int, error: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: argparse.Namespace) -> int:
        raise raised

    monkeypatch.setattr(score, "main", fail)
    assert main(["score", "out"]) == code
    assert capsys.readouterr().err.startswith(error)
