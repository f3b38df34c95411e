"""`ping`: whether each judge and writer of a config works, by a question or two."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.text import program, say
from harness_plugins.cli.arguments import Commands, add_prices
from harness_plugins.cli.exit_codes import COMPLETE, ERRORS_REMAIN

if TYPE_CHECKING:
    from harness_plugins.experiment.ping import Ping


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "ping",
        help="ask each judge and writer of a config a question or two: does it work?",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Ask each judge and writer of a config, before a run:\n"
        "  picture  it is shown a picture of one colour and must name the colour (where the benchmark has pictures)\n"
        "  answer   it is asked about a pair of the first benchmark, in the run's own words: can its verdict be read?\n"
        "  mass     the probability of all answers that it may give, where `verdict` asks for probabilities\n"
        "  s, tok/s how long the answer took, and tokens written a second\n"
        "and say what the whole run will cost, where prices are known. Nothing is written.",
        epilog="exit codes: 0 all work, 2 bad input, 3 some judge or writer does not work\n",
    )
    command.add_argument("config", type=Path, metavar="CONFIG.yaml")
    add_prices(command)
    return command


def main(args: argparse.Namespace) -> int:
    import shlex

    from harness_plugins.config.run import load_config
    from harness_plugins.experiment.dry_run import cost_lines
    from harness_plugins.experiment.money import with_costs
    from harness_plugins.experiment.ping import ping

    config = with_costs(load_config(args.config), args.prices, None)
    pings = ping(config)
    _print_table(pings)
    for line in cost_lines(config) or ["Price: not known; give --prices FILE (examples/prices.yaml shows one)."]:
        say(line)
    for p in pings:
        for problem in p.problems:
            say(f"{p.role} {p.name!r}: {problem}", file=sys.stderr)
    if all(p.works for p in pings):
        say(f"next  {program()} run {shlex.quote(str(args.config))}")
        return COMPLETE
    return ERRORS_REMAIN


def _print_table(pings: list[Ping]) -> None:
    import rich.table

    from harness_plugins.tables.render.terminal import console, printed

    screen = console()
    table = rich.table.Table(box=None, pad_edge=False, header_style="bold")
    for header in ("", "model, as served", "picture", "answer", "mass", "s", "tok/s"):
        numbers = header in ("mass", "s", "tok/s")
        table.add_column(
            header, justify="right" if numbers else "left", no_wrap=header != "model, as served", overflow="fold"
        )
    for p in pings:
        table.add_row(*(printed(screen, cell) for cell in _cells(p)), style="" if p.works else "red")
    screen.print(table)


def _whose(p: Ping) -> str:
    return p.name if p.role == "judge" else f"{p.name} (writer)"


def _cells(p: Ping) -> list[str]:
    if not p.asks_model:
        return [_whose(p), "asks no model", "", p.status, "", "", ""]
    return [
        _whose(p),
        p.model,
        "" if p.sees is None else "seen" if p.sees else "NOT seen",
        p.status or "none",
        "" if p.p is None or p.p.mass is None else f"{p.p.mass:.2f}",
        "" if p.latency_s is None else f"{p.latency_s:.1f}",
        "" if p.tokens_a_second is None else f"{p.tokens_a_second:.0f}",
    ]
