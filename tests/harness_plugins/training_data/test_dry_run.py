"""The plan of a build: nothing is asked and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.errors import UserError
from harness_plugins.training_data.config import load_data_config
from harness_plugins.training_data.dry_run import dry_run
from tests.conftest import MakePairs
from tests.harness_plugins.training_data.test_build import config_of


def test_it_says_what_would_be_asked_and_shows_the_prompts(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(6)
    path = config_of(tmp_path)
    text = dry_run(load_data_config(path), path)
    assert "6 pairs in 6 clusters." in text and "t (m) is asked 6 times" in text
    assert "Parts asked for: proxy_sft 4, proxy_rl 4, grm_sft 6, grm_rl 8." in text
    judge, writer = text.split("----- prompt of proxy_sft and proxy_rl -----")[1].split(
        "----- prompt of grm_sft and grm_rl"
    )
    assert "(the teacher's rubric)" in judge and "(the teacher's rubric)" not in writer
    assert text.endswith(f"Nothing was asked or written. To build: rubric-harness data {path}\n")
    assert not (tmp_path / "out").exists()


def test_without_a_teacher_only_the_label_is_taught(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(4)
    path = tmp_path / "data.yaml"
    path.write_text("sources: [{layout: pairs, path: rows.jsonl}]\nparts: {grm_rl: 2}\nout: out\n")
    text = dry_run(load_data_config(path), path, limit=3)
    assert "3 pairs in 3 clusters." in text and "is asked" not in text and "proxy_sft" not in text


def test_what_build_would_complain_of_is_said_now(tmp_path: Path) -> None:
    path = config_of(tmp_path)
    with pytest.raises(UserError, match=r"rows.jsonl"):
        dry_run(load_data_config(path), path)
