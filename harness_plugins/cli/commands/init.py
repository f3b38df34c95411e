"""`init`: write a first config, by asking or from options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.text import program, say
from harness_plugins.cli.arguments import Commands, place
from harness_plugins.cli.exit_codes import COMPLETE

if TYPE_CHECKING:
    from evaluators.backends.endpoint.served import Served
    from harness_plugins.config.starter import Starter

ENDPOINT = "http://127.0.0.1:8000/v1"
"""vLLM's own, on this machine."""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "init",
        help="write a first config, by a few questions or from options",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Write a config for a judge of your own, with comments that say how to go on. On a terminal it asks for what no\n"
        "option gives. The server is asked which models it serves (GET /models); no model is asked anything.",
        epilog="for example:\n"
        "  rubric-harness init\n"
        "  rubric-harness init mine.yaml --endpoint http://127.0.0.1:8000/v1 --rows rows.jsonl --rubrics rubrics.jsonl --yes\n"
        "a row (a line of rows.jsonl):\n"
        '  {"id": "1", "prompt": "How many cats?", "media": ["cats.png"], "candidates": ["Two.", "Three."], "label": 0}\n'
        "a rubric (a line of rubrics.jsonl):\n"
        '  {"id": "1", "text": "Count the cats in the picture. The right number decides."}\n',
    )
    command.add_argument(
        "file", type=place, nargs="?", default=Path("config.yaml"), metavar="FILE", help="default: config.yaml"
    )
    command.add_argument("--endpoint", metavar="URL", help=f"where the judge is served (default: {ENDPOINT})")
    command.add_argument("--model", metavar="NAME", help="which model judges (default: the one that is served there)")
    command.add_argument("--benchmark", metavar="NAME", help="what is judged; see `tasks` (default: demo, or --rows)")
    command.add_argument(
        "--rows", type=Path, metavar="FILE", help="rows of your own, or, with --benchmark, of that benchmark"
    )
    command.add_argument("--rubrics", type=Path, metavar="FILE", help="rubrics that there are already")
    command.add_argument("--out", type=place, metavar="DIR", help="the run folder (default: results/runs/BENCHMARK)")
    command.add_argument("--yes", action="store_true", help="ask nothing: take the default where no option says more")
    command.add_argument("--force", action="store_true", help="write over FILE if it is there")
    return command


def main(args: argparse.Namespace) -> int:
    import sys

    from evaluators.errors import UserError
    from harness_plugins.config.run import load_config
    from harness_plugins.folder.atomic import write_atomic

    before = args.file.read_bytes() if args.file.is_file() else None
    if before is not None and not args.force:
        raise UserError(f"{args.file} is there already: give another name, or --force to write over it")
    asks = not args.yes and sys.stdin.isatty() and sys.stdout.isatty()
    starter = _asked(args) if asks else _from_options(args)
    args.file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(args.file, starter.text().encode())
    try:
        config = load_config(args.file)
    except BaseException:  # what cannot be used must not lie there as if it could
        args.file.unlink()
        if before is not None:
            write_atomic(args.file, before)
        raise
    say(
        f"wrote {args.file}: {config.judges[0].model} judges {starter.rows or starter.benchmark} "
        f"({', '.join(config.arms)})"
    )
    _say_next(args.file)
    return COMPLETE


def _say_next(path: Path) -> None:
    import shlex

    named = shlex.quote(str(path))
    lines = {
        f"ping {named}": "one request: does it work?",
        f"run {named} --dry-run": "what would be asked",
        f"run {named}": "judge; asks the model",
    }
    widest = max(map(len, lines))
    for n, (command, about) in enumerate(lines.items()):
        say(f"{'' if n else 'next':6}{program()} {command:{widest}}  {about}")


