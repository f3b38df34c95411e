"""The browser of items as the page holds it: its blocks, and what its lists offer."""

from __future__ import annotations

from harness_plugins.report.contents import LENGTHS, Contents
from harness_plugins.report.items import address, choices, picture_block, text_blocks
from harness_plugins.report.thumbnails import Thumbnail


def test_a_picture_is_data_or_why_it_is_gone() -> None:
    there = picture_block(3, Thumbnail(b"bytes", (4, 2)))
    assert 'id="p3"' in there and 'data-size="4 × 2"' in there and ">Ynl0ZXM=</script>" in there
    gone = picture_block(4, Thumbnail(problem='"><script>'))
    assert 'data-gone="&#34;&gt;&lt;script&gt;"' in gone


INDEX = {
    "judges": [["b", False], ["a", False], ["first", True]],
    "writers": ["w"],
    "arms": [["none", "no rubric", "Nothing.", False], ["transferred", "its rubric", "It.", False]],
    "arm": "transferred",
    "benchmarks": [{"name": "x", "cells": [["b", "none", None], ["b", "transferred", "w"], ["a", "none", None]]}],
    "items": [["u", 0, "1", "odd", "", "R0H1W0"], ["v", 0, "2", "even", "", "R0R0R0"]],
}
BLOCKS = [{"candidates": [{}, {}]}, {"candidates": [{}, {}]}]


def test_lists_offer_what_there_is_in_the_order_of_the_run() -> None:
    contents = Contents(INDEX, BLOCKS, [{"text": "r"}], LENGTHS[0], [])
    offered = choices(contents)
    assert offered["judges"] == [[("b", "b"), ("a", "a")], [("first", "first")]] and offered["any_judge"] == "any model"
    assert offered["writers"] == [("w", "rubrics of w")] and offered["orders"] == "both orders"
    assert offered["categories"] == [("even", "even"), ("odd", "odd")]
    assert [chip.key for chip in offered["chips"]] == ["", "fixed", "broken", "flipped", "leak", "unread"]
    assert [f'id="{name}"' in text_blocks(contents) for name in ("index", "i0", "i1", "r0", "i2")] == [True] * 4 + [
        False
    ]


def test_filters_that_nothing_can_pass_are_not_offered() -> None:
    without = INDEX | {"writers": [], "items": [["u", 0, "1", "", "", "M0"]]}
    offered = choices(Contents(without, [{"candidates": [{}] * 3}], [], LENGTHS[0], []))
    assert [chip.key for chip in offered["chips"]] == ["", "flipped", "unread", "missing"]
    assert offered["orders"] == "all orders"


def test_an_address_says_which_items_it_opens() -> None:
    assert address(show="fixed", writer="a b", arm="transferred") == "#items?show=fixed&writer=a+b&arm=transferred"
    assert address(category="x&y=\u202e") == "#items?category=x%26y%3D%E2%9F%A8U%2B202E%E2%9F%A9", (
        "as the page has the name"
    )
