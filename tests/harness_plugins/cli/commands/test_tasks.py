"""`tasks`: what is at hand, where our task files lie, and those of another folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_plugins.benchmarks.folders import TASKS
from harness_plugins.cli import main
from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE
from tests.conftest import ROOT
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")
DEMO = (ROOT / "tasks" / "demo" / "benchmark.yaml").read_text()


def test_what_there_is(typed: Typed) -> None:
    done = typed("tasks")
    assert done.code == COMPLETE
    for part in ("vl_rewardbench", "transferred", "official:multimodal_rewardbench", "lexical"):
        assert part in done.out


def test_one_of_them_and_one_that_is_not(typed: Typed) -> None:
    done = typed("tasks", "vl_rewardbench")
    assert done.code == COMPLETE and "licence     MIT" in done.out and "- name: vl_rewardbench" in done.out
    done = typed("tasks", "vl_rewardbnch")
    assert done.code == BAD_INPUT and "did you mean 'vl_rewardbench'?" in done.err


def test_the_path_is_that_of_our_task_files(typed: Typed) -> None:
    assert Path(typed("tasks", "--path").out.strip(), "vl_rewardbench", "benchmark.yaml").exists()


@pytest.mark.parametrize("inside", ["", "mine"], ids=["of benchmarks", "of one benchmark"])
def test_task_files_are_written_beside_each_benchmark(
    inside: str, tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the folder of benchmarks or by the benchmark's own: they lie in the same place."""
    monkeypatch.setenv(TASKS, "")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "benchmark.yaml").write_text(DEMO)
    folder = tmp_path / inside
    done = typed("tasks", "--write", folder)
    assert done.code == COMPLETE and done.out.startswith(f"wrote the task files of {folder}: rt_mine_judge, ")
    settings = tmp_path / "mine" / "settings"
    assert "task: rt_mine_judge\n" in (settings / "judge.yaml").read_text()
    assert {p.parent for p in tmp_path.rglob("*.yaml")} == {settings, settings.parent}


def test_a_folder_without_benchmarks_has_no_task_files(tmp_path: Path, typed: Typed) -> None:
    done = typed("tasks", "--write", tmp_path)
    assert done.code == BAD_INPUT and f"{tmp_path} holds no folder with a benchmark.yaml" in done.err
    assert not list(tmp_path.iterdir())


def test_an_empty_place(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["tasks", "--write", ""])
    assert "empty: name a file or folder" in capsys.readouterr().err
