"""What pairs share: clusters among themselves, and what of them is part of a benchmark. With pictures: test_parts.py."""

from __future__ import annotations

import orjson
import pytest

from harness_plugins.training_data.overlap import clusters, contaminated
from tests.harness_plugins.training_data.conftest import Made

pytestmark = pytest.mark.xdist_group("training data")


def test_pairs_about_one_picture_are_one_cluster(made: Made) -> None:
    gathered = made.built.gathered
    numbers = clusters(gathered.pairs, gathered.images, 0)
    by_id = {p.item.source_id: numbers[p.uid] for p in gathered.pairs}
    assert by_id["pair-4"] == by_id["pair-5"]
    assert len(set(by_id.values())) == len(by_id) - 1
    assert {p["uid"]: p["cluster"] for p in made.lines("pool.jsonl")} == numbers


def test_what_a_benchmark_holds_is_found_by_its_picture_and_its_words(made: Made) -> None:
    report = orjson.loads((made.out / "contamination.json").read_bytes())
    assert report["benchmarks"]["pairs"]["pairs_removed"] == 1
    signals = {hit["signal"] for hit in report["hits"]}
    assert "image" in signals and {hit["source_id"] for hit in report["hits"]} == {"pair-0"}


def test_without_a_benchmark_nothing_is_hit(made: Made) -> None:
    from harness_plugins.training_data.config import load_data_config

    how = load_data_config(made.config).contamination
    overlap = contaminated(made.built.gathered.pairs, [], made.built.gathered.images, how)
    assert not overlap.hits and not overlap.removed
