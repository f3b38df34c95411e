"""What the teacher is asked about, and why each other row is not."""

from __future__ import annotations

import pytest

from harness_plugins.training_data import gathering
from tests.harness_plugins.training_data.conftest import PAIRS, Made

pytestmark = pytest.mark.xdist_group("training data")


def test_each_row_is_asked_about_or_left_out_for_one_reason(made: Made) -> None:
    gathered = made.built.gathered
    left_out = {d.why: [x.place for x in gathered.dropped if x.why == d.why] for d in gathered.dropped}
    assert {why: len(places) for why, places in left_out.items()} == {
        "bad_row": 1,
        "duplicate": 1,
        "conflicting_labels": 2,
        "contaminated": 1,
    }
    asked = {p.item.source_id for p in gathered.pairs}
    assert asked == {f"pair-{n}" for n in range(PAIRS)} - {"pair-0", "pair-2"}
    assert gathered.looked_up == len(asked) + 1, "every pair that is fit is looked up in the benchmarks"


def test_images_are_hashed_once_and_on_record(made: Made) -> None:
    assert len({line["sha256"] for line in made.lines(gathering.HASHES)}) == PAIRS - 1, "two pairs show one picture"
