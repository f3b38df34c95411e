"""From a recipe to a generator with an adapter: prompts are encoded first, and encoders and network never in memory together."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from evaluators.errors import UserError
from evaluators.text import say
from harness_plugins.rpo.conditions import ConditionStore
from harness_plugins.rpo.generators.adapter import adapt
from harness_plugins.rpo.generators.base import Generator
from harness_plugins.rpo.generators.loading import load_generator, open_encoder
from harness_plugins.rpo.processes import Processes
from harness_plugins.rpo.prompts import Prompt
from harness_plugins.rpo.recipe import Recipe
from harness_plugins.rpo.run_folder import Checkpoint, RunFolder
from harness_plugins.rpo.win_rates import picked


def open_generator(
    recipe: Recipe, conditions: ConditionStore, prompts: Iterable[Prompt], processes: Processes, *, progress: bool
) -> Generator:
    """The recipe's generator with a new adapter, and these prompts encoded, each by one of the processes.

    Raises:
        UserError: the model or a source image cannot be read.
    """
    distinct = list(dict.fromkeys(prompts))
    own = distinct[processes.rank :: processes.count]
    made = conditions.encode(own, lambda: open_encoder(recipe.generator, processes.device))
    processes.wait()
    if made and progress and processes.first:
        say(f"Encoded {len(distinct):,} prompts.", file=sys.stderr)
    generator = load_generator(recipe.generator, processes.device)
    lora = recipe.lora
    adapt(generator.network, rank=lora.rank, alpha=lora.alpha, targets=lora.targets, seed=recipe.seed)
    return generator


def checkpoint_of(run: RunFolder, name: str) -> Checkpoint | None:
    """A checkpoint by what a person calls it.

    Args:
        name: its step; `picked`, the one that won most often on the development prompts; `newest`; or `base`, the generator without an
            adapter.

    Returns:
        None for `base`.

    Raises:
        UserError: there is no such checkpoint.
    """
    if name == "base":
        return None
    checkpoints = run.checkpoints()
    if not checkpoints:
        raise UserError(f"{run.path}: holds no checkpoint; train first, or say --checkpoint base")
    step = checkpoints[-1].step if name == "newest" else int(name) if name.isdecimal() else None
    if name == "picked":
        steps_there = {c.step for c in checkpoints}
        step = picked(row for row in run.held_out_rows() if row.step in steps_there)
        if step is None:
            raise UserError(
                f"{run.path}: no checkpoint was compared on development prompts; say --checkpoint newest, or a step"
            )
    checkpoint = next((c for c in checkpoints if c.step == step), None)
    if checkpoint is None:
        steps = ", ".join(str(c.step) for c in checkpoints)
        raise UserError(f"--checkpoint {name}: there are {steps}; or say picked, newest or base")
    return checkpoint
