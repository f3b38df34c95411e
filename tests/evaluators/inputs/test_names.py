"""A name that is none of those there are: what may have been meant is said, wherever there is a closed set."""

from __future__ import annotations

import re

import pytest

from evaluators.inputs.names import as_name, unknown


def test_what_is_near_is_suggested_and_what_is_not_is_listed() -> None:
    assert unknown("arm", "Genric", ["none", "generic"]) == (
        "unknown arm 'Genric'; did you mean 'generic'? There are: none, generic"
    )
    assert unknown("arm", "xyz", ["none", "generic"]) == "unknown arm 'xyz'; there are: none, generic"
    assert unknown("key", "k11x", [f"k{n}" for n in range(20)]) == "unknown key 'k11x'; did you mean 'k11'?"
    assert unknown("writer", "me", []) == "unknown writer 'me'; there are none"


@pytest.mark.parametrize("text", ["Qwen/Qwen2.5", "a model: #1", "象", "/x/", "..."])
def test_a_name_that_is_made_may_be_a_judges(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:+-]*", as_name(text, "judge"))
