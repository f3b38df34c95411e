"""The commands that ask models: run, rubrics, data, lmms-eval, and the server that does so for trainers."""

from __future__ import annotations

import argparse
import sys
import threading
from typing import TYPE_CHECKING

from evaluators.text import near, say
from harness_plugins.cli.commands import BAD_INPUT, COMPLETE, ERRORS_REMAIN, pairs
from harness_plugins.tables.summary import print_summary

if TYPE_CHECKING:
    from evaluators.engine.caller import Tally

SHOWN_PICTURES = 20
"""Files that could not be shown and are named one by one."""


def run_command(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError
    from evaluators.inputs.names import unknown
    from evaluators.records import STATUSES
    from harness_plugins.config.run import load_config
    from harness_plugins.experiment.money import with_costs
    from harness_plugins.experiment.run import run

    only, redo = pairs(args.only, "--only"), pairs(args.redo, "--redo")
    statuses = redo.get("status", set())
    if fields := set(redo) - {"status"}:
        raise UserError(f"--redo: {unknown('field', min(fields), ['status'])}")
    if wrong := statuses - set(STATUSES):
        raise UserError(f"--redo: {unknown('status', min(wrong), STATUSES)}")
    config = with_costs(load_config(args.config), args.prices, args.max_cost)
    if args.dry_run:
        from harness_plugins.experiment.dry_run import dry_run

        say(dry_run(config, args.config, out=args.out, limit=args.limit, only=only, redo=statuses), end="")
        return COMPLETE
    loading = threading.Timer(1.0, _load_scoring)
    loading.daemon = True
    loading.start()
    try:
        result = run(
            config,
            out=args.out,
            limit=args.limit,
            only=only,
            redo=statuses,
            progress=not args.quiet,
            stop_unreadable=args.stop_unreadable,
        )
    finally:
        loading.cancel()
    print_summary(result.out)
    tally = result.tally
    if result.wrote.written:
        by_status = ", ".join(f"{n} {status}" for status, n in result.wrote.statuses.most_common())
        say(f"{result.wrote.written} rubrics written ({by_status}).")
    for note in result.wrote.notes:
        say(f"Induced:      {note}")
    if tally.written:
        by_status = ", ".join(f"{n} {status}" for status, n in tally.statuses.most_common())
        say(f"{tally.written} verdicts written ({by_status}), {tally.asked} calls made.")
    else:
        say(f"Nothing to ask: all {result.planned} verdicts are there.")
    _print_spent(tally)
    files = [
        n for n in ("verdicts.jsonl", "items.jsonl", "rubrics.jsonl", "manifest.json") if (result.out / n).exists()
    ]
    say(f"Records:      {near(result.out)}/{', '.join(files)}")
    say(f"All tables:   rubric-harness table {near(result.out)}")
    say(f"Single items: rubric-harness show {near(result.out)}")
    if result.complete:
        return COMPLETE
    _print_failures(result.wrote, "rubrics")
    _print_failures(tally, "verdicts")
    return ERRORS_REMAIN


def _print_spent(tally: Tally) -> None:
    """What the folder cost, where prices are known."""
    budget = tally.budget
    if budget is not None:
        without = f"; no price in money for {', '.join(budget.unpriced)}" if budget.unpriced else ""
        say(f"Spent:        {budget.spent_text()}, {budget.text(budget.spent - budget.before)} of it now{without}")


def _print_failures(tally: Tally, what: str) -> None:
    """What was never answered and why, on stderr."""
    from evaluators.errors import KINDS, PERMANENT

    left = tally.statuses["error"] + tally.total - tally.written
    if not left:
        return
    say(f"{left} {what} are still missing (errors are never scored):", file=sys.stderr)
    for kind, count in tally.unanswered.most_common():
        example = f", such as: {tally.examples[kind]}" if tally.examples[kind] and kind != "image" else ""
        say(f"  {count} {kind}: {KINDS.get(kind, kind)}{example}", file=sys.stderr)
        if kind == "image":
            _print_pictures(list(tally.pictures))
    if set(tally.unanswered) <= PERMANENT:
        say(
            "Asking again cannot help: mend the pictures, then run the command again."
            if set(tally.unanswered) == {"image"}
            else "Asking again cannot help: change the model's options or its server, then run the command again.",
            file=sys.stderr,
        )
    else:
        say("Run the same command again to ask for them.", file=sys.stderr)


def _print_pictures(problems: list[str]) -> None:
    """The files that could not be shown."""
    for problem in problems[:SHOWN_PICTURES]:
        say(f"    {problem}", file=sys.stderr)
    if len(problems) > SHOWN_PICTURES:
        say(f"    ... and {len(problems) - SHOWN_PICTURES} more (`error` in the jsonl names each)", file=sys.stderr)


def rubrics_command(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError
    from harness_plugins.experiment.run import write_rubrics
    from harness_plugins.tables.render import markdown, print_rich
    from harness_plugins.tables.run_tables.cards import cards_in

    redo = pairs(args.redo, "--redo")
    if set(redo) - {"status"} or redo.get("status", set()) - {"invalid"}:
        raise UserError(
            "--redo takes status=invalid: rubrics that could not be taken from their answer are written again"
        )
    folder, tally, files = write_rubrics(
        args.config,
        out=args.out,
        limit=args.limit,
        redo=redo.get("status", ()),
        progress=not args.quiet,
        prices=args.prices,
        max_cost=args.max_cost,
    )
    table = cards_in(folder)
    print_rich([table]) if sys.stdout.isatty() else say(markdown([table]))
    print_summary(folder)
    if tally.written:
        say(f"{tally.written} rubrics written ({', '.join(f'{n} {s}' for s, n in tally.statuses.most_common())}).")
    for note in tally.notes:
        say(f"Induced: {note}")
    if not tally.written and not tally.notes:
        say(f"Nothing to write: all {sum(len(f.rubrics) for f in files)} rubrics are there.")
    _print_spent(tally)
    say(f"Rubrics: {near(folder)}/rubrics.jsonl (in another config: `rubrics: {{{files[0].name}: that file}}`)")
    _print_failures(tally, "rubrics")
    return ERRORS_REMAIN if tally.statuses["error"] else COMPLETE


def data_command(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError
    from harness_plugins.tables.render import markdown, print_rich
    from harness_plugins.training_data import build
    from harness_plugins.training_data.config import load_data_config

    redo = pairs(args.redo, "--redo")
    if set(redo) - {"status"} or redo.get("status", set()) - {"invalid"}:
        raise UserError("--redo takes status=invalid: answers that held no rubric are asked for again")
    config = load_data_config(args.config)
    if args.dry_run:
        from harness_plugins.training_data.dry_run import dry_run

        say(dry_run(config, args.config, out=args.out, limit=args.limit, progress=not args.quiet), end="")
        return COMPLETE
    built = build(config, out=args.out, limit=args.limit, redo=redo.get("status", ()), progress=not args.quiet)
    if built.tables:
        print_rich(built.tables) if sys.stdout.isatty() else say(markdown(built.tables))
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
    _print_failures(built.tally, "answers of the teacher")
    say(
        f"{built.outcomes['unanswered']} pairs are without an answer, so no part was drawn; to go on without them, set "
        "`distil: {unanswered: drop}`",
        file=sys.stderr,
    )
    return ERRORS_REMAIN


def lmms_eval_command(args: argparse.Namespace) -> int:
    from harness_plugins.hosts.lmms_eval.cli import listing, lmms_eval
    from harness_plugins.hosts.summary import print_summaries

    if args.list:
        say(listing(), end="")
        return COMPLETE
    try:
        code, folders = lmms_eval(
            args.rest,
            rubrics=args.rubrics,
            config=args.rubric_config,
            out=args.out,
            judge=args.judge,
            grading=args.grading,
        )
    except SystemExit as e:
        if not isinstance(e.code, str):
            raise
        say(e.code, file=sys.stderr)
        return ERRORS_REMAIN if e.code.startswith("stopped:") else BAD_INPUT
    return code or (COMPLETE if print_summaries(folders) else ERRORS_REMAIN)


def reward_server_command(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError

    try:
        from harness_plugins.rewards.server.limits import serve
    except ImportError as e:
        raise UserError(f"the reward server needs {e.name}: pip install 'rubric-harness[server]'") from None
    serve(args.config, args.host, args.port, args.token_env, args.allow_host)
    return COMPLETE


def _load_scoring() -> None:
    """Import what the table needs while requests are out: half a second less to wait at the end."""
    import duckdb  # noqa: F401
    import numpy.random  # noqa: F401

    import harness_plugins.scoring.score
    import harness_plugins.tables.run  # noqa: F401
