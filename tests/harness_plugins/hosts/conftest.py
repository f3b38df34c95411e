"""The demo as a harness meets it: by variables of the environment, into a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness_plugins.hosts import JUDGE, OUT, RUBRICS
from harness_plugins.hosts.folder import close_folders
from tests.conftest import ROOT


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The run folder."""
    monkeypatch.setenv(OUT, str(tmp_path / "run"))
    monkeypatch.setenv(RUBRICS, str(ROOT / "tasks" / "demo" / "rubrics" / "careful.jsonl"))
    monkeypatch.setenv(JUDGE, "small-judge")
    yield tmp_path / "run"
    close_folders()
