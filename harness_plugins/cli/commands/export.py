"""`export`: a copy of a run folder to publish."""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluators.text import near, say
from harness_plugins.cli.arguments import Commands, place
from harness_plugins.cli.exit_codes import COMPLETE


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "export",
        help="a copy of a run folder to publish: verdicts, hashes and metrics, no texts, media or paths",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Write a run folder that anybody may have: `score`, `table` and `cost` give its numbers from it.\n"
        "kept:     verdicts with probabilities, scores, tokens and times; uids, labels, categories and hashes; who wrote and who\n"
        "          judged, with what sampling; metrics.json, the metrics as `score --json` prints them\n"
        "removed:  texts of dataset, rubrics and answers, reasons, messages of errors; media and their names; paths, addresses,\n"
        "          templates, secrets\n"
        "hashed:   ids and groups that are not short words; without salt, so that anybody with the dataset can join its rows",
        epilog="  rubric-harness export results/runs/my-run --public --out my-run-public\n"
        "Read about.json in it before you publish it. Names of judges, writers and categories stay as you gave them.\n"
        "Not in it: official:... protocols, which read answers again; `show` and `report`.",
    )
    command.add_argument("run", type=Path, metavar="RUN_DIR")
    command.add_argument("--public", action="store_true", help="required: leave out all that is not to be published")
    command.add_argument(
        "--out", type=place, required=True, metavar="DIR", help="a new or empty folder, outside the run"
    )
    return command


def main(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError

    if not args.public:
        raise UserError(
            "export: the only export is a public one: verdicts, hashes and metrics, without the dataset's texts, media, rubrics, "
            "paths and addresses (`rubric-harness export --help` lists it all). Say that you mean it: add --public"
        )
    from harness_plugins.scoring.export import export

    exported = export(args.run, args.out)
    say(f"Export:  {near(exported.out)} ({exported.size / 1e6:.1f} MB)")
    say(
        f"Holds:   {exported.items:,} items, {exported.verdicts:,} verdicts, {exported.rubrics:,} rubrics; no texts, media or paths"
    )
    if exported.left_out:
        say(f"Left out: {exported.left_out} lines that cannot be read")
    say(f"Details: {near(exported.out)}/about.json (what was removed, what is hashed)")
    say(f"Score:   rubric-harness score {near(exported.out)}")
    return COMPLETE
