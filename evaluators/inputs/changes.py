"""Changes to a config that are typed beside it: `judges.0.model=name`, a dotted path and a value in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from evaluators.errors import UserError
from evaluators.inputs.complaints import Location
from evaluators.inputs.names import unknown
from evaluators.inputs.yaml_files import read_value


class Changed(NamedTuple):
    """A config's values after a change."""

    value: dict[str, Any]
    location: Location
    """What was changed; an entry of a list by its number."""


def changed(value: Mapping[str, Any], text: str, option: str) -> Changed:
    """The values with one of them changed, or added; what was handed over stays as it is.

    >>> changed({"judges": [{"name": "qwen"}]}, "judges.qwen.max_tokens=512", "--set").value
    {'judges': [{'name': 'qwen', 'max_tokens': 512}]}

    Args:
        text: PATH=VALUE. An entry of a list is named by its number, or by its name.
        option: how it was typed, for errors.

    Raises:
        UserError: there is no such place, or the value is no YAML.
    """
    path, equals, raw = text.partition("=")
    said = f"{option} {text}"
    if not equals or not path.strip():
        raise UserError(f"{said}: give PATH=VALUE, such as {option} judges.0.model=NAME")
    try:
        new = read_value(raw)
    except ValueError as e:
        raise UserError(f"{said}: {e}; put a text in quotes") from None
    location: list[str | int] = []
    result = _set(dict(value), path.strip().split("."), new, location, said)
    return Changed(result, tuple(location))


def _set(node: Any, steps: list[str], new: Any, location: list[str | int], said: str) -> Any:
    """A copy of a node with the new value in it; the others below it are shared."""
    if not steps:
        return new
    step, further = steps[0], steps[1:]
    if node is None or isinstance(node, dict):
        if not step:
            raise UserError(f"{said}: a name is missing between two dots")
        location.append(step)
        inner = (node or {}).get(step)
        # What a config may give alone (`judges: longest`) is a list of one where a number follows.
        alone = further and further[0].isdigit() and isinstance(inner, str | dict)
        return {**(node or {}), step: _set([inner] if alone else inner, further, new, location, said)}
    where = ".".join(map(str, location))
    if not isinstance(node, list):
        raise UserError(f"{said}: {where} is {node!r:.60}, which has no {step!r} in it: set {where} as a whole")
    index = _index(node, step, where, said)
    location.append(index)
    entries = [*node, None] if index == len(node) else list(node)
    entries[index] = _set(entries[index], further, new, location, said)
    return entries


def _index(entries: list[Any], step: str, where: str, said: str) -> int:
    names = [e.get("name") if isinstance(e, dict) else e for e in entries]
    if step in names:
        return names.index(step)
    if not step.isdigit():
        known = [str(n) for n in names if n is not None]
        raise UserError(f"{said}: {unknown(f'entry of {where}', step, known)}; or by number, 0 for the first")
    if int(step) > len(entries):
        raise UserError(f"{said}: {where} has {len(entries)} entries; the first is {where}.0")
    return int(step)
