"""`demo`: a run that anybody can type, its page, and the same from a wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from harness_plugins.cli.exit_codes import COMPLETE
from tests.conftest import ROOT
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


def test_it_judges_and_makes_the_page_and_again(tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = typed("demo")
    assert done.code == COMPLETE
    folder = tmp_path / "rubric-harness-demo"
    page = folder / "report.html"
    assert done.out.splitlines()[-1].split() == ["Open", "it:", page.as_uri()]
    assert "lexical" in done.out and "rubric-harness table rubric-harness-demo" in done.out
    page.unlink()
    again = typed("demo")
    assert again.code == COMPLETE and "Nothing to ask" in again.out and page.exists()


def test_without_a_page(tmp_path: Path, typed: Typed) -> None:
    done = typed("demo", "--no-page", "--out", tmp_path / "a folder")
    assert done.code == COMPLETE and "Open it" not in done.out
    assert (tmp_path / "a folder" / "verdicts.jsonl").exists() and not list(tmp_path.rglob("*.html"))


def test_where_no_page_can_be_made_a_line_says_why(
    tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out" / "report.html").mkdir(parents=True)  # where the page would go
    done = typed("demo", "--out", tmp_path / "out")
    assert done.code == COMPLETE
    assert done.out.splitlines()[-1].startswith("No page:      ") and "is a folder" in done.out.splitlines()[-1]


def test_a_wheel_carries_what_it_needs(tmp_path: Path) -> None:
    """As an installed wheel has them: packages, and data within them; no checkout around."""
    site = tmp_path / "site-packages"
    for package in ("evaluators", "harness_plugins"):
        shutil.copytree(ROOT / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    for source, place in wheel["force-include"].items():
        (site / place).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(ROOT / source, site / place)
    work = tmp_path / "work"
    work.mkdir()
    before = {p for p in site.rglob("*") if "__pycache__" not in p.parts}
    line = [sys.executable, "-m", "harness_plugins", "demo", "--no-page"]
    done = subprocess.run(
        line, cwd=work, env={"PYTHONPATH": str(site), "PATH": ""}, capture_output=True, text=True, check=False
    )
    assert done.returncode == COMPLETE, done.stderr
    assert [p.name for p in work.iterdir()] == ["rubric-harness-demo"]
    assert {p for p in site.rglob("*") if "__pycache__" not in p.parts} == before, "nothing is written there"
