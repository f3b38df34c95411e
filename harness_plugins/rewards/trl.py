"""The Proxy-GRM reward as TRL's GRPOTrainer takes it (1.10 or newer, where None masks a completion; tested with 1.16).

from harness_plugins.rewards.trl import proxy_grm_reward

trainer = GRPOTrainer(model=..., reward_funcs=proxy_grm_reward(proxy_spec), train_dataset=rows, args=...)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, Unpack, cast

from evaluators import stop_messages
from evaluators.errors import UserError
from evaluators.judges import Judge
from evaluators.records import Answer
from evaluators.replies.parsing import parse
from evaluators.specs import JudgeSpec
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.judge import is_judge
from harness_plugins.rewards.proxy import ProxyOptions, ProxyReward, Reward, metrics_of
from harness_plugins.rewards.samples import CompletionReward, position, score_rows

PATIENCE = 10
"""Calls in a row without any reward after which training stops: it would go on and learn nothing."""

_NOT_COLUMNS = ("prompts", "completion_ids", "trainer_state", "log_extra", "log_metric", "environments")


class RewardFunction(Protocol):
    """What TRL calls, with keywords alone."""

    __name__: str

    def __call__(self, *, completions: Sequence[Any], **columns: Any) -> Awaitable[list[float | None]]: ...


def proxy_grm_reward(
    proxy: JudgeSpec | Judge | CompletionReward | None,
    *,
    patience: int | None = PATIENCE,
    name: str = "proxy_grm_reward",
    **options: Unpack[ProxyOptions],
) -> RewardFunction:
    """A plain `async def` for `reward_funcs`. TRL passes it all completions of a step at once; None masks one.

    The dataset needs, beside `prompt`, the columns that `rewards.samples` names: `question`, `response_1`, `response_2`,
    `answer` and `image` or `images`; or `item` (a record of ours as JSON) and `saw`. It logs, through TRL's `log_metric`, shares
    of the call's completions: `judge_fail_rate` (masked), `answer_right`, `well_formed`; of those with a rubric `leak` and
    `leak_verdict`, `leak_reference`, ... (by what its words show); of those that the proxy answered `proxy_right`, `proxy_cut_off`
    and, where they are asked for, `proxy_right_both` (in both orders) and `content_leak`. Through `log_extra` the columns
    `answer_outcome`, `proxy_outcome`, `leaks` and `masked_because`.

    Each process has a judge of its own: over 8 ranks at `concurrency` 64 the proxy's server gets up to 512 requests at a time. A
    `RewardClient` shares the one judge of its server.

    Args:
        proxy: the judge that reads the rubrics; None for the ablation without a proxy; or a `ProxyReward` or `RewardClient`, which have
            their own options.
        patience: after this many calls in a row in which every completion was masked, RunStopped ends the training; None never.
        name: what TRL logs it as.
        options: as in `ProxyReward`: `aggregation`, `crossed`, `leak_penalty`, ...

    Raises:
        UserError: the proxy cannot be used, or an option is not as it must be; later, a column is missing.
    """
    completion_reward: CompletionReward
    if proxy is None or is_judge(proxy):
        completion_reward = ProxyReward(proxy, **options)
    elif options:
        raise UserError(
            f"{', '.join(sorted(options))}: a {type(proxy).__name__} has its own options; set them there (a reward server's are in its "
            "config)"
        )
    else:
        completion_reward = cast(CompletionReward, proxy)
    background = BackgroundLoop(completion_reward)
    unrewarded_calls = 0

    async def reward(*, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        nonlocal unrewarded_calls
        row_columns = {k: v for k, v in columns.items() if k not in _NOT_COLUMNS and isinstance(v, list | tuple)}
        rows = [{k: v[n] for k, v in row_columns.items()} for n in range(len(completions))]
        texts = [text_of(c) for c in completions]
        rewards = await background.run(lambda scorer: score_rows(scorer, rows, texts))
        _log(rewards, columns)
        unrewarded_calls = unrewarded_calls + 1 if rewards and all(r.value is None for r in rewards) else 0
        if patience is not None and unrewarded_calls >= patience:
            raise stop_messages.no_rewards(unrewarded_calls, [r.error for r in rewards if r.error])
        return [r.value for r in rewards]

    reward.__name__ = reward.__qualname__ = name
    return reward


def verdict_reward(*, completions: Sequence[Any], answer: Sequence[Any], **columns: Any) -> list[float]:
    """Accuracy alone, for the proxy itself in training: 1.0 where it ends on the preferred response, else -1.0.

    A completion is read as any judge's text is: the last `<answer>` after the reasoning, and nothing guessed where there is none.
    It needs the column `answer` (1 or 2, as shown) and logs `answer_right` and `answered`. TRL takes plain functions too.

    Raises:
        UserError: `answer` is neither 1 nor 2.
    """
    chosen = [parse(Answer(text_of(c), "tag")).choice for c in completions]
    right = [c == position(a) for c, a in zip(chosen, answer, strict=True)]
    metric: Callable[[str, float], None] | None = columns.get("log_metric")
    if metric is not None and right:
        metric("answer_right", sum(right) / len(right))
        metric("answered", sum(c is not None for c in chosen) / len(chosen))
    return [1.0 if r else -1.0 for r in right]


def text_of(completion: Any) -> str:
    """The completion's text; of a conversation, that of its last assistant message."""
    if isinstance(completion, str):
        return completion
    replies = [m for m in completion if m.get("role", "assistant") == "assistant"]
    content = replies[-1].get("content") if replies else None
    if isinstance(content, str):
        return content
    return "".join(str(p.get("text") or "") for p in content or () if p.get("type", "text") == "text")


def _log(rewards: Sequence[Reward], columns: Mapping[str, Any]) -> None:
    metric: Callable[[str, float], None] | None = columns.get("log_metric")
    extra: Callable[[str, list[Any]], None] | None = columns.get("log_extra")
    if metric is not None:
        for name, value in metrics_of(rewards).items():
            metric(name, value)
    if extra is not None:
        extra("answer_outcome", [r.answer for r in rewards])
        extra("proxy_outcome", [r.proxy or "" for r in rewards])
        extra("leaks", [" ".join(r.leaks) for r in rewards])
        extra("masked_because", [r.masked_because for r in rewards])
