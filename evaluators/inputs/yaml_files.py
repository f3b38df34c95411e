"""The one reader of YAML that people write: bounded, without surprises, and every mistake with its line."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from evaluators.errors import UserError
from evaluators.inputs.files import DEEPEST, read_text

COPIES = 10_000
"""Values that a file may add by aliases, beside those that it spells out: eight lines can mean a billion."""


class YamlFile(NamedTuple):
    """A YAML file that is a mapping."""

    node: yaml.MappingNode
    """Its nodes know their lines."""
    value: dict[str, Any]


def read_mapping(path: Path, holds: str) -> YamlFile:
    """Read a YAML file.

    Raises:
        UserError: it cannot be read, is not a mapping (of what it `holds`), has a key twice, or holds what is not a value.
    """
    text = read_text(path)
    loader = _loader(text, str(path))
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise UserError(f"{path}: must be a mapping with {holds}")
        _check_size(node)
        if repeated := list(_repeated_keys(loader, node)):
            raise UserError(
                *(
                    f"{path}: line {key.start_mark.line + 1}: the key {key.value!r} is here twice; keep one"
                    for key in repeated
                )
            )
        value = loader.construct_document(node)
    except (yaml.YAMLError, ValueError, OverflowError) as e:
        raise UserError(f"{path}: {_complaint(e, loader)}") from None
    return YamlFile(node, value)


def read_value(text: str) -> Any:
    """What a text alone means in YAML, such as a number.

    Raises:
        ValueError: nothing that can be used.
    """
    try:
        loader = _loader(text, "text")
        node = loader.get_single_node()
        if node is None:
            return None
        _check_size(node)
        return loader.construct_document(node)
    except (yaml.YAMLError, OverflowError) as e:
        raise ValueError(f"not valid YAML ({getattr(e, 'problem', None) or getattr(e, 'reason', e)})") from None


def line_of(node: yaml.Node, location: tuple[Any, ...]) -> int:
    """The line of the innermost node on the way to a location."""
    line = node.start_mark.line + 1
    for step in location:
        if isinstance(node, yaml.MappingNode):
            # The last one counts: a key beside `<<` overrides the merged one before it.
            pair = next(((k, v) for k, v in reversed(node.value) if k.value == str(step)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


class _Loader(yaml.SafeLoader):
    """Safe YAML; whatever cannot be a value is reported with its place."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise _at(self.peek_event(), f"nested more than {DEEPEST} levels deep")  # type: ignore[no-untyped-call]
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except yaml.YAMLError:
            raise
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as e:
            kind = node.tag.rpartition(":")[2]
            why = f" ({e})" if kind == "timestamp" and isinstance(e, ValueError) else ""
            what = _KINDS.get(kind, f"a value of the type !!{kind}")
            raise _at(node, f"{_short(node.value)} is not {what}{why}; put a text in quotes") from None
        if isinstance(node, yaml.ScalarNode) and (problem := _problem(value, node)):
            raise _at(node, problem)
        return value


_KINDS = {"timestamp": "a date", "int": "a whole number", "float": "a number", "bool": "true or false"}


def _problem(value: Any, node: yaml.ScalarNode) -> str:
    """Why a scalar is not a value that can be sent and written; empty where it is."""
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        return f"the number {_short(node.value)} has more than 64 bits; put a text in quotes"
    if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        return "half of a surrogate pair (\\ud800 to \\udfff) is not a character"
    return ""


def _loader(text: str, name: str) -> _Loader:
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as e:
        line = text.count("\n", 0, e.position) + 1
        raise UserError(
            f"{name}: line {line}: the character {_character(e)} is not allowed in YAML; remove it"
        ) from None
    return loader


def _character(error: yaml.reader.ReaderError) -> str:
    code = error.character if isinstance(error.character, int) else ord(str(error.character))
    return f"U+{code:04X}"


def _at(node: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _short(text: Any) -> str:
    return repr(text if len(text) <= 24 else f"{text[:24]}...") if isinstance(text, str) else "this"


def _complaint(error: Exception, loader: _Loader) -> str:
    """The line and what is wrong. What an escape such as \\UFFFFFFFF raises has no place of its own: the reader's is near."""
    mark = getattr(error, "problem_mark", None) or loader.get_mark()
    return f"line {mark.line + 1}: not valid YAML ({getattr(error, 'problem', None) or error})"


def _check_size(root: yaml.Node) -> None:
    """Refuse aliases that expand to too much, and anchors that hold themselves.

    Raises:
        yaml.MarkedYAMLError: at the outermost value that is too large.
    """
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, above: frozenset[int]) -> int:
        if id(node) in above:
            raise _at(node, "an anchor may not hold itself")
        if id(node) not in sizes:
            inner = above | {id(node)}
            total = 1 + sum(size(n, inner) for n in _inner(node))
            sizes[id(node)] = total
            if total > COPIES + len(sizes):
                raise _at(node, f"its aliases expand to more than {COPIES:,} values; spell out what is needed")
        return sizes[id(node)]

    size(root, frozenset())


def _inner(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _repeated_keys(loader: _Loader, root: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Keys that are in a mapping twice, each node looked at once."""
    visited: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.MappingNode):
            earlier_keys: set[Hashable] = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise _at(key, "a key must be a plain word")
                value = key.value if key.tag == "tag:yaml.org,2002:merge" else loader.construct_object(key)
                if value in earlier_keys:
                    yield key
                earlier_keys.add(value)
        waiting += reversed(list(_inner(node)))
