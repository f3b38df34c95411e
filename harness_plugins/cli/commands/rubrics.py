"""`rubrics`: have the config's writers write their rubrics."""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluators.text import near, say
from harness_plugins.cli.arguments import Commands, add_limit, add_prices, invalid_to_redo, place, positive
from harness_plugins.cli.exit_codes import COMPLETE, ERRORS_REMAIN
from harness_plugins.cli.outcome import print_failures, print_spent
from harness_plugins.tables.summary import print_summary


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "rubrics",
        help="have the config's writers write their rubrics; judges nothing",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Have the `writers:` of a config write a rubric for each item (and order, where they see the\n"
        "responses) into the run folder's rubrics.jsonl.\n"
        "`run` does the same before it judges; stop either at any time, the same command goes on.",
        epilog="a writer in a config:\n"
        "  writers:\n"
        "    - {name: grm, method: proxy_grm, backend: openai, model: my/proxy-grm-7b, base_url: 'http://127.0.0.1:8000/v1',\n"
        "       family: qwen-vl, replicates: 1, blind: false}\n"
        "    - {name: arr, method: arr_zero_shot, criteria: 5, backend: openai, model: ..., base_url: ...}\n",
    )
    command.add_argument("config", type=Path, metavar="CONFIG.yaml")
    command.add_argument("--out", type=place, metavar="DIR", help="the run folder (overrides the config's `out`)")
    command.add_argument("--limit", type=positive, metavar="N", help="at most N items of each benchmark")
    command.add_argument(
        "--redo",
        action="append",
        default=[],
        metavar="status=invalid",
        help="write again where the answer held no rubric",
    )
    command.add_argument("--quiet", action="store_true", help="no progress line")
    add_prices(command)
    add_limit(command)
    return command


def main(args: argparse.Namespace) -> int:
    from harness_plugins.experiment.run import write_rubrics
    from harness_plugins.tables.render.terminal import print_tables
    from harness_plugins.tables.run_tables.cards import cards_in

    redo = invalid_to_redo(args.redo, "rubrics that could not be taken from their answer are written again")
    folder, tally, files = write_rubrics(
        args.config,
        out=args.out,
        limit=args.limit,
        redo=redo,
        progress=not args.quiet,
        prices=args.prices,
        max_cost=args.max_cost,
    )
    table = cards_in(folder)
    print_tables([table])
    say()
    print_summary(folder)
    if tally.written:
        say(f"{tally.written} rubrics written ({', '.join(f'{n} {s}' for s, n in tally.statuses.most_common())}).")
    for note in tally.notes:
        say(f"Induced: {note}")
    if not tally.written and not tally.notes:
        say(f"Nothing to write: all {sum(len(f.rubrics) for f in files)} rubrics are there.")
    print_spent(tally)
    say(f"Rubrics: {near(folder)}/rubrics.jsonl (in another config: `rubrics: {{{files[0].name}: that file}}`)")
    print_failures(tally, "rubrics")
    return ERRORS_REMAIN if tally.statuses["error"] else COMPLETE
