"""A package's public names, each imported from its module when it is first used: `--help` must not pay for what it does not need."""

from __future__ import annotations

import importlib
import sys

TYPE_CHECKING = False  # `typing` is slow to import
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def imported(package: str, modules: Mapping[str, str], name: str) -> Any:
    """A public name of a package, for its `__getattr__`.

    Args:
        modules: by public name the module that defines it.

    Raises:
        AttributeError: that is not a public name.
    """
    if name not in modules:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(modules[name]), name)
    setattr(sys.modules[package], name, value)
    return value