def _from_options(args: argparse.Namespace) -> Starter:
    """Without a question.

    Raises:
        UserError: an option is missing that has no default, or names what is not there.
    """
    from evaluators.errors import UserError

    missing = [f"--{name}" for name in ("endpoint", "model") if not args.yes and getattr(args, name) is None]
    if missing:
        raise UserError(
            f"there is no terminal to ask on: give {' and '.join(missing)}, or --yes for the defaults where there are some"
        )
    endpoint, model = args.endpoint or ENDPOINT, args.model
    answer = _served_by(endpoint)
    models: tuple[str, ...] = ()
    if not isinstance(answer, str):
        endpoint, models = answer.base_url, answer.models
    if model is None and len(models) != 1:
        serves = answer if isinstance(answer, str) else f"it serves {', '.join(models) or 'none'}"
        raise UserError(f"--model: {endpoint} does not say which model is meant ({serves}): give --model NAME")
    if model and models and model not in models:
        say(f"note: {endpoint} does not list {model!r}; it serves {', '.join(models)}")
    return _starter(args, endpoint, model or models[0], args.benchmark or "")


def _served_by(endpoint: str) -> Served | str:
    """What an endpoint serves, or why that is not known."""
    import asyncio

    from evaluators.backends.endpoint.served import served
    from evaluators.errors import BackendError, UserError
    from evaluators.stop_messages import described

    try:
        return asyncio.run(served(endpoint))
    except BackendError as e:
        return described(e)
    except ValueError as e:
        raise UserError(f"--endpoint: {e}") from None


def _starter(args: argparse.Namespace, endpoint: str, model: str, benchmark: str) -> Starter:
    """
    Args:
        benchmark: a name, or a file of rows; empty for what --rows says, or the demo.

    Raises:
        UserError: a benchmark or a file is not there.
    """
    import os
    from dataclasses import replace

    from evaluators.errors import UserError
    from harness_plugins.benchmarks.bundled import data_dir
    from harness_plugins.cli.flags import benchmark_of
    from harness_plugins.config.starter import Starter

    entry = benchmark_of(benchmark or ("pairs" if args.rows else "demo"))
    rows = args.rows or (Path(entry["path"]) if "path" in entry else None)
    for option, path in (("--rows", args.rows), ("--rubrics", args.rubrics)):
        if path is not None and not path.exists():
            raise UserError(f"{option}: {path} is not there: correct the path, or put the file there")
    out = args.out or Path("results") / "runs" / (rows.stem if rows else entry["name"])

    def seen(path: Path | None) -> str:
        """From the config's folder."""
        if path is None or path.is_absolute():
            return str(path or "")
        return os.path.relpath(path.absolute(), args.file.absolute().parent)

    starter = Starter(str(args.file), endpoint, model, entry["name"], seen(out), seen(rows), seen(args.rubrics))
    if entry["name"] == "demo":  # it comes with some
        return replace(starter, example=str(data_dir("tasks") / "demo" / "rubrics" / "careful.jsonl"))
    return starter


def _asked(args: argparse.Namespace) -> Starter:
    """By questions for what no option says."""
    from evaluators.errors import UserError

    endpoint, answer = args.endpoint, None
    while endpoint is None or answer is None:
        endpoint = endpoint or _question("Where is the judge served?", ENDPOINT)
        try:
            answer = _served_by(endpoint)
        except UserError as e:
            if args.endpoint:
                raise
            say(f"  {e}")
            endpoint = None
    if isinstance(answer, str):
        say(f"  It does not say what it serves: {answer}. The config can be written anyway.")
        models: tuple[str, ...] = ()
    else:
        endpoint, models = answer.base_url, answer.models
        say(f"  It serves: {', '.join(models) or 'nothing'}")
    model = args.model
    while not model:
        model = _question("Which model judges?", models[0] if models else "")
    while True:
        benchmark = args.benchmark or ("" if args.rows else _question(_WHAT, "demo"))
        if args.rubrics is None:
            rubrics = _question("Which file has your rubrics? (empty: none yet)", "")
            args.rubrics = Path(rubrics).expanduser() if rubrics else None
        try:
            return _starter(args, endpoint, model, benchmark)
        except UserError as e:
            if args.benchmark or args.rows:
                raise
            say(f"  {e}")
            args.rubrics = None


_WHAT = "What is judged? (a benchmark of `rubric-harness tasks`, or a file of rows of your own)"


def _question(text: str, default: str) -> str:
    from rich.prompt import Prompt

    # Markup would take `[...]` of a default for a style.
    from rich.text import Text

    return Prompt.ask(Text(text), default=default, show_default=bool(default)).strip()
