"""What the command line takes, and what it says of what it does not take."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from harness_plugins.cli.parser import build_parser


def parsed(*argv: str) -> argparse.Namespace:
    return build_parser().parse_args(argv)


def test_every_command_is_a_module_and_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    modules = Path(__file__).parents[3] / "harness_plugins" / "cli" / "commands"
    names = {p.stem.strip("_").replace("_", "-") for p in modules.glob("*.py") if p.stem != "__init__"}
    assert set(build_parser().commands) == names
    for name in names:
        with pytest.raises(SystemExit) as ended:
            parsed(name, "--help")
        assert ended.value.code == 0
        assert f"usage: rubric-harness {name}" in capsys.readouterr().out


def test_what_run_takes() -> None:
    args = parsed("run", "c.yaml", "--limit", "3", "--only", "judge=a", "--only", "arm=none", "--out", "o", "--quiet")
    assert (args.command, args.config, args.limit, args.out) == ("run", Path("c.yaml"), 3, Path("o"))
    assert args.only == ["judge=a", "arm=none"] and args.redo == [] and args.quiet and not args.dry_run


def test_folders_of_benchmarks_stand_before_the_command_or_behind_it() -> None:
    assert parsed("--tasks", "a", "score", "out").tasks == [Path("a")]
    assert parsed("score", "out", "--tasks", "a", "--tasks", "b").tasks == [Path("a"), Path("b")]
    assert parsed("score", "out").tasks == []


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


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["rnu", "config.yaml"], "unknown command 'rnu'; did you mean 'run'?"),
        (["--tasks", "run", "rnu"], "unknown command 'rnu'; did you mean 'run'?"),
        (["--verson"], "unknown option '--verson'; did you mean '--version'?"),
        (["run", "config.yaml", "--limt=3"], "unknown option '--limt'; did you mean '--limit'?"),
        (["import", "lmms_eval", "x", "--uot", "y"], "unknown option '--uot'; did you mean '--out'?"),
    ],
)
def test_what_may_have_been_meant(argv: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().check_names(argv)
    assert ended.value.code == 2 and complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [["lmms-eval", "--batch_size", "1"], ["show", "out", "--", "--limt"], ["run", "c.yaml", "--li", "3"], []]
)
def test_what_is_not_looked_at(argv: list[str]) -> None:
    """What goes to lmms-eval, what stands behind `--`, and the start of an option."""
    build_parser().check_names(argv)
