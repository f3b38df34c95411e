"""Pairs on their way to the judge: each is sent as soon as its pictures are there, while the next ones are made."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple

from torch import Tensor

from evaluators.errors import PERMANENT
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.groups import GroupReward
from harness_plugins.rewards.rpo import Group, Score
from harness_plugins.rpo.pictures import eight_bits
from harness_plugins.rpo.prompts import Pair, Two
from harness_plugins.rpo.run_folder import PairRow

log = logging.getLogger("rubric_harness")
PAUSE_S = 15.0
"""The longest between two rounds of questions to a judge that does not answer."""


class Digests(NamedTuple):
    first: str
    second: str


class Sent(NamedTuple):
    """A pair that is being judged."""

    pair: Pair
    images: Tensor
    """(2, 3, H, W), float32 in 0..1."""
    digests: Digests
    at: float
    answer: Future[list[list[Score]]]


class PairJudge:
    """Args:
    reward: an `RPOReward`, a `RewardClient`, or whatever compares groups, in a loop of its own.
    record: keeps each verdict as it comes.
    journal: verdicts of earlier processes of the run, by step and uid. A pair with equal pictures is not asked about again.
    patience_s: how long a pair that got no answer is asked about again.
    """

    def __init__(
        self,
        reward: BackgroundLoop[GroupReward],
        record: Callable[[PairRow], None],
        journal: Mapping[tuple[int, str], PairRow],
        patience_s: float,
    ) -> None:
        self._reward = reward
        self._record, self._journal, self._patience_s = record, journal, patience_s
        self._sent: list[Sent] = []
        self._known: dict[int, PairRow] = {}
        self._other_pictures = 0
        """Pairs of which there is a verdict, on other pictures."""

    def send(self, pair: Pair, images: Tensor) -> None:
        """Returns at once."""
        digests = Digests(digest_of(images[0]), digest_of(images[1]))
        row = self._journal.get((pair.step, pair.uid))
        if row is not None and row.pictures == digests and (row.error is None or row.error.kind == "image"):
            self._known[pair.number] = row
            return
        if row is not None and row.error is None:
            self._other_pictures += 1
        self._sent.append(self._asked(pair, images, digests))

    def rows(self) -> dict[int, PairRow]:
        """What was said of all pairs sent since the last call, by number. Waits for it.

        Raises:
            UserError: what the judge needs is not there.
        """
        rows, self._known = self._known, {}
        if self._other_pictures:
            log.warning(
                "%d pairs have a verdict on other pictures (another device, or another `batch`): asked again",
                self._other_pictures,
            )
            self._other_pictures = 0
        end, pause = time.monotonic() + self._patience_s, 0.5
        while self._sent:
            unanswered: list[Sent] = []
            for sent in self._sent:
                row = rows[sent.pair.number] = _row(sent, sent.answer.result()[0])
                if asked_again(row):
                    unanswered.append(sent)
                else:
                    self._record(row)
            self._sent = []
            if not unanswered or time.monotonic() >= end:
                for sent in unanswered:
                    self._record(rows[sent.pair.number])
                break
            error = rows[unanswered[0].pair.number].error
            assert error is not None
            log.warning(
                "the judge gave no answer on %d pairs (%s: %s): asking again, for up to %.0f s more",
                len(unanswered),
                error.kind,
                error.message[:120],
                end - time.monotonic(),
            )
            time.sleep(min(pause, max(0.0, end - time.monotonic())))
            pause = min(2 * pause, PAUSE_S)
            self._sent = [self._asked(s.pair, s.images, s.digests) for s in unanswered]
        return rows

    def _asked(self, pair: Pair, images: Tensor, digests: Digests) -> Sent:
        group = Group(pair.prompt.text, list(images), pair.prompt.source, replies=True)
        return Sent(pair, images, digests, time.monotonic(), self._reward.submit(lambda reward: reward.score([group])))


def asked_again(row: PairRow) -> bool:
    """Whether asking once more may bring an answer: none came, and not because of what was asked."""
    return row.error is not None and row.error.kind != "image" and row.error.kind not in PERMANENT


def digest_of(image: Tensor) -> str:
    """Of a picture's pixels, as the judge sees them: 8 bits a number."""
    return hashlib.sha256(eight_bits(image).contiguous().numpy().tobytes()).hexdigest()


def _row(sent: Sent, scores: Sequence[Score]) -> PairRow:
    first, second = scores
    rewards = None if first.value is None or second.value is None else Two(first.value, second.value)
    return PairRow(
        sent.pair.step,
        sent.pair.number,
        sent.pair.uid,
        sent.pair.prompt.text,
        sent.digests,
        rewards,
        first.pairs[0],
        first.error,
        first.replies,
        round(time.monotonic() - sent.at, 3),
    )
