"""The browser of items as a page holds it: what its lists offer, and a block of data for each item, rubric and picture."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from markupsafe import escape

from harness_plugins.report.contents import LENGTHS, Contents, contents
from harness_plugins.report.outcomes import Chosen, Outcomes
from harness_plugins.report.page import data_block
from harness_plugins.report.thumbnails import Thumbnail, thumbnails
from harness_plugins.report.verdicts import verdicts_of
from harness_plugins.scoring.arrays import RunData

TEXT_BYTES = 15_000_000
"""Texts are cut shorter where they would take more of it."""

HAPPENINGS = (
    (
        "fixed",
        "Rubric fixed it",
        "Right in both orders with the arm, and not so under none (of several samples: in more of them). Gained in the tables.",
    ),
    (
        "broken",
        "Rubric broke it",
        "Right in both orders under none, and no longer so with the arm. Lost in the tables.",
    ),
    (
        "flipped",
        "Flipped with order",
        "Another candidate was picked when the candidates changed places: the judge followed the position.",
    ),
    (
        "leak",
        "Leak suspected",
        "By its words alone, the rubric that was written for this item names a winner, compares the candidates, refers to one by "
        "its place, quotes one at length, or holds an answer tag.",
    ),
    (
        "incomplete",
        "Incomplete",
        "Some verdict is missing or was never answered; such a cell has no score.",
    ),
)
"""(flag, label, what it means): boxes of the browser."""

ORDERS = (
    ("data", "as in the data"),
    ("fixed", "fixed by most cells first"),
    ("broken", "broken by most cells first"),
    ("flipped", "flipped by most cells first"),
    ("id", "by id"),
)


class Browser(NamedTuple):
    """The page's browser of items: what its lists offer, and its blocks of data as HTML."""

    choices: dict[str, Any]
    blocks: str


def browser_of(data: RunData, all_outcomes: Sequence[Outcomes], chosen: Chosen, room: int, progress: bool) -> Browser:
    """The browser of the chosen items.

    Args:
        room: bytes that its blocks may take.
    """
    trials = verdicts_of(data, chosen.uids)
    for lengths in LENGTHS:
        page_contents = contents(data, all_outcomes, chosen.uids, trials, lengths)
        blocks = text_blocks(page_contents)
        size = len(blocks.encode())
        if size <= min(TEXT_BYTES, room):
            break
    uids = set(chosen.uids)
    shown = [i for o in all_outcomes for i in o.benchmark.items if i.uid in uids]
    with _bar(progress) as advance:
        # Base64 makes four bytes of three, and the element around a picture takes about 100 more.
        small = thumbnails(shown, max(0, (room - size) * 3 // 4 - 100 * len(page_contents.pictures)), advance)
    pictures = (picture_block(n, small[name]) for n, name in enumerate(page_contents.pictures))
    return Browser(choices(page_contents) | {"about": _about(chosen, page_contents)}, blocks + "".join(pictures))


def _about(chosen: Chosen, contents: Contents) -> str:
    if len(chosen.uids) == chosen.total:
        which = f"All {chosen.total:,} items of the run."
    else:
        why = ", ".join(f"{n:,} {name}" for name, n in chosen.reasons.items())
        which = (
            f"{len(chosen.uids):,} of the run's {chosen.total:,} items, those with something to see first, taken in turn from "
            f"each kind ({why}). Figures and tables are of all items; --items N shows more."
        )
    return (
        f"{which} Reasons are cut at {contents.lengths.reason:,} characters and other texts at {contents.lengths.text:,}, with the "
        "full length said. Candidates are named by their canonical order: in BA the second of them was shown first."
    )


def picture_block(number: int, thumbnail: Thumbnail) -> str:
    """A picture, or why there is none, under the number by which items name it."""
    data = base64.b64encode(thumbnail.data).decode()
    more = (
        f'data-size="{thumbnail.size[0]} × {thumbnail.size[1]}"'
        if thumbnail.data
        else f'data-gone="{escape(thumbnail.problem)}"'
    )
    return f'<script type="text/plain" id="p{number}" {more}>{data}</script>\n'


def text_blocks(contents: Contents) -> str:
    """The index, then a block for each item and each rubric."""
    parts = [data_block("index", contents.index)]
    parts += [data_block(f"i{n}", entry) for n, entry in enumerate(contents.items)]
    parts += [data_block(f"r{n}", entry) for n, entry in enumerate(contents.rubrics)]
    return "".join(parts)


def choices(contents: Contents) -> dict[str, Any]:
    """What the browser's lists offer, in the order of the run."""
    cells = [c for b in contents.index["benchmarks"] for c in b["cells"]]
    names = [list(dict.fromkeys(c[n] for c in cells if c[n] is not None)) for n in range(3)]
    categories = sorted({i[3] for i in contents.index["items"] if i[3]})
    return {
        "happenings": HAPPENINGS,
        "judges": _choices(names[0]),
        "arms": _choices(names[1]),
        "writers": _choices(names[2]),
        "benchmarks": [Choice(str(n), b["name"]) for n, b in enumerate(contents.index["benchmarks"])],
        "categories": _choices(categories),
        "orders": ORDERS,
    }


class Choice(NamedTuple):
    """A line of a list to choose from."""

    value: str
    text: str


def _choices(values: Sequence[str]) -> list[Choice]:
    return [Choice(v, v) for v in values]


@contextmanager
def _bar(progress: bool) -> Iterator[Callable[[int, int], None]]:
    """Reports progress on the pictures on stderr: a bar in a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(file=sys.stderr)
    if not progress or not console.is_terminal:
        yield lambda done, of: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("pictures", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
