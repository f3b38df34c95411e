"""The command line as a process: how soon it answers, what it imports, and a reader that leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness_plugins._version import __version__
from tests.conftest import ROOT
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


def command(*args: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", "harness_plugins", *map(str, args)]
    return subprocess.run(line, capture_output=True, text=True, cwd=cwd, env=env, check=False)


def test_help_is_quick_and_pulls_in_nothing_heavy() -> None:
    def cpu() -> float:  # of processes that have ended: what else the machine does is no part of it
        t = os.times()
        return t.children_user + t.children_system

    best = 9.0
    for _ in range(3):
        started = cpu()
        done = command("--help")
        best = min(best, cpu() - started)
        assert "rubric-harness run CONFIG.yaml" in done.stdout
    assert best < 0.3


@pytest.mark.parametrize(
    "module", ["harness_plugins", "evaluators", "harness_plugins.cli", "harness_plugins.experiment.run"]
)
def test_importing_pulls_in_nothing_heavy(module: str) -> None:
    heavy = ["torch", "lmms_eval", "datasets", "pandas", "transformers", "vllm", "statsmodels"]
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_a_run_of_its_own_process(config: Path) -> None:
    done = command("run", config)
    assert done.returncode == 0, done.stderr
    assert "The baseline lexical, which counts shared words, gains" in done.stdout


def test_a_closed_pipe_is_no_error(judged: Path) -> None:
    line = f"{sys.executable} -m harness_plugins score {judged} --json | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_the_version_needs_no_command_and_no_command_is_a_mistake(typed: Typed) -> None:
    assert typed("--version") == (0, f"rubric-harness {__version__}\n", "")
    done = typed()
    assert done.code == 2 and "start here:" in done.out
