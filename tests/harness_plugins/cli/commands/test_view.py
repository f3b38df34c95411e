"""`view`: what it refuses. What it serves is in test_live_page."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_plugins.cli.exit_codes import BAD_INPUT
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


def test_no_folder(tmp_path: Path, typed: Typed) -> None:
    done = typed("view", tmp_path / "gone")
    assert done.code == BAD_INPUT and "no such folder; start the run first" in done.err


def test_no_port(judged: Path, typed: Typed) -> None:
    done = typed("view", judged, "--port", "70000")
    assert done.code == BAD_INPUT and "--port 70000: give a number from 0 (any that is free) to 65535" in done.err
