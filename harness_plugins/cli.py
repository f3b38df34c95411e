"""The command line. Each command imports what it needs when it runs, so that --help is quick."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluators.engine.runner import Tally

COMPLETE, BAD_INPUT, ERRORS_REMAIN, INTERRUPTED = 0, 2, 3, 130

_EPILOG = """\
start here:
  rubric-harness run CONFIG.yaml --dry-run     what would be asked, and one prompt per arm; asks nothing
  rubric-harness run CONFIG.yaml               judge; stop it at any time, the same command goes on
  rubric-harness rubrics CONFIG.yaml           only have the config's writers write their rubrics
  rubric-harness table results/runs/my-run     the tables again, in any format
  rubric-harness show results/runs/my-run --where 'none=wrong transferred=right'

exit codes: 0 complete, 2 bad input, 3 errors remain, 130 interrupted
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rubric-harness",
        description="Does this rubric make another judge better?",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_run(commands)
    _add_rubrics(commands)

    score = commands.add_parser(
        "score", help="score a run folder", description="Score a run folder from its jsonl files alone."
    )
    score.add_argument("run", type=Path, metavar="RUN_DIR")
    score.add_argument(
        "--protocol", default="strict", help="strict (default), official, metric, or a full name; see `tasks`"
    )
    score.add_argument(
        "--json", action="store_true", help="a JSON array: an object for every benchmark, judge, writer, arm, metric"
    )

    table = commands.add_parser("table", help="print the tables of one or more runs")
    table.add_argument("runs", type=Path, nargs="+", metavar="RUN_DIR")
    table.add_argument("--format", choices=["md", "csv", "json", "latex"], default="md", help="default: md")
    table.add_argument("--protocol", default="strict", help="see `score`")

    _add_show(commands)

    items = commands.add_parser(
        "items",
        help="list the items of a config with their uids",
        description="Tab-separated: uid, benchmark, id, row, category, start of the prompt.",
    )
    items.add_argument("config", type=Path, metavar="CONFIG")

    _add_lmms(commands)

    tasks = commands.add_parser("tasks", help="benchmarks, settings (arms), protocols and judges at hand")
    tasks.add_argument(
        "--path", action="store_true", help="print only the folder of the task files: what --include_path wants"
    )
    return parser


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser(
        "run",
        help="judge everything that a config asks for",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Judge everything that a config asks for and the run folder does not hold yet, then print the table.\n"
        "Stop it at any time: the same command goes on where it stopped.",
        epilog="a small config:\n"
        "  benchmarks: [{name: demo}]\n"
        "  judges:\n"
        "    - {name: qwen, backend: openai, model: Qwen/Qwen2.5-VL-7B-Instruct, base_url: 'http://127.0.0.1:8000/v1'}\n"
        "    - {name: longest, backend: baseline}\n"
        "  out: results/runs/first\n",
    )
    run.add_argument("config", type=Path, metavar="CONFIG.yaml")
    run.add_argument("--out", type=Path, metavar="DIR", help="the run folder (overrides the config's `out`)")
    run.add_argument("--limit", type=_positive, metavar="N", help="at most N items of each benchmark")
    run.add_argument(
        "--dry-run", action="store_true", help="ask nothing: requests per cell, estimated tokens, one prompt per arm"
    )
    run.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="FIELD=VALUE,...",
        help="a part of the grid: judge=, arm=, writer=, benchmark=; repeat a field for several values",
    )
    run.add_argument(
        "--redo",
        action="append",
        default=[],
        metavar="status=S,...",
        help="ask again where the status is: tie, unparsed, refused, truncated, ok",
    )
    run.add_argument("--quiet", action="store_true", help="no progress line")


