"""`compare`: two runs, or two writers of one."""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluators.text import say
from harness_plugins.cli.arguments import Commands, add_format
from harness_plugins.cli.exit_codes import COMPLETE


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "compare",
        help="set two runs side by side: did the new checkpoint write better rubrics?",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Whether the rubrics of run B served the same judges better than those of run A, on the items that both have.\n"
        "The first line is the answer; every difference is B minus A, item by item. Judges that were not asked alike (another\n"
        "model, sampling, grading or template under one name) are listed and left out.",
        epilog="two checkpoints, each judged into a folder of its own, or two writers of one folder:\n"
        "  rubric-harness compare results/runs/step-1000 results/runs/step-2000\n"
        "  rubric-harness compare rubric-harness-demo rubric-harness-demo --writer-a vague --writer-b careful\n",
    )
    command.add_argument("run_a", type=Path, metavar="RUN_A")
    command.add_argument("run_b", type=Path, metavar="RUN_B")
    command.add_argument(
        "--writer-a", metavar="NAME", help="whose rubrics in A (default: the same name in both, or the only one)"
    )
    command.add_argument("--writer-b", metavar="NAME", help="whose rubrics in B")
    command.add_argument(
        "--arm", default="transferred", metavar="ARM", help="the arm of the headline (default: transferred)"
    )
    add_format(command, "text", "md", "csv", "json", "latex")
    command.add_argument("--protocol", default="strict", help="see `score`")
    return command


def main(args: argparse.Namespace) -> int:
    from harness_plugins.scoring.compare import compare
    from harness_plugins.tables.compare import FORMATS, print_comparison

    comparison = compare(
        args.run_a,
        args.run_b,
        writer_a=args.writer_a,
        writer_b=args.writer_b,
        arm=args.arm,
        protocol=args.protocol,
    )
    if args.format == "text":
        print_comparison(comparison)
    else:
        say(FORMATS[args.format](comparison), end="")
    return COMPLETE
