"""These tests run inside an environment that has lmms-eval (and lm-eval): `make test-all` builds it. Elsewhere they skip."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evaluators.testing.mock_server import MockServer
from tests.conftest import ROOT, read_jsonl

pytest.importorskip("lmms_eval", reason="needs lmms-eval; `make test-all` runs this")

CAREFUL = ROOT / "tasks" / "demo" / "rubrics" / "careful.jsonl"
BIN = Path(sys.executable).parent


@dataclass
class Done:
    """A command that has ended."""

    code: int
    out: str
    folder: Path

    def verdicts(self) -> list[dict[str, Any]]:
        return [v for path in sorted(self.folder.glob("verdicts*.jsonl")) for v in read_jsonl(path)]

    def samples(self, task: str) -> list[dict[str, Any]]:
        (path,) = (self.folder / "harness").rglob(f"*_samples_{task}.jsonl")
        return read_jsonl(path)

    def results(self) -> dict[str, Any]:
        path = max((self.folder / "harness").rglob("*results*.json"))
        found: dict[str, Any] = json.loads(path.read_text())
        return found


@dataclass
class Cli:
    """The real command lines, in processes of their own."""

    tmp: Path
    env: dict[str, str] = field(default_factory=dict)

    def environment(self, folder: Path, **more: str) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("RUBRIC_HARNESS")}
        ours = {"HF_HUB_OFFLINE": "1", "OPENAI_API_KEY": "unused", "RUBRIC_HARNESS_OUT": str(folder)}
        return {**clean, **ours, **self.env, **more}

    def __call__(self, *command: str, out: str = "run", **env: str) -> Done:
        folder = self.tmp / out
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            env=self.environment(folder, **env),
            cwd=self.tmp,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
        )
        return Done(done.returncode, done.stdout, folder)

    def lmms(self, tasks: str, model: str, model_args: str, *more: str, out: str = "run", **env: str) -> Done:
        log = ("--output_path", str(self.tmp / out / "harness"), "--log_samples")
        given = ("--tasks", tasks, "--model", model, "--model_args", model_args)
        return self("lmms-eval", *given, *log, *more, out=out, **env)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer(latency_s=0.01, keep=True).running() as running:
        yield running
