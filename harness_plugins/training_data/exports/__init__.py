"""Formats of trainers: a module here writes the examples of a part as one trainer reads them.

Such a module holds `SUFFIX` (of its files) and `write(path, examples)`, which writes them in their order; and `check()` where it needs
what may not be installed. Adding a format is adding such a module, here or in a package of your own (`evaluators.plugins`);
those that begin with `_` are shared parts.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness_plugins.plugins import EXPORTS


def check(names: Iterable[str]) -> None:
    """Whether the formats can be written, before anything is asked for them.

    Raises:
        UserError: something is not installed.
    """
    for name in names:
        getattr(EXPORTS.module(name), "check", lambda: None)()
