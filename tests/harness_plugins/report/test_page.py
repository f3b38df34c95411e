"""Blocks of the page: JSON that can neither end its element nor begin another."""

from __future__ import annotations

import re

import orjson
import pytest

from harness_plugins.report.page import data_block


@pytest.mark.parametrize("text", ["</script>", "<!--", "a & b", "\u2028 \u2029", "plain"])
def test_any_text_comes_back_and_ends_nothing(text: str) -> None:
    block = data_block("i0", {"text": text})
    inside = block.split('id="i0">', 1)[1].rpartition("</script>")[0]
    assert orjson.loads(inside) == {"text": text}
    assert not re.search(r"[<>&\u2028\u2029]", inside)
