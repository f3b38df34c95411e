"""The short table of a run, on a terminal or as Markdown: what `run` and other harnesses end in."""

from __future__ import annotations

import sys
from pathlib import Path

from evaluators.text import say


def print_summary(run: Path) -> bool:
    """Print a run's short table, and those of other packages; returns whether all its cells are complete."""
    from harness_plugins.scoring.score import score
    from harness_plugins.tables.package_tables import package_tables
    from harness_plugins.tables.render.terminal import print_rich
    from harness_plugins.tables.render.to_markdown import markdown
    from harness_plugins.tables.run import summary

    report = score(run)
    others = package_tables([report])
    short = [*summary(report), *others.tables]
    if sys.stdout.isatty():
        print_rich(short)
    else:
        say(markdown(short))
    for problem in others.problems:  # the run itself is whole: no error of this command
        say(f"error: {problem}", file=sys.stderr)
    return all(c.complete for c in report.cells)
