"""What travels between client and server arrives as it was sent, images by value."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.errors import UserError
from evaluators.prompts.template import RubricText
from evaluators.records import Candidate, Failure, Item, Label, Media, MediaFile
from harness_plugins.rewards.images import BadImage
from harness_plugins.rewards.proxy import Reward, Sample
from harness_plugins.rewards.rpo import Group, Score
from harness_plugins.rewards.server.wire import (
    ProxySample,
    RPOGroup,
    group_out,
    packed,
    reward_in,
    reward_out,
    sample_out,
    score_in,
    score_out,
    unpacked,
)
from tests.conftest import png


def item(path: Path, kind: str = "image") -> Item:
    path.write_bytes(png(1))
    media = (Media("photo", kind, (MediaFile(str(path)),)),)  # type: ignore[arg-type]
    return Item(
        "x:1", "x", "1", 1, "What?", (Candidate("a cup"), Candidate("a dog")), (0, 1), Label(preferred=0), media
    )


def test_a_sample_goes_out_as_its_writer_saw_it(tmp_path: Path) -> None:
    sent = ProxySample.model_validate(sample_out(Sample(item(tmp_path / "1.png"), "BA", "<answer>1</answer>", "stop")))
    assert [r.text for r in sent.responses] == ["a dog", "a cup"] and sent.answer == 2
    assert (sent.completion, sent.finish_reason) == ("<answer>1</answer>", "stop")
    assert unpacked(sent.images[0]) == png(1) and str(tmp_path) not in sent.model_dump_json()


def test_videos_and_lists_are_not_sent(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="videos are not sent"):
        sample_out(Sample(item(tmp_path / "1.png", "video"), "AB", ""))
    with pytest.raises(UserError, match="Proxy-GRM compares two"):
        sample_out(Sample(item(tmp_path / "1.png"), "ABC", ""))


def test_a_broken_picture_travels_as_an_empty_one() -> None:
    assert packed(b"no picture") == "" and unpacked(packed(png(1))) == png(1)
    assert isinstance(unpacked("no base64!"), BadImage)


def test_a_group_goes_out_with_its_rubric_as_text() -> None:
    sent = RPOGroup.model_validate(group_out(Group("a cup", (png(1), png(2)), png(3), RubricText("Is it red?"))))
    assert (sent.prompt, sent.rubric, len(sent.images)) == ("a cup", "Is it red?", 2)
    assert sent.source is not None and unpacked(sent.source) == png(3)


@pytest.mark.parametrize(
    "reward",
    [
        Reward(2.5, "correct", "correct", True),
        Reward(None, "wrong", "error", False, ("missing_eval",), Failure("timeout", "no reply")),
    ],
)
def test_rewards_come_back_as_they_were(reward: Reward) -> None:
    assert reward_in(reward_out(reward)) == reward


@pytest.mark.parametrize("score", [Score(0.5, ("won", "lost")), Score(None, (), Failure("image", "broken"))])
def test_scores_come_back_as_they_were(score: Score) -> None:
    assert score_in(score_out(score)) == score
