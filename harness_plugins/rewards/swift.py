"""Rewards as ms-swift's ORM classes (tested with ms-swift 4.6): `--external_plugins plugin.py --reward_funcs rubric`.

from swift.rewards import orms
from harness_plugins.rewards.swift import rubric_orm

orms["rubric"] = rubric_orm("reward.yaml")

ms-swift adds up rewards and counts None as 0, which trains; so `on_failure` says what a masked one is worth.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evaluators.errors import UserError
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.conversations import text_of
from harness_plugins.rewards.groups import FIELDS as GROUP_FIELDS
from harness_plugins.rewards.groups import GroupReward, score_completions, task_of
from harness_plugins.rewards.masks import PATIENCE, OnFailure, Rewarded, Unrewarded, checked, filled
from harness_plugins.rewards.samples import FIELDS, CompletionReward, resolved, score_rows
from harness_plugins.rewards.server.client import RewardClient
from harness_plugins.rewards.server.config import proxy_of, rpo_of

_IMAGE = "<image>"
"""Where ms-swift puts a picture into a message."""
_Rows = Sequence[Mapping[str, Any]]
Asks = Callable[[_Rows, Sequence[str], Any], Coroutine[Any, Any, Sequence[Rewarded]]]
"""Rows, completions, and the trainer's arguments."""


def rubric_orm(
    config: str | Path | Mapping[str, Any] | RewardClient,
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
        config: a YAML file with `rpo:` (see `rewards.server.config`), or a mapping with the keys of that part; or a `RewardClient`.
        on_failure: of a completion none of whose pairs was decided: `group_mean`, `raise` or a number (`rewards.masks`).
        asynchronous: an AsyncORM, which runs beside other rewards of its kind; False makes a plain ORM.
        patience: after this many calls in a row in which every completion was masked, RunStopped ends the training; None never.
        name: the class's, by which ms-swift logs it.

    Raises:
        UserError: ms-swift is not installed, or the config cannot be used; when it is called, a row is not as it must be.
    """
    reward: GroupReward = config if isinstance(config, RewardClient) else rpo_of(config).reward()
    background = BackgroundLoop(reward)

    async def ask(rows: _Rows, completions: Sequence[str], args: Any) -> Sequence[Rewarded]:
        sizes = {getattr(args, "num_generations", None), getattr(args, "num_generations_eval", None)} - {None}
        # Training and evaluation pass the same arguments: where they differ, completions go by their prompt alone.
        size = sizes.pop() if len(sizes) == 1 else None
        return await background.run(lambda scorer: score_completions(scorer, rows, completions, size))

    return _orm(name, _Call(ask, GROUP_FIELDS, checked(on_failure), Unrewarded(patience)), asynchronous)


def proxy_grm_orm(
    config: str | Path | Mapping[str, Any] | RewardClient,
    *,
    on_failure: OnFailure = "group_mean",
    asynchronous: bool = True,
    patience: int | None = PATIENCE,
    name: str = "ProxyGRMReward",
) -> type:
    """An ORM class with the reward of `rewards.trl.proxy_grm_reward`; its columns are those of `rewards.samples`.

    Args:
        config: a YAML file with `proxy_grm:`, or a mapping with the keys of that part; or a `RewardClient`.
        on_failure, asynchronous, patience, name: as in `rubric_orm`; the group of a completion is those of its prompt.

    Raises:
        UserError: as in `rubric_orm`.
    """
    reward: CompletionReward = config if isinstance(config, RewardClient) else proxy_of(config).reward()
    background = BackgroundLoop(reward)

    async def ask(rows: _Rows, completions: Sequence[str], args: Any) -> Sequence[Rewarded]:
        return await background.run(lambda scorer: score_rows(scorer, rows, completions))

    return _orm(name, _Call(ask, FIELDS, checked(on_failure), Unrewarded(patience)), asynchronous)


class _Call(NamedTuple):
    """What an ORM of either kind does when it is called."""

    ask: Asks
    fields: Collection[str]
    on_failure: OnFailure
    unrewarded: Unrewarded

    async def __call__(self, args: Any, completions: Sequence[Any], columns: Mapping[str, Any]) -> list[float]:
        rows = [
            _row({k: v[n] for k, v in columns.items() if _is_column(v, completions)}) for n in range(len(completions))
        ]
        texts = [text_of(c) for c in completions]
        rewards = await self.ask([{k: v for k, v in r.items() if k in self.fields} for r in rows], texts, args)
        self.unrewarded.checked(rewards)
        names = (
            await asyncio.to_thread(lambda: [task_of(r) for r in rows]) if self.on_failure == "group_mean" else texts
        )
        return filled(rewards, self.on_failure, names)


def _is_column(values: Any, completions: Sequence[Any]) -> bool:
    return isinstance(values, list) and len(values) == len(completions)


def _row(columns: dict[str, Any]) -> dict[str, Any]:
    """ms-swift's row ends with the completion, and marks the places of its images in the texts."""
    prompt = [
        {**m, "content": c.replace(_IMAGE, "").strip() if isinstance(c := m.get("content"), str) else c}
        for m in (columns.get("messages") or [])[:-1]
    ]
    root = os.environ.get("ROOT_IMAGE_DIR")  # where ms-swift itself looks for relative paths
    row = {**columns, "prompt": prompt}
    return resolved(row, Path(root)) if root else row


def _orm(name: str, call: _Call, asynchronous: bool) -> type:
    try:
        from swift.rewards import ORM, AsyncORM
    except ImportError:
        raise UserError("ms-swift is not installed in this environment: pip install ms-swift") from None

    class Asynchronous(AsyncORM):  # type: ignore[misc]  # without ms-swift its classes are Any
        async def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float]:
            return await call(self.args, completions, columns)

    class Synchronous(ORM):  # type: ignore[misc]
        def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float]:
            return asyncio.run(call(self.args, completions, columns))

    chosen: type = Asynchronous if asynchronous else Synchronous
    chosen.__name__ = chosen.__qualname__ = name
    return chosen
