"""What training does to judges that the model has never seen, for the recipes beside this file: `--eval CONFIG --eval-every N`.

CONFIG is a run's config (docs/config.md) in which the model in training is `model: checkpoint`, as a writer of rubrics or as a judge:

    benchmarks: [{name: vl_rewardbench, limit: 200}]
    writers: [{name: grm, family: qwen-vl, method: proxy_grm, backend: hf, model: checkpoint, model_args: {dtype: bfloat16}}]
    judges: [{name: unseen, family: internvl, backend: openai, model: my/judge, base_url: "http://127.0.0.1:8001/v1"}]

It is run with the model before training and with it after each N steps; each time the two are compared. The run folders lie in
`OUT/evals/step-N`: `rubric-harness score`, `compare` and `report` read them. What is logged, through the trainer's `report_to`:
`transfer/gain` (points over no rubric), `transfer/minus_start` with its 95 % interval `_low` and `_high`, all by benchmark and writer.
Without `--resume` the folders of an earlier training are removed. An evaluation that fails is one line, and training goes on.
One process evaluates, beside the model in training; the others wait: keep `limit` small, or raise `ddp_timeout`.
"""

from __future__ import annotations

import gc
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerCallback

from evaluators.errors import BackendError, RunStopped, UserError
from harness_plugins import Comparison, Config, compare, load_config, run, score
from harness_plugins.tables.compare import answer, tables
from harness_plugins.trackers import Tracker

CHECKPOINT = "checkpoint"


def with_checkpoint(config: Config, model: str) -> Config:
    """The config with a model in place of `checkpoint`.

    Raises:
        UserError: it asks for no checkpoint.
    """
    if not any(spec.model == CHECKPOINT for spec in (*config.writers, *config.judges)):
        raise UserError(
            f"--eval: no writer and no judge has `model: {CHECKPOINT}`, so it would not be about the training"
        )
    chosen = {
        kind: tuple(
            spec.model_copy(update={"model": model}) if spec.model == CHECKPOINT else spec
            for spec in getattr(config, kind)
        )
        for kind in ("writers", "judges")
    }
    return config.model_copy(update=chosen)


class TransferEval(TrainerCallback):
    """Runs a config with the model as it is before training, after each N steps and at the end.

    Args:
        config: the run's config.
        every: steps from one evaluation to the next.
        start: the model that training begins with.
        out: where the run folders go.

    Raises:
        UserError: the config cannot be read, or asks for no checkpoint.
    """

    trainer: Any
    """Set when there is one: it saves the model, and logs."""

    def __init__(self, config: Path, every: int, start: str, out: Path) -> None:
        self._config = load_config(config)
        with_checkpoint(self._config, start)  # said before anything is trained
        self._every, self._start, self._out = every, start, out

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            for folder in self._out.glob("step-*"):
                # Of a training that did not come from here: its answers would be taken for this model's.
                if state.global_step == 0 or int(folder.name.removeprefix("step-")) > state.global_step:
                    shutil.rmtree(folder)
            self._try(self._start, 0)
        self.trainer.accelerator.wait_for_everyone()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        step = state.global_step
        if step % self._every and step != state.max_steps:
            return
        model = self._out / "model"
        logs_step = control.should_log  # a log of ours would end the wish for the step's own
        self.trainer.save_model(str(model))  # by all processes: each may hold a part
        if state.is_world_process_zero:
            self.trainer.processing_class.save_pretrained(str(model))
            self._try(str(model), step)
            shutil.rmtree(model)
        control.should_log = logs_step
        self.trainer.accelerator.wait_for_everyone()

    def folder(self, step: int) -> Path:
        return self._out / f"step-{step}"

    def _try(self, model: str, step: int) -> None:
        """A judge that is away must not end the training."""
        try:
            self._evaluate(model, step)
        except (UserError, RunStopped, BackendError) as e:
            print(f"step {step}: not evaluated: {e}")

    def _evaluate(self, model: str, step: int) -> None:
        print(f"step {step}: evaluating {model}")
        with torch.no_grad():
            run(with_checkpoint(self._config, model), out=self.folder(step))
        gc.collect()  # the copy that was loaded goes before training goes on
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        numbers: dict[str, float] = {}
        for conclusion in score(self.folder(step)).conclusions:
            if conclusion.gain is None or not conclusion.gain.complete:
                print(
                    f"step {step}: {conclusion.benchmark}, {conclusion.writer}: no gain: see `rubric-harness score {self.folder(step)}`"
                )
            else:
                numbers[f"transfer/gain/{conclusion.benchmark}/{conclusion.writer}"] = 100 * conclusion.gain.value
        if step:
            comparison = compare(self.folder(0), self.folder(step))
            numbers |= against_start(comparison)
            print(f"step {step} against the start: {answer(comparison)}")
            for tracker in self._trackers():
                tracker.note("transfer", answer(comparison), step)
                tracker.tables(tables(comparison), step)
        if numbers:
            # Not the trainer's own `log`: that of TRL ends the means of the step that is under way.
            Trainer.log(self.trainer, numbers)

    def _trackers(self) -> list[Tracker]:
        callbacks = self.trainer.callback_handler.callbacks
        return [t for c in callbacks if isinstance(t := getattr(c, "tracker", None), Tracker)]


def against_start(comparison: Comparison) -> dict[str, float]:
    """In points: the mean over the judges of what rubrics do now minus what they did before training."""
    numbers = {}
    for matched in comparison.matched:
        x = matched.headline
        if x is not None and x.complete:
            values = {"": x.value, "_low": x.low, "_high": x.high}
            of = f"{matched.benchmark}/{matched.writers.b}"
            numbers |= {f"transfer/minus_start{end}/{of}": 100 * v for end, v in values.items()}
    return numbers
