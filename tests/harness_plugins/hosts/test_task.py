"""`RubricTask` as the task files name it, where neither harness is at hand."""

from __future__ import annotations

import sys

import pytest

from evaluators.errors import UserError
from harness_plugins.hosts import task


def test_other_names_are_none() -> None:
    with pytest.raises(AttributeError, match="Rubric"):
        task.Rubric  # noqa: B018


@pytest.mark.parametrize(("there", "named"), [((), "lmms-eval"), (("lm_eval",), "lm-eval")])
def test_it_is_the_class_of_the_harness_that_runs(
    there: tuple[str, ...], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them is installed here: which one is missed says which one was looked for."""
    for name in ("lmms_eval", "lm_eval"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in there:
        monkeypatch.setitem(sys.modules, name, None)  # type: ignore[arg-type]  # begun, and cannot be imported
    for name in ("lm_eval", "lmms_eval.task"):
        monkeypatch.delitem(sys.modules, f"harness_plugins.hosts.{name}", raising=False)
    if named == "lmms-eval":
        monkeypatch.setitem(sys.modules, "lmms_eval", None)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=f"{named} cannot be imported"):
        task.RubricTask  # noqa: B018
