"""Doors for others: a package that is installed adds a module of each kind, and none of ours changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evaluators.doors import Door
from evaluators.specs import BACKENDS
from evaluators.writers.base import METHODS
from harness_plugins.doors import EXPORTS, IMPORTS, SOURCES, TABLES

ECHO = '''"""Says what it is told to say."""
from evaluators.capabilities import Capabilities
from evaluators.records import Answer

CAPABILITIES = Capabilities(seeds=True, fields=("model_args",), served_args=("says",))
TRANSPORT_ARGS = frozenset({"where"})

def check(spec):
    if not spec.model:
        raise ValueError("`model` is missing: what it shall say")

class Echo:
    name, in_process = "echo", False
    def __init__(self, spec): self._says = spec.model
    async def open(self, media): ...
    async def close(self): ...
    async def chat(self, request):
        return Answer(text=f"<answer>{self._says}</answer>", finish_reason="stop", answer_format=request.answer_format)

def create(spec):
    return Echo(spec)
'''
RUN = """
import sys
from harness_plugins.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with a package as pip leaves it: modules, and what it says of its entry points."""
    site = tmp_path / "site"
    info = site / "strange_judges-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange-judges\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[rubric_harness.backends]\necho = strange_judges\nbroken = strange_broken\nopenai = strange_judges\n"
    )
    (site / "strange_judges.py").write_text(ECHO)
    (site / "strange_broken.py").write_text("import that_is_not_there\n")
    return site


def rubric_harness(site: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        env={"PYTHONPATH": f"{site}:{Path(__file__).parents[2]}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


def config(tmp_path: Path, backend: str, model: str = "1", more: str = "") -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(
        f"benchmarks: [demo]\narms: [none]\njudges: [{{name: j, backend: {backend}, model: '{model}'{more}}}]\nout: out\n"
    )
    return path


def test_a_backend_of_another_package_judges(installed: Path, tmp_path: Path) -> None:
    result = rubric_harness(installed, "run", config(tmp_path, "echo"), "--quiet")
    assert result.returncode == 0 and "50.0 (20/40)" in result.stdout, result.stderr
    assert "echo" in rubric_harness(installed, "tasks").stdout


def test_what_it_declares_is_held_to(installed: Path, tmp_path: Path) -> None:
    """A seed and its own arguments are taken, those that only say where are in no key, and a field of another's is refused."""
    more = ", seed: 3, model_args: {where: here, says: something}"
    result = rubric_harness(installed, "run", config(tmp_path, "echo", more=more), "--quiet")
    assert result.returncode == 0, result.stderr
    key = json.loads((tmp_path / "out" / "manifest.json").read_text())["judges"]["j"]["key"]
    assert key["seed"] == 3 and key["model_args"] == {"says": "something"}
    result = rubric_harness(installed, "run", config(tmp_path, "echo", more=", stream: true"))
    assert result.returncode == 2 and "stream belongs to the backend openai: leave it out" in result.stderr


@pytest.mark.parametrize(
    ("backend", "model", "complaint"),
    [
        ("echo", "", "line 3: judges.0: `model` is missing: what it shall say"),
        ("broken", "1", "'broken', which the package strange-judges brings (rubric_harness.backends), does not load"),
        ("ehco", "1", "did you mean 'echo'?"),
        ("openai", "1", "not an http(s) address"),
    ],
)
def test_its_mistakes_are_told(installed: Path, tmp_path: Path, backend: str, model: str, complaint: str) -> None:
    """The last of them: a package takes no name of ours."""
    result = rubric_harness(installed, "run", config(tmp_path, backend, model))
    assert result.returncode == 2 and complaint in result.stderr and "Traceback" not in result.stderr, result.stderr


@pytest.mark.parametrize("door", [BACKENDS, METHODS, IMPORTS, EXPORTS, SOURCES, TABLES], ids=lambda door: door.kind)
def test_each_of_ours_says_what_it_is(door: Door) -> None:
    assert door.names()
    for name in door.names():
        assert door.about(name), name
