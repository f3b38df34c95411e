"""What a command that asked models says at its end: what it cost, and what was not answered and why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from evaluators.text import say

if TYPE_CHECKING:
    from evaluators.engine.caller import Tally

SHOWN_PICTURES = 20
"""Files that could not be shown and are named one by one."""


def print_spent(tally: Tally) -> None:
    """What the folder cost, where prices are known."""
    budget = tally.budget
    if budget is not None:
        without = f"; no price in money for {', '.join(budget.unpriced)}" if budget.unpriced else ""
        say(f"Spent:        {budget.spent_text()}, {budget.text(budget.spent - budget.before)} of it now{without}")


def print_failures(tally: Tally, what: str) -> None:
    """What was never answered and why, on stderr."""
    from evaluators.errors import KINDS, PERMANENT

    missing = tally.statuses["error"] + tally.total - tally.written
    if not missing:
        return
    say(f"{missing} {what} are still missing (errors are never scored):", file=sys.stderr)
    for kind, count in tally.unanswered.most_common():
        example = f", such as: {tally.examples[kind]}" if tally.examples[kind] and kind != "image" else ""
        say(f"  {count} {kind}: {KINDS.get(kind, kind)}{example}", file=sys.stderr)
        if kind == "image":
            _print_pictures(list(tally.pictures))
    if set(tally.unanswered) <= PERMANENT:
        say(
            "Asking again cannot help: fix the pictures, then run the command again."
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
