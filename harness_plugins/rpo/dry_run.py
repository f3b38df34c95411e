"""What a training would take, from a few steps timed on this machine: hours, judge calls, disk, price."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.groups import GroupReward
from harness_plugins.rpo import flow
from harness_plugins.rpo.conditions import ConditionStore
from harness_plugins.rpo.generators.adapter import trained
from harness_plugins.rpo.opening import open_generator
from harness_plugins.rpo.processes import Processes
from harness_plugins.rpo.prompts import PromptSets, pairs_of, read_prompts
from harness_plugins.rpo.recipe import EDITORS, Recipe
from harness_plugins.rpo.run_folder import RunFolder, base_of, identity_of
from harness_plugins.rpo.trainer import Trainer

TIMED = 3
"""Steps that are timed, after one that is not: the first compiles, and fills caches."""


@dataclass(frozen=True)
class Timing:
    """Seconds, of a batch of `updates.batch` pairs, but for the last."""

    path_step: float
    """A step of the path, both pictures of each pair."""
    around: float
    """Loading embeddings, decoding, writing pictures."""
    trained_step: float
    judge: float
    """From pictures to verdict, of one pair: both orders side by side."""
    embedding_bytes: int
    """Of a prompt."""
    picture_bytes: int
    adapter_weights: int
    memory_bytes: int | None
    """The most that was used of a GPU; None without one."""
    device: str


@dataclass(frozen=True)
class Estimate:
    rollout_s: float
    """Of a step of the training."""
    waiting_s: float
    """For the judge."""
    train_s: float
    evaluations_s: float
    """All of them, on all processes together."""
    judge_calls: int
    evaluation_calls: int
    disk_bytes: int

    @property
    def step_s(self) -> float:
        return self.rollout_s + self.waiting_s + self.train_s


def dry_run(
    recipe: Recipe,
    *,
    gpus: int = 1,
    gpu_price: float | None = None,
    call_price: float | None = None,
    reward: GroupReward | None = None,
) -> str:
    """Time a few steps and say what the training would take. Nothing is written into the run's folder.

    Args:
        gpus: processes of the training.
        gpu_price, call_price: of a GPU for an hour, and of a judge call.
        reward: in place of the recipe's.

    Raises:
        UserError: recipe, prompts or model are not as they must be.
        RunStopped: the judge does not answer.
    """
    sets = read_prompts(recipe.prompts, recipe.generator.kind in EDITORS)
    timing = timed(recipe, sets, reward or recipe.reward.open())
    estimate = estimated(recipe, sets, timing, gpus)
    lines = _lines(recipe, timing, estimate, gpus)
    hours = gpus * (recipe.updates.steps * estimate.step_s + estimate.evaluations_s) / 3600
    calls = estimate.judge_calls + estimate.evaluation_calls
    if gpu_price is not None or call_price is not None:
        price = hours * (gpu_price or 0) + calls * (call_price or 0)
        parts = [f"{hours:.2f} GPU hours at {gpu_price:g}"] if gpu_price is not None else []
        parts += [f"{calls:,} judge calls at {call_price:g}"] if call_price is not None else []
        lines.append(f"Price: {price:,.2f} ({', '.join(parts)})")
    else:
        lines.append("Price: with --gpu-price AMOUNT (of an hour) and --call-price AMOUNT")
    return "".join(f"{line}\n" for line in lines)


def timed(recipe: Recipe, sets: PromptSets, reward: GroupReward) -> Timing:
    """Paths of two steps, of which one is trained, judged for real."""
    sampling = recipe.sampling.model_copy(update={"steps": 2, "trained": "all", "window": None})
    updates = recipe.updates.model_copy(update={"pairs": recipe.updates.batch, "per_rollout": 1, "min_valid": 0.0})
    with tempfile.TemporaryDirectory(prefix="rubric-harness-rpo-") as folder:
        changes = {"sampling": sampling, "updates": updates, "out": Path(folder), "patience_s": 0.0}
        short = recipe.model_copy(update=changes)
        processes = Processes.join()
        base = base_of(short.generator)
        run = RunFolder(short.out)
        loop = BackgroundLoop(reward)
        try:
            run.open(short, identity_of(short, sets, base))
            conditions = ConditionStore(run.embeddings(), short.generator, base)
            pairs = [p for step in range(TIMED + 1) for p in pairs_of(step, sets.train, short.seed, updates.pairs)]
            generator = open_generator(short, conditions, [p.prompt for p in pairs], processes, progress=False)
            trainer = Trainer(
                short, sets, run, generator=generator, conditions=conditions, reward=loop, processes=processes
            )
            trainer.step(0)
            rows = [trainer.step(step).seconds for step in range(1, TIMED + 1)]
            path_step = _path_step_s(trainer)
            phases = {name: _median([row.get(name, 0.0) for row in rows]) for name in ("rollout", "train")}
            judged = [row.seconds for row in run.pair_rows().values() if row.step > 0]
            cuda = processes.device.type == "cuda"
            return Timing(
                path_step=path_step,
                around=max(0.0, phases["rollout"] - sampling.steps * path_step),
                trained_step=phases["train"],
                judge=_median(judged),
                embedding_bytes=_mean_size(short.out / "embeddings", "*.safetensors"),
                picture_bytes=_mean_size(short.out / "pairs", "*/*.webp"),
                adapter_weights=sum(p.numel() for p in trained(generator.network).values()),
                memory_bytes=torch.cuda.max_memory_allocated() if cuda else None,
                device=torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} threads",
            )
        finally:
            loop.close()
            run.close()


def _path_step_s(trainer: Trainer) -> float:
    recipe, generator = trainer.recipe, trainer.generator
    pairs = pairs_of(0, trainer.sets.train, recipe.seed, recipe.updates.batch)
    conditions = [trainer.conditions.load(pair.prompt) for pair in pairs for _ in range(2)]
    of_one_shape = [c for c in conditions if c.shape == conditions[0].shape]
    batch = generator.batch(of_one_shape)
    x = torch.stack([generator.noise(n, batch.size) for n in range(len(of_one_shape))]).to(generator.device)
    grid = flow.sigmas(2, recipe.sampling.shift)

    def path_step() -> None:
        with torch.no_grad():
            generator.velocity(x, grid[0], batch, recipe.sampling.cfg)
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    return _median([_seconds(path_step) for _ in range(2 * TIMED)]) * len(conditions) / len(of_one_shape)


def _seconds(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _mean_size(folder: Path, pattern: str) -> int:
    sizes = [f.stat().st_size for f in folder.glob(pattern)]
    return round(sum(sizes) / len(sizes)) if sizes else 0


def estimated(recipe: Recipe, sets: PromptSets, timing: Timing, gpus: int) -> Estimate:
    """The whole training, from a batch of it.

    Args:
        gpus: processes of the training.
    """
    updates, sampling, evaluation = recipe.updates, recipe.sampling, recipe.evaluation
    batches = math.ceil(math.ceil(updates.pairs / gpus) / updates.batch)
    trained_steps = sampling.window or len(sampling.trained_steps)
    rollout_s = batches * (sampling.steps * timing.path_step + timing.around)
    at_a_time = recipe.reward.judge.concurrency if recipe.reward.judge else 64
    judge_s = max(1.0, 2 * updates.pairs / gpus / at_a_time) * timing.judge
    train_s = batches * trained_steps * timing.trained_step * updates.per_rollout

    judges = 1 if recipe.audit is None else 2
    times = math.ceil(updates.steps / evaluation.every)
    compared = times * len(sets.development) + len(sets.test)
    pictures = compared + len(sets.development) + len(sets.test)
    passes = (2 if evaluation.cfg > 1 else 1) / (2 if sampling.cfg > 1 else 1)
    a_picture = timing.path_step / (2 * updates.batch) * evaluation.steps * passes
    pictures_s = pictures / gpus * (a_picture + timing.around / (2 * updates.batch))
    evaluations_s = pictures_s + judges * compared * timing.judge * 2 / at_a_time

    prompts = min(updates.steps * updates.pairs, len(sets.train)) + len(sets.development) + len(sets.test)
    checkpoints = times + 1
    disk = (
        prompts * timing.embedding_bytes
        + (2 * updates.steps * updates.pairs + pictures) * timing.picture_bytes
        + checkpoints * timing.adapter_weights * 12  # the adapter and AdamW's two moments, float32
    )
    return Estimate(
        rollout_s=rollout_s,
        # The last batch is judged while nothing else is made.
        waiting_s=max(timing.judge, judge_s - rollout_s),
        train_s=train_s,
        evaluations_s=evaluations_s,
        judge_calls=2 * updates.steps * updates.pairs,
        evaluation_calls=2 * judges * compared,
        disk_bytes=disk,
    )


def _lines(recipe: Recipe, timing: Timing, estimate: Estimate, gpus: int) -> list[str]:
    updates = recipe.updates
    training_s = updates.steps * estimate.step_s
    memory = "" if timing.memory_bytes is None else f", {timing.memory_bytes / 1e9:.1f} GB at most"
    return [
        f"Timed here ({timing.device}{memory}), {2 * updates.batch} pictures at a time:",
        f"  {duration(timing.path_step)} a step of the path, {duration(timing.around)} to load, decode and keep",
        f"  {duration(timing.trained_step)} a trained step, {duration(timing.judge)} a verdict in both orders",
        f"A step of {updates.pairs} pairs on {gpus} such device{'s' * (gpus != 1)}: {duration(estimate.step_s)}",
        f"  {duration(estimate.rollout_s)} making pictures, {duration(estimate.waiting_s)} waiting for the judge, "
        f"{duration(estimate.train_s)} training",
        f"{updates.steps} steps: {duration(training_s)}; comparisons on held-out prompts: {duration(estimate.evaluations_s)}",
        f"  {gpus * (training_s + estimate.evaluations_s) / 3600:.2f} GPU hours",
        f"Judge calls: {estimate.judge_calls:,} for training, {estimate.evaluation_calls:,} for held-out prompts",
        f"Disk: {max(1, round(estimate.disk_bytes / 1e6)):,} MB of embeddings, pictures and checkpoints",
    ]


def duration(seconds: float) -> str:
    """In the unit that fits.

    >>> duration(0.25), duration(31), duration(4000), duration(20000)
    ('250 ms', '31.0 s', '67 min', '5.6 h')
    """
    for limit, size, unit, digits in ((1, 1e-3, "ms", 0), (100, 1, "s", 1), (6000, 60, "min", 0)):
        if seconds < limit:
            return f"{seconds / size:.{digits}f} {unit}"
    return f"{seconds / 3600:.1f} h"
