"""YAML files that a model checks: paths relative to the file, and every mistake as a line that names file, line and fix."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError

from evaluators.errors import UserError
from evaluators.inputs.complaints import UNUSABLE_PATH, problem_lines
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
    node: yaml.MappingNode
    value: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path, holds: str) -> ConfigFile:
        """Read a file.

        Args:
            holds: its main keys, for the message where it is not a mapping.

        Raises:
            UserError: it cannot be read, or is not YAML that holds a mapping.
        """
        return cls(path, *read_mapping(path, holds))

    def checked(self, kind: type[M], value: Mapping[str, Any] | None = None) -> M:
        """The file as a model, its paths absolute.

        Args:
            value: what to check in place of what the file holds.

        Raises:
            UserError: all mistakes found, one line each.
        """
        data, paths = dict(self.value if value is None else value), _Paths(self.path.resolve().parent)
        try:
            model = kind.model_validate(data, context=paths)
            if (
                paths.unusable
            ):  # reported last: of a field that does not belong there, it does not matter whether its file exists
                kind.model_validate(data, context=replace(paths, refuse=True))
        except ValidationError as e:
            raise UserError(*problem_lines(self.path, self.node, e, kind)) from None
        return model

    def line(self, *location: str | int) -> str:
        """`<file>: line <n>` of a part, as errors begin."""
        return f"{self.path}: line {line_of(self.node, location)}"
