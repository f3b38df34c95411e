"""`cost`: what runs took."""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluators.text import say
from harness_plugins.cli.arguments import Commands, add_format, add_prices
from harness_plugins.cli.exit_codes import COMPLETE


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "cost",
        help="what runs took: calls, tokens and money by judge and writer",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="What each judge and writer of a run folder took so far, from its jsonl files alone; also while it runs.\n"
        "Every answer counts once, however many cells share it. `table` shows what single decisions cost, beside how good they are.",
        epilog="a price file, for a million tokens (the numbers are made up):\n"
        "  currency: USD\n"
        "  models:\n"
        "    Qwen/Qwen3-VL-8B-Instruct: {read: 0.2, written: 0.6, cached: 0.05, parameters_b: 8}\n"
        "    my/local-model: {read: 0, written: 0}\n",
    )
    command.add_argument("runs", type=Path, nargs="+", metavar="RUN_DIR")
    add_format(command, "text", "md", "json", "latex")
    add_prices(command)
    return command


def main(args: argparse.Namespace) -> int:
    from harness_plugins.tables.cost import FORMATS, costs_of
    from harness_plugins.tables.render.terminal import print_tables

    costs = costs_of(args.runs, args.prices)
    if args.format == "text":
        print_tables(costs.tables)
    else:
        say(FORMATS[args.format](costs), end="")
    return COMPLETE
