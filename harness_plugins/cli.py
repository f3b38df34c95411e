"""The command line. Each command imports what it needs when it runs, so that --help is quick."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness_plugins import arguments

if TYPE_CHECKING:
    from evaluators.engine.runner import Tally

COMPLETE, BAD_INPUT, ERRORS_REMAIN, INTERRUPTED = 0, 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    parser = arguments.parser()
    args, rest = parser.parse_known_args(argv)
    if rest and args.command != "lmms-eval":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    args.rest = rest
    if args.version:
        from harness_plugins import __version__

        print(f"rubric-harness {__version__}")
        return COMPLETE
    if args.command is None:
        parser.print_help()
        return BAD_INPUT
    from evaluators.errors import RunStopped, UserError

    try:
        return _COMMANDS[args.command](args)
    except UserError as e:
        for line in e.lines:
            print(f"error: {line}", file=sys.stderr)
        return BAD_INPUT
    except RunStopped as e:
        print(f"stopped: {e}", file=sys.stderr)
        return ERRORS_REMAIN
    except (OSError, UnicodeError) as e:
        if isinstance(e, BrokenPipeError):  # `| head`: the reader has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return COMPLETE
        print(
            f"error: {getattr(e, 'filename', None) or 'a file'}: {getattr(e, 'strerror', None) or e}", file=sys.stderr
        )
        return BAD_INPUT
    except KeyboardInterrupt:
        print("\ninterrupted; everything answered is kept. Run the same command again to go on.", file=sys.stderr)
        return INTERRUPTED


def _pairs(values: Sequence[str], option: str) -> dict[str, set[str]]:
    """`judge=a,judge=b,arm=none` as {"judge": {"a", "b"}, "arm": {"none"}}; a bare value continues its field."""
    from evaluators.errors import UserError

    found: dict[str, set[str]] = {}
    field = ""
    for part in (p.strip() for value in values for p in value.split(",")):
        name, equals, rest = part.partition("=")
        field = name if equals else field
        value = rest if equals else name
        if not field or not value:
            raise UserError(
                f"{option} {part}: give FIELD=VALUE, such as {option} {'status=unparsed' if option == '--redo' else 'judge=qwen'}"
            )
        found.setdefault(field, set()).add(value)
    return found


def _run(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError
    from evaluators.records import STATUSES
    from harness_plugins.budgets import with_costs
    from harness_plugins.config import load_config
    from harness_plugins.experiment import run

    only, redo = _pairs(args.only, "--only"), _pairs(args.redo, "--redo")
    statuses = redo.get("status", set())
    if set(redo) - {"status"} or statuses - set(STATUSES):
        raise UserError(f"--redo takes status=S with S one of {', '.join(STATUSES)}")
    config = with_costs(load_config(args.config), args.prices, args.max_cost)
    if args.dry_run:
        from harness_plugins.dry_run import dry_run

        print(dry_run(config, args.config, out=args.out, limit=args.limit, only=only, redo=statuses), end="")
        return COMPLETE
    loading = threading.Timer(1.0, _load_scoring)
    loading.daemon = True
    loading.start()
    try:
        result = run(config, out=args.out, limit=args.limit, only=only, redo=statuses, progress=not args.quiet)
    finally:
        loading.cancel()
    _print_summary(result.out)
    tally = result.tally
    if result.wrote.written:
        found = ", ".join(f"{n} {status}" for status, n in result.wrote.statuses.most_common())
        print(f"{result.wrote.written} rubrics written ({found}).")
    for note in result.wrote.notes:
        print(f"Induced:      {note}")
    if tally.written:
        found = ", ".join(f"{n} {status}" for status, n in tally.statuses.most_common())
        print(f"{tally.written} verdicts written ({found}), {tally.asked} calls made.")
    else:
        print(f"Nothing to ask: all {result.planned} verdicts are there.")
    _print_spent(tally)
    files = [
        n for n in ("verdicts.jsonl", "items.jsonl", "rubrics.jsonl", "manifest.json") if (result.out / n).exists()
    ]
    print(f"Records:      {_near(result.out)}/{', '.join(files)}")
    print(f"All tables:   rubric-harness table {_near(result.out)}")
    print(f"Single items: rubric-harness show {_near(result.out)}")
    if result.complete:
        return COMPLETE
    _print_failures(result.wrote, "rubrics")
    _print_failures(tally, "verdicts")
    return ERRORS_REMAIN


def _print_spent(tally: Tally) -> None:
    """What the folder cost, where prices are known."""
    budget = tally.budget
    if budget is not None:
        print(f"Spent:        {budget.text(budget.spent)}, {budget.text(budget.spent - budget.before)} of it now")


def _print_failures(tally: Tally, what: str) -> None:
    """What was never answered and why, on stderr."""
    from evaluators.errors import KINDS, PERMANENT

    left = tally.statuses["error"] + tally.total - tally.written
    if not left:
        return
    print(f"{left} {what} are still missing (errors are never scored):", file=sys.stderr)
    for kind, count in tally.unanswered.most_common():
        said = f", such as: {tally.examples[kind]}" if tally.examples[kind] else ""
        print(f"  {count} {kind}: {KINDS.get(kind, kind)}{said}", file=sys.stderr)
    if set(tally.unanswered) <= PERMANENT:
        print(
            "Asking again cannot help: change the model's options or its server, then run the command again.",
            file=sys.stderr,
        )
    else:
        print("Run the same command again to ask for them.", file=sys.stderr)


def _rubrics(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError
    from harness_plugins.cards import cards_in
    from harness_plugins.experiment import write_rubrics
    from harness_plugins.formats import markdown, print_rich

    redo = _pairs(args.redo, "--redo")
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
    print_rich([table]) if sys.stdout.isatty() else print(markdown([table]))
    _print_summary(folder)
    if tally.written:
        print(f"{tally.written} rubrics written ({', '.join(f'{n} {s}' for s, n in tally.statuses.most_common())}).")
    for note in tally.notes:
        print(f"Induced: {note}")
    if not tally.written and not tally.notes:
        print(f"Nothing to write: all {sum(len(f.rubrics) for f in files)} rubrics are there.")
    _print_spent(tally)
    print(f"Rubrics: {_near(folder)}/rubrics.jsonl (in another config: `rubrics: {{{files[0].name}: that file}}`)")
    _print_failures(tally, "rubrics")
    return ERRORS_REMAIN if tally.statuses["error"] else COMPLETE


def _data(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError
    from harness_plugins.formats import markdown, print_rich
    from harness_plugins.training_data import build
    from harness_plugins.training_data.config import load_data_config

    redo = _pairs(args.redo, "--redo")
    if set(redo) - {"status"} or redo.get("status", set()) - {"invalid"}:
        raise UserError("--redo takes status=invalid: answers that held no rubric are asked for again")
    config = load_data_config(args.config)
    if args.dry_run:
        from harness_plugins.training_data.dry_run import dry_run

        print(dry_run(config, args.config, out=args.out, limit=args.limit, progress=not args.quiet), end="")
        return COMPLETE
    built = build(config, out=args.out, limit=args.limit, redo=redo.get("status", ()), progress=not args.quiet)
    if built.tables:
        print_rich(built.tables) if sys.stdout.isatty() else print(markdown(built.tables))
    if built.tally.written:
        found = ", ".join(f"{n} {status}" for status, n in built.tally.statuses.most_common())
        print(f"{built.tally.written} answers of the teacher written ({found}).")
    if built.complete:
        print(
            f"Sets:    {_near(built.out)}/{{{','.join(config.formats)}}}/ ({', '.join(f'{p} {n:,}' for p, n in built.parts.items())})"
        )
        print(f"Card:    {_near(built.out)}/README.md, contamination.md, pool.jsonl, dropped.jsonl, manifest.json")
        print(f"Answers: {_near(built.out)}/teacher/rubrics.jsonl")
        return COMPLETE
    _print_failures(built.tally, "answers of the teacher")
    print(
        f"{built.outcomes['unanswered']} pairs are without an answer, so no part was drawn; to go on without them, set "
        "`distil: {unanswered: drop}`",
        file=sys.stderr,
    )
    return ERRORS_REMAIN


def _load_scoring() -> None:
    """Import what the table needs while requests are out: half a second less to wait at the end."""
    import duckdb  # noqa: F401
    import numpy.random  # noqa: F401

    import harness_plugins.scoring
    import harness_plugins.tables  # noqa: F401


def _near(path: Path) -> Path:
    """The path as a person standing here would write it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _print_summary(run: Path) -> bool:
    """Print a run's short table; returns whether all its cells are complete."""
    from harness_plugins import formats, tables
    from harness_plugins.scoring import score

    report = score(run)
    found = tables.summary(report)
    if sys.stdout.isatty():
        formats.print_rich(found)
    else:
        print(formats.markdown(found))
    return all(c.complete for c in report.cells)


