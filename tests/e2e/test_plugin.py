"""The example package is installed and run: what others bring is used like ours, without a line of ours changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "plugin"
pytestmark = pytest.mark.xdist_group("plugin")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, built and installed from its pyproject.toml."""
    folder = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(EXAMPLE, folder / "source")  # a build leaves files beside what it builds
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.skip("this environment has no uv to install a package with (the core's has)")
    constraints = ROOT / "environments" / f"constraints-build-py{sys.version_info.major}{sys.version_info.minor}.txt"
    pinned = ["--build-constraints", constraints] if constraints.exists() else []
    target = folder / "site"
    command = [uv, "pip", "install", "--quiet", "--no-deps", *pinned, "--python", sys.executable, "--target", target]
    subprocess.run([*map(str, command), str(source)], check=True)
    return target


@pytest.fixture(scope="module")
def run_folder(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the README of the example says: `rubric-harness run run.yaml` beside its files."""
    folder = tmp_path_factory.mktemp("work")
    for name in ("run.yaml", "rubrics.jsonl", "judge.py"):
        shutil.copy(EXAMPLE / name, folder)
    result = command(site, folder, "run", "run.yaml", "--quiet")
    assert result.returncode == 0, result.stderr
    return folder / "results" / "kitchen"


@pytest.fixture(scope="module")
def objects(site: Path, run_folder: Path) -> list[dict[str, Any]]:
    """What `score --json` says of the run."""
    return list(json.loads(command(site, run_folder.parent, "score", run_folder, "--json").stdout))


@pytest.fixture(scope="module")
def table(site: Path, run_folder: Path) -> str:
    return command(site, run_folder.parent, "table", run_folder, "--all", "--format", "md").stdout


def command(site: Path, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    python = Path(sys.executable).parent
    environment = {"PYTHONPATH": f"{site}:{ROOT}", "PATH": f"{python}:{os.environ['PATH']}", "HOME": str(folder)}
    call = [sys.executable, "-m", "harness_plugins", *map(str, arguments)]
    return subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True)


def test_all_that_it_brings_is_listed(site: Path, tmp_path: Path) -> None:
    text = command(site, tmp_path, "tasks").stdout
    for line in ("kitchen_answers", "first_line", "metric:kitchen_answers", "program"):
        assert f"\n  {line}" in text, line


def test_its_judge_reads_its_arm_on_its_benchmark(run_folder: Path) -> None:
    verdicts = [json.loads(line) for line in (run_folder / "verdicts.jsonl").read_text().splitlines()]
    arms = {v["arm"] for v in verdicts if v["judge"] == "words" and v["status"] == "ok"}
    assert arms == {"none", "generic", "transferred", "first_line", "shuffled"}
    shortened = [v for v in verdicts if v["arm"] == "first_line"]
    assert len(shortened) == 32 and any(v["edited"] > 0.3 for v in shortened), "rubrics of several lines lose the rest"


def test_its_arm_is_scored_like_ours(objects: list[dict[str, Any]]) -> None:
    """Against each reference, and with how far the judge follows the writer left out: these rubrics hold no verdict."""
    arm = {o["metric"]: o for o in objects if o["arm"] == "first_line"}
    assert arm["accuracy"]["n"] == 16
    assert {"gain_over_none", "gain_over_shuffled", "right_and_steady"} <= arm.keys()


def test_its_metric_has_an_interval_and_a_column(objects: list[dict[str, Any]], table: str) -> None:
    """The judge picks by words, whatever the order: for each item both orders agree, and the metric is its accuracy."""
    arm = {o["metric"]: o for o in objects if o["arm"] == "transferred" and o["judge"] == "words"}
    steady, accuracy = arm["right_and_steady"], arm["accuracy"]
    assert steady["value"] == accuracy["value"] and steady["low"] < steady["value"] <= steady["high"]
    assert "right if steady" in table


def test_its_table_follows_ours_in_every_format(
    site: Path, run_folder: Path, objects: list[dict[str, Any]], table: str
) -> None:
    for form, start in (("latex", "kitchen\\_answers: gain by length"), ("html", "kitchen_answers: gain by length")):
        text = command(site, run_folder.parent, "table", run_folder, "--format", form).stdout
        assert start in text, form
    ours, _, gains = table.partition("### kitchen_answers: gain by length")
    numbers = [o for o in objects if o["metric"] == "gain_by_length" and o["arm"] == "transferred"]
    assert [o["column"] for o in numbers] == ["words of a rubric", "minus none", "points a hundred words"]
    rows = [line.split("|")[3].strip() for line in gains.splitlines() if line.startswith("| words")]
    assert rows == ["transferred", "shuffled", "first_line"] and "what was asked and what it took" in ours


def test_a_run_is_scored_where_the_package_is_not_installed(run_folder: Path, tmp_path: Path) -> None:
    result = command(tmp_path, tmp_path, "score", run_folder)
    assert result.returncode == 0 and "first_line" in result.stdout, result.stderr
    assert "right if steady" not in result.stdout and "gain by length" not in result.stdout


def test_an_image_is_no_text(site: Path, run_folder: Path, tmp_path: Path) -> None:
    """The example's judge refuses what it cannot read, by item: an error, never a verdict."""
    config = f"benchmarks: [{{name: demo, limit: 2}}]\narms: [none]\nout: {tmp_path / 'out'}\njudges:\n"
    (tmp_path / "run.yaml").write_text(f"{config}  - {{name: words, backend: program, model: python judge.py}}\n")
    result = command(site, run_folder.parents[1], "run", tmp_path / "run.yaml", "--quiet")
    assert result.returncode == 3 and "the program reads texts alone" in result.stderr, result.stderr
