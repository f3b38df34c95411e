"""A config's writers: rubrics go into the run folder's `rubrics.jsonl`, resumable, before anything is judged."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from evaluators.engine.budget import Account
from evaluators.engine.caller import Tally
from evaluators.engine.due import Orders, orders_of
from evaluators.engine.writing import Writing, write_rubrics
from evaluators.errors import UserError
from evaluators.judges import chat_backend
from evaluators.messages import ChatBackend
from evaluators.records import Item, Rubric, Writer
from evaluators.writers.base import Draw, WriterSpec, draws
from harness_plugins.folder.rubrics import RubricFile
from harness_plugins.folder.run_folder import RunFolder

Place = tuple[str, str | None, str, int]


@dataclass
class Written:
    """What a folder holds of some writers' rubrics: the last answer for each place; errors hold none."""

    by_writer: dict[str, dict[Place, Rubric]] = field(default_factory=dict)
    failed: dict[str, set[Place]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: RunFolder, specs: Sequence[WriterSpec]) -> Written:
        """The rubrics of these writers.

        Raises:
            UserError: a writer's name stands for another writer in this folder.
        """
        by_writer: dict[str, dict[Place, Rubric]] = {s.name: {} for s in specs}
        failed: dict[str, set[Place]] = {s.name: set() for s in specs}
        writers = {s.name: s.writer() for s in specs}
        for rubric in folder.rubrics():
            name = rubric.writer.name
            if name not in by_writer:
                continue
            key = (rubric.benchmark, rubric.item, rubric.saw, rubric.replicate)
            if rubric.status == "error":
                failed[name].add(key)
                continue
            if _wrote(rubric.writer) != _wrote(writers[name]):
                raise UserError(
                    f"writer {name!r} is not the one whose rubrics {folder} holds ({_difference(rubric, writers[name])}): "
                    "give it another name, or the run another folder (--out)"
                )
            by_writer[name][key] = rubric if rubric.writer == writers[name] else replace(rubric, writer=writers[name])
        return cls(by_writer, {name: keys - set(by_writer[name]) for name, keys in failed.items()})

    def files(self, folder: RunFolder | None, owners: Mapping[str, str]) -> tuple[RubricFile, ...]:
        """One for each writer, as if its rubrics had been given as a file.

        Args:
            owners: writer -> the judge whose own it is (arm `self`).
        """
        return tuple(
            RubricFile(
                name,
                folder.file("rubrics") if folder else Path(),
                tuple(rubrics.values()),
                owners.get(name),
                frozenset((b, str(i), saw, n) for b, i, saw, n in self.failed.get(name, ())),
            )
            for name, rubrics in self.by_writer.items()
        )


_DECISIVE = ("method", "model", "prompt_digest", "sampling")


def _wrote(writer: Writer) -> tuple[object, ...]:
    """What decides the text of a rubric; family, base and whom it was trained with may be declared later."""
    return tuple(getattr(writer, f) for f in _DECISIVE)


def _difference(rubric: Rubric, now: Writer) -> str:
    changed = [f for f in _DECISIVE if getattr(rubric.writer, f) != getattr(now, f)]
    return "; ".join(f"{f}: {getattr(rubric.writer, f)!r} -> {getattr(now, f)!r}" for f in changed)


def due(
    spec: WriterSpec, items: Sequence[Item], orders: Orders, rubrics: Mapping[Place, Rubric], redo: Collection[str] = ()
) -> Iterator[Draw]:
    """What a writer has still to write."""
    for item in items:
        for draw in draws(spec, item, orders_of(item, orders)):
            rubric = rubrics.get(draw.place)
            if rubric is None or rubric.status in redo:
                yield draw


def work_of(
    specs: Sequence[WriterSpec],
    items: Sequence[Item],
    orders: Orders,
    written: Written,
    *,
    redo: Collection[str] = (),
    backends: Mapping[str, ChatBackend] | None = None,
    accounts: Mapping[str, Account] | None = None,
) -> list[Writing]:
    """For each writer its backend and what is due."""
    work = []
    for spec in specs:
        draws_due = list(due(spec, items, orders, written.by_writer[spec.name], redo))
        backend = (backends or {}).get(spec.name) or chat_backend(spec)
        work.append(Writing(spec, backend, draws_due, (accounts or {}).get(spec.name)))
    return work


async def write(work: Sequence[Writing], folder: RunFolder, tally: Tally, progress: bool) -> None:
    """Write what is due into the folder.

    Raises:
        UserError, RunStopped: as `evaluators.engine.writing.write_rubrics`; what was written stays.
    """
    with folder.journal("rubrics") as journal:
        if not progress:
            await write_rubrics(work, journal, tally)
            return
        from harness_plugins.experiment.progress import shown

        async with shown(tally, "writing rubrics"):
            await write_rubrics(work, journal, tally)
