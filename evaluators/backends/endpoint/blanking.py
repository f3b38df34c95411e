"""Keys out of whatever a server sends back, in every spelling that servers, proxies and web pages give a text.

>>> blanker(["secret+key"])(b'{"detail": "no such key: SECRET\\\\u002bkey"}')
b'{"detail": "no such key: [key]"}'
"""

from __future__ import annotations

import base64
import html.entities
import re
from collections.abc import Callable, Iterable

BLANK = b"[key]"
SHORTEST = 8
"""Characters of the shortest secret: placeholders such as "EMPTY" are none, and blanking them would garble replies."""

_NAMES: dict[str, list[str]] = {}
for _name, _text in html.entities.html5.items():
    if len(_text) == 1 and _text.isascii() and _name.endswith(";"):
        _NAMES.setdefault(_text, []).append(_name)


def blanker(secrets: Iterable[str]) -> Callable[[bytes], bytes]:
    """A function that puts `[key]` in the place of each secret: as it is and in any case, with characters written as JSON or
    HTML escapes or percent-encoded (also twice), and within base64 text. Secrets are ASCII, as headers are."""
    # The longest first: a key may hold a shorter secret, and without it what is left of the key would not be found.
    long = sorted({s for s in secrets if len(s) >= SHORTEST}, key=len, reverse=True)
    patterns = [re.compile(p.encode()) for secret in long for p in _spellings(secret)]

    def blanked(data: bytes) -> bytes:
        for pattern in patterns:
            data = pattern.sub(BLANK, data)
        return data

    return blanked


def _spellings(secret: str) -> list[str]:
    """Patterns for a secret: by characters, and as base64 at each of the three places where it may begin within a triple."""
    patterns = ["".join(_character({c.lower(), c.upper()}) for c in secret)]
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret.encode()).decode().rstrip("=")
        # The outer characters of base64 also depend on what is beside the secret.
        inner = encoded[(0, 2, 3)[offset] : len(encoded) - (1 if (offset + len(secret)) % 3 else 0)]
        patterns.append("".join(_character({"+": {"+", "-"}, "/": {"/", "_"}}.get(c, {c})) for c in inner))
    return patterns


def _character(variants: set[str]) -> str:
    """A pattern for one character, in either of its variants. Each branch begins with a literal, so that `re` skips quickly
    over what cannot be a beginning; the longest are first, as the last character of a key may begin a code (`%25`)."""
    branches = []
    codes = [(ord(v), _hex(ord(v))) for v in sorted(variants)]
    either = "|".join(h for _, h in codes)
    numbers = "|".join(str(n) for n, _ in codes)
    names = "".join(f"|{name}" for v in sorted(variants) for name in sorted(_NAMES.get(v, ())))
    branches.append(rf"\\\\*(?:u00|x)(?:{either})")
    branches.append(rf"%(?:25)*(?:{either})")
    branches.append(rf"&(?:amp;)*(?:#0*(?:{numbers});?|#[xX]0*(?:{either});?{names})")
    if not all(v.isalnum() for v in variants):  # `\/` and `\"`
        branches += [rf"\\\\*{re.escape(v)}" for v in sorted(variants)]
    branches += [re.escape(v) for v in sorted(variants)]
    return f"(?:{'|'.join(branches)})"


def _hex(code: int) -> str:
    return "".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in f"{code:02x}")