def _add_rubrics(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    rubrics = commands.add_parser(
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
    rubrics.add_argument("config", type=Path, metavar="CONFIG.yaml")
    rubrics.add_argument("--out", type=Path, metavar="DIR", help="the run folder (overrides the config's `out`)")
    rubrics.add_argument("--limit", type=_positive, metavar="N", help="at most N items of each benchmark")
    rubrics.add_argument(
        "--redo", action="append", default=[], metavar="status=invalid", help="write again what was no rubric"
    )
    rubrics.add_argument("--quiet", action="store_true", help="no progress line")


def _add_show(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    show = commands.add_parser(
        "show",
        help="read items with their prompt, media, rubric and replies",
        description="Items of a run, with prompt, media paths, rubric and the replies in both orders.",
        epilog="--where takes ARM=STATE, by space or comma. States: right, wrong (both orders), first, second (a slot was "
        "picked), mixed (first or second), ok, tie, unparsed, refused, truncated, error (in some order), missing.",
    )
    show.add_argument("run", type=Path, metavar="RUN_DIR")
    show.add_argument("--where", default="", metavar="'ARM=STATE ...'", help="only items in these states")
    show.add_argument("--judge", help="only this judge (default: the first one that was run)")
    show.add_argument("--writer", help="only this writer's rubrics")
    show.add_argument("--item", help="only this uid (or the start or end of it)")
    show.add_argument("--limit", type=_positive, default=5, metavar="N", help="at most N items (default 5)")


def _add_lmms(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    lmms = commands.add_parser(
        "lmms-eval",
        allow_abbrev=False,
        help="run lmms-eval with our tasks (rt_...), real exit codes, and our table at the end",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="lmms-eval's own command with our tasks on its path. Whatever is not listed here goes to lmms-eval as it is.\n"
        "Tasks: rt_<benchmark>_{judge,generic,shuffled,transfer}; rt_<benchmark> is all four; rt_reward_bench, rt_transfer.",
        epilog="a judge behind an endpoint, resumable, many requests at a time:\n"
        "  rubric-harness lmms-eval --rubrics rubrics.jsonl --tasks rt_demo --model rubric_judge \\\n"
        "    --model_args model=Qwen/Qwen2.5-VL-7B-Instruct,base_url=http://127.0.0.1:8000/v1,concurrency=64\n"
        "any model of lmms-eval as the judge:\n"
        "  rubric-harness lmms-eval --rubrics rubrics.jsonl --tasks rt_demo --model qwen2_5_vl \\\n"
        "    --model_args pretrained=Qwen/Qwen2.5-VL-7B-Instruct\n\n"
        "exit codes: 0 complete, 1 lmms-eval failed, 2 bad input, 3 errors remain, 130 interrupted",
    )
    lmms.add_argument(
        "--rubrics", type=Path, metavar="FILE.jsonl", help="one writer's rubrics (RUBRIC_HARNESS_RUBRICS)"
    )
    lmms.add_argument(
        "--rubric-config",
        type=Path,
        metavar="CONFIG.yaml",
        help="a config that says where the data lie; its judges are not used (RUBRIC_HARNESS_CONFIG)",
    )
    lmms.add_argument(
        "--out", type=Path, metavar="DIR", help="the run folder (RUBRIC_HARNESS_OUT; results/runs/hosted)"
    )
    lmms.add_argument("--judge", metavar="NAME", help="the judge's name in records and tables (RUBRIC_HARNESS_JUDGE)")


def _positive(text: str) -> int:
    value = int(text) if text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError("must be a number from 1 up")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
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
    from harness_plugins.config import load_config
    from harness_plugins.experiment import run

    only, redo = _pairs(args.only, "--only"), _pairs(args.redo, "--redo")
    statuses = redo.get("status", set())
    if set(redo) - {"status"} or statuses - set(STATUSES):
        raise UserError(f"--redo takes status=S with S one of {', '.join(STATUSES)}")
    config = load_config(args.config)
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
    if tally.written:
        found = ", ".join(f"{n} {status}" for status, n in tally.statuses.most_common())
        print(f"{tally.written} verdicts written ({found}), {tally.asked} calls made.")
    else:
        print(f"Nothing to ask: all {result.planned} verdicts are there.")
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
    from harness_plugins.cards import cards
    from harness_plugins.experiment import write_rubrics
    from harness_plugins.formats import markdown, print_rich

    redo = _pairs(args.redo, "--redo")
    if set(redo) - {"status"} or redo.get("status", set()) - {"invalid"}:
        raise UserError(
            "--redo takes status=invalid: rubrics that could not be taken from their answer are written again"
        )
    folder, tally, files = write_rubrics(
        args.config, out=args.out, limit=args.limit, redo=redo.get("status", ()), progress=not args.quiet
    )
    table = cards(folder)
    print_rich([table]) if sys.stdout.isatty() else print(markdown([table]))
    _print_summary(folder)
    if tally.written:
        print(f"{tally.written} rubrics written ({', '.join(f'{n} {s}' for s, n in tally.statuses.most_common())}).")
    else:
        print(f"Nothing to write: all {sum(len(f.rubrics) for f in files)} rubrics are there.")
    print(f"Rubrics: {_near(folder)}/rubrics.jsonl (in another config: `rubrics: {{{files[0].name}: that file}}`)")
    _print_failures(tally, "rubrics")
    return ERRORS_REMAIN if tally.statuses["error"] else COMPLETE


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


def _print_tables(runs: Sequence[Path], form: str, protocol: str) -> None:
    from harness_plugins import formats
    from harness_plugins.scoring import adjust, score

    reports = [score(run, protocol) for run in runs]
    if len(reports) > 1:
        adjust(reports)  # shown together, tested together
    print(formats.FORMATS[form](reports), end="")


def _score(args: argparse.Namespace) -> int:
    _print_tables([args.run], "json" if args.json else "md", args.protocol)
    return COMPLETE


def _table(args: argparse.Namespace) -> int:
    _print_tables(args.runs, args.format, args.protocol)
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


def _lmms_eval(args: argparse.Namespace) -> int:
    from harness_plugins.lmms.cli import lmms_eval

    try:
        code, folders = lmms_eval(
            args.rest, rubrics=args.rubrics, config=args.rubric_config, out=args.out, judge=args.judge
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


_COMMANDS = {
    "lmms-eval": _lmms_eval,
    "run": _run,
    "rubrics": _rubrics,
    "score": _score,
    "table": _table,
    "show": _show,
    "items": _items,
    "tasks": _tasks,
}


if __name__ == "__main__":
    sys.exit(main())
