"""verl's parquet: what its reader asks for. Sets that verl loads: test_formats.py, where pyarrow is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from evaluators.errors import UserError
from evaluators.messages import Image, Message, Text
from evaluators.records import Candidate, Item, Label, MediaFile
from harness_plugins.training_data.examples import Example
from harness_plugins.training_data.exports import verl
from tests.conftest import png


def test_without_pyarrow_it_is_said_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs pyarrow: pip install 'rubric-harness\[datasets\]'"):
        verl.check()


def test_a_row_holds_its_images_and_what_a_reward_needs(tmp_path: Path) -> None:
    path = tmp_path / "1.png"
    path.write_bytes(png(1))
    asked = (Message("user", (Text("What?"), Image(MediaFile(str(path))))),)
    item = Item("x:1", "x", "1", 1, "What?", (Candidate("a cup"), Candidate("a dog")), (0, 1), Label(preferred=1))
    row = verl._row(Example("grm_rl", item, "AB", asked), 7, tmp_path)
    assert row["images"] == [{"bytes": png(1), "path": None}] and row["data_source"] == "rubric-harness/grm_rl"
    assert row["prompt"] == [{"role": "user", "content": "What?\n<image>"}]
    assert row["reward_model"]["ground_truth"] == "2"
    assert (row["extra_info"]["index"], row["extra_info"]["images"]) == (7, ["1.png"])
    taught = verl._row(Example("grm_sft", item, "AB", asked, "2"), 0, tmp_path)
    assert taught["messages"][-1] == {"role": "assistant", "content": "2"}
