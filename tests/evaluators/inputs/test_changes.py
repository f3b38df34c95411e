"""A value of a config changed by a path: where it lands, and what is said where there is no such place."""

from __future__ import annotations

from typing import Any

import pytest

from evaluators.errors import UserError
from evaluators.inputs.changes import changed

CONFIG: dict[str, Any] = {"judges": [{"name": "qwen", "model": "a"}, "longest"], "orders": "both", "alone": "longest"}


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("orders=AB", ["orders"], "AB"),
        ("judges.0.model='b: c #d'", ["judges", 0, "model"], "b: c #d"),
        ("judges.qwen.max_tokens=512", ["judges", 0, "max_tokens"], 512),
        ("judges.longest=shortest", ["judges", 1], "shortest"),
        ("judges.2={name: x, model: y=z}", ["judges", 2], {"name": "x", "model": "y=z"}),
        ("judges.0.extra_body.top_p=0.9", ["judges", 0, "extra_body", "top_p"], 0.9),
        ("arms=[none, generic]", ["arms"], ["none", "generic"]),
        ("rubrics.mine=", ["rubrics", "mine"], None),
        ("alone.0=shortest", ["alone", 0], "shortest"),
    ],
)
def test_where_a_value_lands(text: str, path: list[Any], value: Any) -> None:
    result, location = changed(CONFIG, text, "--set")
    assert list(location) == path
    node: Any = result
    for step in path:
        node = node[step]
    assert node == value
    assert CONFIG == {"judges": [{"name": "qwen", "model": "a"}, "longest"], "orders": "both", "alone": "longest"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("judges.0.model", "--set judges.0.model: give PATH=VALUE"),
        ("=x", "give PATH=VALUE"),
        ("judges.3.model=x", "judges has 2 entries; the first is judges.0"),
        ("judges.qwn.model=x", "unknown entry of judges 'qwn'; did you mean 'qwen'?"),
        ("judges.1.model=x", "judges.1 is 'longest', which has no 'model' in it: set judges.1 as a whole"),
        ("judges..model=x", "unknown entry of judges ''"),
        ("a..b=x", "a name is missing between two dots"),
        ("orders=[", "not valid YAML"),
    ],
)
def test_no_such_place(text: str, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        changed(CONFIG, text, "--set")
    assert complaint in str(caught.value)
