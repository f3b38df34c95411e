"""How accuracy and proxy terms become one number: Proxy-GRM's implicit sum and its ten explicit tables, by readable names.

Source: `grm_reward_with_instruct.py` of the reference code, `use_fb` 0 to 10, executed for all outcomes (the format term is
added apart). The paper's best is the plain sum.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

Aggregation = Literal[
    "sum",
    "strict_and",
    "gate",
    "graded_sum",
    "graded_sum_lucky_penalised",
    "graded_sum_both_wrong_penalised",
    "graded_sum_mild",
    "graded",
    "graded_lucky_penalised",
    "graded_both_wrong_penalised",
    "graded_mild",
]
AGGREGATIONS: tuple[Aggregation, ...] = get_args(Aggregation)
"""In the order of the reference's `use_fb` 0 to 10."""


class Payoff(NamedTuple):
    """One aggregation: the reward by (answer right, proxy right)."""

    both: float
    only_answer: float
    only_proxy: float
    neither: float
    about: str


PAYOFFS: dict[Aggregation, Payoff] = {
    "sum": Payoff(2, 0, 0, -2, "plain sum of two terms of +1 or -1 (the paper's, implicit)"),
    "strict_and": Payoff(2, -2, -2, -2, "both terms count as wrong unless both are right"),
    "gate": Payoff(1, -1, -1, -1, "right only if the proxy agrees; no proxy term"),
    "graded_sum": Payoff(2.5, -0.5, 0, -2, "accuracy 1.5 / 0.5 / -1 by the proxy, plus the proxy term"),
    "graded_sum_lucky_penalised": Payoff(2.5, -0.5, -0.5, -2, "the same, a wrong answer under a good rubric -1.5"),
    "graded_sum_both_wrong_penalised": Payoff(2.5, -0.5, -0.5, -3, "the same, both wrong -2"),
    "graded_sum_mild": Payoff(2, -0.5, 0, -2, "accuracy 1 / 0.5 / -1 by the proxy, plus the proxy term"),
    "graded": Payoff(1.5, 0.5, -1, -1, "graded_sum without the proxy term"),
    "graded_lucky_penalised": Payoff(1.5, 0.5, -1.5, -1, "graded_sum_lucky_penalised without the proxy term"),
    "graded_both_wrong_penalised": Payoff(1.5, 0.5, -1.5, -2, "graded_sum_both_wrong_penalised without the proxy term"),
    "graded_mild": Payoff(1, 0.5, -1, -1, "graded_sum_mild without the proxy term"),
}

FORMAT_WEIGHT = 0.5
"""The paper's r_acc + r_proxy + 0.5 r_format."""


def payoff(aggregation: Aggregation, answer_right: bool, proxy_right: bool) -> float:
    """The reward of an outcome, without the format term.

    A proxy that never answered has no payoff: such a reward is masked, not guessed (the reference gave it a value between
    right and wrong, which a trainer cannot distinguish from data).
    """
    table = PAYOFFS[aggregation]
    if answer_right:
        return table.both if proxy_right else table.only_answer
    return table.only_proxy if proxy_right else table.neither
