"""`show`: read items."""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluators.text import say
from harness_plugins.cli.arguments import Commands, positive
from harness_plugins.cli.exit_codes import COMPLETE


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "show",
        help="read items with their prompt, media, rubric and replies",
        description="Items of a run, with prompt, media paths, rubric and the replies in both orders.",
        epilog="--where takes ARM=STATE, by space or comma. States: right, wrong (both orders), fixed, broken (right in both "
        "orders now and not under none, or the reverse), first, second (a slot was picked), mixed (first or second), ok, tie, "
        "unparsed, low_mass, refused, truncated, error (in some order), missing.",
    )
    command.add_argument("run", type=Path, metavar="RUN_DIR")
    command.add_argument("--where", default="", metavar="'ARM=STATE ...'", help="only items in these states")
    command.add_argument("--judge", help="only this judge (default: the first one that was run)")
    command.add_argument("--writer", help="only this writer's rubrics")
    command.add_argument("--benchmark", metavar="NAME", help="only items of this benchmark")
    command.add_argument("--item", help="only this uid (or the start or end of it)")
    command.add_argument("--limit", type=positive, default=5, metavar="N", help="at most N items (default 5)")
    return command


def main(args: argparse.Namespace) -> int:
    from harness_plugins.tables.show import show

    for block in show(
        args.run,
        where=args.where,
        judge=args.judge,
        writer=args.writer,
        item=args.item,
        benchmark=args.benchmark,
        limit=args.limit,
    ):
        say(block)
    return COMPLETE
