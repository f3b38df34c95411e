"""Checkpoints by what a person calls them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("diffusers")

from evaluators.errors import UserError
from harness_plugins.rpo.opening import checkpoint_of
from harness_plugins.rpo.run_folder import CHECKPOINT_FILES, HeldOutRow, RunFolder


def compared(step: int, share: float) -> HeldOutRow:
    return HeldOutRow(step, "development", "judge", False, "p", "a prompt", share, False, None, ())


def test_a_checkpoint_is_a_step_the_picked_one_the_newest_or_none(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with pytest.raises(UserError, match="holds no checkpoint; train first"):
        checkpoint_of(run, "picked")
    for step in (50, 100, 150):
        with run.new_checkpoint(step, keep=[50, 100]) as folder:
            for file in CHECKPOINT_FILES:
                (folder / file).touch()
    (tmp_path / "checkpoints" / "000200").mkdir()  # without its files: not whole
    with pytest.raises(UserError, match="no checkpoint was compared"):
        checkpoint_of(run, "picked")
    run.add_held_out([compared(50, 0.6), compared(100, 0.8), compared(150, 0.8)])

    chosen = {name: checkpoint_of(run, name) for name in ("picked", "newest", "50", "base")}
    assert {name: c and c.step for name, c in chosen.items()} == {"picked": 100, "newest": 150, "50": 50, "base": None}
    with pytest.raises(UserError, match="there are 50, 100, 150; or say picked, newest or base"):
        checkpoint_of(run, "200")
