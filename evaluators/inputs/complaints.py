"""What pydantic finds wrong with something that a person wrote, as lines that name the place and the fix."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from evaluators.inputs.names import unknown
from evaluators.inputs.yaml_files import line_of

_KEY = "[key]"
"""How pydantic says that a key of a mapping is meant, not its value."""
UNUSABLE_PATH = "unusable_path"
"""Pydantic's type of an error in `configs.InputPath`, which names the file and needs no more than the key it is under."""
_SHOWN = 60
_WORDS = {
    **dict.fromkeys(("dict_type", "model_type"), "must be a mapping of keys to values"),
    **dict.fromkeys(("list_type", "tuple_type"), "must be a list"),
    "string_type": "must be a text",
    "path_type": "must be a path",
    "too_short": "may not be empty",
}
"""What pydantic says in Python's words, by its type of error."""
_SHORT = reprlib.Repr()  # of a body of 64 MB, or nested a thousand deep, Python's own takes seconds, or the stack
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlist, _SHORT.maxdict = 8, 4 * _SHOWN, 4 * _SHOWN, 30, 30


Location = tuple[int | str, ...]
"""Where a mistake is, as pydantic names it."""


def in_file(path: Path, node: yaml.Node) -> Callable[[Location], str]:
    """Where a location is in a YAML file: `<file>: line <n>`."""
    return lambda location: f"{path}: line {line_of(node, location)}"


def problem_lines(where: Callable[[Location], str], error: ValidationError, top: type[BaseModel]) -> list[str]:
    """Each mistake as one line: its place, what is wrong, and a fix.

    Args:
        where: the place of a location, in words, such as `in_file` has them.
    """
    lines: dict[tuple[Any, str], str] = {}
    for mistake in error.errors(include_url=False):
        if mistake["type"] != "too_short" or not mistake["input"]:
            location = mistake["loc"]
            key_path = walk(top, location).key_path
            # Where several types are allowed, each complains of one value: the first says enough.
            by_member = len(key_path) < len(location) and mistake["type"] != "extra_forbidden"
            key = (key_path, "") if by_member else (location, mistake["msg"])
            lines.setdefault(key, f"{where(location)}: {complaint(mistake, top)}")
    return list(dict.fromkeys(lines.values()))


def complaint(error: Any, top: type[BaseModel], key: str = "key") -> str:
    """One mistake: where within the value, what is wrong, and a fix.

    Args:
        error: an entry of `ValidationError.errors()`.
        top: the model of the whole value.
        key: what its names are called.
    """
    location = tuple(error["loc"])
    kinds, key_path = walk(top, location)
    where = ".".join(str(p) for p in key_path)
    if error["type"] == "extra_forbidden":
        owners = walk(top, location[:-1]).kinds
        field_names = [n for k in owners if isinstance(k, type) and issubclass(k, BaseModel) for n in k.model_fields]
        return unknown(key, str(location[-1]), field_names)
    if error["type"] == "missing":
        return f"{where!r} is missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == UNUSABLE_PATH:
        return f"{key_path[-1]}: {message}"
    if error["type"] == "value_error":
        return f"{where + ': ' if where else ''}{message}"
    choices = [str(c) for k in kinds if get_origin(k) is Literal for c in get_args(k)]
    value = error["input"][: _SHOWN * 4] if isinstance(error["input"], str) else error["input"]
    if error["type"] == "literal_error" and choices and not isinstance(value, list | dict):
        return f"{where}: {unknown('key' if location[-1] == _KEY else 'value', value, choices)}"
    message = _WORDS.get(error["type"], message)
    shown = _SHORT.repr(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    return f"{where + ': ' if where else ''}{message[:1].lower()}{message[1:]} (found {shown})"


class Walk(NamedTuple):
    """Where a location leads."""

    kinds: list[Any]
    """The types that a value there may have."""
    key_path: tuple[int | str, ...]
    """The location without the steps that only name a member of a union."""


def walk(top: Any, location: tuple[int | str, ...]) -> Walk:
    """Follow a location by the annotations on the way from `top`."""
    kinds, key_path = list(_plain(top)), []
    for n, step in enumerate(location):
        of_key = location[n + 1 : n + 2] == (_KEY,)
        if inner := [kind for k in kinds for i in _inner(k, step, of_key) for kind in _plain(i)]:
            kinds = inner
            key_path.append(step)
    return Walk(kinds, tuple(key_path))


def _plain(kind: Any) -> Iterator[Any]:
    """The members of a union, without annotations."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _plain(get_args(kind)[0])
    elif origin in (Union, UnionType):
        for member in get_args(kind):
            yield from _plain(member)
    else:
        yield kind


def _inner(kind: Any, step: int | str, of_key: bool) -> Iterator[Any]:
    """What a type holds at a step; `of_key`: the type of the mapping's key there."""
    arguments = get_args(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if field := kind.model_fields.get(str(step)):
            yield field.annotation
    elif get_origin(kind) is dict:
        yield arguments[0 if of_key else 1]
    elif get_origin(kind) in (tuple, list) and isinstance(step, int):
        yield arguments[0 if len(arguments) == 1 or arguments[-1] is Ellipsis else step]
