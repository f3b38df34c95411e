"""Whether a rubric gives its writer's choice away by what it names: a judge without the image picks it from the masked rubric."""

from __future__ import annotations

from typing import Literal

from evaluators.engine.caller import Tally
from evaluators.errors import UserError
from evaluators.inputs.names import unknown
from evaluators.judges import Judge
from evaluators.keys import digest
from evaluators.prompts.template import Case, pick_of
from evaluators.records import ORDERS, Item, Order, Rubric
from evaluators.rubrics.arms import masked_rubric
from evaluators.specs import JudgeSpec
from harness_plugins.rewards.judge import RewardJudge
from harness_plugins.rewards.resources import concurrently

LEXICAL = "lexical"
"""The baseline that counts the words of a rubric in each response. It asks no model."""


class ContentLeaks(RewardJudge):
    """Exchanging the two responses takes what a position says out of a reward, but not "the one with the bus is better".

    Args:
        judge: `lexical`; or a model that reads the texts, by its spec or itself.

    Raises:
        UserError: what the judge's backend needs is not installed.
    """

    def __init__(self, judge: Literal["lexical"] | JudgeSpec | Judge, tally: Tally) -> None:
        if isinstance(judge, str):
            if judge != LEXICAL:
                raise UserError(f"leak_judge: {unknown('judge', judge, [LEXICAL])}, or give a JudgeSpec")
            judge = JudgeSpec(name=LEXICAL, backend="baseline", model=LEXICAL)
        super().__init__(judge, tally)

    async def given_away(self, item: Item, rubric: Rubric, choice: int, until: float | None = None) -> bool:
        """Whether the judge names the writer's choice in both orders. Words that are in both responses alike decide nothing.

        Args:
            choice: the writer's own verdict, as the index of a candidate.

        Raises:
            BackendError: no answer came.
        """
        text = masked_rubric(item, rubric).text

        async def picked(order: Order) -> int | None:
            case = Case(item, order, text, hidden=frozenset({"media"}))
            _, parsed = await self.decide(case, digest("leak", item.uid, order, text.text), until)
            return pick_of(parsed.choice, order) if parsed.status == "ok" and parsed.choice else None

        return all(p == choice for p in await concurrently(picked, ORDERS))
