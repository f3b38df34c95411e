"""Sources that an editor cannot edit are named, with the prompt or the file."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("diffusers")

from evaluators.errors import UserError
from harness_plugins.rpo.generators.base import source_image
from harness_plugins.rpo.prompts import Prompt


def test_a_source_that_is_none_or_no_image(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no picture")
    with pytest.raises(UserError, match="an editor needs the image to edit"):
        source_image(Prompt("p", "make it red"))
    with pytest.raises(UserError, match=r"notes.png: cannot be read as an image"):
        source_image(Prompt("p", "make it red", tmp_path / "notes.png"))
