"""`report`: one HTML page of a run."""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluators.text import near, say
from harness_plugins.cli.arguments import Commands, add_prices, place, positive
from harness_plugins.cli.exit_codes import COMPLETE


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "report",
        help="make one HTML page of a run: figures, tables, and its items with media, rubrics and reasons",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Make one self-contained HTML page of a run folder. It works offline: no server, nothing is loaded from\n"
        "elsewhere. Its items can be filtered by what the rubric fixed and broke, flips with the order, and suspected leaks.\n"
        "Figures as files (--figures), of cost and of calibration need matplotlib: pip install 'rubric-harness[report]'",
        epilog="for example:\n"
        "  rubric-harness report results/runs/my-run\n"
        "  rubric-harness report results/runs/my-run --out my-run.html --figures figures/\n",
    )
    command.add_argument("run", type=Path, metavar="RUN_DIR")
    command.add_argument("--out", type=place, metavar="FILE.html", help="the page (default: RUN_DIR/report.html)")
    command.add_argument(
        "--figures", type=place, metavar="DIR", help="also write the figures alone there, as PNG and SVG"
    )
    command.add_argument(
        "--items",
        type=positive,
        default=1000,
        metavar="N",
        help="at most N items on the page (default 1000), those with something to see first",
    )
    command.add_argument("--protocol", default="strict", help="see `score`")
    add_prices(command)
    return command


def main(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError
    from harness_plugins.report import write_report

    report = write_report(
        args.run,
        args.out,
        figures=args.figures,
        items=args.items,
        protocol=args.protocol,
        prices=args.prices,
        progress=True,
    )
    shown = f"{report.items:,} items" if report.items == report.of else f"{report.items:,} of {report.of:,} items"
    say(f"Report:  {near(report.path)} ({report.size / 1e6:.1f} MB, {shown})")
    if args.figures is not None:
        say(f"Figures: {near(args.figures)} ({len(report.figures)} files)")
    if report.problems:
        raise UserError(*report.problems)
    return COMPLETE
