"""What ms-swift's rewards say before ms-swift is there; tests/trainers/test_swift.py trains with them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from evaluators.errors import UserError
from harness_plugins.rewards.swift import proxy_grm_orm, rubric_orm

JUDGE = {"name": "j", "backend": "baseline", "model": "longest"}


@pytest.mark.skipif(importlib.util.find_spec("swift") is not None, reason="ms-swift is here")
def test_it_says_what_to_install() -> None:
    with pytest.raises(UserError, match="pip install ms-swift"):
        rubric_orm({"judge": JUDGE})


def test_a_config_is_checked_before_anything_is_trained(tmp_path: Path) -> None:
    (tmp_path / "reward.yaml").write_text(f"rpo: {{judge: {JUDGE}}}\n")
    with pytest.raises(UserError, match="has no `proxy_grm`"):
        proxy_grm_orm(tmp_path / "reward.yaml")
    with pytest.raises(UserError, match=r"rpo.*unknown key 'judges'; did you mean 'judge'"):
        rubric_orm({"judges": JUDGE})
    with pytest.raises(UserError, match="on_failure is 'zero'"):
        rubric_orm({"judge": JUDGE}, on_failure="zero")  # type: ignore[arg-type]
