"""Doors for others: a kind of module of which more may be brought by any installed package.

Ours lie in one package, a module each. Another package names its own in its `pyproject.toml`, and they are used like ours:

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
from types import ModuleType

from evaluators.errors import UserError


@dataclass(frozen=True)
class Door:
    """One kind of module.

    Example:
        >>> "openai" in Door("backends", "evaluators.backends").names()
        True
    """

    kind: str
    """The end of its entry points' group, `rubric_harness.KIND`."""
    package: str
    """Where ours lie; empty where ours are no modules of their own. Modules that begin with `_`, and folders, hold what they share."""

    def names(self) -> list[str]:
        """All that are at hand, in alphabetical order."""
        return sorted({*_ours(self.package), *_brought(self.kind)})

    def others(self) -> list[str]:
        """Those that other packages bring, in alphabetical order."""
        return sorted(_brought(self.kind).keys() - _ours(self.package))

    def module(self, name: str) -> ModuleType:
        """The module of a name; where a package brings one by a name of ours, ours.

        Raises:
            KeyError: no such name.
            UserError: the package that brings it does not load.
        """
        if name in _ours(self.package):
            return importlib.import_module(f"{self.package}.{name}")
        brought = _brought(self.kind)[name]
        try:
            module: ModuleType = brought.load()
        except Exception as e:  # a stranger's module may raise anything
            raise UserError(
                f"{name!r}, which the package {self.distribution(name)} brings ({brought.group}), does not load: "
                f"{type(e).__name__}: {e}; update that package or uninstall it"
            ) from e
        return module

    def distribution(self, name: str) -> str:
        """The package that brings a module which is not ours, as pip names it."""
        brought = _brought(self.kind)[name]
        return brought.dist.name if brought.dist else "another package"

    def about(self, name: str) -> str:
        """The first line of what a module says of itself."""
        return (self.module(name).__doc__ or "").strip().partition("\n")[0]


@cache
def _ours(package: str) -> frozenset[str]:
    spec = importlib.util.find_spec(package) if package else None  # the package itself may be slow to import
    places = (spec.submodule_search_locations or ()) if spec else ()
    return frozenset(m.name for m in pkgutil.iter_modules(places) if not m.ispkg and not m.name.startswith("_"))


@cache
def _brought(kind: str) -> dict[str, EntryPoint]:
    return {e.name: e for e in entry_points(group=f"rubric_harness.{kind}")}
