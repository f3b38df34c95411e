"""`--model rubric_judge`: any evaluator of ours as an lmms-eval model, with journal, resume, typed failures and logprobs.

On our own tasks it is the native engine: images go out as they are on disk and the verdicts are those that
`rubric-harness run` would write. On other tasks see `foreign`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import torch
from lmms_eval.api.instance import GenerationResult, Instance
from lmms_eval.api.model import lmms

from evaluators.engine.due import Finished, due
from evaluators.engine.journal import Damage
from evaluators.engine.runner import Judging, Runner
from evaluators.errors import UserError
from evaluators.gc_pause import rare_collections
from evaluators.judges import create
from evaluators.specs import JudgeSpec
from harness_plugins.experiment.run import ask, block_on, copy_answers, tell_damage
from harness_plugins.folder.items import check_images
from harness_plugins.hosts.base import Docs, plainly
from harness_plugins.hosts.folder import Folder, folder_of
from harness_plugins.hosts.judge import make_spec, own_name, sampling_fields
from harness_plugins.hosts.lmms_eval import foreign
from harness_plugins.hosts.lmms_eval.task import RubricTask
from harness_plugins.hosts.rows import Row, RowGrid, cell_of, grading_fields, run_folder


class RubricJudge(lmms):  # type: ignore[misc]
    """Args:
    model_args: the fields of a judge in a config (`backend`, `model`, `base_url`, `concurrency`, `verdict`, ...). What they
        leave open of temperature and max_tokens, the task's generation arguments say.
    """

    is_simple = False

    @plainly
    def __init__(self, batch_size: Any = 1, device: Any = None, max_batch_size: Any = None, **model_args: Any) -> None:
        super().__init__()
        self.task_dict = Tasks()
        model_args.setdefault("backend", "openai")
        model_args["name"] = own_name(model_args)
        self._fields = model_args
        spec = self.spec({})  # a mistake in them is said now, not after the data have been read
        if spec.samples > 1:
            raise UserError("model_args: lmms-eval takes one answer a row; for samples use `rubric-harness run`")

    @property
    def device(self) -> torch.device:
        """Where lmms-eval gathers the ranks' counts; our requests run on no device."""
        accelerator = getattr(self, "accelerator", None)
        return accelerator.device if accelerator is not None else torch.device("cpu")

    @plainly
    def generate_until(self, requests: list[Instance]) -> list[GenerationResult]:
        """Answers in the order of the requests."""
        native = [r for r in requests if _native_task(r) is not None]
        others = [r for r in requests if _native_task(r) is None]
        judged = iter(foreign.by_sampling(native, lambda kwargs, group: self._judge(self.spec(kwargs), group)))
        answers = iter(foreign.answer(others, self.spec, self.task_dict, run_folder(), self.rank))
        return [next(answers if _native_task(r) is None else judged) for r in requests]

    def spec(self, gen_kwargs: Mapping[str, Any]) -> JudgeSpec:
        """The judge under a task's generation arguments; what the command line says of it comes first."""
        return make_spec({**grading_fields(), **sampling_fields(gen_kwargs), **self._fields})

    def _judge(self, spec: JudgeSpec, requests: Sequence[Instance]) -> list[GenerationResult]:
        """Our own tasks: the native engine over exactly these rows."""
        keys = [(task, r.args[3]) for r in requests if (task := _native_task(r)) is not None]
        rows = {(task, number): task.rows.rows[number] for task, number in keys}
        tasks = list(dict.fromkeys(task for task, _ in keys))
        folder = folder_of(tasks[0].rows.out, tasks[0].rank)
        for task in tasks:
            folder.plan(task.rows, spec, [row for (owner, _), row in rows.items() if owner is task])
        run(folder, spec, list(rows.values()), progress=self.rank == 0)
        cells = {key: cell_of(row, folder.digested(row.item), spec) for key, row in rows.items()}
        verdicts = folder.read(cells.values())
        for (task, number), cell in cells.items():
            task.judged[number] = verdicts[cell.key]
        judged = [task.judged[number] for task, number in keys]
        return [foreign.result_of(verdict.answer, verdict.error) for verdict in judged]

    def loglikelihood(self, requests: list[Instance]) -> NoReturn:
        raise UserError(
            "rubric_judge answers in text: tasks that ask for the likelihood of given texts need another model"
        )

    def generate_until_multi_round(self, requests: list[Instance]) -> NoReturn:
        raise UserError("rubric_judge answers one round: tasks of several rounds need another model")


def _native_task(request: Instance) -> RubricTask | None:
    """The task that made a request, where it is one of ours that judges."""
    task = getattr(request.args[1], "__self__", None)
    return task if isinstance(task, RubricTask) and task.native else None


class Tasks(dict[str, Any]):
    """`task_dict`, in which lmms-eval tells a model the tasks that it must answer; nothing else tells our tasks."""

    def __setitem__(self, name: str, dataset: Any) -> None:
        docs = dataset.get("test") if isinstance(dataset, dict) else None
        if isinstance(docs, Docs) and docs.task is not None:
            docs.task.asked_by_ours = True
        super().__setitem__(name, dataset)


def run(folder: Folder, spec: JudgeSpec, rows: Sequence[Row], progress: bool) -> None:
    """Ask for the rows that the folder does not hold yet; arms of one item and order are together."""
    chosen: dict[str, dict[str, list[Row]]] = {}
    once = {row.id: row for row in rows}
    for row in sorted(once.values(), key=lambda r: r.order):
        chosen.setdefault(row.item.benchmark, {}).setdefault(row.item.uid, []).append(row)
    grids = []
    for benchmark, by_item in chosen.items():
        items = folder.known(list({r.item.uid: r.item for rs in by_item.values() for r in rs}.values()))
        grids.append(RowGrid(benchmark, items, [], chosen=by_item))
    judge = create(spec)
    if judge.sees_media:
        check_images([i for g in grids for i in g.items])
    damage: Damage = {}
    finished = Finished.read(folder.run.verdicts(damage))
    tell_damage(folder.run, damage)
    runner = Runner(folder.verdicts, folder.items, folder.listed, finished)
    work = [Judging(judge, [due(grid, spec, finished) for grid in grids])]
    copy_answers(folder.run, work, runner)
    with rare_collections():
        block_on(ask(runner, work, progress))
    folder.refresh()
