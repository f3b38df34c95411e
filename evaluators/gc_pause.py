"""Python's garbage collector, kept from walking through a million records again and again."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def rare_collections(freeze: bool = True) -> Iterator[None]:
    """Keep the garbage collector from walking through all items again and again: a twentieth of the CPU otherwise.

    Args:
        freeze: leave out what is there already; False where the records are still to be read.
    """
    thresholds = gc.get_threshold()
    if freeze:
        gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        if freeze:
            gc.unfreeze()
