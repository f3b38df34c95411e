"""Which Python is the newest: of those that can be started, a release."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

ANSWERS = {
    "final": "cpython final None",
    "gil": "cpython final 0",
    "candidate": "cpython candidate None",
    "free": "cpython final 1",
}


def put(folder: Path, name: str, answer: str) -> None:
    """A program that answers as a Python would, or fails as pyenv's stand-ins do."""
    folder.mkdir(parents=True, exist_ok=True)
    text = f"echo '{ANSWERS[answer]}'" if answer in ANSWERS else "exit 127"
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("there", "newest"),
    [
        ({"bin/python3.11": "final", "bin/python3.9": "final"}, "bin/python3.11"),
        ({"bin/python3.11": "final", "bin/python3.13": "broken"}, "bin/python3.11"),
        (
            {"bin/python3.13": "broken", "pyenv/versions/3.13.0/bin/python3.13": "gil"},
            "pyenv/versions/3.13.0/bin/python3.13",
        ),
        ({"bin/python3.12": "final", "uv/cpython-3.14/bin/python3.14": "final"}, "uv/cpython-3.14/bin/python3.14"),
        ({"bin/python3.12": "final", "bin/python3.14": "candidate", "bin/python3.13": "free"}, "bin/python3.12"),
        ({"bin/python3.12": "final", "bin/python3.13-config": "final"}, "bin/python3.12"),
    ],
)
def test_the_newest_that_can_be_used(there: dict[str, str], newest: str, tmp_path: Path) -> None:
    for place, answer in there.items():
        put((tmp_path / place).parent, Path(place).name, answer)
    env = {
        "PATH": f"{tmp_path / 'bin'}:/nowhere",
        "PYENV_ROOT": str(tmp_path / "pyenv"),
        "UV_PYTHON_INSTALL_DIR": str(tmp_path / "uv"),
        "HOME": str(tmp_path),
    }
    command = [sys.executable, str(ROOT / "tools" / "newest_python.py")]
    assert subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip() == str(
        tmp_path / newest
    )
