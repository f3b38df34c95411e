"""`table`: print tables of runs, or of a paper."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from evaluators.text import say
from harness_plugins.cli.arguments import Commands, add_format, add_mass_floor, add_prices
from harness_plugins.cli.exit_codes import COMPLETE


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "table",
        help="print the tables of one or more runs, or a paper's table with our rows beside the published ones",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="The tables of one or more runs. With --spec a paper's table: its published rows, and beside them ours from\n"
        "the runs (one benchmark each, or several). Without a run, the published rows alone.",
        epilog="for example:\n"
        "  rubric-harness table results/runs/my-run --format latex > table.tex\n"
        "  rubric-harness table --spec arr_position_bias results/runs/hpdv3\n"
        "  rubric-harness table --spec proxy_grm_main results/runs/vl results/runs/mm-rlhf --format html > main.html\n"
        "  rubric-harness table --specs",
    )
    command.add_argument("runs", type=Path, nargs="*", metavar="RUN_DIR")
    command.add_argument("--spec", metavar="NAME", help="a paper's table by name (or a .yaml file of your own)")
    command.add_argument("--specs", action="store_true", help="list the specs there are")
    add_format(command, "md", "csv", "json", "latex", "html")
    command.add_argument("--protocol", help="see `score`; with --spec, each column names its own")
    add_mass_floor(command)
    add_prices(command)
    return command


def main(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError

    if args.specs:
        from harness_plugins.tables.paper import listed

        say("\n".join(listed()))
    elif args.spec is not None:
        if args.protocol is not None:
            raise UserError("--protocol: with --spec each column names its own protocol; leave it out")
        from harness_plugins.tables.paper import paper_table
        from harness_plugins.tables.paper.formats import FORMATS

        say(FORMATS[args.format](paper_table(args.spec, args.runs)), end="")
    elif args.runs:
        print_tables(args.runs, args.format, args.protocol or "strict", args.prices, args.mass_floor)
    else:
        raise UserError("table: name a RUN_DIR, or a paper's table with --spec NAME (--specs lists them)")
    return COMPLETE


def print_tables(runs: Sequence[Path], form: str, protocol: str, prices: Path | None, mass_floor: float) -> None:
    from harness_plugins.config.prices import load_prices
    from harness_plugins.scoring.score import adjust, score
    from harness_plugins.tables.package_tables import package_tables
    from harness_plugins.tables.run_formats import FORMATS

    reports = [score(run, protocol, load_prices(prices) if prices else None, mass_floor) for run in runs]
    if len(reports) > 1:
        adjust(reports)  # shown together, tested together
    others = package_tables(reports)
    say(FORMATS[form](reports, others.tables), end="")
    others.check()
