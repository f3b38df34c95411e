"""What the formats share: a prompt as one text, and where its images stand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from evaluators.messages import Image, Message, Text
from evaluators.records import Candidate, Item, Label, Media, MediaFile
from harness_plugins.training_data.examples import Example
from harness_plugins.training_data.exports import ms_swift, pairs
from harness_plugins.training_data.exports._plain import facts, flat, path_in, root_of, with_target, without_markers
from tests.conftest import read_jsonl

ASKED = (Message("user", (Text("Look at <image>:"), Image(MediaFile("/d/1.png")), Text("which?"))),)
SET = Path("/d/set")
TEXTS = (Candidate("a cup"), Candidate("a dog"))
PICTURES = tuple(Candidate(media=(Media(n, files=(MediaFile(f"/d/{n}.png"),)),)) for n in "ab")


def example(candidates: tuple[Candidate, ...] = TEXTS, target: str | None = None, order: str = "BA") -> Example:
    item = Item("x:1", "x", "1", 1, "What?", candidates, (0, 1), Label(preferred=0), group="g")
    return Example("grm_rl" if target is None else "grm_sft", item, order, ASKED, target)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("an <image> here", "an < image> here"), ("<VIDEO>", "< VIDEO>"), ("<b>", "<b>"), ("1 < 2", "1 < 2")],
)
def test_nothing_in_a_text_is_taken_for_an_image(text: str, plain: str) -> None:
    assert without_markers(text) == plain


def test_each_image_stands_on_a_line_of_its_own() -> None:
    assert flat(ASKED) == [{"role": "user", "content": "Look at < image>:\n<image>\nwhich?"}]
    assert with_target(flat(ASKED), example()) == flat(ASKED)
    assert with_target(flat(ASKED), example(target="<image> is it"))[1] == {
        "role": "assistant",
        "content": "< image> is it",
    }


def test_a_reward_gets_its_columns_as_shown() -> None:
    columns = facts(example(), SET)
    assert (columns["response_1"], columns["response_2"], columns["answer"]) == ("a dog", "a cup", 2)
    assert "item" not in columns and facts(example(), SET, recorded=True)["item"] is None
    record = facts(example(PICTURES), SET)
    assert orjson.loads(record["item"])["uid"] == "x:1" and record["saw"] == "BA"


@pytest.mark.parametrize(
    ("file", "path"), [("/d/set/images/1.png", "images/1.png"), ("/d/set/../other/1.png", "/d/other/1.png")]
)
def test_paths_are_relative_to_the_set_that_holds_the_files(file: str, path: str) -> None:
    assert path_in(SET, file) == path
    moved = facts(replace(example(), item=example(PICTURES).item.with_paths(lambda _: file)), SET)
    candidates = orjson.loads(moved["item"])["candidates"]
    assert {c["media"][0]["files"][0]["path"] for c in candidates} == {path}


def test_ms_swift(tmp_path: Path) -> None:
    ms_swift.write(tmp_path / "rl.jsonl", [example()])
    ms_swift.write(tmp_path / "sft.jsonl", [example(target="1")])
    (rl,), (sft,) = (read_jsonl(tmp_path / name) for name in ("rl.jsonl", "sft.jsonl"))
    assert (rl["solution"], rl["images"], len(rl["messages"])) == ("2", ["/d/1.png"], 1)
    assert "solution" not in sft and sft["messages"][1] == {"role": "assistant", "content": "1"}


def test_pairs_are_rows_that_can_be_judged(tmp_path: Path) -> None:
    (tmp_path / "pairs").mkdir()
    pairs.write(tmp_path / "pairs" / "rl.jsonl", [example(), example(PICTURES)])
    texts, pictures = read_jsonl(tmp_path / "pairs" / "rl.jsonl")
    assert (texts["candidates"], texts["label"], texts["group"]) == (["a dog", "a cup"], 1, "x:g")
    for candidate, name in zip(pictures["candidates"], "ba", strict=True):
        (path,) = candidate["media"]
        assert (tmp_path / path).resolve() == Path(f"/d/{name}.png"), "relative to the folder of the formats"


def test_a_set_is_known_however_its_folder_is_written() -> None:
    assert root_of(Path("/d/x/../set/trl/grm_rl.jsonl")) == SET
