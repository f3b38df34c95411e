"""A package's public names, each imported from its module when it is first used: `--help` must not pay for what it does not need."""

from __future__ import annotations

import importlib
import sys

TYPE_CHECKING = False  # `typing` is slow to import, and this comes before everything else
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def public(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package.

    Args:
        modules: by public name the module that defines it.
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(modules[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *modules})

    return get, names
