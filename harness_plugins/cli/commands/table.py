"""`table`: print tables of runs, or of a paper."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from evaluators.text import say
from harness_plugins.cli.arguments import Commands, add_format, add_mass_floor, add_prices
from harness_plugins.cli.exit_codes import COMPLETE

NAMES = (
    *(
        "answer",
        "summary",
        "accuracy",
        "categories",
        "position",
        "conclusions",
        "gain",
        "transitions",
        "cost",
        "equal_cost",
    ),
    *("transfer", "following", "matrix", "calibration", "panel", "ways", "paid", "cards"),
)
"""The keys of `tables.run.RUN_TABLES`, which takes a second to import; a test holds them equal."""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "table",
        help="print the tables of one or more runs, or a paper's table with our rows beside the published ones",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="The tables of one or more runs: the answer with its controls, accuracy by judge and arm, and the matrix of\n"
        "writers and judges; --only and --all show others. With --spec a paper's table: its published rows, and beside them\n"
        "ours from the runs (one benchmark each, or several). Without a run, the published rows alone.",
        epilog="for example:\n"
        "  rubric-harness table results/runs/my-run\n"
        "  rubric-harness table results/runs/my-run --only position,gain\n"
        "  rubric-harness table results/runs/my-run --format latex > table.tex\n"
        "  rubric-harness table --spec arr_position_bias results/runs/hpdv3\n"
        "  rubric-harness table --spec proxy_grm_main results/runs/vl results/runs/mm-rlhf --format html > main.html\n"
        "  rubric-harness table --specs",
    )
    command.add_argument("runs", type=Path, nargs="*", metavar="RUN_DIR")
    command.add_argument("--spec", metavar="NAME", help="a paper's table by name (or a .yaml file of your own)")
    command.add_argument("--specs", action="store_true", help="list the specs there are")
    command.add_argument(
        "--only", metavar="NAME,...", type=_names, default=[], help=f"these tables: {', '.join(NAMES)}"
    )
    command.add_argument("--all", action="store_true", help="every table that the runs have numbers for")
    add_format(command, "text", "md", "csv", "json", "latex", "html")
    command.add_argument("--protocol", help="see `score`; with --spec, each column names its own")
    add_mass_floor(command)
    add_prices(command)
    return command


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def main(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError

    if args.specs:
        from harness_plugins.tables.paper import listed

        say("\n".join(listed()))
    elif args.spec is not None:
        if args.protocol is not None:
            raise UserError("--protocol: with --spec each column names its own protocol; leave it out")
        _print_paper_table(args)
    elif args.runs:
        print_runs(args, args.runs, args.format, only=args.only, every=args.all)
    else:
        raise UserError("table: name a RUN_DIR, or a paper's table with --spec NAME (--specs lists them)")
    return COMPLETE


def _print_paper_table(args: argparse.Namespace) -> None:
    from harness_plugins.tables.paper import paper_table
    from harness_plugins.tables.paper.formats import FORMATS
    from harness_plugins.tables.paper.layout import laid_out
    from harness_plugins.tables.render.terminal import print_tables

    table = paper_table(args.spec, args.runs)
    if args.format == "text":
        print_tables([laid_out(table)])
    else:
        say(FORMATS[args.format](table), end="")


def print_runs(
    args: argparse.Namespace, runs: Sequence[Path], form: str, *, only: Sequence[str] = (), every: bool = False
) -> None:
    """Score runs and print their tables.

    Args:
        args: with `protocol`, `prices` and `mass_floor`.
        only, every: as `tables.run.chosen` has them.
    """
    from evaluators.errors import UserError
    from harness_plugins.config.prices import load_prices
    from harness_plugins.scoring.score import adjust, score
    from harness_plugins.tables.model import each_once
    from harness_plugins.tables.package_tables import package_tables
    from harness_plugins.tables.render.terminal import print_tables
    from harness_plugins.tables.run import chosen, tables
    from harness_plugins.tables.run_formats import NUMBERS, TABLES

    if form in NUMBERS and (only or every):
        raise UserError(f"--format {form} has every number of the runs: leave --only and --all out")
    prices = load_prices(args.prices) if args.prices else None
    reports = [score(run, args.protocol or "strict", prices, args.mass_floor) for run in runs]
    if len(reports) > 1:
        adjust(reports)  # shown together, tested together
    others = package_tables(reports)
    if form in NUMBERS:
        say(NUMBERS[form](reports, others.tables), end="")
        others.check()
        return
    names = chosen(only, others.tables, every=every)
    available = [*tables(reports), *others.tables]
    shown = [table for table in available if table.id in names]
    if absent := [name for name in only if name not in {table.id for table in shown}]:
        raise UserError(
            f"--only {','.join(absent)}: these runs have no numbers for it; without --only it says what there is"
        )
    if form == "text":
        print_tables(shown)
        _print_more(dict.fromkeys(table.id for table in available if table.id not in names))
    else:
        say(TABLES[form](each_once(shown)), end="")
    others.check()


def _print_more(more: Iterable[str]) -> None:
    """Which tables the runs have besides those that are shown."""
    from harness_plugins.tables.render.terminal import console, print_line

    if names := ", ".join(more):
        screen = console()
        screen.print()
        print_line(screen, f"more: {names} (--only NAME,...; --all for every table)", "dim")
