"""The run in README's picture: scripted judges, whose answer is known."""

from __future__ import annotations

from pathlib import Path

from harness_plugins import score
from tools.page_picture import PICTURE, scripted_run


def test_the_run_of_the_picture_has_an_answer(tmp_path: Path) -> None:
    verdicts = {c.writer: c.verdict for c in score(scripted_run(tmp_path)).conclusions}
    assert verdicts == {"grm": "helps by its content", "arr": "helps by its content", "vague": "not shown"}


def test_the_picture_is_there_and_small() -> None:
    data = PICTURE.read_bytes()
    assert data.startswith(b"\x89PNG") and len(data) < 200_000
