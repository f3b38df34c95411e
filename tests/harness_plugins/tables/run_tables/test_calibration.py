"""The table of how far a judge's probabilities can be trusted. The numbers: tests/harness_plugins/scoring/test_calibration.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crossed import JUDGES
from tests.harness_plugins.tables.sections import printed

pytestmark = pytest.mark.xdist_group("tables")


def test_a_row_for_each_judge_that_gives_probabilities(crossed_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = next(
        rows for rows in printed(capsys, "table", crossed_run, "--all").values() if any("ECE" in h for h in rows[0])
    )
    assert {r["judge"] for r in rows} == set(JUDGES), "and none for `lexical`"
    header = next(h for h in rows[0] if "ECE" in h)
    assert all(r[header] for r in rows)
