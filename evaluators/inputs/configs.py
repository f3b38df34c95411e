"""YAML files that a model checks: paths relative to the file, and every mistake as a line that names file, line and fix."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError

from evaluators.errors import UserError
from evaluators.inputs.changes import changed
from evaluators.inputs.complaints import UNUSABLE_PATH, Location, problem_lines
from evaluators.inputs.files import not_a_file
from evaluators.inputs.yaml_files import line_of, read_mapping

M = TypeVar("M", bound=BaseModel)


@dataclass
class _Paths:
    """Pydantic's validation context for a file. Without it (a model made in Python) paths are left as they are."""

    folder: Path
    """The file's own: its paths are relative to it."""
    refuse: bool = False
    """Whether a path that cannot be used is an error; else it is only counted."""
    unusable: int = 0


def _absolute(path: Path, info: ValidationInfo) -> Path:
    paths: _Paths | None = info.context
    return path if paths is None else Path(os.path.normpath(paths.folder / os.path.expanduser(path)))


def _usable(path: Path, info: ValidationInfo) -> Path:
    paths: _Paths | None = info.context
    if paths is not None and (problem := _problem(path)):
        paths.unusable += 1
        if paths.refuse:
            raise PydanticCustomError(UNUSABLE_PATH, "{path} {problem}", {"path": str(path), "problem": problem})
    return path


def _problem(path: Path) -> str:
    """Why nothing can be read at a path; empty where there is a file or a folder."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return "is missing; correct the path (it is relative to the config file) or put the file there"
    kind = "" if stat.S_ISDIR(mode) else not_a_file(mode)
    return f"is {kind}, not a file; save what it holds in a file" if kind else ""


def _not_empty(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise ValueError("empty: name a folder, or leave it out")
    return value


InputPath = Annotated[Path, AfterValidator(_absolute), AfterValidator(_usable)]
"""A file or folder that is read: it must be there, and be no device or pipe."""
OutputPath = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(_absolute)]
"""Where something is written: an empty text would be the folder that the config is in."""


@dataclass(frozen=True)
class ConfigFile:
    """A YAML file as read, before a model checks it.

    >>> file = ConfigFile.read(Path("prices.yaml"), "`currency` and `models`")         # doctest: +SKIP
    >>> prices = file.checked(Prices)                                                  # doctest: +SKIP
    """

    path: Path
    node: yaml.MappingNode | None
    """None where it was typed as options: `path` then only says so, and paths are relative to the working folder."""
    value: Mapping[str, Any]
    options: Mapping[Location, str] = field(default_factory=dict)
    """What was typed beside the file, or in place of one, by the location that it is about."""

    @classmethod
    def read(cls, path: Path, holds: str) -> ConfigFile:
        """Read a file.

        Args:
            holds: its main keys, for the message where it is not a mapping.

        Raises:
            UserError: it cannot be read, or is not YAML that holds a mapping.
        """
        return cls(path, *read_mapping(path, holds))

    def checked(self, kind: type[M]) -> M:
        """The file as a model, its paths absolute.

        Raises:
            UserError: all mistakes found, one line each.
        """
        data, paths = dict(self.value), _Paths(self.path.resolve().parent)
        try:
            model = kind.model_validate(data, context=paths)
            if (
                paths.unusable
            ):  # reported last: of a field that does not belong there, it does not matter whether its file exists
                kind.model_validate(data, context=replace(paths, refuse=True))
        except ValidationError as e:
            raise UserError(*problem_lines(lambda location: self.line(*location), e, kind)) from None
        return model

    def line(self, *location: str | int) -> str:
        """`<file>: line <n>` of a part, or the option that it is from, as errors begin."""
        from_options = [at for at in self.options if location[: len(at)] == at]
        if from_options:
            return self.options[max(from_options, key=len)]
        place = str(self.path) if self.node is None else f"{self.path}: line {line_of(self.node, location)}"
        below = [option for at, option in self.options.items() if at[: len(location)] == location]
        return f"{place} with {', '.join(below)}" if below and location else place

    def changed(self, text: str, option: str = "--set") -> ConfigFile:
        """With a value changed that is typed as PATH=VALUE.

        Raises:
            UserError: there is no such place, or the value is no YAML.
        """
        value, location = changed(self.value, text, option)
        options = {at: typed for at, typed in self.options.items() if at[: len(location)] != location}
        return replace(self, value=value, options={**options, location: f"{option} {text}"})
