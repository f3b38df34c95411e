"""What a rubric gives away, found by its words, and the edits that take it out."""

from __future__ import annotations

import time
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.rubrics.leaks import CLASSES, Masked, leak_classes, masked, relabelled

RESPONSES = ("There are three red cups on the small table.", "I can see four cups, all of them blue.")


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("1. Count (60%): the number of cups is right\n2. Colour (40%): the colours match the picture", ()),
        ("Compare how well each response counts; both responses must name the colour. 1 point each.", ()),
        ("Prefer the response that names the correct colour.", ()),
        ("Response 1 is correct.", ("verdict", "reference")),
        ("Award the 40 points to Chatbot B.", ("verdict", "reference")),
        ("Judge Response 1 on its count.", ("reference",)),
        ("Response 1 says three whereas Response 2 says four.", ("comparison", "reference")),
        ("A good answer says: three red cups on the small table", ("quote",)),
        ("Count (100%)\n<answer>2</answer>", ("verdict", "answer_tag")),
        ("The answer that says three is right.", ("verdict",)),
        ("第一个回答更好。", ("verdict", "reference")),
    ],
)
def test_classes(text: str, classes: tuple[str, ...]) -> None:
    assert leak_classes(text, RESPONSES) == classes


@pytest.mark.parametrize(("name", "precision", "recall"), [("first", 0.95, 0.85), ("second", 0.9, 0.85)])
def test_on_rubrics_labelled_by_hand(name: str, precision: float, recall: float) -> None:
    """Whether a rubric leaks at all; `performance/leaks.py` prints all classes."""
    rows = [
        orjson.loads(line) for line in (Path(__file__).parent / "leaks" / f"{name}.jsonl").read_bytes().splitlines()
    ]
    assert len(rows) == 100 and all(set(r["classes"]) <= set(CLASSES) for r in rows)
    pairs = [(bool(r["classes"]), bool(leak_classes(r["text"], r["responses"]))) for r in rows]
    both = sum(t and f for t, f in pairs)
    assert both / sum(f for _, f in pairs) >= precision and both / sum(t for t, _ in pairs) >= recall


@pytest.mark.parametrize(
    ("text", "exchanged"),
    [
        ("1. Response 1 counts, Response 2 does not (20%)", "1. Response 2 counts, Response 1 does not (20%)"),
        ("Chatbot A and the second answer", "Chatbot B and the first answer"),
        ("responses 1 and 2; the former; R2", "responses 2 and 1; the latter; R1"),
        ("Weigh 1 point a criterion, 2 at most", "Weigh 1 point a criterion, 2 at most"),
        ("Responses 1, 2 and Response 1-2", "Responses 2, 1 and Response 2-1"),
        ("Response **1**, Response-1, response_1", "Response **2**, Response-2, response_2"),
        ("It answers two questions; output one word.", "It answers two questions; output one word."),
        ("the former president", "the former president"),
    ],
)
def test_relabelling_exchanges_the_responses_and_nothing_else(text: str, exchanged: str) -> None:
    assert relabelled(text) == exchanged and relabelled(exchanged) == text


def test_masking_drops_names_and_quotes_and_says_how_much() -> None:
    text = "Response 1 is right: there are three red cups on the small table. Count (100%)."
    found = masked(text, RESPONSES)
    assert found.text == "a response is right: [...]. Count (100%)."
    assert found.edited == pytest.approx(11 / 15)
    assert masked("Count (100%): every cup", RESPONSES) == Masked("Count (100%): every cup", 0.0)


def test_no_text_takes_long() -> None:
    """Patterns that can share blanks out in many ways take minutes over a long run of them."""
    started = time.process_time()
    for text in (
        "Response" + " " * 20_000,
        "prefer" + " " * 20_000 + "x",
        "so" + "\t" * 20_000 + "x",
        "one response " * 1500,
    ):
        leak_classes(text, RESPONSES), relabelled(text), masked(text, RESPONSES)
    assert time.process_time() - started < 3
    assert relabelled("fırst response wins") == "fırst response wins", "letters that fold to others are no key"


@given(st.text(max_size=200))
def test_any_text_can_be_looked_at(text: str) -> None:
    assert set(leak_classes(text, RESPONSES)) <= set(CLASSES)
    again = masked(masked(text, RESPONSES).text, RESPONSES)
    assert again.edited == 0.0 or "a response" in masked(text, RESPONSES).text.lower()
    assert len(relabelled(text).split()) == len(text.split())


WORDS = """
response Response 1 2 A B 1. (2 points) R1 the one that is better other longer prefer choose so : = -> <answer> [[A]] answer:
verdict first second former latter than both one two only its rival in to of. the answer which says wins! - # ( [ _ * " right
left-hand erste Antwort 1st 2nd differ number no. candidates chatbot
"""
PARTS = st.sampled_from(WORDS.split())


@settings(max_examples=1000)
@given(st.lists(PARTS, max_size=14), st.sampled_from([" ", " ", "", "\n", "_"]))
def test_what_is_looked_for_first_hides_nothing(parts: list[str], between: str) -> None:
    """A letter other than ASCII, in a line of its own, has all patterns tried."""
    text = between.join(parts)
    assert leak_classes(text, RESPONSES) == leak_classes(f"{text}\nö", RESPONSES)
