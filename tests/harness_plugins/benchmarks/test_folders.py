"""Folders of benchmarks beside ours: named by an option, by a variable, or brought by a package."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluators import plugins
from evaluators.errors import UserError
from harness_plugins.benchmarks import folders
from harness_plugins.benchmarks.bundled import data_dir
from harness_plugins.benchmarks.folders import TASKS, add_folders, benchmark_folders, benchmarks_in, task_folders
from harness_plugins.benchmarks.spec import load_spec, names
from harness_plugins.cli import main
from tests.conftest import ROOT, pair, write_jsonl

PAIRS = (ROOT / "tasks" / "pairs" / "benchmark.yaml").read_text()


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TASKS, "")


def benchmark(folder: Path, name: str = "mine") -> Path:
    """Rows of one's own by another name; returns the folder that holds it."""
    (folder / name).mkdir(parents=True)
    (folder / name / "benchmark.yaml").write_text(PAIRS.replace("name: pairs", f"name: {name}"))
    return folder


def test_ours_are_there_without_a_word() -> None:
    assert task_folders() == [data_dir("tasks")] and {"demo", "pairs"} <= set(names())


def test_a_folder_is_named_by_its_benchmarks_or_is_one(tmp_path: Path) -> None:
    for name in "ab":
        benchmark(tmp_path, name)
    (tmp_path / "none").mkdir()
    assert benchmarks_in(tmp_path) == {"a": tmp_path / "a", "b": tmp_path / "b"}
    assert benchmarks_in(tmp_path / "a") == {"a": tmp_path / "a"}


def test_the_option_names_them_for_this_process_and_those_that_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = benchmark(tmp_path / "one", "one"), benchmark(tmp_path / "two", "two")
    monkeypatch.chdir(tmp_path)
    add_folders([Path("one")])
    add_folders([two, one])
    assert os.environ[TASKS].split(os.pathsep) == [str(one), str(two)], "each once, wherever it is read"
    assert task_folders()[1:] == [one, two] and load_spec("two").folder == two / "two"


@pytest.mark.parametrize("how", ["before", "behind", "variable"])
def test_a_command_judges_on_a_benchmark_of_ones_own(
    how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(benchmark(tmp_path / "tasks"))
    write_jsonl(tmp_path / "rows.jsonl", [pair(n) for n in range(4)])
    config = tmp_path / "c.yaml"
    config.write_text("benchmarks: [{name: mine, path: rows.jsonl}]\narms: [none]\njudges: [longest]\nout: out\n")
    command = ["run", str(config), "--quiet"]
    assert main(command) == 2 and "unknown benchmark 'mine'" in capsys.readouterr().err
    if how == "variable":
        monkeypatch.setenv(TASKS, folder)
    more = {"before": ["--tasks", folder, *command], "behind": [*command, "--tasks", folder], "variable": command}
    assert main(more[how]) == 0 and "mine: accuracy of each judge and arm, 4 items" in capsys.readouterr().out


def test_a_name_that_two_folders_hold_is_refused(tmp_path: Path) -> None:
    one, two = benchmark(tmp_path / "one"), benchmark(tmp_path / "two")
    add_folders([one, two])
    with pytest.raises(UserError, match=f"two benchmarks are named 'mine': {one}/mine and {two}/mine: rename one"):
        benchmark_folders()


def test_a_name_of_ours_is_refused(tmp_path: Path) -> None:
    add_folders([benchmark(tmp_path, "demo")])
    with pytest.raises(UserError, match="two benchmarks are named 'demo'"):
        names()


def test_one_folder_by_two_names_is_no_clash(tmp_path: Path) -> None:
    folder = benchmark(tmp_path / "tasks")
    (tmp_path / "link").symlink_to(folder)
    add_folders([folder, tmp_path / "link", folder / "mine"])
    assert benchmark_folders()["mine"] == folder / "mine"


@pytest.mark.parametrize(
    ("name", "what"), [("gone", "is not a folder"), ("empty", "holds no folder with a benchmark.yaml")]
)
def test_a_folder_without_benchmarks_is_refused_with_who_named_it(
    name: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    folder = tmp_path / name
    assert main(["--tasks", str(folder), "tasks"]) == 2
    assert f"{folder} {what} (named by --tasks {folder})" in capsys.readouterr().err
    assert not os.environ[TASKS], "and it is not looked through from now on"
    monkeypatch.setenv(TASKS, str(folder))
    assert main(["tasks"]) == 2
    assert f"{folder} {what} (named by {TASKS})" in capsys.readouterr().err


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a package is installed that brings the folder `strange_tasks`."""
    info = tmp_path / "strange_tasks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange-tasks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rubric_harness.benchmarks]\nstrange = strange_tasks\n")
    (tmp_path / "strange_tasks").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    plugins._brought.cache_clear()
    folders._packages.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    plugins._brought.cache_clear()
    folders._packages.cache_clear()


def test_their_benchmarks_are_at_hand(site: Path, tmp_path: Path) -> None:
    benchmark(site / "strange_tasks", "strange")
    add_folders([benchmark(tmp_path / "named")])
    assert task_folders() == [data_dir("tasks"), site / "strange_tasks", tmp_path / "named"]
    assert benchmark_folders()["strange"] == site / "strange_tasks" / "strange"


def test_named_as_well_it_is_one(site: Path) -> None:
    add_folders([benchmark(site / "strange_tasks", "strange")])
    assert benchmark_folders()["strange"] == site / "strange_tasks" / "strange"


@pytest.mark.usefixtures("site")
def test_one_without_benchmarks_is_named() -> None:
    with pytest.raises(UserError, match=r"named by the entry point 'strange' of rubric_harness\.benchmarks"):
        names()
