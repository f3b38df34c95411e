"""`data`: build training sets from preference data."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evaluators.text import near, say
from harness_plugins.cli.arguments import Commands, invalid_to_redo, place, positive
from harness_plugins.cli.exit_codes import COMPLETE, ERRORS_REMAIN
from harness_plugins.cli.outcome import print_failures


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "data",
        help="build SFT and RL training sets from raw preference data",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Build the sets that a Proxy-GRM pipeline trains on: read preference data, remove what is in the benchmarks,\n"
        "have a teacher judge each pair, and make disjoint parts of what it got right and wrong, in the formats of trainers.\n"
        "Stop it at any time: the same command goes on where it stopped.",
        epilog="a small config (docs/data.md has every key; examples/data.yaml the paper's sizes):\n"
        "  sources:\n"
        "    - {layout: rlaif_v, path: data/RLAIF-V-Dataset}        # without a path: from the Hub\n"
        "    - {layout: pairs, path: mine.jsonl}\n"
        "  against: [{name: vl_rewardbench, path: data/VL-RewardBench}]\n"
        "  teacher: {name: teacher, backend: openai, model: Qwen/Qwen3-VL-8B-Instruct, base_url: 'http://127.0.0.1:8000/v1'}\n"
        "  parts: {proxy_sft: 500, proxy_rl: 1000, grm_sft: 1000, grm_rl: 3500}\n"
        "  formats: [trl, ms_swift, verl]\n"
        "  out: results/data/first\n",
    )
    command.add_argument("config", type=Path, metavar="CONFIG.yaml")
    command.add_argument("--out", type=place, metavar="DIR", help="the folder (overrides the config's `out`)")
    command.add_argument(
        "--limit", type=positive, metavar="N", help="at most N rows of each source; parts hold as many as there are"
    )
    command.add_argument(
        "--dry-run", action="store_true", help="ask and write nothing: what is left of the rows, requests, the prompts"
    )
    command.add_argument(
        "--redo",
        action="append",
        default=[],
        metavar="status=invalid",
        help="ask the teacher again where it wrote no rubric",
    )
    command.add_argument("--quiet", action="store_true", help="no progress line")
    return command


def main(args: argparse.Namespace) -> int:
    from harness_plugins.tables.render.terminal import print_tables
    from harness_plugins.training_data import build
    from harness_plugins.training_data.config import load_data_config

    redo = invalid_to_redo(args.redo, "answers without a rubric are asked for again")
    config = load_data_config(args.config)
    if args.dry_run:
        from harness_plugins.training_data.dry_run import dry_run

        say(dry_run(config, args.config, out=args.out, limit=args.limit, progress=not args.quiet), end="")
        return COMPLETE
    built = build(config, out=args.out, limit=args.limit, redo=redo, progress=not args.quiet)
    if built.tables:
        print_tables(built.tables)
        say()
    if built.tally.written:
        by_status = ", ".join(f"{n} {status}" for status, n in built.tally.statuses.most_common())
        say(f"{built.tally.written} answers of the teacher written ({by_status}).")
    if built.complete:
        say(
            f"Sets:    {near(built.out)}/{{{','.join(config.formats)}}}/ ({', '.join(f'{p} {n:,}' for p, n in built.parts.items())})"
        )
        say(f"Card:    {near(built.out)}/README.md, contamination.md, pool.jsonl, dropped.jsonl, manifest.json")
        say(f"Answers: {near(built.out)}/teacher/rubrics.jsonl")
        return COMPLETE
    print_failures(built.tally, "answers of the teacher")
    say(
        f"{built.outcomes['unanswered']} pairs have no answer, so no part was made; to go on without them, set "
        "`distil: {unanswered: drop}`",
        file=sys.stderr,
    )
    return ERRORS_REMAIN
