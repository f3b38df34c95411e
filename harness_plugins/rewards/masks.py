"""Masked rewards: how many are too many, and what they become in a trainer without masks: verl and ms-swift train on any number."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Literal, Protocol, TypeAlias

from evaluators import stop_messages
from evaluators.errors import BackendError, UserError
from evaluators.records import Failure

PATIENCE = 10
"""Calls in a row without any reward after which training stops: it would go on and learn nothing."""

OnFailure: TypeAlias = Literal["raise", "group_mean"] | float
"""`raise` ends the step; `group_mean` gives it no advantage of its own; a number is trained on."""


class Rewarded(Protocol):
    """What the rewards of all kinds share: `proxy.Reward`, `rpo.Score`."""

    @property
    def value(self) -> float | None: ...

    @property
    def error(self) -> Failure | None: ...

    @property
    def masked_because(self) -> str: ...


class Unrewarded:
    """Counts calls in a row without any reward."""

    def __init__(self, patience: int | None) -> None:
        self._patience = patience
        self._calls = 0

    def checked(self, rewards: Sequence[Rewarded]) -> list[float | None]:
        """The values.

        Raises:
            RunStopped: this was the last call that the patience allows.
        """
        self._calls = self._calls + 1 if rewards and all(r.value is None for r in rewards) else 0
        if self._patience is not None and self._calls >= self._patience:
            raise stop_messages.no_rewards(self._calls, [r.error for r in rewards if r.error])
        return [r.value for r in rewards]


def checked(on_failure: OnFailure) -> OnFailure:
    """The option as it is used: a number may come as a text (Hydra's).

    Raises:
        UserError: it is none of what it may be.
    """
    if on_failure in ("raise", "group_mean"):
        return on_failure
    try:
        # `true` would be a reward of 1.0, and NaN would be trained on.
        if not isinstance(on_failure, bool) and math.isfinite(value := float(on_failure)):
            return value
    except (TypeError, ValueError):
        pass
    raise UserError(
        f"on_failure is {on_failure!r}; it is `raise`, `group_mean`, or the number that a completion without reward gets"
    )


def filled(rewards: Sequence[Rewarded], on_failure: OnFailure, groups: Sequence[Hashable]) -> list[float]:
    """A number for each reward, masked ones by `on_failure`.

    Args:
        groups: of each reward, the group by which the trainer compares it. A group without any reward gets 0.0, which is no
            advantage either.

    Raises:
        BackendError: one is masked, and `on_failure` is `raise`.
    """
    means: dict[Hashable, float] = {}
    if on_failure == "group_mean":
        values: dict[Hashable, list[float]] = {}
        for group, reward in zip(groups, rewards, strict=True):
            values.setdefault(group, []).extend([reward.value] if reward.value is not None else [])
        means = {group: sum(v) / (len(v) or 1) for group, v in values.items()}
    return [
        r.value if r.value is not None else _fill(r, on_failure, means.get(g, 0.0))
        for r, g in zip(rewards, groups, strict=True)
    ]


def _fill(reward: Rewarded, on_failure: OnFailure, mean: float) -> float:
    if on_failure == "group_mean":
        return mean
    if on_failure != "raise":
        return float(on_failure)
    if reward.error is not None and reward.error.kind != "alone":
        kind, message = reward.error.kind, reward.error.message
        raise BackendError(kind, f"the judge never answered ({kind}: {message}); `on_failure` is raise")
    raise BackendError("rejected", f"a completion has no reward ({reward.masked_because}); `on_failure` is raise")
