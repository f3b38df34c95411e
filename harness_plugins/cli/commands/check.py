"""`check`: whether a run folder is whole."""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluators.text import say
from harness_plugins.cli.arguments import Commands
from harness_plugins.cli.exit_codes import COMPLETE, ERRORS_REMAIN


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "check",
        help="whether a run folder is whole",
        description="Whether a run folder is whole, in one screen: files, items, rubrics, cells, and what cannot be read or is "
        "gone. Asks nothing and changes nothing. Exit code 0 where all that was asked for is there, 3 where something is missing.",
    )
    command.add_argument("run", type=Path, metavar="RUN_DIR")
    return command


def main(args: argparse.Namespace) -> int:
    from harness_plugins.cli.wholeness import check

    lines, is_whole = check(args.run)
    for line in lines:
        say(line)
    return COMPLETE if is_whole else ERRORS_REMAIN
