"""The Proxy-GRM reward as verl's custom reward function (tested with verl 0.9.1's own reward managers).

reward.custom_reward_function.path=pkg://harness_plugins.rewards.verl reward.custom_reward_function.name=compute_score
+reward.custom_reward_function.reward_kwargs.config=/abs/reward.yaml +...reward_kwargs.on_failure=0.0

verl has no masked reward: whatever is returned is a float that trains. So `on_failure` says what a failure is worth, `raise` by
default, and every result says `judge_failed`. verl 0.9.1 asks for one completion at a time, in as many processes as there are
reward workers, and puts the float into the batch at once: the mean of its group, which would train nothing, is not known there to
any reward function or manager. It is where a whole batch is passed, as the older `batch` manager does: `compute_score_batch`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal

import orjson

from evaluators.errors import BackendError, UserError
from evaluators.rubrics.leaks import CLASSES
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.proxy import Reward
from harness_plugins.rewards.samples import FIELDS, CompletionReward, score_rows
from harness_plugins.rewards.server.config import plain, proxy_of

OnFailure = Literal["raise", "group_mean"] | float


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    config: Any = None,
    server: str | None = None,
    token_env: str | None = None,
    on_failure: OnFailure = "raise",
    **_: Any,
) -> dict[str, Any]:
    """The reward of one completion, for verl's reward loop (managers naive, dapo, gdpo).

    Use no manager that turns what is raised into 0.0 (`rate_limited` does): the proxy's `concurrency` is the limit already.

    Args:
        ground_truth: 1 or 2, the response that is preferred as it was shown.
        extra_info: `question`, `response_1`, `response_2` and `image` or `images` as paths; or `item` (a record of ours as
            JSON) and `saw`, and then `ground_truth` is not looked at.
        config: the reward: a YAML file with `proxy_grm:` (see `rewards.server.config`), or a mapping with the keys of that part.
        server, token_env: a reward server in place of `config`: its address, and the environment variable with its token.
        on_failure: `raise`, or the reward of a completion for which the proxy never answered.

    Returns:
        `score`; `judge_failed`, `acc` (the completion's own verdict), `well_formed`, `leak`, `leak_verdict`, ... and `content_leak` as
        0.0 or 1.0; `answer`, `proxy` and `proxy_crossed`, the outcomes by name; `error`, the kind of failure or "".

    Raises:
        BackendError: the proxy never answered, and `on_failure` is `raise`.
        UserError: the configuration or the row is not as it must be.
    """
    if on_failure == "group_mean":
        raise UserError(
            "on_failure: group_mean is not available here: verl asks for one completion at a time, and its group is spread over "
            "workers. Give a number, or raise; compute_score_batch knows groups (reward manager batch)"
        )
    fill = _fill(on_failure)
    row = _row(ground_truth, extra_info)
    (reward,) = await _background(config, server, token_env).run(
        lambda scorer: score_rows(scorer, [row], [solution_str])
    )
    return _scored(reward, fill)


def compute_score_batch(
    data_sources: Sequence[str],
    solution_strs: Sequence[str],
    ground_truths: Sequence[Any],
    extra_infos: Sequence[Mapping[str, Any] | None],
    *,
    config: Any = None,
    server: str | None = None,
    token_env: str | None = None,
    on_failure: OnFailure = "raise",
    **_: Any,
) -> list[dict[str, Any]]:
    """The rewards of a batch, for the manager `batch` (`verl.workers.reward_manager`); arguments and results as above.

    `on_failure: group_mean` gives a failure the mean of the other completions on the same row, so that it has no advantage of
    its own; in a group without any reward all get 0.0, which is none either.
    """
    fill = None if on_failure == "group_mean" else _fill(on_failure)
    rows = [_row(truth, info) for truth, info in zip(ground_truths, extra_infos, strict=True)]
    rewards = _background(config, server, token_env).run_blocking(
        lambda scorer: score_rows(scorer, rows, list(solution_strs))
    )
    if on_failure != "group_mean":
        return [_scored(r, fill) for r in rewards]
    groups: dict[bytes, list[float]] = {}
    names = [orjson.dumps([s, plain(row)], default=str) for s, row in zip(data_sources, rows, strict=True)]
    for name, reward in zip(names, rewards, strict=True):
        groups.setdefault(name, []).extend([reward.value] if reward.value is not None else [])
    return [_scored(r, sum(groups[n]) / (len(groups[n]) or 1)) for n, r in zip(names, rewards, strict=True)]


def _row(ground_truth: Any, extra_info: Mapping[str, Any] | None) -> dict[str, Any]:
    """verl's managers add entries of their own to `extra_info`; only ours are looked at."""
    return {**{k: plain(v) for k, v in (extra_info or {}).items() if k in FIELDS}, "answer": ground_truth}


def _fill(on_failure: OnFailure) -> float | None:
    if on_failure == "raise":
        return None
    try:
        # `true` would be a reward of 1.0, and NaN would be trained on.
        if not isinstance(on_failure, bool) and math.isfinite(value := float(on_failure)):
            return value
    except (TypeError, ValueError):
        pass
    raise UserError(f"on_failure is {on_failure!r}; it is `raise`, or the number that a failure is worth")


def _scored(reward: Reward, fill: float | None) -> dict[str, Any]:
    """The same keys each time and no None: verl makes an array of each."""
    if reward.value is None and fill is None:
        if reward.error is None:
            raise BackendError(
                "finish_reason", "the proxy's answer was cut off, and `cut_off` is mask; `on_failure` is raise"
            )
        kind, message = reward.error.kind, reward.error.message
        raise BackendError(kind, f"the proxy never answered ({kind}: {message}); `on_failure` is raise")
    return {
        "score": float(reward.value if reward.value is not None else fill or 0.0),
        "judge_failed": float(reward.value is None),
        "acc": float(reward.answer == "correct"),
        "well_formed": float(reward.well_formed),
        "answer": reward.answer,
        "proxy": reward.proxy or "none",
        "proxy_crossed": reward.proxy_crossed or "none",
        "leak": float(bool(reward.leaks)),
        **{f"leak_{kind}": float(kind in reward.leaks) for kind in CLASSES},
        "content_leak": float(bool(reward.content_leak)),
        "error": reward.masked_because,
    }


def _background(config: Any, server: str | None, token_env: str | None) -> BackgroundLoop[CompletionReward]:
    if (config is None) == (server is None):
        raise UserError(
            "reward_kwargs: give `config` (a YAML file with proxy_grm:, or its mapping) or `server` (a URL)"
        )
    return _configured(orjson.dumps([plain(config), server, token_env], option=orjson.OPT_SORT_KEYS, default=str))


@cache
def _configured(arguments: bytes) -> BackgroundLoop[CompletionReward]:
    """One reward a process for each configuration: verl passes the same arguments with every completion."""
    config, server, token_env = orjson.loads(arguments)
    if server is None:
        reward: CompletionReward = proxy_of(config).reward()
    else:
        from harness_plugins.rewards.server.client import RewardClient

        reward = RewardClient(server, token_env=token_env)
    return BackgroundLoop(reward)
