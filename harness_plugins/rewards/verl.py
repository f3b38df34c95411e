"""Rewards as verl's custom reward functions (tested with verl 0.9.1's own reward managers).

reward.custom_reward_function.path=pkg://harness_plugins.rewards.verl reward.custom_reward_function.name=compute_score
+reward.custom_reward_function.reward_kwargs.config=/abs/reward.yaml +...reward_kwargs.on_failure=0.0

verl has no masked reward: whatever is returned is a float that trains. So `on_failure` says what a failure is worth, `raise` by
default, and every result says `judge_failed`. verl 0.9.1 asks for one completion at a time, in as many processes as there are
reward workers, and puts the float into the batch at once: the mean of its group, which would train nothing, is not known there to
any reward function or manager. It is where a whole batch is passed, as the older `batch` manager does: `compute_score_batch`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from evaluators.errors import UserError
from evaluators.rubrics.leaks import CLASSES
from harness_plugins.rewards import groups
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.gathering import Gathering
from harness_plugins.rewards.masks import OnFailure, checked, filled
from harness_plugins.rewards.proxy import Reward
from harness_plugins.rewards.rpo import Score, pair_metrics
from harness_plugins.rewards.samples import FIELDS, CompletionReward, resolved, score_rows
from harness_plugins.rewards.server.config import plain, proxy_of, rpo_of


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
    data_root: str | None = None,
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
        data_root: what image paths are relative to: the folder of `rubric-harness data`.

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
    on_failure = checked(on_failure)
    row = _row(ground_truth, extra_info, data_root)
    rewards = await _background(config, server, token_env).run(lambda scorer: score_rows(scorer, [row], [solution_str]))
    return _results(rewards, filled(rewards, on_failure, [0]))[0]


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
    data_root: str | None = None,
    **_: Any,
) -> list[dict[str, Any]]:
    """The rewards of a batch, for the manager `batch` (`verl.workers.reward_manager`); arguments and results as above.

    `on_failure: group_mean` gives a failure the mean of the other completions on the same row, so that it has no advantage of
    its own; in a group without any reward all get 0.0, which is none either.
    """
    on_failure = checked(on_failure)
    rows = [_row(truth, info, data_root) for truth, info in zip(ground_truths, extra_infos, strict=True)]
    rewards = _background(config, server, token_env).run_blocking(
        lambda scorer: score_rows(scorer, rows, list(solution_strs))
    )
    return _results(rewards, filled(rewards, on_failure, _names(data_sources, rows)))


async def compute_rubric_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    group_size: int,
    config: Any = None,
    server: str | None = None,
    token_env: str | None = None,
    on_failure: OnFailure = "group_mean",
    data_root: str | None = None,
    wait_s: float = 600.0,
    **_: Any,
) -> dict[str, Any]:
    """The completions of one prompt ranked by a judge under a rubric (RPO's code), for verl's reward loop.

    verl asks for one completion at a time: each call waits until `group_size` completions of its prompt have come, so all of them
    must come to one process: set `reward.num_workers=1`, and `rollout.val_kwargs.n` to `rollout.n` too, or leave validation out. That
    process takes 1,000 calls at a time, so `data.train_batch_size` times n must be below that. Rows of one `index` are a group.

    Args:
        ground_truth: is not looked at.
        extra_info: `question`, the prompt as the judge is to read it; and where a row has them `image` or `images` as paths,
            `rubric` and `group` (`rewards.groups`).
        group_size: as `actor_rollout_ref.rollout.n`.
        config: the reward: a YAML file with `rpo:` (see `rewards.server.config`), or a mapping with the keys of that part.
        server, token_env: as in `compute_score`.
        on_failure: of a completion none of whose pairs was decided: `group_mean`, `raise` or a number (`rewards.masks`).
        data_root: as in `compute_score`.
        wait_s: from a group's first completion to its last.

    Returns:
        `score`; `judge_failed` as 0.0 or 1.0; `pairs_decided`, `pairs_tie`, ... as shares; `error`, why it was masked or "".

    Raises:
        BackendError: one is masked, and `on_failure` is `raise`.
        UserError: the configuration or the row is not as it must be, or a group did not become complete.
    """
    _check_worker()
    row = _group_row(extra_info, data_root)
    gathering = _gathering(_arguments("rpo", config, server, token_env), group_size, wait_s, on_failure)
    (name,) = _names([data_source], [row])
    return await gathering.result(name, _Member(row, solution_str))


def compute_rubric_score_batch(
    data_sources: Sequence[str],
    solution_strs: Sequence[str],
    ground_truths: Sequence[Any],
    extra_infos: Sequence[Mapping[str, Any] | None],
    *,
    config: Any = None,
    server: str | None = None,
    token_env: str | None = None,
    on_failure: OnFailure = "group_mean",
    data_root: str | None = None,
    **_: Any,
) -> list[dict[str, Any]]:
    """The same for the manager `batch`, which passes whole groups: completions on equal rows are compared."""
    on_failure = checked(on_failure)
    rows = [_group_row(info, data_root) for info in extra_infos]
    ranked = _configured_groups(_arguments("rpo", config, server, token_env)).run_blocking(
        lambda scorer: groups.score_completions(scorer, rows, list(solution_strs))
    )
    return _rubric_results(ranked.scores, filled(ranked.scores, on_failure, ranked.groups))


class _Member(NamedTuple):
    row: dict[str, Any]
    completion: str


AT_A_TIME = 1000
"""Calls that a Ray actor takes at a time; verl's reward worker sets no number of its own."""


@cache
def _gathering(
    arguments: bytes, group_size: Any, wait_s: Any, on_failure: OnFailure
) -> Gathering[_Member, dict[str, Any]]:
    """One a process for each configuration."""
    on_failure = checked(on_failure)
    try:
        size, wait = int(group_size), float(wait_s)  # Hydra may give texts
    except (TypeError, ValueError):
        size, wait = 0, 0.0
    if size < 2 or not wait > 0:
        raise UserError(
            f"group_size is {group_size!r} and wait_s {wait_s!r}: completions are compared, so at least 2, within some seconds"
        )
    background = _configured_groups(arguments)

    async def answer(members: Sequence[_Member]) -> list[dict[str, Any]]:
        rows, texts = [m.row for m in members], [m.completion for m in members]
        ranked = await background.run(lambda scorer: groups.score_completions(scorer, rows, texts, size))
        return _rubric_results(ranked.scores, filled(ranked.scores, on_failure, ranked.groups))

    fix = (
        "set reward.num_workers=1, so that one process gets all of them, group_size to actor_rollout_ref.rollout.n (in validation "
        "that is rollout.val_kwargs.n), and data.train_batch_size so that times n it is below "
        f"{AT_A_TIME}: a reward worker takes no more calls"
    )
    return Gathering(size, wait, answer, incomplete=fix, most=AT_A_TIME - 1)


def _check_worker() -> None:
    """A second reward worker is said at once, and not when its groups do not become complete: verl numbers them by name."""
    ray = sys.modules.get("ray")
    name = (ray.get_runtime_context().get_actor_name() or "") if ray is not None and ray.is_initialized() else ""
    if re.fullmatch(r"reward_loop_worker_[1-9]\d*", name):
        raise UserError("several reward workers get the completions of one prompt: set reward.num_workers=1")


def _row(
    ground_truth: Any, extra_info: Mapping[str, Any] | None, data_root: str | None, fields: Collection[str] = FIELDS
) -> dict[str, Any]:
    """verl's managers add entries of their own to `extra_info`; only ours are looked at."""
    row = {**{k: plain(v) for k, v in (extra_info or {}).items() if k in fields}, "answer": ground_truth}
    return row if data_root is None else resolved(row, Path(data_root))


def _group_row(extra_info: Mapping[str, Any] | None, data_root: str | None) -> dict[str, Any]:
    """A row whose completions are compared. verl's own datasets number their rows: two of equal content are two groups. Others leave
    the number at 0, so it is not enough."""
    info = extra_info or {}
    row = _row(None, info, data_root, groups.FIELDS)
    if row.get("group") is None and info.get("index") is not None:
        row["group"] = repr(
            [info.get("split"), plain(info["index"]), row.get("question"), row.get("images"), row.get("image")]
        )
    return row


def _names(data_sources: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """What identifies the group of each completion: its data source and row."""
    return [orjson.dumps([s, plain(row)], default=str) for s, row in zip(data_sources, rows, strict=True)]


def _results(rewards: Sequence[Reward], values: Sequence[float]) -> list[dict[str, Any]]:
    """The same keys each time and no None: verl makes an array of each."""
    return [
        {
            "score": float(value),
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
        for reward, value in zip(rewards, values, strict=True)
    ]


def _rubric_results(scores: Sequence[Score], values: Sequence[float]) -> list[dict[str, Any]]:
    return [
        {
            "score": float(value),
            "judge_failed": float(score.value is None),
            **{name: share for name, share in pair_metrics([score]).items() if name.startswith("pairs_")},
            "error": score.masked_because,
        }
        for score, value in zip(scores, values, strict=True)
    ]


def _background(config: Any, server: str | None, token_env: str | None) -> BackgroundLoop[CompletionReward]:
    return _configured(_arguments("proxy_grm", config, server, token_env))


def _arguments(part: str, config: Any, server: str | None, token_env: str | None) -> bytes:
    if (config is None) == (server is None):
        raise UserError(f"reward_kwargs: give `config` (a YAML file with {part}:, or its mapping) or `server` (a URL)")
    return orjson.dumps([plain(config), server, token_env], option=orjson.OPT_SORT_KEYS, default=str)


@cache
def _configured(arguments: bytes) -> BackgroundLoop[CompletionReward]:
    """One reward a process for each configuration: verl passes the same arguments with every completion."""
    config, server, token_env = orjson.loads(arguments)
    return BackgroundLoop(proxy_of(config).reward() if server is None else _client(server, token_env))


@cache
def _configured_groups(arguments: bytes) -> BackgroundLoop[groups.GroupReward]:
    config, server, token_env = orjson.loads(arguments)
    return BackgroundLoop(rpo_of(config).reward() if server is None else _client(server, token_env))


def _client(server: str, token_env: str | None) -> Any:
    from harness_plugins.rewards.server.client import RewardClient

    return RewardClient(server, token_env=token_env)
