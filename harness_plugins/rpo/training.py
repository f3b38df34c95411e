"""A training from beginning to end, resumed where it was stopped, with what is looked at on the way.

trained = train(load_recipe(Path("rpo.yaml")))
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec

from evaluators.errors import RunStopped, UserError
from evaluators.text import say
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.groups import GroupReward
from harness_plugins.rpo.conditions import ConditionStore
from harness_plugins.rpo.evaluation import Evaluator, HeldOutJudge
from harness_plugins.rpo.generators.adapter import load_adapter
from harness_plugins.rpo.generators.base import Generator
from harness_plugins.rpo.opening import checkpoint_of, open_generator
from harness_plugins.rpo.page import write_page
from harness_plugins.rpo.pictures import save_sheet
from harness_plugins.rpo.processes import Processes
from harness_plugins.rpo.prompts import PromptSets, pairs_of, read_prompts
from harness_plugins.rpo.recipe import EDITORS, Recipe
from harness_plugins.rpo.run_folder import Checkpoint, HeldOutRow, RunFolder, StepRow, base_of, identity_of
from harness_plugins.rpo.trainer import Trainer
from harness_plugins.rpo.win_rates import WinRate, picked, win_rates
from harness_plugins.trackers import Tracker, open_tracker

MOST_IDLE = 20
"""Steps in a row without an update after which a run stops: judge calls are paid for, and nothing is learned from them."""


@dataclass(frozen=True)
class Trained:
    run: RunFolder
    picked: Checkpoint | None
    """The checkpoint that won most often on the development prompts; without any, the newest."""
    first: bool
    """Whether this is the process that speaks for all."""


@dataclass
class Session:
    """All that a run needs, opened."""

    recipe: Recipe
    sets: PromptSets
    run: RunFolder
    generator: Generator
    conditions: ConditionStore
    reward: BackgroundLoop[GroupReward]
    evaluator: Evaluator
    processes: Processes


@contextmanager
def session(
    recipe: Recipe,
    *,
    reward: GroupReward | None = None,
    audit: GroupReward | None = None,
    training: bool = True,
    progress: bool = True,
) -> Iterator[Session]:
    """Open a run: its folder, its prompts encoded, generator and adapter loaded, judges ready.

    Args:
        reward, audit: in place of the recipe's.
        training: whether training prompts are needed too.

    Raises:
        UserError: recipe, prompts, model or folder are not as they must be; or the folder holds another run.
    """
    sets = read_prompts(recipe.prompts, recipe.generator.kind in EDITORS)
    with ExitStack() as stack:
        judges = [HeldOutJudge(recipe.reward.name, False, BackgroundLoop(reward or recipe.reward.open()))]
        if recipe.audit is not None:
            judges.append(HeldOutJudge(recipe.audit.name, True, BackgroundLoop(audit or recipe.audit.open())))
        for judge in judges:
            stack.callback(judge.reward.close)
        processes = Processes.join()
        run = RunFolder(recipe.out, processes.rank)
        base = base_of(recipe.generator)
        stack.callback(run.close)
        run.open(recipe, identity_of(recipe, sets, base))
        if processes.first:
            run.add_sources((*sets.train, *sets.development, *sets.test))
        conditions = ConditionStore(run.embeddings(), recipe.generator, base)
        pairs = min(recipe.updates.steps * recipe.updates.pairs, len(sets.train)) if training else 0
        # The first pairs of the run: a step takes the next ones of the same order.
        trained_on = [pair.prompt for pair in pairs_of(0, sets.train, recipe.seed, pairs)]
        prompts = [*trained_on, *sets.development, *sets.test]
        generator = open_generator(recipe, conditions, prompts, processes, progress=progress)
        evaluator = Evaluator(
            recipe, run, generator=generator, conditions=conditions, judges=judges, processes=processes
        )
        yield Session(recipe, sets, run, generator, conditions, judges[0].reward, evaluator, processes)


def train(
    recipe: Recipe, *, reward: GroupReward | None = None, audit: GroupReward | None = None, progress: bool = True
) -> Trained:
    """Train, or go on where it was stopped, and say on the test prompts what came of it.

    Args:
        reward, audit: in place of the recipe's: whatever compares groups of pictures.
        progress: a line for each step, on stderr.

    Raises:
        UserError: recipe, prompts, model or folder are not as they must be.
        RunStopped: the judge is gone or decides nothing, or the generator's numbers are not finite. The same call goes on from there.
    """
    if recipe.tracker is not None and find_spec(recipe.tracker) is None:  # said before anything is loaded
        raise UserError(f"the tracker {recipe.tracker} is not installed: pip install {recipe.tracker}")
    with session(recipe, reward=reward, audit=audit, progress=progress) as opened, _tracker(opened) as tracker:
        training = _Training(opened, tracker, progress=progress and opened.processes.first)
        try:
            training.go_on()
            best = training.report()
        except RunStopped:
            training.page()  # it shows what there is, and why it may have stopped
            raise
    return Trained(opened.run, best, opened.processes.first)


def compare(
    recipe: Recipe,
    name: str,
    *,
    reward: GroupReward | None = None,
    audit: GroupReward | None = None,
    progress: bool = True,
) -> list[WinRate]:
    """The win rates of a checkpoint against the generator without the adapter, on the test prompts.

    Args:
        name: of the checkpoint; see `opening.checkpoint_of`.
        reward, audit: in place of the recipe's.

    Raises:
        UserError: there is no such checkpoint, or no test prompts; or as `train`.
    """
    checkpoint = checkpoint_of(RunFolder(recipe.out), name)
    if checkpoint is None:
        raise UserError("--checkpoint base: it is what checkpoints are compared with; name another")
    with session(recipe, reward=reward, audit=audit, training=False, progress=progress) as opened:
        if not opened.sets.test:
            raise UserError("there are no test prompts: set `prompts.test`")
        load_adapter(opened.generator.network, checkpoint.folder)
        rows = opened.evaluator.evaluate(checkpoint.step, "test", opened.sets.test)
        if opened.processes.first:
            write_page(opened.run)
    return win_rates(rows)


class _Training:
    def __init__(self, opened: Session, tracker: Tracker | None, *, progress: bool) -> None:
        self._opened, self._tracker, self._progress = opened, tracker, progress
        self._trainer = Trainer(
            opened.recipe,
            opened.sets,
            opened.run,
            generator=opened.generator,
            conditions=opened.conditions,
            reward=opened.reward,
            processes=opened.processes,
        )
        steps, every = opened.recipe.updates.steps, opened.recipe.evaluation.every
        self._evaluated = {*range(every, steps, every), steps}
        """The steps after which the generator is compared, and whose checkpoints stay."""
        # A recipe with more steps, or another `every`, must not remove what was compared before.
        self._evaluated |= {row.step for row in opened.run.held_out_rows()}

    def go_on(self) -> None:
        """All steps that are left."""
        recipe, run = self._opened.recipe, self._opened.run
        for note in notes_on(recipe):
            self._say(note)
        newest = run.newest()
        start = newest.step if newest else 0
        if self._opened.sets.repeated:
            self._say(f"{self._opened.sets.repeated} prompts are repeated in their file, and count once.")
        if newest is not None:
            self._trainer.load(newest)
            left = start < recipe.updates.steps
            self._say(f"Goes on after step {start}." if left else f"Nothing is left to train: {start} steps are done.")
        if self._opened.processes.first:
            run.begin_at(start)
        if start in self._evaluated:
            self._evaluate(start)
        idle = 0
        for step in range(start, recipe.updates.steps):
            row = self._trainer.step(step)
            if self._opened.processes.first:
                run.add_step(row)
            self._log(row)
            idle = 0 if row.updated else idle + 1
            if idle == MOST_IDLE:
                raise RunStopped(
                    f"{idle} steps in a row had too few verdicts for an update (the last: {row.valid} of {row.pairs} pairs). "
                    f"{run.page} shows what the judge said. Pictures that it cannot tell apart need a larger sampling.eta"
                )
            done = step + 1
            if done in self._evaluated or done % recipe.save_every == 0:
                self._trainer.save(done, self._evaluated)
            if done in self._evaluated:
                self._evaluate(done)

    def report(self) -> Checkpoint | None:
        """Compare the checkpoint that is best on the development prompts, on the test prompts, and write the page."""
        run = self._opened.run
        by_step = {c.step: c for c in run.checkpoints()}
        best = picked(r for r in run.held_out_rows() if r.step in by_step)
        checkpoint = by_step[best] if best is not None else run.newest()
        if checkpoint is not None and self._opened.sets.test:
            load_adapter(self._opened.generator.network, checkpoint.folder)
            _check_answers(self._opened.evaluator.evaluate(checkpoint.step, "test", self._opened.sets.test))
        self.page()
        if checkpoint is not None and self._opened.processes.first:
            self._before_and_after(checkpoint)
        return checkpoint

    def _before_and_after(self, checkpoint: Checkpoint) -> None:
        prompts = self._opened.sets.development[: self._opened.recipe.evaluation.grid]
        rows = [[self._opened.run.held_out_picture(s, p.uid) for p in prompts] for s in (None, checkpoint.step)]
        if prompts:
            save_sheet(self._opened.run.before_and_after, rows)

    def _evaluate(self, step: int) -> None:
        if self._opened.sets.development:
            rows = self._opened.evaluator.evaluate(step, "development", self._opened.sets.development)
            _check_answers(rows)
            for rate in win_rates(rows):
                self._say(f"Step {step}: {rate.sentence}.")
                if self._tracker is not None and rate.value is not None:
                    self._tracker.log({f"win_rate/{rate.judge}": rate.value}, step)
        self.page()

    def page(self) -> None:
        """Write the run's page."""
        if self._opened.processes.first:
            write_page(self._opened.run)

    def _log(self, row: StepRow) -> None:
        self._say(progress_line(row, self._opened.recipe.updates.steps))
        if self._tracker is not None:
            self._tracker.log(numbers_of(row), row.step + 1)

    def _say(self, text: str) -> None:
        if self._progress:
            say(text, file=sys.stderr)


