"""Run folders as a paper's table needs them: told apart by name, scored under each column's protocol."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness_plugins.tables.paper.measured import measured
from harness_plugins.tables.paper.runs import expected_rows, protocols, read_folders
from harness_plugins.tables.paper.spec import load_table_spec

pytestmark = pytest.mark.xdist_group("specs")


def test_a_folder_is_read_under_each_columns_protocol(runs: dict[str, Path]) -> None:
    spec = load_table_spec("proxy_grm_main")
    (run,) = read_folders(spec, [runs["vl"], runs["vl"]])
    columns = [c for c in spec.columns if c.benchmark == "vl_rewardbench"]
    assert columns and all(run.report(c) is not None for c in columns)
    assert all(run.report(c) is None for c in spec.columns if c.benchmark == "multimodal_rewardbench")
    report = run.report(columns[0])
    assert report is not None and expected_rows("vl_rewardbench", report) == 1247
    assert all(line.startswith("Ours, ") for line in protocols(spec, [run]))


def test_folders_of_one_name_are_numbered(runs: dict[str, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(runs["vl"], tmp_path / runs["vl"].name)
    first, second = read_folders(load_table_spec("proxy_grm_main"), [runs["vl"], copy])
    assert (first.name, second.name) == (f"{runs['vl'].name}#1", f"{runs['vl'].name}#2")


def test_our_rows_have_counts_and_say_what_they_are_over(runs: dict[str, Path]) -> None:
    spec = load_table_spec("proxy_grm_main")
    rows, notes, _ = measured(spec, [runs["vl"]])
    assert rows and {r.origin for r in rows} == {"measured"}
    cells = [c for r in rows for c in r.cells.values() if c.state == "measured" and c.k is not None]
    assert cells and all(c.n and c.value is not None for c in cells)
    assert any("of 1,247 rows" in note for note in notes)


def test_scores_that_others_reported_need_no_run(runs: dict[str, Path]) -> None:
    (run,) = read_folders(load_table_spec("arr_generation_edit"), [runs["scores"]])
    assert run.data is None and run.scores and not run.reports
