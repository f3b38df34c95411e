"""Held-out prompts: the pictures of a checkpoint beside those of the generator without the adapter, from the same noise, as a user
makes them (no noise in the steps), judged in both orders."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from evaluators.keys import digest
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.groups import GroupReward
from harness_plugins.rewards.rpo import Reply
from harness_plugins.rpo.conditions import ConditionStore
from harness_plugins.rpo.generators.adapter import reference
from harness_plugins.rpo.generators.base import Generator
from harness_plugins.rpo.judging import PairJudge
from harness_plugins.rpo.pictures import read_picture, save_picture
from harness_plugins.rpo.processes import Processes
from harness_plugins.rpo.prompts import Pair, Prompt
from harness_plugins.rpo.recipe import Recipe
from harness_plugins.rpo.rollouts import batches, pictures
from harness_plugins.rpo.run_folder import HeldOut, HeldOutRow, PairRow, RunFolder

log = logging.getLogger("rubric_harness")


class HeldOutJudge(NamedTuple):
    name: str
    audit: bool
    reward: BackgroundLoop[GroupReward]


class Evaluator:
    """Args:
    generator: adapted; it is compared as it is now.
    judges: whoever looks at the pictures: the training's judge, and an audit's.
    """

    def __init__(
        self,
        recipe: Recipe,
        run: RunFolder,
        *,
        generator: Generator,
        conditions: ConditionStore,
        judges: Sequence[HeldOutJudge],
        processes: Processes,
    ) -> None:
        self._recipe, self._run, self._generator = recipe, run, generator
        self._conditions, self._judges, self._processes = conditions, judges, processes

    def evaluate(self, step: int, held_out: HeldOut, prompts: Sequence[Prompt]) -> list[HeldOutRow]:
        """Compare on these prompts. What was judged already at this step is not asked again.

        Args:
            step: the updates that the generator has seen.

        Returns:
            All rows of the step and set, in every process.

        Raises:
            UserError: what a judge needs is not there.
        """
        earlier = {
            (row.judge, row.audit, row.uid): row
            for row in self._run.held_out_rows()
            if row.step == step and row.held_out == held_out and row.error is None
        }
        # All have read what is there, before one of them adds to it.
        self._processes.wait()
        own = prompts[self._processes.rank :: self._processes.count]
        new: list[HeldOutRow] = []
        if any((j.name, j.audit, p.uid) not in earlier for j in self._judges for p in own):
            base, now = self._pictures(None, own), self._pictures(step, own)
            for judge in self._judges:
                todo = [p for p in own if (judge.name, judge.audit, p.uid) not in earlier]
                new += self._judged(judge, step, held_out, {p: torch.stack([now[p.uid], base[p.uid]]) for p in todo})
        new = self._processes.gathered(new)
        if self._processes.first:
            self._run.add_held_out(new)
        self._processes.wait()
        return [*earlier.values(), *new]

    def _pictures(self, step: int | None, prompts: Sequence[Prompt]) -> dict[str, Tensor]:
        """By uid, with 8 bits a number; those on disk are read. `step` None: without the adapter."""
        by_uid: dict[str, Tensor] = {}
        pairs = [Pair(0, n, prompt, 0) for n, prompt in enumerate(prompts)]
        for chunk in batches(pairs, lambda p: self._conditions.load(p.prompt), 2 * self._recipe.updates.batch):
            files = {pair.uid: self._run.held_out_picture(step, pair.uid) for pair in chunk.pairs}
            shown = {uid: read_picture(file) for uid, file in files.items()}
            # A batch is made as a whole or not at all: another composition would round differently.
            if any(picture is None for picture in shown.values()):
                seeds = [int(digest("held out", self._recipe.seed, uid)[:15], 16) for uid in files]
                images = self._generated(step, [*chunk.conditions], seeds)
                for file, image in zip(files.values(), images, strict=True):
                    save_picture(file, image, exact=True)
                shown = {uid: read_picture(file) for uid, file in files.items()}
            by_uid |= {uid: picture for uid, picture in shown.items() if picture is not None}
        return by_uid

    def _generated(self, step: int | None, conditions: Sequence[object], seeds: Sequence[int]) -> Tensor:
        evaluation, shift = self._recipe.evaluation, self._recipe.sampling.shift

        def make() -> Tensor:
            images: Tensor = pictures(
                self._generator, conditions, seeds, steps=evaluation.steps, shift=shift, cfg=evaluation.cfg
            )
            return images

        if step is not None:
            return make()
        with reference(self._generator.network):
            return make()

    def _judged(
        self, judge: HeldOutJudge, step: int, held_out: HeldOut, images: Mapping[Prompt, Tensor]
    ) -> list[HeldOutRow]:
        asking = PairJudge(judge.reward, lambda row: None, {}, self._recipe.patience_s)
        rows: list[HeldOutRow] = []
        by_number = dict(enumerate(images))
        for number, prompt in by_number.items():
            if torch.equal(images[prompt][0], images[prompt][1]):
                rows.append(_row(judge, step, held_out, prompt, None))
            else:
                asking.send(Pair(step, number, prompt, 0), images[prompt])
        rows += [_row(judge, step, held_out, by_number[number], row) for number, row in asking.rows().items()]
        return rows


def _row(judge: HeldOutJudge, step: int, held_out: HeldOut, prompt: Prompt, judged: PairRow | None) -> HeldOutRow:
    """Args:
    judged: None where the pictures are equal.
    """
    return HeldOutRow(
        step=step,
        held_out=held_out,
        judge=judge.name,
        audit=judge.audit,
        uid=prompt.uid,
        prompt=prompt.text,
        share=0.5 if judged is None else None if judged.error else share_of(judged.replies),
        equal=judged is None,
        error=judged.error if judged else None,
        replies=judged.replies if judged else (),
    )


def share_of(replies: Sequence[Reply]) -> float | None:
    """Of the orders, those in which candidate 0 was preferred. A tie, or an answer that names nobody, is half: it is neither's win.

    >>> share_of([Reply((0, 1), "ok", 0, "..."), Reply((1, 0), "ok", 1, "...")])
    0.5
    """
    if not replies:
        return None
    return sum(0.5 if r.preferred is None else float(r.preferred == 0) for r in replies) / len(replies)
