"""Names: of a known list, with the message where one is not; and those that are made of what others call a thing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

LISTED = 12
"""Names that are listed beside a suggestion; of more, the suggestion says enough."""
MOST_LISTED = 40
"""Names that are listed where no name is similar."""


def unknown(what: str, name: object, choices: Iterable[str]) -> str:
    """What is wrong with a name, and what may have been meant.

    >>> unknown("arm", "Nome", ["none", "generic"])
    "unknown arm 'Nome'; did you mean 'none'? There are: none, generic"
    """
    names = list(dict.fromkeys(choices))
    message = f"unknown {what} {name!r}"
    if not names:
        return f"{message}; there are none"
    lower = {n.lower(): n for n in reversed(names)}
    close = difflib.get_close_matches(str(name).lower(), lower, 1)
    if not close:
        more = ", ..." if len(names) > MOST_LISTED else ""
        return f"{message}; there are: {', '.join(names[:MOST_LISTED])}{more}"
    listing = f" There are: {', '.join(names)}" if len(names) <= LISTED else ""
    return f"{message}; did you mean {lower[close[0]]!r}?{listing}"


def as_name(text: str, otherwise: str) -> str:
    """A name that a row of a table may have, of what a model or file is called: the part after its last slash.

    >>> as_name("Qwen/Qwen2.5-VL-7B-Instruct", "judge"), as_name("///", "judge")
    ('Qwen2.5-VL-7B-Instruct', 'judge')

    Args:
        otherwise: the name where nothing of the text can be in one.
    """
    last = text.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._:+-]+", "-", last).lstrip("._:+-") or otherwise
