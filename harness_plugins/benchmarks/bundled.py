"""Where the data rooms are: `tasks/`, `results/` and the demo's config in `examples/`, in a checkout or inside an installed wheel."""

from __future__ import annotations

import os
from pathlib import Path

from evaluators.errors import UserError

_HERE = Path(__file__).parent.parent


def data_dir(name: str) -> Path:
    """The folder `tasks`, `results` or `examples`, from the wheel if it carries one, else from the checkout.

    Raises:
        UserError: neither is there (a broken installation).
    """
    for folder in (_HERE / "_data" / name, _HERE.parent / name):
        if folder.is_dir():
            return folder
    raise UserError(f"the folder {name}/ is missing from this installation; reinstall rubric-harness")


def cache_dir() -> Path:
    """Where media that a dataset embeds in its rows are unpacked, named by their sha256."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rubric-harness"
