"""A flat batch of candidates as the groups that RPO's reward compares, and rows of a training set with completions as such a batch.

A row has `question` or the trainer's prompt (a text, or messages), perhaps `image` or `images` that the prompt shows, perhaps a
`rubric` of its own in place of the reward's, and perhaps `group`, where rows of equal content are not to be compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, Unpack, cast

from evaluators.errors import UserError
from evaluators.judges import Judge
from evaluators.records import Failure
from evaluators.specs import JudgeSpec
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.conversations import prompt_text
from harness_plugins.rewards.images import content_of
from harness_plugins.rewards.judge import is_judge
from harness_plugins.rewards.resources import Openable
from harness_plugins.rewards.rpo import Candidates, Completions, RPOOptions, RPOReward, Score
from harness_plugins.rewards.samples import IMAGES, pictures_of

FIELDS = frozenset({"question", "prompt", "rubric", "group", *IMAGES})
"""All that is read of a row."""


class GroupReward(Openable, Protocol):
    """Whatever compares candidates: `RPOReward` here, `RewardClient` over a server."""

    async def score(self, groups: Sequence[Candidates], /) -> list[list[Score]]: ...


Compares = JudgeSpec | Judge | GroupReward


def group_reward(judge: Compares, **options: Unpack[RPOOptions]) -> BackgroundLoop[GroupReward]:
    """The reward of a judge, in a loop of its own; or the reward that is passed in a judge's place.

    Raises:
        UserError: the judge or the rubric cannot be used; or options for a reward that has its own.
    """
    if is_judge(judge):
        return BackgroundLoop(RPOReward(judge, **options))
    if options:
        raise options_of_another(judge, options)
    return BackgroundLoop(cast(GroupReward, judge))


def options_of_another(reward: object, options: Mapping[str, Any]) -> UserError:
    """Options that come with a reward that has its own."""
    return UserError(
        f"{', '.join(sorted(options))}: a {type(reward).__name__} has its own options; set them there (a reward server's are in its "
        "config)"
    )


class Task(NamedTuple):
    """What a candidate was made for."""

    prompt: str
    images: tuple[Hashable, ...] = ()
    """The contents of those that the prompt shows, or of the one that was to be edited."""
    rubric: str | None = None


class FlatBatch:
    """Which candidates of a flat batch are compared: those of one prompt with equal images, or of one entry of `groups`
    where that is not None.

    Raises:
        UserError: one group holds candidates of several tasks.
    """

    def __init__(self, tasks: Sequence[Task], groups: Sequence[Hashable] | None = None) -> None:
        self.keys = [
            (task.prompt, task.images) if group is None else ("group", group)
            for task, group in zip(tasks, groups or [None] * len(tasks), strict=True)
        ]
        """Of each candidate, what its group is known by."""
        members: dict[Hashable, list[int]] = {}
        for n, key in enumerate(self.keys):
            members.setdefault(key, []).append(n)
        for first, *others in members.values():
            for n in others:
                if tasks[n] != tasks[first]:
                    what = next(f for f in Task._fields if getattr(tasks[n], f) != getattr(tasks[first], f))
                    raise UserError(
                        f"candidates {first} and {n} are of one group, and they differ in {what}: give them two groups"
                    )
        self._size = len(tasks)
        self.members = [indices for indices in members.values() if len(indices) > 1]
        """Of each group, the indices of its candidates; without those that have no rival."""

    def scattered(self, scored: Sequence[Sequence[Score]]) -> list[Score]:
        """The scores of all groups, in the order of the batch."""
        scores = [Score(None, (), Failure("alone", "no other candidate of its prompt in this call"))] * self._size
        for indices, group_scores in zip(self.members, scored, strict=True):
            for index, score in zip(indices, group_scores, strict=True):
                scores[index] = score
        return scores


class Ranked(NamedTuple):
    """What completions earned, in their order."""

    scores: list[Score]
    groups: Sequence[Hashable]
    """Of each, the group in which it was ranked."""


async def score_completions(
    reward: GroupReward, rows: Sequence[Mapping[str, Any]], completions: Sequence[str], group_size: int | None = None
) -> Ranked:
    """A score for each completion: those on one prompt with equal images are compared with each other.

    Args:
        group_size: as many completions in a row are a group, whatever else is equal; more or fewer of a prompt are an error.

    Raises:
        UserError: a row has no prompt, something is not an image, or the groups are not of that size.
    """
    tasks = await asyncio.to_thread(lambda: [task_of(row) for row in rows])
    groups = [_group_of(row) for row in rows]
    if group_size is not None:
        _check_size(tasks, group_size)
        groups = [n // group_size for n in range(len(tasks))]
    batch = FlatBatch(tasks, groups)
    compared = [
        Completions(
            tasks[indices[0]].prompt,
            [completions[n] for n in indices],
            pictures_of(rows[indices[0]]),
            tasks[indices[0]].rubric,
        )
        for indices in batch.members
    ]
    return Ranked(batch.scattered(await reward.score(compared)), batch.keys)


def _group_of(row: Mapping[str, Any]) -> Hashable:
    """None where the row says nothing: a column with gaps has NaN there."""
    group = row.get("group")
    if group is None or group != group:
        return None
    return group if isinstance(group, str | int | float) else repr(group)


def task_of(row: Mapping[str, Any]) -> Task:
    """What a row asks for. Blocks: it looks at the pictures.

    Raises:
        UserError: it has no prompt, or something is not an image.
    """
    prompt = row.get("question") if row.get("question") is not None else row.get("prompt")
    if prompt is None:
        raise UserError(
            "the reward needs the column `question`, or the trainer's prompt; there are: "
            f"{', '.join(sorted(k for k, v in row.items() if v is not None)) or 'none'}"
        )
    rubric = row.get("rubric")
    return Task(
        prompt_text(prompt), tuple(_content(i) for i in pictures_of(row)), None if rubric is None else str(rubric)
    )


def _content(image: Any) -> Hashable:
    try:
        return content_of(image)
    except UserError:
        raise
    except Exception as e:  # a lazily opened file decodes here; the judge's reader says what is wrong with it
        return ("broken", repr(e))


def _check_size(tasks: Sequence[Task], group_size: int) -> None:
    for start in range(0, len(tasks), group_size):
        group = tasks[start : start + group_size]
        if len(group) < group_size or len(set(group)) > 1:
            raise UserError(
                f"completions {start + 1} to {start + len(group)} of this call are not {group_size} of one prompt: set the batch of a "
                f"process (per_device_train_batch_size x steps_per_generation) to a multiple of num_generations, {group_size}"
            )
