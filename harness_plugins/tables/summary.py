"""What a command that judged ends in, natively or in another harness: the answer, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from evaluators.text import near, program

if TYPE_CHECKING:
    from rich.console import Console

    from harness_plugins.scoring.cells import CellReport
    from harness_plugins.scoring.report import Report
    from harness_plugins.tables.model import Table

WARNINGS = 3
"""Printed one by one; `table` has all of them."""


class Step(NamedTuple):
    """A command that runs as it stands, and what it is good for."""

    command: str
    purpose: str


def print_summary(run: Path) -> Report:
    """Print what may be said of a run, what spoils its numbers, and one short table a benchmark; returns the scored run."""
    import sys

    from evaluators.text import say
    from harness_plugins.scoring.score import score
    from harness_plugins.tables.package_tables import package_tables
    from harness_plugins.tables.render.terminal import print_tables
    from harness_plugins.tables.run import tables

    report = score(run)
    others = package_tables([report])
    short = tables([report], ["answer"]) or tables([report], ["summary"])
    print_tables([*_few_warnings(short, run), *others.tables])
    for problem in others.problems:  # the run itself is whole: no error of this command
        say(f"error: {problem}", file=sys.stderr)
    return report


def _few_warnings(tables: Sequence[Table], run: Path) -> list[Table]:
    shown = []
    for table in tables:
        more = len(table.warnings) - WARNINGS
        pointer = [f"{more} more: {program()} table {_path(run)}"] if more > 0 else []
        shown.append(replace(table, warnings=[*table.warnings[:WARNINGS], *pointer]))
    return shown


def print_next(report: Report, typed: str = "") -> None:
    """Print what to do with a run: the commands run as they stand.

    Args:
        typed: what was typed behind `run`, where it was `run`.
    """
    from harness_plugins.tables.render.terminal import console

    screen = console()
    screen.print()
    for n, step in enumerate(next_steps(report, typed)):
        _print_step(screen, step, "next  " if n == 0 else "      ")


def _print_step(screen: Console, step: Step, start: str) -> None:
    from harness_plugins.tables.render.terminal import printed

    gap = max(2, 46 - len(step.command))
    command, purpose = printed(screen, step.command), printed(screen, step.purpose, "dim")
    fits = len(start) + len(step.command) + gap + len(step.purpose) <= screen.width
    # A command is never broken: it is there to be copied.
    screen.print(start, command, " " * gap if fits else f"\n{' ' * 10}", purpose, sep="", soft_wrap=True)


def next_steps(report: Report, typed: str = "") -> Iterator[Step]:
    run = _path(report.folder)
    if typed and not all(c.complete for c in report.cells):
        yield Step(f"{program()} run {typed}", "ask for the answers that are missing")
    fixing = [
        c for c in report.cells if c.arm == "transferred" and (c.gained or 0) >= 1 and float(c.gained or 0).is_integer()
    ]
    best = max((c for c in fixing if not c.baseline), key=_gained, default=max(fixing, key=_gained, default=None))
    if best is not None:
        command = f"{program()} show {run} --judge {shlex.quote(best.judge)} --where transferred=fixed"
        if len({c.writer for c in report.cells if c.arm == "transferred"}) > 1:
            command += f" --writer {shlex.quote(best.writer or '')}"
        if len(report.items) > 1:
            command += f" --benchmark {shlex.quote(best.benchmark)}"
        items = f"{_gained(best):.0f} item{'s' * (_gained(best) != 1)}"
        yield Step(command, f"the {items} that {best.writer}'s rubrics fixed for {best.judge}")
    else:
        yield Step(f"{program()} show {run}", "items with what each judge answered")
    if report.cells and all(c.baseline or c.computed for c in report.cells):
        yield Step(f"{program()} init", "write a config with a model of yours as the judge: then there is an answer")
    yield Step(f"{program()} report {run}", "one page: figures, and every item")
    yield Step(f"{program()} table {run}", "more numbers; --all for every table")


def _gained(cell: CellReport) -> float:
    return cell.gained or 0.0


def _path(path: Path) -> str:
    return shlex.quote(str(near(path.absolute())))
