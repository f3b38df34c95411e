"""Options that stand for parts of a config: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.errors import UserError
from harness_plugins.cli.flags import benchmark_of


def test_a_benchmark_by_its_name_or_by_a_file_of_rows(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("{}\n")
    assert benchmark_of("demo") == {"name": "demo"}
    assert benchmark_of(str(tmp_path / "rows.jsonl")) == {"name": "pairs", "path": str(tmp_path / "rows.jsonl")}
    with pytest.raises(UserError, match=r"gone\.jsonl is not there: give a file of rows, or a benchmark's name"):
        benchmark_of("gone.jsonl")
    with pytest.raises(UserError, match="unknown benchmark 'dmeo'; did you mean 'demo'"):
        benchmark_of("dmeo")