def _print_tables(runs: Sequence[Path], form: str, protocol: str, prices: Path | None) -> None:
    from harness_plugins import formats
    from harness_plugins.prices import load_prices
    from harness_plugins.scoring import adjust, score

    reports = [score(run, protocol, load_prices(prices) if prices else None) for run in runs]
    if len(reports) > 1:
        adjust(reports)  # shown together, tested together
    print(formats.FORMATS[form](reports), end="")


def _score(args: argparse.Namespace) -> int:
    _print_tables([args.run], "json" if args.json else "md", args.protocol, args.prices)
    return COMPLETE


def _table(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError

    if args.specs:
        from harness_plugins.paper import listed

        print("\n".join(listed()))
    elif args.spec is not None:
        if args.protocol is not None:
            raise UserError("--protocol: with --spec each column names its own protocol; leave it out")
        from harness_plugins.paper import paper_table
        from harness_plugins.paper.formats import FORMATS

        print(FORMATS[args.format](paper_table(args.spec, args.runs)), end="")
    elif args.runs:
        _print_tables(args.runs, args.format, args.protocol or "strict", args.prices)
    else:
        raise UserError("table: name a RUN_DIR, or a paper's table with --spec NAME (--specs lists them)")
    return COMPLETE


def _report(args: argparse.Namespace) -> int:
    from harness_plugins.report import write_report

    made = write_report(
        args.run,
        args.out,
        figures=args.figures,
        items=args.items,
        protocol=args.protocol,
        prices=args.prices,
        progress=True,
    )
    shown = f"{made.items:,} items" if made.items == made.of else f"{made.items:,} of {made.of:,} items"
    print(f"Report:  {_near(made.path)} ({made.size / 1e6:.1f} MB, {shown})")
    if args.figures is not None:
        print(f"Figures: {_near(args.figures)} ({len(made.figures)} files)")
    return COMPLETE


def _export(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError

    if not args.public:
        raise UserError(
            "export: the only export is a public one: verdicts, hashes and metrics, without the dataset's texts, media, rubrics, "
            "paths and addresses (`rubric-harness export --help` lists it all). Say that you mean it: add --public"
        )
    from harness_plugins.export import export

    made = export(args.run, args.out)
    print(f"Export:  {_near(made.out)} ({made.size / 1e6:.1f} MB)")
    print(
        f"Holds:   {made.items:,} items, {made.verdicts:,} verdicts, {made.rubrics:,} rubrics; no texts, media or paths"
    )
    if made.left_out:
        print(f"Left out: {made.left_out} lines of the verdict files that are no records")
    print(f"Told in: {_near(made.out)}/about.json (what was removed, what is hashed)")
    print(f"Score:   rubric-harness score {_near(made.out)}")
    return COMPLETE


def _cost(args: argparse.Namespace) -> int:
    from harness_plugins.cost_tables import costs_of

    print(costs_of(args.runs, args.prices, args.format), end="")
    return COMPLETE


def _compare(args: argparse.Namespace) -> int:
    from harness_plugins.compare import compare
    from harness_plugins.compare_tables import FORMATS

    found = compare(
        args.run_a,
        args.run_b,
        writer_a=args.writer_a,
        writer_b=args.writer_b,
        arm=args.arm,
        protocol=args.protocol,
    )
    print(FORMATS[args.format](found), end="")
    return COMPLETE


def _show(args: argparse.Namespace) -> int:
    from harness_plugins.show import show

    for block in show(
        args.run, where=args.where, judge=args.judge, writer=args.writer, item=args.item, limit=args.limit
    ):
        print(block)
    return COMPLETE


def _items(args: argparse.Namespace) -> int:
    from harness_plugins.config import load_config
    from harness_plugins.experiment import prepare

    for items in prepare(load_config(args.config), needs_rubrics=False).items.values():
        for i in items:
            start = " ".join(i.prompt.split())[:60]
            print(i.uid, i.benchmark, i.source_id, i.row, i.category, start, sep="\t")
    return COMPLETE


def _tasks(args: argparse.Namespace) -> int:
    from harness_plugins.data import data_dir

    if args.path:
        print(data_dir("tasks"))
        return COMPLETE
    from harness_plugins.listing import listing

    print(listing(), end="")
    return COMPLETE


def _import(args: argparse.Namespace) -> int:
    from harness_plugins.imports import import_results

    summary = import_results(args.format, args.files, args.out, args.benchmark)
    for line in summary.lines:
        print(line)
    if summary.protocol is not None:
        print(f"Score them: rubric-harness score {_near(args.out)} --protocol {summary.protocol}")
    else:
        print(f"In tables:  rubric-harness table --spec NAME {_near(args.out)} RUN_DIR...")
    return COMPLETE


def _lmms_eval(args: argparse.Namespace) -> int:
    from harness_plugins.lmms.cli import lmms_eval

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
        print(e.code, file=sys.stderr)
        return ERRORS_REMAIN if e.code.startswith("stopped:") else BAD_INPUT
    if int(os.environ.get("RANK", 0)):
        return code
    incomplete = False
    for folder in folders:
        incomplete |= not _print_summary(folder)
        print(f"Records:      {_near(folder)}")
        print(f"All tables:   rubric-harness table {_near(folder)}")
        print(f"Single items: rubric-harness show {_near(folder)}")
    return code or (ERRORS_REMAIN if incomplete else COMPLETE)


def _reward_server(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError

    try:
        from harness_plugins.rewards.serving import serve
    except ImportError as e:
        raise UserError(f"the reward server needs {e.name}: pip install 'rubric-harness[server]'") from None
    serve(args.config, args.host, args.port, args.token_env)
    return COMPLETE


_COMMANDS = {
    "reward-server": _reward_server,
    "lmms-eval": _lmms_eval,
    "run": _run,
    "rubrics": _rubrics,
    "data": _data,
    "score": _score,
    "table": _table,
    "cost": _cost,
    "export": _export,
    "report": _report,
    "compare": _compare,
    "show": _show,
    "items": _items,
    "tasks": _tasks,
    "import": _import,
}


if __name__ == "__main__":
    sys.exit(main())
