"""Rewards as TRL's GRPOTrainer takes them (1.10 or newer, where None masks a completion; tested with 1.16).

from harness_plugins.rewards.trl import proxy_grm_reward, rubric_reward

trainer = GRPOTrainer(model=..., reward_funcs=proxy_grm_reward(proxy_spec), train_dataset=rows, args=...)
policy = GRPOTrainer(
    model=..., reward_funcs=rubric_reward(judge_spec, rubric=Path("rubric.txt"), num_generations=8), train_dataset=prompts, args=...
)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, Unpack, cast

from evaluators.errors import UserError
from evaluators.judges import Judge
from evaluators.records import Answer
from evaluators.replies.parsing import parse
from evaluators.specs import JudgeSpec
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.conversations import text_of
from harness_plugins.rewards.groups import Compares, group_reward, options_of_another, score_completions
from harness_plugins.rewards.judge import is_judge
from harness_plugins.rewards.masks import PATIENCE, Unrewarded
from harness_plugins.rewards.proxy import ProxyOptions, ProxyReward, metrics_of
from harness_plugins.rewards.rpo import RPOOptions, pair_metrics
from harness_plugins.rewards.samples import CompletionReward, position, score_rows

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
        raise options_of_another(proxy, options)
    else:
        completion_reward = cast(CompletionReward, proxy)
    background = BackgroundLoop(completion_reward)

    async def reward(*, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        rows, texts = _rows(completions, columns), [text_of(c) for c in completions]
        rewards = await background.run(lambda scorer: score_rows(scorer, rows, texts))
        _log_metrics(columns, metrics_of(rewards))
        _log_columns(
            columns,
            answer_outcome=[r.answer for r in rewards],
            proxy_outcome=[r.proxy or "" for r in rewards],
            leaks=[" ".join(r.leaks) for r in rewards],
            masked_because=[r.masked_because for r in rewards],
        )
        return unrewarded.checked(rewards)

    unrewarded = Unrewarded(patience)
    reward.__name__ = reward.__qualname__ = name
    return reward


def rubric_reward(
    judge: Compares,
    *,
    num_generations: int | None = None,
    num_generations_eval: int | None = None,
    patience: int | None = PATIENCE,
    name: str = "rubric_reward",
    **options: Unpack[RPOOptions],
) -> RewardFunction:
    """A plain `async def` for `reward_funcs`: the completions of one prompt are ranked by a judge under a rubric.

    The code is RPO's: every pair in both orders, or all together in each cyclic order (`grading: listwise`). A completion whose pairs
    were all undecided is None: masked. The dataset needs no more than TRL does: `prompt`, and `image` or `images` where the policy
    sees some; `question` is shown to the judge in place of the prompt, and `rubric` replaces the reward's for its row.

    It logs through `log_metric` `judge_fail_rate` (completions masked) and, as shares of their pairs, `pairs_decided`, `pairs_tie`,
    `pairs_disagree`, `pairs_undecided`, `pairs_error`; through `log_extra` the column `masked_because`.

    Args:
        judge: a spec, a Judge of your own, an `RPOReward`, or a `RewardClient`.
        num_generations: as in GRPOConfig. The reward then refuses a batch in which a prompt's completions are spread over processes:
            they would be ranked in parts, and the parts compared as if they were one. None compares what the process has.
        num_generations_eval: as in GRPOConfig. Where it is another number completions go by their prompt alone, since TRL does not say
            which of the two a call is for.
        patience: after this many calls in a row in which every completion was masked, RunStopped ends the training; None never.
        name: what TRL logs it as.
        options: as in `RPOReward`: `rubric`, `win`, `lose`, `disagreement`, `deadline_s`.

    Raises:
        UserError: the judge or the rubric cannot be used; later, a row is not as it must be.
    """
    if num_generations is not None and num_generations < 2:
        raise UserError(f"num_generations is {num_generations}; completions are compared, so it is at least 2")
    size = num_generations if num_generations_eval in (None, num_generations) else None
    background, unrewarded = group_reward(judge, **options), Unrewarded(patience)

    async def reward(*, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        rows = _rows(completions, columns | {"prompt": columns["prompts"]})
        texts = [text_of(c) for c in completions]
        ranked = await background.run(lambda scorer: score_completions(scorer, rows, texts, size))
        scores = ranked.scores
        _log_metrics(columns, pair_metrics(scores))
        _log_columns(columns, masked_because=[s.masked_because for s in scores])
        return unrewarded.checked(scores)

    reward.__name__ = reward.__qualname__ = name
    return reward


def _rows(completions: Sequence[Any], columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    row_columns = {k: v for k, v in columns.items() if k not in _NOT_COLUMNS and isinstance(v, list | tuple)}
    return [{k: v[n] for k, v in row_columns.items()} for n in range(len(completions))]


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


def _log_metrics(columns: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
    log: Callable[[str, float], None] | None = columns.get("log_metric")
    if log is not None:
        for name, value in metrics.items():
            log(name, value)


def _log_columns(columns: Mapping[str, Any], **logged: list[Any]) -> None:
    log: Callable[[str, list[Any]], None] | None = columns.get("log_extra")
    if log is not None:
        for name, values in logged.items():
            log(name, values)
