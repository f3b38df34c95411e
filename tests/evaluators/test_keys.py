"""Uids, canonical order and keys: what they depend on, and what they must not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from evaluators.engine.due import Grid
from evaluators.keys import canonical_order, item_uid
from evaluators.records import Candidate, Item, Label, Media, MediaFile
from evaluators.rubrics.arms import ARMS
from evaluators.specs import JudgeSpec

texts = st.text(max_size=30)


@given(texts, texts, texts, texts)
def test_the_uid_does_not_depend_on_storage(source: str, prompt: str, a: str, b: str) -> None:
    there, back = (Candidate(a), Candidate(b)), (Candidate(b), Candidate(a))
    assert item_uid("x", source, prompt, there, None) == item_uid("x", source, prompt, back, None)
    uid = item_uid("x", source, prompt, there, None)
    shown = [[pair[i].text for i in canonical_order(uid, pair)] for pair in (there, back)]
    assert shown[0] == shown[1], "canonical order is a matter of content"


@given(texts, texts, texts)
def test_the_uid_depends_on_what_it_names(prompt: str, a: str, b: str) -> None:
    pair = (Candidate(a), Candidate(b))
    uid = item_uid("x", "1", prompt, pair, None)
    assert uid != item_uid("x", "2", prompt, pair, None)
    assert uid != item_uid("x", "1", prompt + "!", pair, None)
    assert uid != item_uid("x", "1", prompt, pair, "brevity")
    assert uid != item_uid("x", "1", prompt, (Candidate(a + "!"), Candidate(b)), None)


ITEM = Item(
    "x:1", "x", "1", 0, "q", (Candidate("a"), Candidate("b")), (0, 1), Label(preferred=0),
    media=(Media("m", "image", (MediaFile("/m.png", 1, 1, "ab" * 32),)),),
)  # fmt: skip
JUDGE = JudgeSpec(name="j", backend="openai", model="m", base_url="http://127.0.0.1:1/v1")


def keys(item: Item = ITEM, judge: JudgeSpec = JUDGE, arm: str = "none") -> set[str]:
    grid = Grid("x", [item], [ARMS[arm]])
    return {c.key for c in grid.cells(item, judge, grid.rows(judge))}


def test_a_key_covers_what_decides_the_answer() -> None:
    base = keys()
    assert len(base) == 2, "one an order"
    for other in (
        keys(judge=JUDGE.model_copy(update={"temperature": 0.5})),
        keys(judge=JUDGE.model_copy(update={"model": "n"})),
        keys(judge=JUDGE.model_copy(update={"verdict": "direct"})),
        keys(judge=JUDGE.model_copy(update={"extra_body": {"top_k": 1}})),
        keys(replace(ITEM, media=(Media("m", "image", (MediaFile("/m.png", 1, 1, "cd" * 32),)),))),
        keys(arm="repeat"),
        keys(arm="generic"),
    ):
        assert not base & other


def test_a_key_does_not_cover_how_the_answer_is_fetched() -> None:
    roads = {"base_url": "http://elsewhere/v1", "concurrency": 3, "timeout_s": 5.0, "retries": 0, "adaptive": True}
    assert keys(judge=JUDGE.model_copy(update={**roads, "api_key_env": "OTHER", "family": "f"})) == keys()
    moved = replace(ITEM, row=7, revision="r", media=(Media("m", "image", (MediaFile("/else.png", 9, 9, "ab" * 32),)),))
    assert keys(moved) == keys()
