"""Runs whose tables are looked at, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crossed import crossed


@pytest.fixture(scope="session")
def crossed_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three writers, three judges with probabilities. Not to be changed."""
    return crossed(tmp_path_factory.mktemp("crossed"), items=16)
