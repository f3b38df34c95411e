"""Our short table with its warnings at the end of a harness's command, however it was started: a harness's own table has no room
for what spoils a number."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from evaluators.text import near, say


def print_summaries(folders: Sequence[Path]) -> bool:
    """Print the short table of each run folder and where to find the rest; returns whether all of it is complete."""
    from harness_plugins.tables.summary import print_next, print_summary

    complete = True
    for folder in folders if int(os.environ.get("RANK", 0)) == 0 else ():
        report = print_summary(folder)
        complete &= all(c.complete for c in report.cells)
        say(f"\nRecords: {near(folder)}")
        print_next(report)
    return complete
