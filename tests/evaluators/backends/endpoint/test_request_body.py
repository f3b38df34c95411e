"""A request's JSON in pieces, the images between them."""

from __future__ import annotations

import json

import orjson
import pytest

from evaluators.backends.endpoint.request_body import MARK, pieces
from evaluators.images.media import Encoded


def image(content: bytes) -> Encoded:
    return Encoded("image/png", content)


def test_each_mark_becomes_its_image() -> None:
    body = {"first": MARK, "text": "between", "second": MARK}
    parts = pieces(orjson.dumps(body), [image(b"AAAA"), image(b"BBBB")])
    assert json.loads(b"".join(parts)) == {
        "first": "data:image/png;base64,AAAA",
        "text": "between",
        "second": "data:image/png;base64,BBBB",
    }
    assert b"AAAA" in parts and b"BBBB" in parts, "sent from where they lie, not copied"


def test_without_images_it_is_one_piece() -> None:
    assert pieces(b'{"a":1}', []) == [b'{"a":1}']


def test_an_image_too_few_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError):
        pieces(orjson.dumps([MARK, MARK]), [image(b"AAAA")])
