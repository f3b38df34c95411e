"""What the trainer logs, in the tracker that `--report-to` names: tensorboard, trackio or wandb, for the recipes beside this file.

The project is RUBRIC_HARNESS_PROJECT, or `rubric-harness`; the run has the name of `--out`. TensorBoard's files lie in
`OUT/tensorboard`.
"""

from __future__ import annotations

import os
from numbers import Real
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from harness_plugins.trackers import Tracker, open_tracker


class Tracked(TrainerCallback):
    """Opens a tracker when training begins, in one process, and hands on all numbers that are logged.

    Args:
        name: of the tracker.
        out: the folder of the run.
    """

    def __init__(self, name: str, out: Path) -> None:
        self._name, self._out = name, out
        self.tracker: Tracker | None = None
        """None before training, and in all processes but one."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            project = os.environ.get("RUBRIC_HARNESS_PROJECT", "rubric-harness")
            run = self._out.resolve().name
            self.tracker = open_tracker(
                self._name, project=project, run=run, folder=self._out, settings=args.to_sanitized_dict()
            )

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.tracker is not None and state.log_history:
            # Not the argument `logs`: the callback that prints makes texts of its numbers.
            entry = {k: v for k, v in state.log_history[-1].items() if k != "step"}
            numbers = {k: float(v) for k, v in entry.items() if isinstance(v, Real)}
            self.tracker.log(numbers, state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.tracker is not None:
            self.tracker.close()
