"""One step: pictures, verdicts, an update. And its state on disk: adapter and optimizer."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import orjson
import torch
from safetensors.torch import load_file, save_file

from evaluators.engine.journal import Damage, damage_notes
from evaluators.errors import RunStopped
from evaluators.text import say
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.groups import GroupReward
from harness_plugins.rpo.conditions import ConditionStore
from harness_plugins.rpo.generators.adapter import load_adapter, save_adapter, trained
from harness_plugins.rpo.generators.base import Generator
from harness_plugins.rpo.judging import PairJudge
from harness_plugins.rpo.objective import Sums, accumulate, valid_candidates
from harness_plugins.rpo.pictures import save_picture
from harness_plugins.rpo.processes import Processes
from harness_plugins.rpo.prompts import Pair, PromptSets, Two, pairs_of
from harness_plugins.rpo.recipe import Recipe, Updates
from harness_plugins.rpo.rollouts import Rollout, batches, roll, trained_steps
from harness_plugins.rpo.run_folder import Checkpoint, PairRow, RunFolder, StepRow

log = logging.getLogger("rubric_harness")
RATIO_OFF = 1e-3
"""|ratio - 1| before the first update above which replay is not what the rollout was, and the log says so."""


NOT_FINITE = "begin again in another `out`, with a smaller learning rate or eta, or a larger `updates.kl`"


@dataclass
class Phases:
    """Seconds by phase of a step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - start


class Updated(NamedTuple):
    sums: Sums
    gradient_norm: float


