"""What an option with fields may say."""

from __future__ import annotations

import pytest

from evaluators.errors import UserError
from harness_plugins.cli.commands import pairs


def test_a_bare_value_goes_on_with_its_field() -> None:
    assert pairs(["judge=a,b", "arm=none, judge=c"], "--only") == {"judge": {"a", "b", "c"}, "arm": {"none"}}
    assert pairs([], "--only") == {}


@pytest.mark.parametrize("value", ["qwen", "=qwen", "judge="])
def test_what_has_no_field_or_no_value(value: str) -> None:
    with pytest.raises(UserError, match=f"--only {value}: give FIELD=VALUE, such as --only judge=qwen"):
        pairs([value], "--only")
