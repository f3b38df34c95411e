"""`init`: a config that can be run at once, from options or from what is typed."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from evaluators.testing.mock_server import MockServer
from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE
from harness_plugins.config.run import load_config
from tests.conftest import ROOT, pair, write_jsonl
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_model_that_is_served_is_taken_and_the_config_runs(typed: Typed) -> None:
    with MockServer(models=["maker/model: #1"]).running() as server:
        done = typed("init", "--endpoint", server.url.removesuffix("/v1"), "--yes")
        assert done.code == COMPLETE, done.err
        assert "rubric-harness ping config.yaml" in done.out and max(map(len, done.out.splitlines())) <= 80
        config = load_config(Path("config.yaml"))
        assert (config.judges[0].model, config.judges[0].base_url) == ("maker/model: #1", server.url)
        assert config.benchmarks[0].name == "demo" and config.arms == ("none", "repeat")
        assert typed("run", "config.yaml", "--quiet", "--limit", "2").code == COMPLETE
    assert Path("results/runs/demo/verdicts.jsonl").exists()
    text = Path("config.yaml").read_text()
    for line in ("rubrics:", "  careful: ", "arms: [none, generic"):
        text = text.replace(f"# {line}", line, 1)
    Path("config.yaml").write_text(text.replace("arms: [none, repeat]\n", ""))
    assert "careful" in typed("run", "config.yaml", "--dry-run").out, "the demo's own rubrics, to go on with"


def test_rows_and_rubrics_of_ones_own_from_another_folder(folder: Path, typed: Typed) -> None:
    write_jsonl(folder / "my rows.jsonl", [pair(n) for n in range(4)])
    write_jsonl(folder / "mine.jsonl", [{"id": f"pair-{n}", "text": f"Prefer good {n}."} for n in range(4)])
    with MockServer().running() as server:
        options = ["--endpoint", server.url, "--model", "m", "--rows", "my rows.jsonl", "--rubrics", "mine.jsonl"]
        done = typed("init", "configs/a b.yaml", *options)
        assert done.code == COMPLETE, done.err
        assert "note:" in done.out and "does not list 'm'; it serves mock" in done.out
        assert "rubric-harness run 'configs/a b.yaml' --dry-run" in done.out
        config = load_config(Path("configs/a b.yaml"))
        assert config.benchmarks[0].path == folder / "my rows.jsonl" and config.out == folder / "results/runs/my rows"
        assert config.rubrics == {"mine": folder / "mine.jsonl"} and "shuffled" in config.arms
        assert typed("run", "configs/a b.yaml", "--quiet").code == COMPLETE


def test_what_is_there_is_not_written_over(typed: Typed) -> None:
    Path("config.yaml").write_text("mine")
    done = typed("init", "--yes")
    assert done.code == BAD_INPUT and "config.yaml is there already" in done.err and "--force" in done.err
    assert typed("init", "--model", "m", "--yes", "--force", "--endpoint", "http://127.0.0.1:1/v1").code == COMPLETE
    assert load_config(Path("config.yaml")).judges[0].model == "m"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--model", "m"], "no terminal to ask on: give --endpoint, or --yes"),
        (
            ["--yes", "--endpoint", "http://127.0.0.1:1"],
            "--model: http://127.0.0.1:1 does not say which model is meant",
        ),
        (["--yes", "--model", "m", "--endpoint", "localhost:8000"], "--endpoint: 'localhost:8000' is not an http(s)"),
        (["--yes", "--model", "m", "--benchmark", "dmeo"], "unknown benchmark 'dmeo'; did you mean 'demo'?"),
        (["--yes", "--model", "m", "--rows", "gone.jsonl"], "--rows: gone.jsonl is not there"),
        (["--yes", "--model", "m", "--rubrics", "gone.jsonl"], "--rubrics: gone.jsonl is not there"),
    ],
)
def test_a_mistake_names_the_option_and_writes_nothing(
    options: list[str], complaint: str, typed: Typed, folder: Path
) -> None:
    done = typed("init", *options)
    assert done.code == BAD_INPUT and complaint in done.err and not list(folder.iterdir())


def test_on_a_terminal_it_asks(folder: Path) -> None:
    """A mistake is said and asked about again; return takes what is offered."""
    with MockServer(models=["one", "two"]).running() as server:
        ours, theirs = pty.openpty()
        env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "80"}
        line = [sys.executable, "-m", "harness_plugins", "init", "--out", "out"]
        process = subprocess.Popen(line, stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=folder)
        os.close(theirs)
        shown = ""
        replies = [
            ("judge served?", "nonsense"), ("judge served?", server.url), ("Which model", ""), ("What is judged", "dmeo"),
            ("your rubrics", ""), ("What is judged", "demo"), ("your rubrics", ""),
        ]  # fmt: skip
        for question, reply in replies:
            while question not in shown:
                assert select.select([ours], [], [], 30)[0], shown
                shown += os.read(ours, 4096).decode()
            shown = shown.partition(question)[2]
            os.write(ours, f"{reply}\n".encode())
        assert process.wait(30) == COMPLETE
        os.close(ours)
    config = load_config(folder / "config.yaml")
    assert config.judges[0].model == "one" and config.benchmarks[0].name == "demo" and config.out == folder / "out"
