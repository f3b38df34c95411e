"""Names that must be one of a known list: the message where one is not."""

from __future__ import annotations

import difflib
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
