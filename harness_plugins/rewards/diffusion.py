"""RPO's reward as loops that train image generators call it: a flat batch of images with a prompt each.

reward = rpo_reward(judge, rubric=Path("rubric-induced.yaml"))
scores = await reward(pipe(prompts, num_images_per_prompt=2, output_type="pt").images, prompts=[p for p in prompts for _ in "ab"])

flow_grpo's `rewards.py` takes `flow_grpo_reward(...)` as one of its factories.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Unpack

import numpy as np

from evaluators.errors import UserError
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.groups import Compares, FlatBatch, GroupReward, Task, group_reward
from harness_plugins.rewards.images import content_of, each
from harness_plugins.rewards.rpo import Group, RPOOptions, Score


def rpo_reward(judge: Compares, **options: Unpack[RPOOptions]) -> Callable[..., Awaitable[list[Score]]]:
    """A plain `async def reward(images, prompts, sources=None, groups=None, rubrics=None)`, for any loop.

    Of the arguments of the function that is returned, `images` is a list of pictures (PIL, CHW tensors, HWC arrays, bytes,
    paths), an NCHW tensor or an NHWC array; the others have an entry for each. Images of one prompt (and one source, the image
    that was to be edited), or of one entry of `groups` where that is given, are compared with each other. `rubrics` are
    texts for one group each, in place of the reward's. It returns a Score for each; `value` is None where it is to be masked,
    and an image without a rival in the call is masked, with the failure `alone`.

    Args:
        judge: a spec, a Judge of your own, an RPOReward, or a `RewardClient`.
        options: as in `RPOReward`: `rubric`, `win`, `lose`, `disagreement`, `deadline_s`.

    Raises:
        UserError: the judge or the rubric cannot be used; later, something is not an image.
    """
    background = group_reward(judge, **options)

    async def reward(
        images: Any,
        prompts: Sequence[str],
        sources: Sequence[Any] | None = None,
        groups: Sequence[Hashable] | None = None,
        rubrics: Sequence[str | None] | None = None,
    ) -> list[Score]:
        flat = _Pictures(images, prompts, sources, groups, rubrics)
        return flat.scattered(await background.run(lambda scorer: scorer.score(flat.groups)))

    return reward


def flow_grpo_reward(
    judge: Compares, *, masked_as: float = math.nan, **options: Unpack[RPOOptions]
) -> Callable[..., FlowGRPOReward]:
    """A factory as flow_grpo's: `factory(device)` gives `_fn(images, prompts, metadata) -> (scores, details)`, synchronous.

    Scores are float32, one an image; a masked one is `masked_as`, by default NaN, and `details["mask"]` is 1 where an image was
    scored. flow_grpo's own statistics do not skip NaN: drop what is masked before them, or choose a number. A metadata entry
    may hold `source` (the image to edit), `group` and `rubric`. Only images of one call are compared, so the sampler must keep
    the candidates of a prompt together; those left alone are masked.
    """
    background = group_reward(judge, **options)
    return lambda device=None: FlowGRPOReward(background, masked_as)


class FlowGRPORewards(NamedTuple):
    """What flow_grpo unpacks."""

    scores: np.ndarray[Any, np.dtype[np.float32]]
    """(images,)"""
    details: dict[str, Any]


class FlowGRPOReward:
    """What `flow_grpo_reward` makes. It waits in the calling thread; asking runs in a loop of its own."""

    def __init__(self, background: BackgroundLoop[GroupReward], masked_as: float) -> None:
        self._background, self._masked_as = background, masked_as

    def __call__(
        self,
        images: Any,
        prompts: Sequence[str],
        metadata: Sequence[Mapping[str, Any]] | None = None,
        ref_images: Sequence[Any] | None = None,
        only_strict: bool = True,
    ) -> FlowGRPORewards:
        entries = [m or {} for m in metadata] if metadata is not None else [{}] * len(prompts)
        sources = ref_images if ref_images is not None else [m.get("source") for m in entries]
        groups = [m.get("group") for m in entries]
        flat = _Pictures(images, prompts, sources, groups, [m.get("rubric") for m in entries])
        scores = flat.scattered(self._background.run_blocking(lambda scorer: scorer.score(flat.groups)))
        values = [self._masked_as if s.value is None else s.value for s in scores]
        mask = np.array([s.value is not None for s in scores], np.float32)
        return FlowGRPORewards(np.array(values, np.float32), {"mask": mask})

    def close(self) -> None:
        """Close the judge's connections, or free its model; the program's end does so too."""
        self._background.close()


class _Pictures:
    """A flat batch of images as groups, and their scores in its order again."""

    def __init__(
        self,
        images: Any,
        prompts: Sequence[str],
        sources: Sequence[Any] | None,
        groups: Sequence[Hashable] | None,
        rubrics: Sequence[str | None] | None,
    ) -> None:
        pictures = each(images)
        for name, entries in (("prompts", prompts), ("sources", sources), ("groups", groups), ("rubrics", rubrics)):
            if entries is not None and len(entries) != len(pictures):
                raise UserError(f"{len(pictures)} images and {len(entries)} {name}: give one for each image")
        source = each(sources) if sources is not None else [None] * len(pictures)
        tasks = [
            Task(prompt, () if s is None else (content_of(s),), rubric)
            for prompt, s, rubric in zip(prompts, source, rubrics or [None] * len(prompts), strict=True)
        ]
        self._batch = FlatBatch(tasks, groups)
        self.groups = [
            Group(tasks[m[0]].prompt, [pictures[n] for n in m], source[m[0]], tasks[m[0]].rubric)
            for m in self._batch.members
        ]

    def scattered(self, scored: Sequence[Sequence[Score]]) -> list[Score]:
        return self._batch.scattered(scored)
