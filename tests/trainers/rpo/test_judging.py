"""Pairs and their verdicts: sent at once, asked again while the judge is away, taken from the journal where pictures are equal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs torch; `make test-trainers` runs this")
pytest.importorskip("diffusers", reason="needs diffusers; `make test-trainers` runs this")

import torch
from PIL import Image
from torch import Tensor

from evaluators.errors import BackendError
from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from harness_plugins.rewards import RPOReward
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rpo.judging import PairJudge, digest_of
from harness_plugins.rpo.prompts import Pair, Prompt, Two
from harness_plugins.rpo.run_folder import PairRow

SPEC = JudgeSpec(name="judge", backend="openai", model="m", base_url="http://unused.invalid/v1", retries=0)
PAIR = Pair(3, 0, Prompt("p", "a red square"), 0)


def flat(*levels: float) -> Tensor:
    """A picture a level of red."""
    images = torch.zeros(len(levels), 3, 4, 4)
    images[:, 0] = torch.tensor(levels).view(-1, 1, 1)
    return images


def redder(case: Case) -> str:
    reds = []
    for candidate in case.shown():
        with Image.open(candidate.media[0].files[0].path) as image:
            reds.append(image.convert("RGB").getpixel((0, 0))[0])  # type: ignore[index]
    return "1" if reds[0] > reds[1] else "2"


class Asked:
    """A judge that counts, and what was recorded of it."""

    def __init__(
        self, says: Callable[[Case], Any], journal: dict[Any, PairRow] | None = None, patience_s: float = 0
    ) -> None:
        self.judge = MockJudge(SPEC, says)
        self.loop: BackgroundLoop[Any] = BackgroundLoop(RPOReward(self.judge))
        self.recorded: list[PairRow] = []
        self.pairs = PairJudge(self.loop, self.recorded.append, journal or {}, patience_s)

    def rows(self, images: Tensor, pair: Pair = PAIR) -> PairRow:
        try:
            self.pairs.send(pair, images)
            return self.pairs.rows()[pair.number]
        finally:
            self.loop.close()


def test_a_verdict_comes_with_what_was_written_in_both_orders() -> None:
    asked = Asked(redder)
    row = asked.rows(flat(0.1, 0.9))
    assert row.rewards == Two(-0.1, 1.0) and row.outcome == "lost" and row.error is None
    assert [(r.order, r.preferred) for r in row.replies] == [((0, 1), 1), ((1, 0), 1)]
    assert (row.step, row.uid, row.prompt, asked.recorded) == (3, "p", "a red square", [row])
    assert asked.pairs.rows() == {}, "each pair is handed out once"


def test_pairs_are_judged_while_others_are_made() -> None:
    """Sending returns at once, and the verdicts come by number."""
    asked = Asked(redder)
    asked.judge._latency_s = 0.3
    start = time.monotonic()
    for n in range(8):
        asked.pairs.send(
            PAIR._replace(number=n, prompt=Prompt(f"p{n}", "text")), flat(0.1, 0.2) if n % 2 else flat(0.2, 0.1)
        )
    assert time.monotonic() - start < 0.3
    rows = asked.pairs.rows()
    asked.loop.close()
    assert {n: row.rewards for n, row in rows.items()} == {
        n: Two(-0.1, 1.0) if n % 2 else Two(1.0, -0.1) for n in range(8)
    }


def test_what_the_journal_has_is_not_asked_again_while_the_pictures_are_the_same() -> None:
    known = Asked(redder).rows(flat(0.1, 0.9))
    again = Asked(redder, {(3, "p"): known})
    assert again.rows(flat(0.1, 0.9)) == known and not again.judge.cases and not again.recorded
    other = Asked(redder, {(3, "p"): known})
    assert other.rows(flat(0.9, 0.1)).rewards == Two(1.0, -0.1) and len(other.judge.cases) == 2
    later = Asked(redder, {(3, "p"): known})
    later.rows(flat(0.1, 0.9), PAIR._replace(step=4))
    assert len(later.judge.cases) == 2, "another step is another pair"


def test_a_masked_pair_is_an_answer_and_a_failure_is_none() -> None:
    masked = Asked(lambda case: "1").rows(flat(0.1, 0.9))
    assert (masked.rewards, masked.outcome) == (None, "disagree")
    again = Asked(redder, {(3, "p"): masked})
    assert again.rows(flat(0.1, 0.9)) == masked and not again.judge.cases
    failed = Asked(lambda case: BackendError("server", "down", http=500)).rows(flat(0.1, 0.9))
    resumed = Asked(redder, {(3, "p"): failed})
    assert resumed.rows(flat(0.1, 0.9)).rewards == Two(-0.1, 1.0)


def test_a_judge_that_is_away_for_a_while_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    until = time.monotonic() + 1.2

    def away(case: Case) -> Any:
        return BackendError("server", "starting", http=503) if time.monotonic() < until else redder(case)

    with caplog.at_level(logging.WARNING, "rubric_harness"):
        asked = Asked(away, patience_s=20)
        row = asked.rows(flat(0.1, 0.9))
    assert row.rewards == Two(-0.1, 1.0) and asked.recorded == [row], "and one line in the journal"
    assert "the judge gave no answer on 1 pairs (server: starting): asking again" in caplog.text


@pytest.mark.parametrize(
    ("kind", "patience_s", "rounds"), [("auth", 30, 1), ("server", 0, 1), ("server", 0.7, 2), ("too_long", 30, 1)]
)
def test_what_patience_does_not_mend_is_recorded(kind: Any, patience_s: float, rounds: int) -> None:
    asked = Asked(lambda case: BackendError(kind, "no"), patience_s=patience_s)
    start = time.monotonic()
    row = asked.rows(flat(0.1, 0.9))
    assert time.monotonic() - start < 10
    assert row.rewards is None and row.outcome == "error" and row.error is not None and row.error.kind == kind
    assert asked.recorded == [row] and len(asked.judge.cases) >= 2 * rounds
    assert rounds > 1 or len(asked.judge.cases) == 2


def test_a_failure_is_recorded_even_where_patience_ends_during_another_pair() -> None:
    """The first fails at once, and the second takes until after the end."""

    def says(case: Case) -> Any:
        if case.item.prompt.startswith("slow"):
            time.sleep(0.5)
            return redder(case)
        return BackendError("server", "down", http=500)

    asked = Asked(says, patience_s=0.4)
    asked.pairs.send(PAIR, flat(0.1, 0.9))
    asked.pairs.send(PAIR._replace(number=1, prompt=Prompt("s", "slow")), flat(0.1, 0.9))
    rows = asked.pairs.rows()
    asked.loop.close()
    assert {row.uid: row.outcome for row in asked.recorded} == {"p": "error", "s": "lost"} and len(rows) == 2


def test_digests_are_of_pixels_as_a_judge_sees_them() -> None:
    image = torch.rand(3, 4, 4)
    assert digest_of(image) == digest_of((image * 255).round() / 255) and digest_of(image) != digest_of(1 - image)


def test_the_source_is_shown_to_the_judge(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), "blue").save(tmp_path / "source.png")
    asked = Asked(redder)
    asked.rows(flat(0.1, 0.9), PAIR._replace(prompt=Prompt("p", "make it red", tmp_path / "source.png")))
    assert [len(case.item.media) for case in asked.judge.cases] == [1, 1]
