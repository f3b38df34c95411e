"""Pictures of one colour: real ones, and what an answer says of them."""

from __future__ import annotations

import io

import pytest

from evaluators.images.colours import COLOURS, QUESTION, SIDE, named, picture
from evaluators.images.pictures import check_picture


@pytest.mark.parametrize("colour", COLOURS)
def test_a_picture_is_a_png_of_its_colour(colour: str) -> None:
    Image = pytest.importorskip("PIL.Image")
    assert check_picture("x.png", picture(colour)) == "image/png"
    image = Image.open(io.BytesIO(picture(colour)))
    assert image.size == (SIDE, SIDE) and image.getcolors() == [(SIDE * SIDE, tuple(COLOURS[colour]))]


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("Blue", "blue"),
        ("The square is **GREEN**.", "green"),
        ("not red but blue", "blue"),
        ("bluebird", None),
        ("", None),
    ],
)
def test_the_colour_of_an_answer_is_the_last_that_it_names(text: str, colour: str | None) -> None:
    assert named(text) == colour


def test_the_question_offers_every_colour() -> None:
    assert all(colour in QUESTION for colour in COLOURS)
