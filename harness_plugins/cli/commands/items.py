"""`items`: list the items of a config."""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluators.text import say
from harness_plugins.cli.arguments import Commands
from harness_plugins.cli.exit_codes import COMPLETE


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "items",
        help="list the items of a config with their uids",
        description="Tab-separated: uid, benchmark, id, row, category, start of the prompt.",
    )
    command.add_argument("config", type=Path, metavar="CONFIG")
    return command


def main(args: argparse.Namespace) -> int:
    from harness_plugins.config.run import load_config
    from harness_plugins.experiment.run import prepare
    from harness_plugins.tables.escaping import plain

    for items in prepare(load_config(args.config), needs_rubrics=False).items.values():
        for i in items:
            say(i.uid, i.benchmark, plain(i.source_id), i.row, plain(i.category), plain(i.prompt)[:60], sep="\t")
    return COMPLETE
