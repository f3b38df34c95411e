"""An entry of a config's `benchmarks`."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from harness_plugins.benchmarks.entry import BenchmarkEntry


def test_a_name_alone() -> None:
    assert BenchmarkEntry.model_validate("demo") == BenchmarkEntry(name="demo")


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("dmo", "did you mean 'demo'.*`pairs` reads rows of your own"),
        ({"name": "demo", "limit": 0}, "greater than 0"),
        ({"name": "demo", "frames": 10_001}, "less than or equal to 10000"),
        ({"name": "demo", "revision": ""}, "at least 1 character"),
        ({"name": "demo", "media": "some"}, "'required' or 'optional'"),
    ],
)
def test_refused(value: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        BenchmarkEntry.model_validate(value)
