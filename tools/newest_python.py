"""Prints the path of the newest Python that the machine has: on PATH, of pyenv, of uv. For `make test-latest-python`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ASK = """
import sys, sysconfig
print(sys.implementation.name, sys.version_info.releaselevel, sysconfig.get_config_var("Py_GIL_DISABLED"))
"""
RELEASED = re.compile(r"cpython final (None|0)")
"""A release, and not the free-threaded build, for which few packages have wheels."""


def folders() -> Iterator[Path]:
    """Where a Python may lie. Those of pyenv that are not chosen cannot be started by their names on PATH."""
    yield from (Path(p) for p in os.environ.get("PATH", "").split(os.pathsep) if p)
    home = Path.home()
    for root in (
        Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions",
        Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local" / "share" / "uv" / "python"),
    ):
        yield from sorted(root.glob("*/bin"))


def newest() -> Path | None:
    """The first of the newest version that can be started."""
    there = {p for folder in folders() for p in folder.glob("python3.*") if re.fullmatch(r"python3\.\d+", p.name)}
    for path in sorted(there, key=lambda p: (-int(p.name.partition(".")[2]), str(p))):
        try:
            done = subprocess.run([path, "-c", ASK], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired):
            continue
        if RELEASED.fullmatch(done.stdout.strip()):
            return path
    return None


if __name__ == "__main__":
    print(newest() or sys.executable)
