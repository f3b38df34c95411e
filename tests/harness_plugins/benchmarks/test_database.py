"""DuckDB prints nothing of its own into what a command prints."""

from __future__ import annotations

from harness_plugins.benchmarks.database import connect


def test_no_progress_bar() -> None:
    assert connect().execute("SELECT current_setting('enable_progress_bar')").fetchone() == (False,)
