"""A manifest is checked once, field by field, before anything is made of it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from evaluators.records import SCHEMA
from harness_plugins.folder.manifest_model import checked

GOOD: dict[str, Any] = {
    "schema": SCHEMA,
    "judges": {"j": {"key": {"backend": "openai", "model": "m"}, "family": None, "base": None}},
    "orders": "both",
    "planned": [["demo", "j", "none", None]],
}


def test_a_manifest_is_handed_on_as_it_is() -> None:
    assert checked(orjson.dumps(GOOD)) == GOOD
    assert checked(b"\xef\xbb\xbf" + orjson.dumps(GOOD)) == GOOD
    more = {**GOOD, "of_a_newer_version": 1}
    assert checked(orjson.dumps(more)) == more


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"judges": None}, "^judges: input should be a valid dict"),
        ({"orders": "BB"}, "^orders"),
        ({"orders": 10}, "^orders"),
        ({"planned": [["demo", "j", "none"]]}, "^planned.0: list should have at least 4 items"),
        ({"shuffles": "2"}, "^shuffles: input should be a valid integer"),
        ({"judges": {"j": {"key": {"backend": "openai"}, "family": None, "base": None}}}, "^judges.j.key.model: field req"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_by_its_field(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        checked(orjson.dumps({**GOOD, **change}))


@pytest.mark.parametrize(("data", "complaint"), [(b" ", "^empty$"), (b"{", "^not valid JSON"), (b"[]", "^the whole")])
def test_what_is_no_manifest(data: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        checked(data)


def test_a_newer_one_is_not_looked_into() -> None:
    assert checked(orjson.dumps({"schema": SCHEMA + 1, "judges": 3}))["judges"] == 3
