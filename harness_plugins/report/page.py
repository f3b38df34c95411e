"""The page as one file: template, style and script pinned by their hashes, data as JSON blocks that nothing runs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from harness_plugins.report.contents import Contents
from harness_plugins.report.sections import Section
from harness_plugins.report.thumbnails import Thumbnail

_HERE = Path(__file__).parent
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0072b2"/>'
    '<path d="M4 8.5 7 11.5 12 5" fill="none" stroke="#fff" stroke-width="2"/></svg>'
)
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}

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


def data_block(name: str, value: Any) -> str:
    """JSON that can neither end its element nor begin another."""
    text = orjson.dumps(value).decode()
    for character, escape in _ESCAPES.items():  # eight times as fast as `translate`
        text = text.replace(character, escape)
    return f'<script type="application/json" id="{name}">{text}</script>\n'


def picture_block(number: int, thumbnail: Thumbnail) -> str:
    """A picture, or why there is none, under the number by which items name it."""
    data = base64.b64encode(thumbnail.data).decode()
    more = (
        f'data-size="{thumbnail.size[0]} × {thumbnail.size[1]}"'
        if thumbnail.data
        else f'data-gone="{_attribute(thumbnail.problem)}"'
    )
    return f'<script type="text/plain" id="p{number}" {more}>{data}</script>\n'


def _attribute(text: str) -> str:
    from markupsafe import escape

    return str(escape(text))


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


def page(
    *,
    name: str,
    lead: str,
    footer: str,
    sections: Sequence[Section],
    browser: Mapping[str, Any],
    blocks: str,
    version: str,
) -> str:
    """The whole page."""
    return rendered(
        "page.html.jinja",
        Parts(read_part("page.css"), read_part("page.js")),
        kind="Rubric Harness report",
        name=name,
        lead=lead,
        footer=footer,
        sections=sections,
        shown=bool(browser),
        browser=browser,
        version=version,
        images="data:",
        blocks=blocks,
    )


class Parts(NamedTuple):
    """What a page carries beside its data."""

    style: str
    script: str


def read_part(name: str, folder: Path = _HERE) -> str:
    """A style, or a script with the part that all scripts share put where it names it."""
    text = (folder / name).read_text(encoding="utf-8")
    shared = "  // elements.js\n"
    return text.replace(shared, (_HERE / "elements.js").read_text(encoding="utf-8")) if shared in text else text


def rendered(template: str, parts: Parts, folder: Path = _HERE, *, blocks: str, **values: Any) -> str:
    """A page in the report's style, from a template that extends `frame.html.jinja`.

    Args:
        folder: where the template is.
        blocks: HTML, of `data_block` and `picture_block` alone.
        values: what the template names; they are escaped.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader([folder, _HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(
        **values,
        style=Markup(parts.style),  # noqa: S704  # files of these packages
        script=Markup(parts.script),  # noqa: S704
        # The page's policy lets this style and this script run, and nothing that a judge or writer wrote.
        style_hash=_hash(parts.style),
        script_hash=_hash(parts.script),
        icon=base64.b64encode(_ICON.encode()).decode(),
        blocks=Markup(blocks),  # noqa: S704  # escaped by `data_block` and `picture_block`
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
