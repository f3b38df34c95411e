"""A row of each layout as a row of `pairs`, and what is said of one that does not fit. Whole files: test_build.py."""

from __future__ import annotations

from typing import Any

import pytest

from harness_plugins.benchmarks.sources import RowProblem
from harness_plugins.training_data.sources import NoPreference, llava_critic, mmif, pairs, rlaif_v, rlhf_v
from harness_plugins.training_data.sources._columns import mapping_of, turns, without_placeholders

ASKED = {"from": "human", "value": "<image>\nWhat is it?"}
RANKED = {
    "conversations": [ASKED],
    "chosen": "A cup.",
    "rejected": {"role": "gpt", "content": "A dog."},
    "images": ["1.png"],
}
FLAT = {"idx": 7, "question": "What is it?", "chosen": "A cup.", "rejected": "A dog.", "image": "1.png"}


def judged(form: str, judgement: str, **more: Any) -> dict[str, Any]:
    return {"id": 1, "conversations": [{"from": "human", "value": form}, {"from": "gpt", "value": judgement}], **more}


BRACKETED = "Question: [What?]\nResponse 1: [A cup.]\nResponse 2: [A dog.]"
ARENA = (
    "<|User Prompt|>What?<|The Start of Assistant A's Answer|>A cup.<|The End of Assistant A's Answer|>"
    "<|The Start of Assistant B's Answer|>A dog.<|The End of Assistant B's Answer|>"
)
BENCH = "[Question]What?[Assistant 1]A cup.[End of Assistant 1][Assistant 2]A dog.[End of Assistant 2]"


@pytest.mark.parametrize(
    ("form", "judgement", "label", "margin"),
    [
        (BRACKETED, "The better response: [second]. It is a dog.", 1, None),
        (BRACKETED, "What the better response is: see below.\nThe better response is Response 1.", 0, None),
        (ARENA, "Well. [[A>>B]]", 0, 2.0),
        (ARENA, "First I thought [[A>B]], but [[B>A]]", 1, 1.0),
        (BENCH, "7 9.5\nBecause.", 1, 2.5),
    ],
)
def test_judgements(form: str, judgement: str, label: int, margin: float | None) -> None:
    row = llava_critic.pair(judged(form, judgement, source="vlfeedback"))
    assert (row["prompt"], row["candidates"]) == ("What?", ["A cup.", "A dog."])
    assert (row["label"], row["margin"], row["category"]) == (label, margin, "vlfeedback")


@pytest.mark.parametrize(
    ("form", "judgement"),
    [
        (BRACKETED, "They are equally good."),
        (BRACKETED, "The better response: tie."),
        (ARENA, "[[A=B]]"),
        (BENCH, "8, 8\nAlike."),
        ("Rate this response: A cup.", "7"),
    ],
)
def test_judgements_that_prefer_neither(form: str, judgement: str) -> None:
    with pytest.raises(NoPreference):
        llava_critic.pair(judged(form, judgement))


@pytest.mark.parametrize(
    "row", [judged(BRACKETED, "Hm."), judged(f"<image>{BRACKETED}", "The better response: [first]")]
)
def test_judgements_that_are_broken(row: dict[str, Any]) -> None:
    with pytest.raises(RowProblem):
        llava_critic.pair(row)


def test_ranked_rows() -> None:
    for layout in (mmif, rlhf_v):
        row = layout.pair(RANKED)
        assert row == {
            "prompt": "What is it?",
            "media": ["1.png"],
            "candidates": ["A cup.", "A dog."],
            "label": 0,
            "category": "",
        }


def test_rows_of_a_question_and_two_answers() -> None:
    row = rlaif_v.pair({**FLAT, "origin_split": '{"type": "detail"}'})
    assert (row["id"], row["category"], row["candidates"]) == ("7", "detail", ["A cup.", "A dog."])
    nested = rlhf_v.pair({"idx": 7, "image": "1.png", "text": '{"question": "What?", "chosen": "a", "rejected": "b"}'})
    assert (nested["prompt"], nested["candidates"]) == ("What?", ["a", "b"])
    assert pairs.pair(FLAT) is FLAT


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({**RANKED, "conversations": [ASKED, ASKED]}, "has 2 turns"),
        ({**RANKED, "chosen": ""}, "'chosen' is empty"),
        ({**RANKED, "images": []}, "has 1 times <image>, and the row no images"),
        ({**RANKED, "conversations": ["What?"]}, 'such as {"from": "human"'),
        ({"chosen": "a", "rejected": "b"}, "column 'conversations' is missing; rows have images, conversations"),
    ],
)
def test_ranked_rows_that_do_not_fit(row: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RowProblem, match=complaint):
        mmif.pair(row)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({**FLAT, "image": None}, "column 'image' is missing"),
        ({**FLAT, "question": 3}, "'question' must be a text, not int"),
    ],
)
def test_flat_rows_that_do_not_fit(row: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RowProblem, match=complaint):
        rlaif_v.pair(row)


def test_places_of_images() -> None:
    assert without_placeholders("<image>\nWhat?", 1) == "What?"
    assert without_placeholders("Is <image> like <IMAGE>?", 2) == "Is (image 1) like (image 2)?"
    assert without_placeholders("What?", 0) == "What?"


def test_mappings_and_turns() -> None:
    assert mapping_of('{"a": 1}', "split") == {"a": 1}
    with pytest.raises(RowProblem, match="'split' must be a mapping, not list"):
        mapping_of("[1]", "split")
    assert turns({"role": "user", "content": "Hi"}) == [("user", "Hi")]
