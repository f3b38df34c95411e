"""What the command line takes."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from harness_plugins.cli import options


def parsed(*argv: str) -> argparse.Namespace:
    return options.parser().parse_args(argv)


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    commands = options.parser().commands
    assert {"run", "rubrics", "data", "score", "table", "show", "report", "export", "import", "lmms-eval"} <= set(
        commands
    )
    for name in commands:
        with pytest.raises(SystemExit) as ended:
            parsed(name, "--help")
        assert ended.value.code == 0
        assert f"usage: rubric-harness {name}" in capsys.readouterr().out


def test_what_run_takes() -> None:
    args = parsed("run", "c.yaml", "--limit", "3", "--only", "judge=a", "--only", "arm=none", "--out", "o", "--quiet")
    assert (args.command, args.config, args.limit, args.out) == ("run", Path("c.yaml"), 3, Path("o"))
    assert args.only == ["judge=a", "arm=none"] and args.redo == [] and args.quiet and not args.dry_run


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["run", "c.yaml", "--limit", "0"], "--limit"),
        (["run", "c.yaml", "--limit", "many"], "--limit"),
        (["run", "c.yaml", "--out", " "], "empty: name a file or folder"),
        (["run", "c.yaml", "--max-cost", "-1"], "--max-cost"),
        (["score", "out", "--mass-floor", "2"], "--mass-floor"),
        (["score"], "the following arguments are required"),
    ],
)
def test_refused(argv: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(*argv)
    assert ended.value.code == 2 and complaint in capsys.readouterr().err
