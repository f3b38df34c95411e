"""A judge as rewards ask it: so many requests at a time, each retried, and a typed failure where no answer came."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeGuard

from evaluators import judges as judge_factory
from evaluators.engine.caller import Caller, Tally
from evaluators.errors import BackendError
from evaluators.images.media import Known, MediaWindow
from evaluators.images.picture_folders import PictureFolder, remove_left_pictures
from evaluators.judges import Judge
from evaluators.prompts.template import Case
from evaluators.records import Answer
from evaluators.replies.parsing import Parsed, parse
from evaluators.specs import JudgeSpec
from harness_plugins.rewards.images import ImageFiles

log = logging.getLogger(__name__)


def is_judge(value: Any) -> TypeGuard[JudgeSpec | Judge]:
    """Whether it is a judge, by its spec or itself, and no reward that has one already."""
    return isinstance(value, JudgeSpec) or hasattr(value, "decide")


class Decision(NamedTuple):
    answer: Answer
    parsed: Parsed


@dataclass
class RewardJudge:
    """Args:
        judge: a spec, or a Judge of your own.

    Raises:
        UserError: what the judge's backend needs is not installed.
    """

    judge: JudgeSpec | Judge
    tally: Tally = field(default_factory=Tally)
    """Requests, failures by kind, waits."""

    def __post_init__(self) -> None:
        self._judge = judge_factory.create(self.judge) if isinstance(self.judge, JudgeSpec) else self.judge
        # A run ends where its server is down; a training waits for it.
        self._caller = Caller(self.spec, self.tally, ends=False)

    @property
    def spec(self) -> JudgeSpec:
        return self._judge.spec

    async def open(self) -> None:
        self._say_requests_of_all_ranks()
        self.media = MediaWindow()
        remove_left_pictures()
        self._folder = PictureFolder()
        try:
            await self._judge.open(self.media)
        # Also where the opening is cancelled: no folder of pictures may be left.
        except BaseException:
            self._forget()
            raise

    def _say_requests_of_all_ranks(self) -> None:
        """Once a training (torchrun's and accelerate's variables), since `concurrency` is a process's own."""
        ranks = os.environ.get("WORLD_SIZE", "1")
        if self.spec.asks_model and ranks.isdecimal() and int(ranks) > 1 and os.environ.get("RANK", "0") == "0":
            log.warning(
                "%s: %s processes ask it, each with up to %d requests at a time: %d in all; a reward server shares one limit",
                self.spec.name,
                ranks,
                self.spec.concurrency,
                int(ranks) * self.spec.concurrency,
            )

    async def close(self) -> None:
        await self._judge.close()
        self._forget()

    def _forget(self) -> None:
        self.media.close()
        self._folder.close()

    def files(self) -> ImageFiles:
        """For the images of one call."""
        return ImageFiles(self._folder)

    def know(self, files: Mapping[str, Known]) -> None:
        """Files that are encoded already, so that they are not read again for the judge."""
        if self._judge.sees_media and self.spec.max_pixels is None:
            self.media.keep(files)

    async def decide(self, case: Case, seed: str, until: float | None = None) -> Decision:
        """What the judge decides on a case.

        Args:
            until: the deadline, by the loop's clock; None waits for as long as the judge's own limits do.

        Raises:
            BackendError: no answer came, after all retries; it is in the tally. Of kind `late`: not by the deadline.
            UserError: the judge's template or a file is not as it must be.
        """
        try:
            async with asyncio.timeout_at(until) as deadline:
                return await self._decide(case, seed)
        except TimeoutError:
            if not deadline.expired():
                raise
            error = BackendError(
                "late", f"{self.spec.name} did not answer before the deadline of the call (deadline_s)"
            )
        except BackendError as e:
            error = e
        self.tally.unanswered[error.kind] += 1
        self.tally.examples[error.kind] = error.message
        raise error

    async def _decide(self, case: Case, seed: str) -> Decision:
        reservation = await self._caller.admit(case)
        assert reservation is not None, "nothing limits what rewards cost"
        question = self.spec.question_for(case)
        answer, parsed = await self._caller.call(
            reservation,
            case,
            case.item.uid,
            lambda: self._judge.decide(case, seed),
            lambda answer: parse(answer, question, self.spec.complete_reasons),
        )
        return Decision(answer, parsed)
