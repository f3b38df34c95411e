"""The collector is left as it was, also where the work within fails."""

from __future__ import annotations

import contextlib
import gc

import pytest

from evaluators.gc_pause import rare_collections


@pytest.mark.parametrize("freeze", [True, False])
def test_collections_are_rare_within_and_as_before_after(freeze: bool) -> None:
    before = gc.get_threshold()
    with contextlib.suppress(ZeroDivisionError), rare_collections(freeze):
        assert gc.get_threshold()[0] > before[0]
        assert (gc.get_freeze_count() > 0) is freeze
        raise ZeroDivisionError
    assert gc.get_threshold() == before and gc.get_freeze_count() == 0
