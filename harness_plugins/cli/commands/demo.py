"""`demo`: a whole run in seconds, with nothing to download and no model: the bundled benchmark, and its page."""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluators.text import say
from harness_plugins.cli.arguments import Commands, place

OUT = Path("rubric-harness-demo")


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "demo",
        help="try it: judge a small bundled benchmark, with no model and no download, and make the page",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Judge 40 pairs of answers about small pictures, once without a rubric and once under the rubrics of two writers\n"
        "(careful, vague), and make the page of the run. The judge is `lexical`, which counts words and needs no model, so\n"
        "it takes seconds; the simplest baselines stand beside it. What is judged is in examples/demo.yaml.",
        epilog="then, with a model of your own:\n"
        "  rubric-harness init                          writes a config, after a few questions\n",
    )
    command.add_argument("--out", type=place, default=OUT, metavar="DIR", help=f"the run folder (default: {OUT})")
    command.add_argument("--no-page", action="store_true", help="make no page")
    return command


def main(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError
    from harness_plugins.benchmarks.bundled import data_dir
    from harness_plugins.cli.commands import run
    from harness_plugins.cli.parser import build_parser
    from harness_plugins.report import write_report

    # The command itself, so that the demo ends in what every run ends in.
    line = ["run", str(data_dir("examples") / "demo.yaml"), "--out", str(args.out)]
    code = run.main(build_parser().parse_args(line))
    if args.no_page:
        return code
    try:
        page = write_report(args.out).path
    except UserError as e:
        say(f"No page:      {e}; then run this command again")
    else:
        say(f"Open it:      {page.resolve().as_uri()}")
    return code
