"""Judges without a model that look at pixels: brightest, darkest, reddest, greenest, bluest. For demonstrations and tests.

    {name: brightest, backend: pixels}

Their preference is known and the same in both orders, so that a training by their verdicts must move pictures that way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from evaluators.capabilities import Capabilities
from evaluators.errors import BackendError
from evaluators.images.media import MediaWindow
from evaluators.inputs.names import unknown
from evaluators.prompts.template import Case
from evaluators.records import Answer, Candidate
from evaluators.specs import JudgeSpec, ModelSpec

EXTRA = "report"
VERSION = "pixels/1"

Means = tuple[float, float, float]
"""Of red, green and blue, 0 to 255."""

LOOKS: dict[str, Callable[[Means], float]] = {
    "brightest": lambda rgb: sum(rgb) / 3,
    "darkest": lambda rgb: -sum(rgb) / 3,
    "reddest": lambda rgb: rgb[0] - (rgb[1] + rgb[2]) / 2,
    "greenest": lambda rgb: rgb[1] - (rgb[0] + rgb[2]) / 2,
    "bluest": lambda rgb: rgb[2] - (rgb[0] + rgb[1]) / 2,
}

CAPABILITIES = Capabilities(asks_model=False, models=tuple(LOOKS))


class PixelJudge:
    in_process = False
    sees_media = True

    def __init__(self, spec: JudgeSpec) -> None:
        from PIL import Image, ImageStat  # here, so that a missing package is said before anything is asked

        self.spec = spec
        self._open, self._statistics = Image.open, ImageStat.Stat

    async def open(self, media: MediaWindow) -> None:
        pass

    async def decide(self, case: Case, seed: str) -> Answer:
        values = [await asyncio.to_thread(self._value, c) for c in case.shown()]
        best = values.index(max(values))
        text = f"{', '.join(f'{v:.4f}' for v in values)}: {'a tie' if len(set(values)) == 1 else f'number {best + 1} leads'}."
        choice = "tie" if len(set(values)) == 1 else str(best + 1)
        return Answer(
            f"{text}\n<answer>{choice}</answer>",
            "tag",
            finish_reason="stop",
            model=self.spec.model,
            backend="pixels",
            backend_version=VERSION,
        )

    def _value(self, candidate: Candidate) -> float:
        if len(candidate.media) != 1:
            raise BackendError(
                "image", f"{self.spec.model} compares one picture a candidate, not {len(candidate.media)}"
            )
        try:
            with self._open(candidate.media[0].files[0].path) as image:
                red, green, blue = self._statistics(image.convert("RGB")).mean
        except (OSError, ValueError) as e:
            raise BackendError("image", f"cannot be decoded: {e}") from None
        return LOOKS[self.spec.model]((red, green, blue))

    async def close(self) -> None:
        pass


def check(spec: ModelSpec) -> None:
    if spec.model not in LOOKS:
        raise ValueError(unknown("look", spec.model, LOOKS))
    if spec.probabilities or spec.prompt:
        raise ValueError("a judge of pixels takes no verdict mode and no prompt: leave them out")
    if isinstance(spec, JudgeSpec) and spec.full_grading.key():
        raise ValueError("a judge of pixels compares what it is shown: leave grading, decision, ties and scale out")


def create_judge(spec: JudgeSpec) -> PixelJudge:
    return PixelJudge(spec)
