"""Files that people write: plain files alone, UTF-8 with a byte order mark or without, and JSON without repeated keys."""

from __future__ import annotations

import codecs
import errno
import json
import math
import os
import re
import stat
from collections.abc import Iterator
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Any, NamedTuple

import jsonlines

from evaluators.errors import UserError

DEEPEST = 100
"""Lists and objects within each other: code that walks through deeper ones runs out of stack."""


def not_a_file(mode: int) -> str:
    """What a path leads to that is not a plain file, in words; empty for a plain file."""
    if stat.S_ISREG(mode):
        return ""
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe (FIFO)"), (stat.S_ISSOCK, "a socket"))
    return next((name for test, name in kinds if test(mode)), "a device")


def plain_file(path: str, flags: int) -> int:
    """For `open(path, opener=plain_file)`: opens plain files alone. Opening a FIFO would wait for ever, and a device may act.

    Raises:
        OSError: it is something else; `strerror` says what.
    """
    try:
        other = not_a_file(os.stat(path).st_mode)
    except ValueError as e:
        raise OSError(errno.EINVAL, str(e), path) from None
    if other:
        raise OSError(errno.EINVAL, f"it is {other}, not a file", path)
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def open_plain(path: Path) -> BufferedReader:
    """A plain file, to be read.

    Raises:
        UserError: it is not there, is not a plain file, or cannot be read.
    """
    try:
        return BufferedReader(FileIO(str(path), opener=plain_file), 1 << 20)
    except OSError as e:
        raise UserError(_unreadable(path, e)) from None


def read_bytes(path: Path) -> bytes:
    """A file whole.

    Raises:
        UserError: it is not there, is not a plain file, or cannot be read.
    """
    try:
        with open_plain(path) as file:
            return file.read()
    except OSError as e:
        raise UserError(_unreadable(path, e)) from None


def read_text(path: Path) -> str:
    """A text in UTF-8, without its byte order mark, lines ended by a line feed.

    Raises:
        UserError: as `read_bytes`, or it is not UTF-8.
    """
    data = read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise UserError(f"{path}: line {line}: not UTF-8; save the file as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: Path) -> Any:
    """A file that is one JSON value.

    Raises:
        UserError: as `read_text`, or it is not valid JSON (`loads`).
    """
    text = read_text(path)
    try:
        return loads(text)
    except json.JSONDecodeError as e:
        raise UserError(f"{path}: line {e.lineno}: not valid JSON ({wrong(e)})") from None
    except ValueError as e:
        raise UserError(f"{path}: {e}") from None


class Line(NamedTuple):
    """A line of a JSON Lines file: its number, from 1, and the object that it holds."""

    number: int
    value: dict[str, Any]


def read_jsonl(path: Path, problems: list[str] | None = None) -> Iterator[Line]:
    """The objects of a JSON Lines file.

    Args:
        problems: where given, a line that cannot be used is reported there and left out.

    Raises:
        UserError: the file cannot be read, or a line is not a JSON object (`loads`).
    """
    number = 0

    def lines(file: BufferedReader) -> Iterator[bytes]:
        nonlocal number
        for number, line in enumerate(file, 1):  # noqa: B007  # read by the loop below
            yield line.removeprefix(codecs.BOM_UTF8)  # also within: files are put together with `cat`

    with open_plain(path) as file:
        reader = jsonlines.Reader(lines(file), loads=loads)
        value: Any
        while True:
            try:
                value = reader.read(allow_none=True, skip_empty=True)
                problem = "" if isinstance(value, dict) else f"a row must be a JSON object, not {_kind(value)}"
            except EOFError:
                return
            except jsonlines.InvalidLineError as e:
                problem = _complaint(e)
            if not problem:
                yield Line(number, value)
            elif problems is None:
                raise UserError(f"{path}: line {number}: {problem}")
            else:
                problems.append(f"{path}: line {number}: {problem}")


def loads(text: str | bytes) -> Any:
    """JSON as other programs and our own records can hold it.

    Raises:
        ValueError: not JSON; a key twice in an object; a number that is not finite or has more than 64 bits; half of a surrogate
            pair; more than `DEEPEST` levels.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if text.count("[") + text.count("{") > DEEPEST and _deeper(value, DEEPEST):
        raise ValueError(_TOO_DEEP)
    if _SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("half of a surrogate pair (\\ud800 to \\udfff) is not a character; fix the text") from None
    return value


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""An escape that may be half of a pair."""
_TOO_DEEP = f"nested more than {DEEPEST} levels deep"


_Pairs = list[tuple[str, Any]]
"""Keys and values of an object, as `json` hands them over."""


def _object(pairs: _Pairs) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        earlier_keys: set[str] = set()
        twice = next(k for k, _ in pairs if k in earlier_keys or earlier_keys.add(k))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} is here twice; keep one")
    return value


def _integer(text: str) -> int:
    value = int(text) if len(text) <= 20 else 1 << 64
    if not -(1 << 63) <= value < 1 << 64:
        raise ValueError(f"the number {text[:24]}... has more than 64 bits; write it as a text")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:24]} is not a finite number; leave it out")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_finite, parse_constant=_finite)


def _deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects are deeper in each other than so many levels."""
    row = [value]
    for _ in range(levels + 1):
        row = [
            v for node in row for v in (node.values() if isinstance(node, dict) else node) if isinstance(v, dict | list)
        ]
        if not row:
            return False
    return True


def _complaint(error: jsonlines.InvalidLineError) -> str:
    cause = error.__cause__
    if isinstance(cause, UnicodeDecodeError):
        return "not UTF-8; save the file as UTF-8"
    if isinstance(cause, json.JSONDecodeError):
        return f"not valid JSON ({wrong(cause)}); fix or remove the line"
    return str(cause)


def wrong(error: json.JSONDecodeError) -> str:
    """What is wrong with JSON of one line, and where."""
    return f"{error.msg[:1].lower()}{error.msg[1:]}, column {error.colno}"


def _kind(value: Any) -> str:
    return {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")


def _unreadable(path: Path, error: OSError) -> str:
    return f"{path}: cannot be read ({error.strerror})"
