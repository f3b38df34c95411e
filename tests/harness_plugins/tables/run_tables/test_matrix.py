"""The table of writers by judges. The numbers: tests/harness_plugins/scoring/test_matrix.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crossed import JUDGES, WRITERS
from tests.harness_plugins.tables.sections import printed

pytestmark = pytest.mark.xdist_group("tables")


def test_a_row_for_each_writer_and_a_column_for_each_judge(
    crossed_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = next(rows for rows in printed(capsys, "table", crossed_run, "--all").values() if set(JUDGES) <= set(rows[0]))
    by_writer = {r["writer"].replace("*", ""): r for r in rows if r["writer"].replace("*", "") in WRITERS}
    assert set(by_writer) == set(WRITERS)
    assert all(by_writer[w][j][:1] in "+-*" for w in WRITERS for j in JUDGES), "each cell begins with its gain"
