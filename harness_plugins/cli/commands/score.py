"""`score`: score a run folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness_plugins.cli.arguments import Commands, add_mass_floor, add_prices
from harness_plugins.cli.commands.table import print_runs
from harness_plugins.cli.exit_codes import COMPLETE


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "score", help="score a run folder", description="Score a run folder from its jsonl files alone."
    )
    command.add_argument("run", type=Path, metavar="RUN_DIR")
    command.add_argument(
        "--protocol", default="strict", help="strict (default), official, metric, or a full name; see `tasks`"
    )
    command.add_argument(
        "--json", action="store_true", help="a JSON array: an object for every benchmark, judge, writer, arm, metric"
    )
    add_mass_floor(command)
    add_prices(command)
    return command


def main(args: argparse.Namespace) -> int:
    print_runs(args, [args.run], "json" if args.json else "text")
    return COMPLETE
