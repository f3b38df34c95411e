"""What other packages add: a kind of module of which any installed package may bring more.

Ours are in one package, a module each. Another package names its own in its `pyproject.toml`, and they are used like ours:

    [project.entry-points."rubric_harness.backends"]
    echo = "my_package.echo"
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from evaluators.errors import UserError


@dataclass(frozen=True)
class Plugins:
    """One kind of module.

    Example:
        >>> "openai" in Plugins("backends", "evaluators.backends").names()
        True
    """

    kind: str
    """The end of its entry points' group, `rubric_harness.KIND`."""
    package: str
    """Where ours are; empty where ours are no modules of their own. Modules that begin with `_`, and folders, hold what they share."""

    def names(self) -> list[str]:
        """All that are available, in alphabetical order."""
        return sorted({*_ours(self.package), *_brought(self.kind)})

    def others(self) -> list[str]:
        """Those that other packages bring, in alphabetical order."""
        return sorted(_brought(self.kind).keys() - _ours(self.package))

    def module(self, name: str) -> ModuleType:
        """The module of a name; where a package brings one by a name of ours, ours.

        Raises:
            KeyError: no such name.
            UserError: the package that brings it does not load, or two packages bring it.
        """
        if name in _ours(self.package):
            return importlib.import_module(f"{self.package}.{name}")
        module: ModuleType = _loaded(_entry(self.kind, name))
        return module

    def distribution(self, name: str) -> str:
        """The package that brings a module which is not ours, as pip names it."""
        return _distribution(_brought(self.kind)[name][0])

    def about(self, name: str) -> str:
        """The first line of what a module says of itself."""
        return (self.module(name).__doc__ or "").strip().partition("\n")[0]


T = TypeVar("T")


def objects(kind: str, of: type[T]) -> dict[str, T]:
    """What installed packages bring of a kind whose entry points name an object, not a module: by name.

    Args:
        kind: the end of the entry points' group, `rubric_harness.KIND`.
        of: what each must be; its `name` must be that of its entry point.

    Raises:
        UserError: a package that brings one does not load, what it names is something else, or two packages bring one name.
    """
    by_name: dict[str, T] = {}
    for name in sorted(_brought(kind)):
        entry = _entry(kind, name)
        thing = _loaded(entry)
        if not isinstance(thing, of):
            what = f"is a {type(thing).__name__}, and must be of the type {of.__module__}.{of.__name__}"
            raise UserError(f"{_whose(entry)} {what}: {_REMEDY}")
        if (own_name := getattr(thing, "name", name)) != name:
            raise UserError(f"{_whose(entry)} is named {own_name!r} itself: the two must be the same; {_REMEDY}")
        by_name[name] = thing
    return by_name


def folders(kind: str) -> dict[str, Path]:
    """Folders with data that installed packages bring of a kind: where the package is that an entry point names, by its name.

    Raises:
        UserError: there is no such package, or two bring one name.
    """
    by_name: dict[str, Path] = {}
    for name in sorted(_brought(kind)):
        entry = _entry(kind, name)
        try:
            spec = importlib.util.find_spec(entry.module)
        except Exception as e:  # the package around it is imported, and may raise anything
            raise UserError(f"{_whose(entry)} does not load: {type(e).__name__}: {e}; {_REMEDY}") from e
        places = list(spec.submodule_search_locations or ()) if spec else []
        if not places:
            raise UserError(f"{_whose(entry)} names no folder: {entry.module} is not a package; {_REMEDY}")
        by_name[name] = Path(places[0])
    return by_name


_REMEDY = "update that package or uninstall it"


def _whose(entry: EntryPoint) -> str:
    return f"{entry.name!r}, which the package {_distribution(entry)} brings ({entry.group}),"


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "?"


def _loaded(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as e:  # another package's module may raise anything
        raise UserError(f"{_whose(entry)} does not load: {type(e).__name__}: {e}; {_REMEDY}") from e


@cache
def _ours(package: str) -> frozenset[str]:
    spec = importlib.util.find_spec(package) if package else None  # the package itself may be slow to import
    places = (spec.submodule_search_locations or ()) if spec else ()
    return frozenset(m.name for m in pkgutil.iter_modules(places) if not m.ispkg and not m.name.startswith("_"))


def _entry(kind: str, name: str) -> EntryPoint:
    """The one entry point of a name. Which of two packages would win is the order of folders on a disk: neither does."""
    entries = _brought(kind)[name]
    if len(entries) > 1:
        packages = " and ".join(sorted(_distribution(e) for e in entries))
        raise UserError(
            f"{name!r} is brought by the packages {packages} ({entries[0].group}): uninstall all but one of them"
        )
    return entries[0]


@cache
def _brought(kind: str) -> dict[str, list[EntryPoint]]:
    """What installed packages name, by name: more than one where packages are in each other's way."""
    by_name: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=f"rubric_harness.{kind}"):
        by_name.setdefault(entry.name, []).append(entry)
    return by_name
