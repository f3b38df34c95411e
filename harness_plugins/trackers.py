"""Where people keep results: TensorBoard, trackio, Weights & Biases, behind four methods. Never required, and asked for by name.

with open_tracker("trackio", project="proxy-grm", run="grm-rl", folder=Path("checkpoints/grm-rl"), settings={"lr": 3e-7}) as tracker:
    tracker.log({"reward": 0.4}, step=10)
    tracker.tables(tables, step=10)
    tracker.note("headline", "Helps by 3.1 points", step=10)

A run of the same project and name goes on where it was.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from evaluators.errors import UserError
from evaluators.inputs.names import unknown
from evaluators.keys import digest
from harness_plugins.scoring.answers import headline, writer_sentences
from harness_plugins.scoring.report import Report
from harness_plugins.tables.model import Table
from harness_plugins.tables.remarks import missing, warnings
from harness_plugins.tables.render.to_markdown import markdown
from harness_plugins.tables.run import DEFAULT, tables


class Tracker(ABC):
    """One run in a tracker."""

    @abstractmethod
    def log(self, numbers: Mapping[str, float], step: int) -> None: ...

    @abstractmethod
    def tables(self, tables: Sequence[Table], step: int) -> None: ...

    @abstractmethod
    def note(self, name: str, text: str, step: int) -> None:
        """A text, as Markdown where the tracker knows it."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def log_report(tracker: Tracker, report: Report) -> None:
    """Send what may be said of a scored run: the answer and what spoils it as texts, each writer's gain and each judge's accuracy as
    numbers, and the tables that a person sees first. The step is the number of verdicts, so that a folder that grows goes on.

    Example:
        >>> with open_tracker("trackio", project="rubrics", run="vl", folder=Path("logs")) as tracker:  # doctest: +SKIP
        ...     log_report(tracker, score("results/runs/vl"))
    """
    step = sum(c.trials.answered for c in report.cells)
    tracker.note("headline", "\n\n".join([headline(report), *writer_sentences(report)]), step)
    spoiled = [
        text for benchmark in report.items for text in (*missing(report, benchmark), *warnings(report, benchmark))
    ]
    if spoiled:
        tracker.note("warnings", "\n".join(f"- {text}" for text in spoiled), step)
    tracker.log(_numbers(report), step)
    tracker.tables(tables([report], DEFAULT), step)


def _numbers(report: Report) -> dict[str, float]:
    """Gains in points and accuracy in per cent, of what is complete."""
    logged: dict[str, float] = {}
    for c in report.conclusions:
        if c.gain is not None and c.gain.complete:
            ends = {"gain": c.gain.value, "gain_low": c.gain.low, "gain_high": c.gain.high}
            logged |= {f"{c.benchmark}/{c.writer}/{name}": 100 * value for name, value in ends.items()}
    for cell in report.cells:
        if cell.arm == "none" and cell.complete and not cell.computed:
            logged[f"{cell.benchmark}/{cell.judge}/accuracy"] = 100 * cell.metrics["accuracy"].value
    return {name: value for name, value in logged.items() if not math.isnan(value)}


def open_tracker(
    name: str, *, project: str, run: str, folder: Path, settings: Mapping[str, Any] | None = None
) -> Tracker:
    """Open a run, or go on with it.

    Args:
        name: one of `TRACKERS`.
        folder: where TensorBoard and wandb keep their files; trackio keeps its own (TRACKIO_DIR).
        settings: what the run was started with.

    Raises:
        UserError: there is no such tracker, or it is not installed or cannot be reached.
    """
    if name not in TRACKERS:
        raise UserError(unknown("tracker", name, TRACKERS))
    try:
        return TRACKERS[name](project, run, folder, settings or {})
    except ModuleNotFoundError as e:
        raise UserError(f"the tracker {name} is not installed ({e.name}): pip install {name}") from None
    except Exception as e:  # each has errors of its own, for a missing key or a server that is away
        raise UserError(f"the tracker {name} cannot be used: {type(e).__name__}: {e}"[:500]) from None


class TensorBoard(Tracker):
    """Event files, by tensorboard's own writer: torch and TensorFlow are not needed."""

    def __init__(self, project: str, run: str, folder: Path, settings: Mapping[str, Any]) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._writer = EventFileWriter(str(folder / "tensorboard" / project / run))
        self.note("settings", "\n".join(f"- {k}: {v}" for k, v in settings.items()), 0)

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        self._add([{"tag": name, "simple_value": value} for name, value in numbers.items()], step)

    def tables(self, tables: Sequence[Table], step: int) -> None:
        for table in tables:
            self.note(_key(table), markdown([table]), step)

    def note(self, name: str, text: str, step: int) -> None:
        from tensorboard.compat.proto.summary_pb2 import SummaryMetadata
        from tensorboard.compat.proto.tensor_pb2 import TensorProto

        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        tensor = TensorProto(dtype="DT_STRING", string_val=[text.encode()])
        self._add([{"tag": f"{name}/text_summary", "metadata": metadata, "tensor": tensor}], step)

    def _add(self, values: Sequence[Mapping[str, Any]], step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        summary = Summary(value=[Summary.Value(**value) for value in values])
        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class Wandb(Tracker):
    def __init__(self, project: str, run: str, folder: Path, settings: Mapping[str, Any]) -> None:
        import wandb

        self._wandb = wandb
        folder.mkdir(parents=True, exist_ok=True)
        run_id = digest(project, run)[:16]
        self._run = wandb.init(
            project=project, name=run, id=run_id, resume="allow", dir=str(folder), config=dict(settings)
        )

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        self._run.log(dict(numbers), step=step)

    def tables(self, tables: Sequence[Table], step: int) -> None:
        self._run.log({_key(t): self._wandb.Table(**_columns_and_rows(t)) for t in tables}, step=step)

    def note(self, name: str, text: str, step: int) -> None:
        self._run.summary[name] = text

    def close(self) -> None:
        self._run.finish()


class Trackio(Tracker):
    def __init__(self, project: str, run: str, folder: Path, settings: Mapping[str, Any]) -> None:
        import trackio

        self._trackio = trackio
        self._run = trackio.init(project=project, name=run, resume="allow", config=dict(settings), embed=False)

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        self._run.log(dict(numbers), step=step)

    def tables(self, tables: Sequence[Table], step: int) -> None:
        self._run.log({_key(t): self._trackio.Table(**_columns_and_rows(t)) for t in tables}, step=step)

    def note(self, name: str, text: str, step: int) -> None:
        self._run.log({name: self._trackio.Markdown(text)}, step=step)

    def close(self) -> None:
        self._run.finish()


TRACKERS: dict[str, type[TensorBoard] | type[Wandb] | type[Trackio]] = {
    "tensorboard": TensorBoard,
    "trackio": Trackio,
    "wandb": Wandb,
}


def _key(table: Table) -> str:
    return f"{table.benchmark}/{table.id}" if table.benchmark else table.id


def _columns_and_rows(table: Table) -> dict[str, list[Any]]:
    return {"columns": [c.header or " " for c in table.columns], "data": table.texts}
