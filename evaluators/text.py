"""What others wrote, as it may reach a terminal or a file that people open."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TextIO

_HIDDEN = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff"
"""C1 controls, what turns the direction of a text, line separators, annotations, and halves of characters."""
_UNPRINTABLE = re.compile(f"\r\n|[\x00-\x08\x0b-\x1f{_HIDDEN}]")
_IN_JSON = re.compile(f"[{_HIDDEN}]")


def printable(text: str) -> str:
    """A text that drives no terminal: what would is shown as a sign. Line breaks and tabs stay.

    >>> printable("red \\x1b[31m, and back \\u202e")
    'red ␛[31m, and back �'
    """
    return _UNPRINTABLE.sub(_sign, text)


def _sign(match: re.Match[str]) -> str:
    c = match[0]
    if c == "\r\n":
        return "\n"
    return chr(0x2400 + ord(c)) if c < " " else "\u2421" if c == "\x7f" else "\ufffd"


def printable_json(text: str) -> str:
    """JSON of the same meaning in which nothing is raw that `printable` would replace."""
    return _IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def say(*parts: object, sep: str = " ", end: str = "\n", file: TextIO | None = None, flush: bool = False) -> None:
    """`print` for all that this program prints: made `printable`, and in letters that the stream has."""
    stream = sys.stdout if file is None else file
    text = printable(sep.join(map(str, parts)))
    letters = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(letters)
    except UnicodeEncodeError:
        text = text.encode(letters, "backslashreplace").decode(letters)
    print(text, end=end, file=stream, flush=flush)  # the one place


def near(path: Path) -> Path:
    """The path as a person standing here would write it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def program() -> str:
    """How this program was called, so that a command that is printed runs as it stands.

    >>> program()  # doctest: +SKIP
    '.venv/bin/rubric-harness'
    """
    called = Path(sys.argv[0] or "rubric-harness")
    if called.name == "__main__.py" and called.parent.name == "harness_plugins":
        return "python -m harness_plugins"
    if called.name != "rubric-harness" or not called.is_file():
        return "rubric-harness"
    on_path = shutil.which("rubric-harness")
    same = on_path is not None and Path(on_path).resolve() == called.resolve()
    return "rubric-harness" if same else shlex.quote(str(near(called.absolute())))
