"""`rubric-harness rpo`: what is said before anything heavy is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_plugins.cli import main
from harness_plugins.cli.commands import rpo

RECIPE = """
generator: {kind: tiny_flux}
prompts: {file: prompts.txt}
reward: {judge: {name: brightest, backend: pixels}}
out: run
"""


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """On stderr, by a command that is refused."""
    with pytest.raises(SystemExit) as stopped:
        raise SystemExit(main(["rpo", *argv]))
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_a_mistyped_action_is_named_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'train'" in said(capsys, "trian", "config.yaml")
    assert rpo.ACTIONS == ("train", "compare", "generate")


def test_mistakes_of_a_recipe_come_with_their_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rpo.yaml").write_text(RECIPE.replace("tiny_flux}", "tiny_flux, model: x}"))
    error = said(capsys, "train", str(tmp_path / "rpo.yaml"))
    assert "line 2: generator: a tiny_flux is made, not loaded" in error
    (tmp_path / "rpo.yaml").write_text(RECIPE)
    error = said(capsys, "train", str(tmp_path / "rpo.yaml"))
    assert "line 3: file: " in error and "prompts.txt is missing" in error


def test_generate_needs_prompts_and_a_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "prompts.txt").write_text("a cup\na dog\n")
    (tmp_path / "rpo.yaml").write_text(RECIPE)
    assert "--prompts FILE" in said(capsys, "generate", str(tmp_path / "rpo.yaml"))