class Trainer:
    """A generator in training, from a state to the next.

    Args:
        run: opened.
        generator: adapted.
        reward: compares the pictures of a pair; whoever made it closes it.
    """

    def __init__(
        self,
        recipe: Recipe,
        sets: PromptSets,
        run: RunFolder,
        *,
        generator: Generator,
        conditions: ConditionStore,
        reward: BackgroundLoop[GroupReward],
        processes: Processes,
    ) -> None:
        self.recipe, self.sets, self.run = recipe, sets, run
        self.generator, self.conditions, self.processes = generator, conditions, processes
        self.judge = PairJudge(reward, run.add_pair, _earlier_pairs(run), recipe.patience_s)
        self.parameters = trained(generator.network)
        self.optimizer = optimizer_of(recipe.updates, self.parameters)

    def step(self, step: int) -> StepRow:
        """One step: its pairs are made, judged, and learned from.

        Raises:
            RunStopped: the judge is gone, or the generator gives numbers that are not finite. Nothing of the step has changed the
                generator: the same command does it again, and asks nothing twice.
        """
        phases = Phases()
        pairs = pairs_of(step, self.sets.train, self.recipe.seed, self.recipe.updates.pairs)
        steps = trained_steps(self.recipe.sampling, pairs[0].seed_of_step(self.recipe.seed))
        with phases.timed("rollout"):
            rollouts = self._rollouts(pairs, steps)
        with phases.timed("judge"):
            own = self.judge.rows()
        rows = self.processes.gathered(list(own.values()))
        self._check_judge(rows)
        valid = valid_candidates([row.rewards for row in rows])
        updated = valid > 0 and valid >= self.recipe.updates.min_valid * 2 * len(pairs)
        sums, norm = Sums(), None
        if updated:
            with phases.timed("train"):
                rewards = {number: row.rewards for number, row in own.items()}
                sums, norm = self._update(rollouts, rewards, valid)
        else:
            log.warning("step %d: %d of %d pairs have a verdict: no update", step + 1, valid // 2, len(pairs))
        return self._row(step, rows, sums=sums, norm=norm, updated=updated, steps=steps, phases=phases)

    def _rollouts(self, pairs: Sequence[Pair], steps: Sequence[int]) -> list[Rollout]:
        own = pairs[self.processes.rank :: self.processes.count]
        rollouts = []
        for batch, conditions in batches(own, lambda p: self.conditions.load(p.prompt), self.recipe.updates.batch):
            rollout = roll(
                self.generator, batch, conditions, sampling=self.recipe.sampling, trained=steps, seed=self.recipe.seed
            )
            if not torch.isfinite(rollout.images).all():
                raise RunStopped(
                    f"step {pairs[0].step + 1}: the generator gives numbers that are not finite: {NOT_FINITE}"
                )
            for n, pair in enumerate(batch):
                images = rollout.images[2 * n : 2 * n + 2]
                self.judge.send(pair, images)
                for path, image in zip(self.run.pictures_of(pair), images, strict=True):
                    save_picture(path, image, exact=image[0].numel() <= 128 * 128)
            rollouts.append(rollout)
        return rollouts

    def _check_judge(self, rows: Sequence[PairRow]) -> None:
        """Of all processes, so that all of them stop or none."""
        unanswered = [row.error for row in rows if row.error is not None and row.error.kind != "image"]
        if unanswered and len(rows) - len(unanswered) < max(1, self.recipe.updates.min_valid * len(rows)):
            error = unanswered[0]
            raise RunStopped(
                f"the judge gave no answer on {len(unanswered)} of {len(rows)} pairs ({error.kind}: {error.message[:200]}). "
                "The same command goes on here, and asks about no answered pair again"
            )

    def _update(self, rollouts: Sequence[Rollout], rewards: Mapping[int, Two | None], valid: int) -> Updated:
        updates = self.recipe.updates
        first = Sums()
        norm = 0.0
        for number in range(updates.per_rollout):
            self.optimizer.zero_grad(set_to_none=True)
            sums = accumulate(
                self.generator, rollouts, rewards, sampling=self.recipe.sampling, updates=updates, valid=valid
            )
            self.processes.sum_gradients(self.parameters.values())
            norm = float(torch.nn.utils.clip_grad_norm_(self.parameters.values(), updates.gradient_norm))
            if not math.isfinite(norm):  # of the sum of all processes: all of them stop
                raise RunStopped(f"the gradient is not finite: {NOT_FINITE}")
            self.optimizer.step()
            if number == 0:
                first = sums
            else:
                first.stopped += sums.stopped
        self.optimizer.zero_grad(set_to_none=True)
        return Updated(first, norm)

    def _row(
        self,
        step: int,
        rows: Sequence[PairRow],
        *,
        sums: Sums,
        norm: float | None,
        updated: bool,
        steps: tuple[int, ...],
        phases: Phases,
    ) -> StepRow:
        every = self.processes.gathered([sums])
        count = sum(s.rows for s in every)
        off = max(s.ratio_off for s in every)
        if updated and off > RATIO_OFF:
            log.warning(
                "step %d: the ratio is off 1 by %.1e before any update: replay differs from the rollout", step + 1, off
            )
        outcomes = Counter("decided" if r.outcome in ("won", "lost") else r.outcome for r in rows)
        norms = [p.detach().float().norm() for p in self.parameters.values()]
        return StepRow(
            step=step,
            updated=updated,
            pairs=len(rows),
            valid=sum(r.rewards is not None for r in rows),
            decided=outcomes["decided"],
            outcomes=dict(sorted(outcomes.items())),
            loss=sum(s.loss for s in every) if updated else None,
            kl=sum(s.kl for s in every) / count if updated and self.recipe.updates.kl else None,
            ratio_off=off if updated else None,
            stopped=sum(s.stopped for s in every) / (count * self.recipe.updates.per_rollout) if updated else None,
            gradient_norm=norm,
            adapter_norm=float(torch.stack(norms).norm()),
            trained=steps,
            seconds={phase: round(s, 3) for phase, s in phases.seconds.items()},
        )

    def save(self, step: int, keep: Collection[int]) -> None:
        """Write a checkpoint, by the first process.

        Args:
            step: updates seen so far.
            keep: the steps whose checkpoints stay.
        """
        if self.processes.first:
            with self.run.new_checkpoint(step, keep) as folder:
                save_adapter(self.generator, folder)
                save_optimizer(self.optimizer, self.parameters, folder)
        self.processes.wait()

    def load(self, checkpoint: Checkpoint) -> None:
        load_adapter(self.generator.network, checkpoint.folder)
        load_optimizer(self.optimizer, self.parameters, checkpoint.folder)


def _earlier_pairs(run: RunFolder) -> dict[tuple[int, str], PairRow]:
    damage: Damage = {}
    rows = run.pair_rows(damage)
    for note in damage_notes(damage):
        say(note, file=sys.stderr)
    return rows


def optimizer_of(updates: Updates, parameters: Mapping[str, torch.nn.Parameter]) -> torch.optim.AdamW:
    return torch.optim.AdamW(
        list(parameters.values()), lr=updates.learning_rate, betas=updates.betas, weight_decay=updates.weight_decay
    )


_MOMENTS = ("exp_avg", "exp_avg_sq")


def save_optimizer(optimizer: torch.optim.AdamW, parameters: Mapping[str, torch.nn.Parameter], folder: Path) -> None:
    """AdamW's moments by name of weight, and its count of updates: no pickle."""
    states = {name: optimizer.state[p] for name, p in parameters.items() if p in optimizer.state}
    moments = {f"{m}.{name}": s[m].detach().cpu().contiguous() for name, s in states.items() for m in _MOMENTS}
    save_file(moments, folder / "optimizer.safetensors")
    counts = {name: int(s["step"]) for name, s in states.items()}
    (folder / "optimizer.json").write_bytes(orjson.dumps({"updates": counts}))


def load_optimizer(optimizer: torch.optim.AdamW, parameters: Mapping[str, torch.nn.Parameter], folder: Path) -> None:
    moments = load_file(folder / "optimizer.safetensors")
    counts = orjson.loads((folder / "optimizer.json").read_bytes())["updates"]
    for name, p in parameters.items():
        if name in counts:
            state = {m: moments[f"{m}.{name}"].to(p.device) for m in _MOMENTS}
            optimizer.state[p] = {"step": torch.tensor(float(counts[name])), **state}
