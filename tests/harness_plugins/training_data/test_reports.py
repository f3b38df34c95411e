"""The files beside the sets: manifest, pool and lists; and what goes when it is asked for no more."""

from __future__ import annotations

import hashlib

import orjson
import pytest

from harness_plugins.training_data.reports import MANIFEST
from tests.harness_plugins.training_data.conftest import Made

pytestmark = pytest.mark.xdist_group("training data")


def test_the_manifest_names_every_file_by_its_digest(made: Made) -> None:
    manifest = orjson.loads((made.out / MANIFEST).read_bytes())
    assert set(manifest["files"]) == {
        f"{form}/{part}.jsonl" for form in ("trl", "ms_swift") for part in made.built.parts
    }
    for name, facts in manifest["files"].items():
        data = (made.out / name).read_bytes()
        assert (facts["rows"], facts["sha256"]) == (data.count(b"\n"), hashlib.sha256(data).hexdigest())
    assert "teacher" not in manifest["config"] and "unused.invalid" not in str(manifest)


def test_the_pool_says_of_each_pair_what_became_of_it(made: Made) -> None:
    pool = made.lines("pool.jsonl")
    assert {p["outcome"] for p in pool} == {"correct", "hard"}
    parts = [p["part"] for p in pool if p["part"]]
    assert {part: parts.count(part) for part in set(parts)} == made.built.parts


def test_what_was_left_out_has_its_place(made: Made) -> None:
    dropped = made.lines("dropped.jsonl")
    assert all(d["why"] and d["place"] for d in dropped) and len(dropped) == 5
