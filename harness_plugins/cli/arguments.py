"""Arguments that several commands take, and how their texts are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from evaluators.inputs.names import unknown

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def place(text: str) -> Path:
    """Where something is written. An empty text would be the current folder: an unset variable, most likely."""
    if not text.strip():
        raise argparse.ArgumentTypeError("empty: name a file or folder (`.` is the current folder)")
    return Path(text)


def positive(text: str) -> int:
    value = int(text) if text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError("must be a number from 1 up")
    return value


def share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a probability from 0 to 1")
    return value


def amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be an amount above 0, such as 5 or 0.25, without the currency")
    return value


def one_of(what: str, names: Sequence[str]) -> Callable[[str], str]:
    """As argparse's `choices`, with a suggestion for a mistyped name."""

    def check(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(unknown(what, text, names))
        return text

    check.names = names  # type: ignore[attr-defined]  # for `completion`
    return check


def add_tasks(command: argparse.ArgumentParser, default: object) -> None:
    command.add_argument(
        "--tasks",
        type=Path,
        action="append",
        default=default,
        metavar="DIR",
        help="look for benchmarks in this folder too (again for others; RUBRIC_HARNESS_TASKS)",
    )


def add_format(command: argparse.ArgumentParser, *names: str) -> None:
    command.add_argument(
        "--format",
        type=one_of("format", names),
        default=names[0],
        metavar=f"{{{','.join(names)}}}",
        help=f"default: {names[0]}",
    )


def add_prices(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--prices",
        type=Path,
        metavar="FILE",
        help="what models cost, as YAML (examples/prices.yaml); default: those of the run",
    )


def add_limit(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--max-cost",
        type=amount,
        metavar="AMOUNT",
        help="spend no more than this on the run folder, in the price file's currency, earlier runs counted; it stops cleanly before "
        "(exit code 3), and a larger amount goes on",
    )


def add_mass_floor(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--mass-floor",
        type=share,
        default=0.05,
        metavar="P",
        help="a one-token answer is not counted where all offered digits together have less than P (0.05); see docs/parsing.md",
    )


def values_by_field(values: Sequence[str], option: str) -> dict[str, set[str]]:
    """`judge=a,judge=b,arm=none` as {"judge": {"a", "b"}, "arm": {"none"}}; a bare value continues its field."""
    from evaluators.errors import UserError

    by_field: dict[str, set[str]] = {}
    field = ""
    for part in (p.strip() for value in values for p in value.split(",")):
        name, equals, after_equals = part.partition("=")
        field = name if equals else field
        value = after_equals if equals else name
        if not field or not value:
            raise UserError(
                f"{option} {part}: give FIELD=VALUE, such as {option} {'status=unparsed' if option == '--redo' else 'judge=qwen'}"
            )
        by_field.setdefault(field, set()).add(value)
    return by_field


def invalid_to_redo(values: Sequence[str], effect: str) -> set[str]:
    """The statuses of `--redo` for a command that writes rubrics, whose one is `invalid`.

    Args:
        effect: what the command then does, for the error.
    """
    from evaluators.errors import UserError

    redo = values_by_field(values, "--redo")
    statuses = redo.get("status", set())
    if set(redo) - {"status"} or statuses - {"invalid"}:
        raise UserError(f"--redo takes status=invalid: {effect}")
    return statuses
