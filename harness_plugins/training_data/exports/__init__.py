"""Formats of trainers: a module here writes the examples of a part as one trainer reads them.

Such a module holds `SUFFIX` (of its files) and `write(path, examples)`, which writes them in their order; and `check()` where it needs
what may not be installed. Adding a format is adding such a module; those that begin with `_` are shared parts.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType


def formats() -> list[str]:
    """The formats at hand."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def export(name: str) -> ModuleType:
    """The module of a format."""
    return importlib.import_module(f"{__name__}.{name}")


def check(names: Iterable[str]) -> None:
    """Whether the formats can be written, before anything is asked for them.

    Raises:
        UserError: something is not installed.
    """
    for name in names:
        getattr(export(name), "check", lambda: None)()


def about(name: str) -> str:
    """The first line of what a format's module says of itself."""
    return (export(name).__doc__ or "").partition("\n")[0]
