"""`report`: what it says that it made, and why it makes none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("PIL")

from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


def test_it_says_what_it_made(judged: Path, tmp_path: Path, typed: Typed) -> None:
    page, figures = tmp_path / "new" / "page.html", tmp_path / "figures"
    done = typed("report", judged, "--out", page, "--items", "3", "--figures", figures)
    assert done.code == COMPLETE and page.exists()
    first, second = done.out.splitlines()
    assert re.fullmatch(rf"Report:  {page} \(\d\.\d MB, 3 of 12 items\)", first)
    assert second == f"Figures: {figures} ({len(list(figures.iterdir()))} files)"


@pytest.mark.parametrize(
    ("run", "options", "complaint"),
    [
        ("out", ["--out", "."], "is a folder: give the page a file"),
        ("nowhere", [], "no run folder"),
        ("out", ["--protocol", "strct", "--out", "page.html"], "did you mean 'strict'?"),
    ],
)
def test_a_mistake_is_told(
    run: str,
    options: list[str],
    complaint: str,
    judged: Path,
    tmp_path: Path,
    typed: Typed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = typed("report", judged.parent / run, *options)
    assert done.code == BAD_INPUT and complaint in done.err and not list(tmp_path.iterdir())
