"""A release: what is built can be published, and works from the wheel alone in an empty folder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from harness_plugins import __version__
from tests.conftest import ROOT

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("uv") is None and not (ROOT / ".venv/bin/uv").exists(), reason="needs uv"),
]
UV = shutil.which("uv") or str(ROOT / ".venv/bin/uv")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    out = tmp_path_factory.mktemp("dist")
    uv("build", "--out-dir", out, ROOT)
    return sorted(p for p in out.iterdir() if p.name != ".gitignore")


def uv(*arguments: object, cwd: Path | None = None) -> str:
    done = subprocess.run([UV, *map(str, arguments)], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_wheel_and_sdist_can_be_published(built: list[Path]) -> None:
    assert [p.name for p in built] == [
        f"rubric_harness-{__version__}-py3-none-any.whl",
        f"rubric_harness-{__version__}.tar.gz",
    ]
    assert uv("tool", "run", "twine", "check", "--strict", *built).count("PASSED") == 2
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_demo_runs_from_the_wheel_in_an_empty_folder(built: list[Path], tmp_path: Path) -> None:
    printed = uv("tool", "run", "--from", built[0], "rubric-harness", "demo", cwd=tmp_path)
    assert "Cannot say of careful's and vague's rubrics" in printed and printed.splitlines()[-1].startswith("Open it:")
    assert (tmp_path / "rubric-harness-demo" / "report.html").stat().st_size > 100_000
