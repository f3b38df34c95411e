"""The page as one file: template, style and script pinned by their hashes, data as JSON blocks that nothing runs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from harness_plugins.report.body import Body
from harness_plugins.report.texts import plain
from harness_plugins.scoring.sentences import bounds, signed

_HERE = Path(__file__).parent
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0072b2"/>'
    '<path d="M4 8.5 7 11.5 12 5" fill="none" stroke="#fff" stroke-width="2"/></svg>'
)
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def data_block(name: str, value: Any) -> str:
    """JSON that can neither end its element nor begin another."""
    text = orjson.dumps(value).decode()
    for character, escape in _ESCAPES.items():  # eight times as fast as `translate`
        text = text.replace(character, escape)
    return f'<script type="application/json" id="{name}">{text}</script>\n'


def page(
    *,
    name: str,
    footer: str,
    body: Body,
    browser: Mapping[str, Any],
    blocks: str,
    version: str,
    address: Callable[..., str],
) -> str:
    """The whole page.

    Args:
        address: as `items.address`.
    """
    return rendered(
        "page.html.jinja",
        Parts(read_part("page.css") + read_part("figures.css") + read_part("items.css"), read_part("items.js")),
        kind="Rubric Harness report",
        name=name,
        footer=footer,
        body=body,
        address=address,
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
        blocks: HTML, of `data_block` and `items.picture_block` alone.
        values: what the template names; they are escaped.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader([folder, _HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_named,
        trim_blocks=False,
        keep_trailing_newline=True,
    )
    environment.globals |= {"signed": signed, "bounds": bounds}
    return environment.get_template(template).render(
        **values,
        style=Markup(parts.style),  # noqa: S704  # files of these packages
        script=Markup(parts.script),  # noqa: S704
        # The page's policy lets this style and this script run, and nothing that a judge or writer wrote.
        style_hash=_hash(parts.style),
        script_hash=_hash(parts.script),
        icon=base64.b64encode(_ICON.encode()).decode(),
        blocks=Markup(blocks),  # noqa: S704  # escaped by `data_block` and `items.picture_block`
    )


def _named(value: Any) -> Any:
    """Texts of others as they may be on a page: what is invisible, or turns the direction of a text, is named."""
    return plain(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
