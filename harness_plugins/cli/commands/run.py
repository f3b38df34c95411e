"""`run`: judge everything that a config asks for."""

from __future__ import annotations

import argparse
import shlex
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.text import near, say
from harness_plugins.cli.arguments import Commands, add_limit, add_prices, one_of, place, positive, values_by_field
from harness_plugins.cli.exit_codes import COMPLETE, ERRORS_REMAIN
from harness_plugins.cli.flags import JUDGES, Flags, file_of
from harness_plugins.cli.outcome import print_failures, print_spent
from harness_plugins.tables.summary import print_next, print_summary

if TYPE_CHECKING:
    from harness_plugins.config.run import Config
    from harness_plugins.experiment.run import RunResult
    from harness_plugins.trackers import Tracker


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "run",
        help="judge everything that a config, or options, ask for",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Judge everything that a config asks for and the run folder does not hold yet, then print the table.\n"
        "Stop it at any time: the same command goes on where it stopped.",
        epilog="without a config:\n"
        "  rubric-harness run --judge openai:Qwen/Qwen2.5-VL-7B-Instruct@http://127.0.0.1:8000/v1 --benchmark demo\n"
        "  rubric-harness run --judge vllm:Qwen/Qwen2.5-VL-7B-Instruct --benchmark rows.jsonl --rubrics mine=rubrics.jsonl\n"
        "a small config:\n"
        "  benchmarks: [demo]              # a name alone, or {name: vl_rewardbench, limit: 100}\n"
        "  judges:\n"
        "    - {name: qwen, backend: openai, model: Qwen/Qwen2.5-VL-7B-Instruct, base_url: 'http://127.0.0.1:8000/v1'}\n"
        "    - longest                     # a baseline by its name: first, random, longest, shortest, lexical\n"
        "  out: results/runs/first\n"
        "and one value of it changed (PATH=VALUE; an entry of a list by its number or its name; the value is YAML):\n"
        "  rubric-harness run config.yaml --set judges.qwen.temperature=0.7 --set 'arms=[none, generic]'\n",
    )
    command.add_argument("config", type=Path, nargs="?", metavar="CONFIG.yaml")
    _add_flags(command)
    command.add_argument("--out", type=place, metavar="DIR", help="the run folder (overrides the config's `out`)")
    command.add_argument("--limit", type=positive, metavar="N", help="at most N items of each benchmark")
    command.add_argument(
        "--dry-run", action="store_true", help="ask nothing: requests per cell, estimated tokens, one prompt per arm"
    )
    command.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="FIELD=VALUE,...",
        help="a part of the grid: judge=, arm=, writer=, benchmark=; repeat a field for several values",
    )
    command.add_argument(
        "--redo",
        action="append",
        default=[],
        metavar="status=S,...",
        help="ask again where the status is: tie, unparsed, low_mass, refused, truncated, ok",
    )
    command.add_argument("--quiet", action="store_true", help="no progress line")
    command.add_argument(
        "--stop-unreadable",
        action="store_true",
        help="end the run where a judge's first 20 answers all hold no verdict (unparsed or truncated); without it the run only warns",
    )
    command.add_argument(
        "--log",
        type=one_of("tracker", ("tensorboard", "trackio", "wandb")),
        metavar="TRACKER",
        help="also keep the answer, its warnings and tables in tensorboard, trackio or wandb, as a run named like the folder",
    )
    command.add_argument(
        "--log-project", default="rubric-harness", metavar="NAME", help="its project there (rubric-harness)"
    )
    add_prices(command)
    add_limit(command)
    return command


def _add_flags(command: argparse.ArgumentParser) -> None:
    """What a config says, as options."""

    def add(option: str, metavar: str, about: str) -> None:
        command.add_argument(option, action="append", default=[], metavar=metavar, help=about)

    add("--judge", "JUDGE", f"who judges: {JUDGES}; again for more")
    add(
        "--benchmark", "NAME|ROWS", "what is judged: a name (see `tasks`) or a file of rows of your own; again for more"
    )
    add(
        "--rubrics", "[NAME=]FILE", "rubrics, and what they are called in tables (default: as the file); again for more"
    )
    add("--set", "PATH=VALUE", "change a value of the config; again for more")


def main(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError
    from evaluators.inputs.names import unknown
    from evaluators.records import STATUSES
    from harness_plugins.config.run import config_of
    from harness_plugins.experiment.money import with_costs
    from harness_plugins.experiment.run import run

    only, redo = values_by_field(args.only, "--only"), values_by_field(args.redo, "--redo")
    statuses = redo.get("status", set())
    if fields := set(redo) - {"status"}:
        raise UserError(f"--redo: {unknown('field', min(fields), ['status'])}")
    if wrong := statuses - set(STATUSES):
        raise UserError(f"--redo: {unknown('status', min(wrong), STATUSES)}")
    flags = Flags(args.judge, args.benchmark, args.rubrics, args.set)
    config = with_costs(config_of(file_of(args.config, flags)), args.prices, args.max_cost)
    typed = shlex.join([*([str(args.config)] if args.config else []), *flags.typed()])
    if args.dry_run:
        from harness_plugins.experiment.dry_run import dry_run

        say(dry_run(config, typed, out=args.out, limit=args.limit, only=only, redo=statuses), end="")
        return COMPLETE
    with _tracker(args, config) as tracker:
        result = run(
            config,
            out=args.out,
            limit=args.limit,
            only=only,
            redo=statuses,
            progress=not args.quiet,
            stop_unreadable=args.stop_unreadable,
        )
        report = print_summary(result.out)
        if tracker is not None:
            from harness_plugins.trackers import log_report

            log_report(tracker, report)
    say()
    _print_done(result)
    if not result.complete:
        print_failures(result.wrote, "rubrics")
        print_failures(result.tally, "verdicts")
    print_next(report, typed)
    return COMPLETE if result.complete else ERRORS_REMAIN


def _tracker(args: argparse.Namespace, config: Config) -> AbstractContextManager[Tracker | None]:
    """Where `--log` keeps the results: opened before anything is asked, so that a mistake costs nothing."""
    if args.log is None:
        return nullcontext()
    from harness_plugins.trackers import open_tracker

    out = Path(args.out or config.out or "run")
    settings = {"benchmarks": [b.name for b in config.benchmarks], "judges": [j.name for j in config.judges]}
    return open_tracker(args.log, project=args.log_project, run=out.name, folder=out / "logs", settings=settings)


def _print_done(result: RunResult) -> None:
    """What was asked and written, and where it lies."""
    tally = result.tally
    if result.wrote.written:
        by_status = ", ".join(f"{n} {status}" for status, n in result.wrote.statuses.most_common())
        say(f"{result.wrote.written} rubrics written ({by_status}).")
    for note in result.wrote.notes:
        say(f"Induced: {note}")
    if tally.written:
        by_status = ", ".join(f"{n} {status}" for status, n in tally.statuses.most_common())
        say(f"{tally.written} verdicts written ({by_status}), {tally.asked} calls made.")
    else:
        say(f"Nothing to ask: all {result.planned} verdicts are there.")
    print_spent(tally)
    say(f"Records: {near(result.out)}")
