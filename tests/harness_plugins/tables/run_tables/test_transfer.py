"""The tables of what a judge takes from a writer. The numbers: tests/harness_plugins/experiment/test_transfer.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakePairs
from tests.harness_plugins.experiment.test_transfer import config_of, judged
from tests.harness_plugins.tables.sections import of, printed


def test_the_writer_alone_stands_beside_what_its_rubrics_do(
    make_pairs: MakePairs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_pairs(12)
    out = judged(config_of(tmp_path)).out
    tables = printed(capsys, "table", out, "--all")
    rows = {r["judge"]: r for r in of(tables, "writer alone", "content gain")}
    assert {"copier", "reader"} <= set(rows)
    assert len({r["writer alone"] for r in rows.values()}) == 1, "it is the writer's, whoever reads it"
    assert all(r["advice"] and r["position leak"] for r in rows.values())
    following = {r["judge"] for r in of(tables, "agrees with W", "sycophancy")}
    assert "reader" in following
