"""What `rubric-harness tasks` prints."""

from __future__ import annotations

from evaluators.backends.baseline import PICKS
from evaluators.rubrics.arms import ARMS
from evaluators.writers.base import METHODS
from harness_plugins.benchmarks.spec import load_spec, names
from harness_plugins.cli.available import listing


def test_everything_that_can_be_named_in_a_config_is_listed() -> None:
    sections = {part.splitlines()[0].partition(" (")[0]: part for part in listing().split("\n\n")}
    assert set(names()) <= {line.split()[0] for line in sections["Benchmarks"].splitlines()[1:]}
    assert [line.split()[0] for line in sections["Settings"].splitlines()[1:]] == list(ARMS)
    assert all(f"  {name} " in sections["Rubric writers"] for name in METHODS.names())
    assert ", ".join(PICKS) in sections["Judges"]
    assert all(protocol in sections["Protocols"] for name in names() for protocol in load_spec(name).protocols)


def test_a_benchmark_says_where_its_rows_come_from() -> None:
    lines = {line.split()[0]: line for line in listing().splitlines() if line.startswith("  ")}
    assert lines["demo"].endswith("40 rows; bundled")
    assert "your rows" in lines["pairs"] and "path: in the config" in lines["pairs"]
