"""A judge as rewards ask it: so many requests at a time, each retried, and a typed failure where no answer came."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evaluators import judges as judge_factory
from evaluators.engine.pacing import Slots, with_retries
from evaluators.engine.runner import Tally
from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.judges import Judge, JudgeSpec
from evaluators.media import Known, MediaWindow
from evaluators.parsing import Parsed, parse_finished
from evaluators.rendering import Case
from harness_plugins.rewards.images import ImageFiles


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
        self._slots = Slots(self.spec.concurrency, self.spec.adaptive)

    @property
    def spec(self) -> JudgeSpec:
        return self._judge.spec

    async def open(self) -> None:
        self.media = MediaWindow()
        self._folder = Path(tempfile.mkdtemp(prefix="rubric-harness-"))
        try:
            await self._judge.open(self.media)
        except BaseException:
            self._forget()
            raise

    async def close(self) -> None:
        await self._judge.close()
        self._forget()

    def _forget(self) -> None:
        self.media.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def files(self) -> ImageFiles:
        """For the images of one call."""
        return ImageFiles(self._folder)

    def know(self, files: Mapping[str, Known]) -> None:
        """Files that are encoded already, so that they are not read again for the judge."""
        if self._judge.sees_media and self.spec.max_pixels is None:
            self.media.keep(files)

    async def decide(self, case: Case, seed: str) -> Parsed:
        """What the judge decides on a case.

        Raises:
            BackendError: no answer came, after all retries; it stands in the tally.
            UserError: the judge's template or a file is not as it must be.
        """
        await self._slots.acquire()
        self.tally.in_flight += 1
        try:
            return await self._retried(case, seed)
        except BackendError as e:
            self.tally.unanswered[e.kind] += 1
            self.tally.examples[e.kind] = e.message
            raise
        finally:
            self.tally.in_flight -= 1
            self._slots.release()

    async def _retried(self, case: Case, seed: str) -> Parsed:
        async def once() -> Parsed:
            self.tally.asked += 1
            try:
                answer = await self._judge.decide(case, seed)
                return parse_finished(answer, self.spec.asked(case), self.spec.complete_reasons)
            except (BackendError, UserError, RunStopped, asyncio.CancelledError):
                raise
            except Exception as e:  # a fault of one backend on one request must not cost the batch
                raise BackendError("backend", f"{type(e).__name__}: {e}"[:300]) from e

        def failed(error: BackendError) -> None:
            self.tally.failures[error.kind] += 1

        parsed, _ = await with_retries(
            once,
            retries=self.spec.retries,
            slots=self._slots,
            waits=self.tally.waits,
            give_up=lambda error: False,
            failed=failed,
        )
        return parsed