def _check_answers(rows: Sequence[HeldOutRow]) -> None:
    """Raises:
    RunStopped: the training's judge answered on no held-out prompt."""
    errors = [row.error for row in rows if not row.audit]
    if errors and all(error is not None for error in errors):
        assert errors[0] is not None
        raise RunStopped(
            f"the judge gave no answer on any of {len(errors)} held-out prompts ({errors[0].kind}: {errors[0].message[:200]}). "
            "The same command asks again, and goes on"
        )


def notes_on(recipe: Recipe) -> list[str]:
    """What a reader of the recipe may not expect of it."""
    notes = []
    if recipe.updates.per_rollout == 1:
        limit = "clip" if recipe.updates.trust is None else "trust"
        notes.append(f"One update from each set of pairs: the ratio is 1, and `{limit}` does nothing.")
    if recipe.updates.advantage == "paper":
        notes.append(
            "advantage: paper pays both pictures of a pair .45 in the mean, so being decidable pays too; centred does not."
        )
    if recipe.audit is None:
        notes.append("No `audit` judge: the judge that trains is the only one to say whether it was worth it.")
    return notes


def progress_line(row: StepRow, steps: int) -> str:
    """A step in a line of at most 80 columns.

    >>> progress_line(row, 300)                                                        # doctest: +SKIP
    'step  12/300  30 of 32 decided, 2 disagree  KL 1.2e-04  31.0 s (judge 2.1)'
    """
    others = ", ".join(f"{n} {name}" for name, n in row.outcomes.items() if name != "decided" and n)
    width = len(str(steps))
    judged = f"{row.decided} of {row.pairs} decided{f', {others}' if others else ''}"
    learned = f"KL {row.kl:.1e}" if row.kl is not None else "" if row.updated else "no update"
    waited = row.seconds.get("judge", 0.0)
    return f"step {row.step + 1:>{width}}/{steps}  {judged}  {learned}  {sum(row.seconds.values()):.1f} s (judge {waited:.1f})"


def numbers_of(row: StepRow) -> dict[str, float]:
    """A step as trackers keep it."""
    values = {f: v for f, v in asdict(row).items() if isinstance(v, int | float) and not isinstance(v, bool)}
    shares = {f"pairs/{name}": n / row.pairs for name, n in row.outcomes.items()}
    seconds = {f"seconds/{phase}": s for phase, s in row.seconds.items()}
    return {
        **{f"rpo/{name}": float(v) for name, v in values.items() if name not in ("step", "pairs")},
        **shares,
        **seconds,
    }


@contextmanager
def _tracker(opened: Session) -> Iterator[Tracker | None]:
    recipe = opened.recipe
    if recipe.tracker is None or not opened.processes.first:
        yield None
        return
    settings = recipe.shown()
    with open_tracker(
        recipe.tracker, project="rpo", run=recipe.out.name, folder=recipe.out, settings=settings
    ) as tracker:
        yield tracker
