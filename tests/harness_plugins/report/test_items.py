"""The browser of items as the page holds it: its blocks, and what its lists offer."""

from __future__ import annotations

from harness_plugins.report.contents import LENGTHS, Contents
from harness_plugins.report.items import choices, picture_block, text_blocks
from harness_plugins.report.thumbnails import Thumbnail


def test_a_picture_is_data_or_why_it_is_gone() -> None:
    there = picture_block(3, Thumbnail(b"bytes", (4, 2)))
    assert 'id="p3"' in there and 'data-size="4 × 2"' in there and ">Ynl0ZXM=</script>" in there
    gone = picture_block(4, Thumbnail(problem='"><script>'))
    assert 'data-gone="&#34;&gt;&lt;script&gt;"' in gone


def test_lists_offer_what_there_is_in_the_order_of_the_run() -> None:
    cells = [["b", "none", None], ["b", "transferred", "w"], ["a", "none", None]]
    index = {
        "benchmarks": [{"name": "x", "cells": cells}],
        "items": [["u", 0, "1", "odd", "", ""], ["v", 0, "2", "even", "", ""]],
    }
    contents = Contents(index, [{"row": 1}, {"row": 2}], [{"text": "r"}], LENGTHS[0], [])
    offered = choices(contents)
    assert offered["judges"] == [("b", "b"), ("a", "a")] and offered["writers"] == [("w", "w")]
    assert offered["categories"] == [("even", "even"), ("odd", "odd")]
    assert [f'id="{name}"' in text_blocks(contents) for name in ("index", "i0", "i1", "r0", "i2")] == [True] * 4 + [
        False
    ]
