"""Rewards as ms-swift's ORM classes (tested with ms-swift 4.6): `--external_plugins plugin.py --reward_funcs rubric`.

from swift.rewards import orms
from harness_plugins.rewards.swift import rubric_orm

orms["rubric"] = rubric_orm("reward.yaml")

ms-swift adds up rewards and counts None as 0, which trains; so `on_failure` says what a masked one is worth.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Coroutine, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from evaluators.errors import UserError
from evaluators.judges import Judge
from evaluators.specs import JudgeSpec
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.conversations import text_of
from harness_plugins.rewards.groups import FIELDS as GROUP_FIELDS
from harness_plugins.rewards.groups import GroupReward, score_completions
from harness_plugins.rewards.judge import is_judge
from harness_plugins.rewards.masks import PATIENCE, OnFailure, Rewarded, Unrewarded, checked, filled
from harness_plugins.rewards.proxy import ProxyReward
from harness_plugins.rewards.rpo import RPOReward
from harness_plugins.rewards.samples import FIELDS, CompletionReward, resolved, score_rows
from harness_plugins.rewards.server.client import RewardClient
from harness_plugins.rewards.server.config import proxy_of, rpo_of

_IMAGE = "<image>"
"""Where ms-swift puts a picture into a message."""
_Rows = Sequence[Mapping[str, Any]]


class _Asked(NamedTuple):
    rewards: Sequence[Rewarded]
    groups: Sequence[Hashable]
    """By which the trainer compares them."""


_Ask = Callable[[_Rows, Sequence[str], Any], Coroutine[Any, Any, _Asked]]
"""Rows, completions, and the trainer's arguments."""


def rubric_orm(
    config: str | Path | Mapping[str, Any] | JudgeSpec | Judge | RPOReward | RewardClient,
    *,
    on_failure: OnFailure = "group_mean",
    asynchronous: bool = True,
    patience: int | None = PATIENCE,
    name: str = "RubricReward",
) -> type:
    """An ORM class: the completions of one prompt are ranked by a judge under a rubric (RPO's code).

    A row needs no more than ms-swift does (`messages`, `images`); `question` is shown to the judge in place of the prompt,
    and `rubric` replaces the reward's for its row. A prompt's completions must be in one process: `num_generations` of the trainer's
    arguments is checked.

    Args:
        config: a YAML file with `rpo:` (see `rewards.server.config`), or a mapping with the keys of that part; a judge
            that ranks without a rubric; an `RPOReward`, or a `RewardClient`.
        on_failure: of a completion none of whose pairs was decided: `group_mean`, `raise` or a number (`rewards.masks`).
        asynchronous: an AsyncORM, which runs beside other rewards of its kind; False makes a plain ORM.
        patience: after this many calls in a row in which every completion was masked, RunStopped ends the training; None never.
        name: the class's, by which ms-swift logs it.

    Raises:
        UserError: ms-swift is not installed, or the config cannot be used; when it is called, a row is not as it must be.
    """
    checked(on_failure)
    reward: GroupReward
    if is_judge(config):
        reward = RPOReward(config)
    else:
        reward = config if isinstance(config, RPOReward | RewardClient) else rpo_of(config).reward()
    background = BackgroundLoop(reward)

    async def ask(rows: _Rows, completions: Sequence[str], args: Any) -> _Asked:
        size = _group_size(args)
        ranked = await background.run(
            lambda scorer: score_completions(scorer, _read(rows, GROUP_FIELDS), completions, size)
        )
        return _Asked(ranked.scores, ranked.groups)

    return _orm(name, ask, on_failure, patience, asynchronous)


def proxy_grm_orm(
    config: str | Path | Mapping[str, Any] | JudgeSpec | Judge | ProxyReward | RewardClient,
    *,
    on_failure: OnFailure = "group_mean",
    asynchronous: bool = True,
    patience: int | None = PATIENCE,
    name: str = "ProxyGRMReward",
) -> type:
    """An ORM class with the reward of `rewards.trl.proxy_grm_reward`; its columns are those of `rewards.samples`.

    Args:
        config: a YAML file with `proxy_grm:`, or a mapping with the keys of that part; a judge
            as the proxy; a `ProxyReward`, or a `RewardClient`.
        on_failure, asynchronous, patience, name: as in `rubric_orm`; the group of a completion is those of its prompt.

    Raises:
        UserError: as in `rubric_orm`.
    """
    checked(on_failure)
    reward: CompletionReward
    if is_judge(config):
        reward = ProxyReward(config)
    else:
        reward = config if isinstance(config, ProxyReward | RewardClient) else proxy_of(config).reward()
    background = BackgroundLoop(reward)

    async def ask(rows: _Rows, completions: Sequence[str], args: Any) -> _Asked:
        rewards = await background.run(lambda scorer: score_rows(scorer, _read(rows, FIELDS), completions))
        size = _group_size(args)
        if size is not None and len(rows) % size == 0:
            return _Asked(rewards, [n // size for n in range(len(rows))])
        return _Asked(rewards, [row["prompt"] and orjson.dumps(row["prompt"], default=repr) for row in rows])

    return _orm(name, ask, on_failure, patience, asynchronous)


def _group_size(args: Any) -> int | None:
    """Completions of a prompt, as the trainer's arguments say."""
    sizes = {getattr(args, "num_generations", None), getattr(args, "num_generations_eval", None)} - {None}
    # Training and evaluation pass the same arguments: where they differ, completions go by their prompt alone.
    return sizes.pop() if len(sizes) == 1 else None


def _read(rows: _Rows, fields: Collection[str]) -> _Rows:
    return [{k: v for k, v in row.items() if k in fields} for row in rows]


def _is_column(values: Any, completions: Sequence[Any]) -> bool:
    return isinstance(values, list) and len(values) == len(completions)


def _row(columns: dict[str, Any]) -> dict[str, Any]:
    """ms-swift's row ends with the completion, and marks the places of its images in the texts."""
    prompt = [
        {**m, "content": c.replace(_IMAGE, "").strip() if isinstance(c := m.get("content"), str) else c}
        for m in (columns.get("messages") or [])[:-1]
    ]
    row = {**columns, "prompt": prompt}
    root = os.environ.get("ROOT_IMAGE_DIR")
    # As ms-swift itself looks for them: from here first, then there.
    return resolved(row, Path(root), present_first=True) if root else row


def _orm(name: str, ask: _Ask, on_failure: OnFailure, patience: int | None, asynchronous: bool) -> type:
    try:
        from swift.rewards import ORM, AsyncORM
    except ImportError:
        raise UserError("ms-swift is not installed in this environment: pip install ms-swift") from None
    unrewarded = Unrewarded(patience)

    async def values(args: Any, completions: Sequence[Any], columns: Mapping[str, Any]) -> list[float]:
        of_rows = {k: v for k, v in columns.items() if _is_column(v, completions)}
        rows = [_row({k: v[n] for k, v in of_rows.items()}) for n in range(len(completions))]
        asked = await ask(rows, [text_of(c) for c in completions], args)
        unrewarded.checked(asked.rewards)
        return filled(asked.rewards, checked(on_failure), asked.groups)

    class Asynchronous(AsyncORM):  # type: ignore[misc]  # without ms-swift its classes are Any
        async def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float]:
            return await values(self.args, completions, columns)

    class Synchronous(ORM):  # type: ignore[misc]
        def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float]:
            return asyncio.run(values(self.args, completions, columns))

    chosen: type = Asynchronous if asynchronous else Synchronous
    chosen.__name__ = chosen.__qualname__ = name
    return chosen
