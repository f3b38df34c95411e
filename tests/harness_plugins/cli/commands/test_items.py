"""`items`: a line an item, of the config's rows alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE
from tests.conftest import pair, write_jsonl
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


def test_each_item_has_a_line(judged: Path, typed: Typed) -> None:
    done = typed("items", judged.parent / "config.yaml")
    assert done.code == COMPLETE
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert len(rows) == 12 and all(row[0].startswith("pairs:") for row in rows)
    assert rows[3][1:] == ["pairs", "pair-3", "3", "odd", "question 3"]


def test_a_text_keeps_to_its_column(tmp_path: Path, typed: Typed) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [pair(0, prompt="one\ttwo\nthree " + "x" * 80)])
    (tmp_path / "c.yaml").write_text(
        "benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none]\njudges: [longest]\nout: out\n"
    )
    done = typed("items", tmp_path / "c.yaml")
    (line,) = done.out.splitlines()
    assert done.code == COMPLETE and len(line.split("\t")) == 6 and len(line.split("\t")[-1]) == 60


def test_rows_that_are_gone(tmp_path: Path, typed: Typed) -> None:
    (tmp_path / "c.yaml").write_text(
        "benchmarks: [{name: pairs, path: gone.jsonl}]\narms: [none]\njudges: [longest]\nout: out\n"
    )
    done = typed("items", tmp_path / "c.yaml")
    assert done.code == BAD_INPUT and "gone.jsonl" in done.err
