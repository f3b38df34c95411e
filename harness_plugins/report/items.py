"""The browser of items as a page holds it: what its lists offer, and a block of data for each item, rubric and picture."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode

from markupsafe import escape

from harness_plugins.report.contents import LENGTHS, Contents, contents
from harness_plugins.report.outcomes import MISSING, UNLABELLED, Chosen, Outcomes
from harness_plugins.report.page import data_block
from harness_plugins.report.texts import plain
from harness_plugins.report.thumbnails import Thumbnail, thumbnails
from harness_plugins.report.verdicts import verdicts_of
from harness_plugins.scoring.arrays import RunData

TEXT_BYTES = 15_000_000
"""Texts are cut shorter where they would take more of it."""

CHIPS = {
    "": ("all", "Every item of the lists above."),
    "fixed": (
        "fixed by the rubric",
        "Right in both orders with the rubric, and not so without one (of several answers: in more of them). Gained in the tables.",
    ),
    "broken": (
        "broken by it",
        "Right in both orders without a rubric, and no longer so with it. Lost in the tables.",
    ),
    "flipped": (
        "flips with order",
        "Another response was picked when the responses changed places: the judge followed the position.",
    ),
    "leak": (
        "leaks",
        "By its words alone, the rubric that was written for this item names a winner, compares the responses, refers to one by "
        "its place, quotes one at length, or holds an answer tag.",
    ),
    "unread": ("unread", "An answer came and is no verdict: not of the form asked for, refused, or cut off."),
    "missing": ("missing", "An answer never came. The cell has no score until it does."),
}
"""`show` of an address -> (label, what it means): the filters."""

OF_RUBRICS = ("fixed", "broken", "leak")


def address(**filters: str) -> str:
    """The address on the page that opens the items of some filters.

    Example:
        >>> address(show="fixed", writer="grm", judge="alpha", benchmark="demo", arm="transferred")
        '#items?show=fixed&writer=grm&judge=alpha&benchmark=demo&arm=transferred'

    Args:
        filters: `show` (a key of `CHIPS`; all items without it), `writer` (whose rubrics; the first without it), `judge` (any
            model without it), `arm` (what the judge reads; the writer's rubric for the item without it), `benchmark`, `category`, `q`
            (words that occur), `item` (a uid, to open). Names are as in the records, made `plain`. items.js reads and writes it.
    """
    return "#items?" + urlencode({name: plain(value) for name, value in filters.items()})


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
    lengths = page_contents.lengths
    about = (
        f"The page holds {_which(chosen)} Answers are cut at {lengths.reason:,} characters and other texts at {lengths.text:,}, with "
        "the full length said. Responses are named as in the records: A is the same one in whichever order it was shown."
    )
    choice = f"The page holds {_which(chosen)}" if len(chosen.uids) < chosen.total else ""
    return Browser(choices(page_contents) | {"about": about, "choice": choice}, blocks + "".join(pictures))


def _which(chosen: Chosen) -> str:
    if len(chosen.uids) == chosen.total:
        return f"all {chosen.total:,} items of the run."
    why = ", ".join(f"{n:,} {name}" for name, n in chosen.reasons.items())
    how = (
        f", those with something to see first, taken in turn from each kind ({why})" if len(chosen.reasons) > 1 else ""
    )
    return (
        f"{len(chosen.uids):,} of the run's {chosen.total:,} items{how}. "
        "Figures and tables are of all items; --items N shows more."
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
    """What the browser's filters and lists offer, in the order of the run."""
    index = contents.index
    codes = "".join(entry[5][::2] for entry in index["items"])
    shown = [
        Chip(key, *words)
        for key, words in CHIPS.items()
        if (index["writers"] or key not in OF_RUBRICS) and (key != "missing" or MISSING in codes)
    ]
    models, baselines = (
        [Choice(n, n) for n, is_baseline in index["judges"] if is_baseline == b] for b in (False, True)
    )
    arms = [(arm, word, about) for arm, word, about, _ in index["arms"]]
    pairs = all(len(entry["candidates"]) <= len("AB") for entry in contents.items)
    return {
        "chips": shown,
        "judges": [models, baselines],
        "any_judge": "any model" if models and baselines else "any judge",
        "writers": [Choice(w, f"rubrics of {w}") for w in index["writers"]],
        "arms": [Choice(arm, word) for arm, word, _ in arms],
        "meanings": arms,
        "benchmarks": [Choice(b["name"], b["name"]) for b in index["benchmarks"]],
        "categories": [Choice(c, c) for c in sorted({entry[3] for entry in index["items"] if entry[3]})],
        "orders": "both orders" if pairs else "all orders",
        "unlabelled": UNLABELLED in codes,
    }


class Choice(NamedTuple):
    """A line of a list to choose from."""

    value: str
    text: str


class Chip(NamedTuple):
    """A filter."""

    key: str
    label: str
    about: str


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
