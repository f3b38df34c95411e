"""The experiment: a config in, a run folder with judged records out. `run` is the whole of it."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from evaluators import judges as judge_factory
from evaluators.engine.caller import Tally
from evaluators.engine.due import Cell, Finished, Grid, due
from evaluators.engine.journal import Damage, Journal, damage_notes
from evaluators.engine.runner import Judging, Runner
from evaluators.errors import UserError
from evaluators.gc_pause import rare_collections
from evaluators.inputs.names import unknown
from evaluators.judges import Judge
from evaluators.messages import ChatBackend
from evaluators.prompts.template import Case
from evaluators.records import Answer, Item, RecordError, Rubric, decode, encode
from evaluators.replies.parsing import parse
from evaluators.rubrics.arms import ARMS
from evaluators.specs import JudgeSpec, ModelSpec, unset
from evaluators.writers.base import WriterSpec
from harness_plugins.benchmarks.loader import Benchmark, load_entry
from harness_plugins.benchmarks.overlap import check_disjoint, check_prints
from harness_plugins.config.run import Config, load_config
from harness_plugins.experiment.inducing import InducedRubric, gaps, seeds_of
from harness_plugins.experiment.money import Money, money_of, with_costs
from harness_plugins.experiment.writing import Written, work_of, write
from harness_plugins.folder.donors import Planned, planned_donors
from harness_plugins.folder.items import check_images, list_new, with_known_digests
from harness_plugins.folder.manifest import check_judges, check_rows, make_manifest
from harness_plugins.folder.rubrics import RubricFile, check_unchanged, read_rubrics
from harness_plugins.folder.run_folder import RunFolder

log = logging.getLogger(__name__)

Selection = Mapping[str, Collection[str]]
"""Field (benchmark, judge, arm, writer) -> the values wanted; a field that is absent lets all through."""


@dataclass(frozen=True)
class RunResult:
    """The result of a run."""

    out: Path
    tally: Tally
    planned: int
    """Cells of the config (or of the selection), finished earlier or now."""
    wrote: Tally = field(default_factory=Tally)
    """Rubrics written for this run."""

    @property
    def statuses(self) -> Counter[str]:
        """Verdicts written now, by status."""
        return self.tally.statuses

    @property
    def seconds(self) -> float:
        """From the first request sent to the last line written; 0 where nothing was asked."""
        first = self.tally.first_sent
        return (self.tally.last_written or 0.0) - first if first else 0.0

    @property
    def complete(self) -> bool:
        return (
            not self.wrote.statuses["error"] and not self.statuses["error"] and self.tally.written >= self.tally.total
        )


@dataclass(frozen=True)
class Prepared:
    """A config with its data read and checked: what is left is to ask."""

    config: Config
    benchmarks: dict[str, Benchmark]
    rubrics: tuple[RubricFile, ...]
    """Those that the config names files for."""
    items: dict[str, Sequence[Item]]
    """Of each benchmark those within the limits."""
    planned: Planned | None = None
    """The donors that the run folder names already."""

    def with_digests(self, folder_items: Mapping[str, Item]) -> Prepared:
        """With the digests of media that the run folder has on record."""
        return replace(self, items={n: with_known_digests(items, folder_items) for n, items in self.items.items()})

    def chosen(self, only: Selection | None = None) -> list[Item]:
        """The items of the selected benchmarks."""
        names = (only or {}).get("benchmark", self.items)
        return [i for name, items in self.items.items() if name in names for i in items]

    def grids(self, only: Selection | None = None, written: Sequence[RubricFile] = ()) -> tuple[Grid, ...]:
        """What is to be judged, with the rubrics of files and those written for this run."""
        config = self.config
        shuffles = config.shuffles if any(ARMS[a].donors for a in config.arms) else 0
        arms = [ARMS[a] for a in config.arms]
        return tuple(
            Grid(
                name,
                items,
                arms,
                [f.of(name, self.benchmarks[name].items, shuffles, self.planned) for f in (*self.rubrics, *written)],
                config.orders,
                _selected_by(only or {}),
            )
            for name, items in self.items.items()
        )


def prepare(
    config: Config,
    limit: int | None = None,
    only: Selection | None = None,
    needs_rubrics: bool = True,
    folder_items: Mapping[str, Item] = MappingProxyType({}),
) -> Prepared:
    """Read benchmarks and rubric files and check them, before anything is asked of a model.

    Args:
        needs_rubrics: False reads the items alone.
        folder_items: items of the run folder by uid: the media of finished ones need not be there any more.

    Raises:
        UserError: whatever does not fit, naming file, line and fix.
    """
    _check_selection(config, only or {})
    limits = {b.name: min((n for n in (b.limit, limit) if n is not None), default=None) for b in config.benchmarks}
    loaded = {b.name: load_entry(b, limit, folder_items) for b in config.benchmarks}
    rubrics: tuple[RubricFile, ...] = ()
    if needs_rubrics and config.needs_rubrics():
        all_items = {n: b.items for n, b in loaded.items()}
        rubrics = tuple(read_rubrics(name, path, all_items) for name, path in config.rubrics.items())
    items: dict[str, Sequence[Item]] = {name: loaded[name].items[:n] for name, n in limits.items()}
    check_gradings(config, items)
    for writer in config.writers:
        if writer.guide is not None:
            check_disjoint([e.item for e in writer.guide.cases], items)
        if writer.seeds is not None:
            check_disjoint(seeds_of(writer.seeds), items)
    for file in rubrics:
        check_prints(file.path, file.prints, items)
    return Prepared(config, loaded, rubrics, items)


def check_gradings(config: Config, items: Mapping[str, Sequence[Item]]) -> None:
    """Whether judges and writers can be asked about these items.

    Raises:
        UserError: one compares two, and some item has more; or one reads text alone, and the candidates are images.
    """
    compare = [f"judge {j.name!r}" for j in config.judges if j.grading == "pairwise" and j.asks_model]
    compare += [f"writer {w.name!r}" for w in config.all_writers() if w.sees != "nothing"]
    text_alone = [spec for spec in (*config.judges, *config.all_writers()) if spec.media == "none"]
    for name, benchmark_items in items.items():
        for spec in text_alone:
            for item in benchmark_items:
                spec.shown(Case(item, "AB"))
        many = next((i for i in benchmark_items if len(i.candidates) > 2), None)
        if many is not None and compare:
            raise UserError(
                f"benchmark {name!r}: row {many.row} has {len(many.candidates)} candidates and {', '.join(compare)} "
                "compares two: set `grading: listwise` or `pointwise` (of a judge; as a writer take one that sees no responses), or "
                "split the row into pairs of one `group`"
            )


def _selected_by(only: Selection) -> Callable[[str, str, str, str | None], bool]:
    def is_selected(benchmark: str, judge: str, arm: str, writer: str | None) -> bool:
        values = {"benchmark": benchmark, "judge": judge, "arm": arm, "writer": writer}
        # Arms without a writer stay: a selection of writers is about the arms that have one.
        return all(values[k] in v or (k == "writer" and writer is None) for k, v in only.items())

    return is_selected


def _check_selection(config: Config, only: Selection) -> None:
    names_by_field: dict[str, Iterable[str]] = {
        "benchmark": [b.name for b in config.benchmarks],
        "judge": [j.name for j in config.judges],
        "arm": config.arms,
        "writer": [*config.rubrics, *(w.name for w in config.all_writers())],
    }
    for key, values in only.items():
        if key not in names_by_field:
            raise UserError(f"--only {key}=...: {unknown('field', key, names_by_field)}")
        for value in values:
            if value not in names_by_field[key]:
                raise UserError(f"--only {key}={value}: {unknown(key, value, names_by_field[key])}")


def run(
    config: str | Path | Config,
    *,
    out: str | Path | None = None,
    limit: int | None = None,
    only: Selection | None = None,
    redo: Collection[str] = (),
    progress: bool = False,
    judges: Mapping[str, Judge] | None = None,
    writers: Mapping[str, ChatBackend] | None = None,
    prices: Path | None = None,
    max_cost: float | None = None,
    stop_unreadable: bool = False,
) -> RunResult:
    """Judge everything that a config asks for and a run folder does not hold yet.

    Args:
        config: a YAML file, or a Config.
        out: the run folder; overrides the config's `out`.
        limit: at most this many items of each benchmark.
        only: a part of the grid, such as ``{"judge": ["qwen"], "arm": ["none", "transferred"]}``.
        redo: statuses to ask again, such as ``["unparsed", "truncated"]``.
        progress: show a progress line on stderr.
        judges: judges of your own by name, in place of those the config describes (`evaluators.testing.mock` has one).
        writers: backends of your own for the config's writers, by the writer's name.
        prices: what models cost; overrides the config's `prices`.
        max_cost: the most that the folder may cost; overrides the config's `max_cost`.
        stop_unreadable: end the run where a judge's first 20 answers all hold no verdict; else the run only warns.

    Raises:
        UserError: something in the config or the data does not fit; nothing was asked.
        RunStopped: a judge cannot be reached or refuses all requests, `max_cost` is used up, or `stop_unreadable` holds.
        KeyboardInterrupt: stopped by Ctrl-C; everything answered so far is kept, and the same call goes on.
    """
    config = with_costs(config if isinstance(config, Config) else load_config(Path(config)), prices, max_cost)
    folder = _folder_of(config, out, "no run folder")
    own_judges = judges or {}
    configured = [j for j in judges_of(config, only) if j.name not in own_judges]
    check_secrets([*configured, *writers_of(config, only)], writers)
    start = _start(config, folder, limit, only)
    with folder.locked(), folder.journal("verdicts") as verdicts, folder.journal("items") as items:
        written = _write_first(start, items, only, writers, progress)
        grids = start.prepared.grids(only, written.files)
        # Before the first answer: a run that is killed leaves a folder that says how its judges were asked.
        start.record(grids)
        finished = Finished.read(folder.verdicts(start.damage), redo)
        tell_damage(folder, start.damage)
        listed = list_new([i for g in grids for i in g.items], start.items, items)
        runner = Runner(
            verdicts, items, listed, finished, accounts=start.money.accounts, stop_unreadable=stop_unreadable
        )
        runner.tally.budget = start.money.budget
        work = _work(config, grids, finished, own_judges)
        # Only now is it known what is finished, and so whose media may be gone.
        _check_media_of(work, start.prepared)
        copy_answers(folder, work, runner)
        with rare_collections():
            block_on(ask(runner, work, progress))
    planned = sum(w.planned for _, works in work for w in works)
    return RunResult(folder.path, runner.tally, planned, wrote=written.tally)


def _folder_of(config: Config, out: str | Path | None, missing: str) -> RunFolder:
    path = Path(out) if out is not None else config.out
    if path is None or str(out) == "":
        raise UserError(f"{missing}: give --out, or `out:` in the config")
    return RunFolder(path)


@dataclass
class _Start:
    """What a run starts from: its config with its data, and what its folder holds. All of it fits."""

    folder: RunFolder
    prepared: Prepared
    manifest: Mapping[str, Any]
    """As the folder had it."""
    items: Mapping[str, Item]
    """The folder's, by uid."""
    money: Money
    rubrics: Sequence[Rubric] = ()
    """Those of files that the folder does not hold yet."""
    damage: Damage = field(default_factory=dict)

    def record(self, grids: Sequence[Grid]) -> None:
        """Bring the folder's manifest, and its rubrics of files, to what is to be judged."""
        self.write_manifest(grids)
        if self.rubrics:
            with self.folder.journal("rubrics") as journal:
                for rubric in self.rubrics:
                    journal.append(encode(rubric))

    def write_manifest(self, grids: Sequence[Grid] = ()) -> None:
        prepared = self.prepared
        self.folder.write_manifest(make_manifest(self.manifest, prepared.config, prepared.benchmarks, grids))


def _start(config: Config, folder: RunFolder, limit: int | None, only: Selection | None) -> _Start:
    """Read the config's data and the folder, and refuse what does not fit.

    Raises:
        UserError: naming it; nothing was asked or written.
    """
    damage: Damage = {}
    folder_items = folder.items(damage)
    prepared = prepare(config, limit, only, folder_items=folder_items)
    manifest = folder.manifest()
    check_judges(folder, manifest, config.judges, config.orders)
    check_rows(folder, manifest, prepared.benchmarks)
    planned = planned_donors(folder, manifest) if any(ARMS[a].donors for a in config.arms) else None
    prepared = replace(prepared.with_digests(folder_items), planned=planned)
    check_images([i for items in prepared.items.values() for i in items])
    new_rubrics = check_unchanged(folder, prepared.rubrics, damage)
    money = money_of(config, folder, manifest, [*judges_of(config, only), *writers_of(config, only)])
    return _Start(folder, prepared, manifest, folder_items, money, new_rubrics, damage)


def check_secrets(specs: Iterable[ModelSpec], with_backend: Collection[str] | None = None) -> None:
    """Before anything is asked: a later failure would come when other requests have been paid for.

    Args:
        with_backend: names of those whose backend is given, which need none.

    Raises:
        UserError: they name variables of the environment that are not set.
    """
    if problems := unset(s for s in specs if s.name not in (with_backend or ())):
        raise UserError(*problems)


def judges_of(config: Config, only: Selection | None = None) -> list[JudgeSpec]:
    """The judges of the selected part of a config."""
    return [j for j in config.judges if j.name in (only or {}).get("judge", (j.name,))]


def writers_of(config: Config, only: Selection | None = None) -> list[WriterSpec]:
    """The writers that the selected part of a config needs."""
    chosen = only or {}
    arms = [ARMS[a] for a in config.arms if a in chosen.get("arm", config.arms) and ARMS[a].per_writer]
    writers = list(config.writers) if any(not a.own for a in arms) else []
    if any(a.own for a in arms):
        writers += [w for judge, w in config.own_writers().items() if judge in chosen.get("judge", (judge,))]
    return [w for w in writers if w.name in chosen.get("writer", (w.name,))]


def owners_of(config: Config) -> dict[str, str]:
    """Writer -> the judge whose own it is (arm `self`)."""
    return {writer.name: judge for judge, writer in config.own_writers().items()}


class WrittenRubrics(NamedTuple):
    """The result of writing."""

    out: Path
    """The run folder."""
    tally: Tally
    files: tuple[RubricFile, ...] = ()
    """All rubrics that the folder now holds of them, a file for each writer."""


def _write_first(
    start: _Start, items: Journal, only: Selection | None, backends: Mapping[str, ChatBackend] | None, progress: bool
) -> WrittenRubrics:
    """Have written what the selected arms read, before anything is judged."""
    specs = writers_of(start.prepared.config, only)
    if not specs:
        return WrittenRubrics(start.folder.path, Tally(budget=start.money.budget))
    # Before the first rubric, so that a run that is stopped while writing leaves a valid run folder.
    list_new(start.prepared.chosen(only), start.items, items)
    start.write_manifest()
    start.items = start.folder.items()
    return _write(start, specs, only=only, backends=backends, progress=progress)


def _write(
    start: _Start,
    specs: Sequence[WriterSpec],
    *,
    only: Selection | None = None,
    backends: Mapping[str, ChatBackend] | None = None,
    redo: Collection[str] = (),
    progress: bool = False,
) -> WrittenRubrics:
    """Have writers write what the folder does not hold."""
    folder, prepared, money = start.folder, start.prepared, start.money
    tally = Tally(budget=money.budget)
    written = Written.read(folder, specs)
    benchmarks = [b for b in prepared.items if b in (only or {}).get("benchmark", prepared.items)]
    filed = False
    for spec in (s for s in specs if s.shared):
        # For all replicates first: seeds that changed are refused before any of them is paid for.
        for replicate in range(spec.replicates):
            InducedRubric(spec, replicate, folder).check_seeds()
        for gap in gaps(spec, written.by_writer[spec.name], benchmarks):
            rubric = InducedRubric(spec, gap.replicate, folder)
            if not gap.elsewhere:  # what was made for one benchmark is the rubric of the next as well
                induction, backend = Tally(budget=money.budget), (backends or {}).get(spec.name)
                block_on(rubric.induce(induction, backend, money.accounts.get(spec.name), progress))
                tally.notes.append(rubric.summary())
            rubric.file(gap.benchmarks)
            filed = True
    if filed:
        written = Written.read(folder, specs)
    each = [s for s in specs if not s.shared]
    work = work_of(
        each,
        prepared.chosen(only),
        prepared.config.orders,
        written,
        redo=redo,
        backends=backends,
        accounts=money.accounts,
    )
    if any(w.draws for w in work):
        with rare_collections():
            block_on(write(work, folder, tally, progress))
        written = Written.read(folder, specs)
    return WrittenRubrics(folder.path, tally, written.files(folder, owners_of(prepared.config)))


def write_rubrics(
    config: str | Path | Config,
    *,
    out: str | Path | None = None,
    limit: int | None = None,
    redo: Collection[str] = (),
    progress: bool = False,
    writers: Mapping[str, ChatBackend] | None = None,
    prices: Path | None = None,
    max_cost: float | None = None,
) -> WrittenRubrics:
    """Have a config's writers write their rubrics and judge nothing; returns the folder, what happened, and all rubrics.

    Args:
        redo: write again what ended so: `invalid`.

    Raises:
        UserError, RunStopped: as `run`.
    """
    config = with_costs(config if isinstance(config, Config) else load_config(Path(config)), prices, max_cost)
    folder = _folder_of(config, out, "no folder")
    if not config.all_writers():
        raise UserError("the config names no writers: add `writers: [{name: ..., backend: ..., model: ...}]`")
    check_secrets(config.all_writers(), writers)
    # Writers are asked for rubrics where some arm reads them; this command writes them whatever the arms are.
    arms = tuple(dict.fromkeys(("transferred", *config.arms))) if config.writers else config.arms
    prepared = prepare(config.model_copy(update={"arms": arms, "rubrics": {}}), limit, needs_rubrics=False)
    manifest = folder.manifest()
    check_rows(folder, manifest, prepared.benchmarks)
    folder_items = folder.items()
    prepared = prepared.with_digests(folder_items)
    check_images([i for items in prepared.items.values() for i in items])
    specs = writers_of(prepared.config)
    start = _Start(folder, prepared, manifest, folder_items, money_of(config, folder, manifest, specs))
    with folder.locked(), folder.journal("items") as items:
        list_new(prepared.chosen(), folder_items, items)
        folder.write_manifest(make_manifest(manifest, config, prepared.benchmarks, ()))
        return _write(start, specs, backends=writers, redo=redo, progress=progress)


def _work(config: Config, grids: Sequence[Grid], finished: Finished, judges: Mapping[str, Judge]) -> list[Judging]:
    work = []
    for spec in config.judges:
        due_here = [due(grid, spec, finished) for grid in grids]
        judge = judges.get(spec.name) or judge_factory.create(spec)
        work.append(Judging(judge, due_here))
    return work


def _check_media_of(work: Sequence[Judging], prepared: Prepared) -> None:
    """What is finished may have lost its media; what is still to be judged may not.

    Raises:
        UserError: naming the items.
    """
    gone = {uid for b in prepared.benchmarks.values() for uid in b.gone}
    shown = [w for judge, works in work if judge.sees_media for w in works] if gone else []
    due_now = {item.uid: item for w in shown for item in (w.grid.items[n] for n in w.items)}
    lost = [due_now[uid] for uid in due_now if uid in gone]
    if lost:
        files = [f.path for i in lost for m in i.all_media() for f in m.files if not os.path.exists(f.path)]
        raise UserError(
            f"{len(lost):,} items that are still to be judged have lost media, such as {files[0]}: restore the files, and run the same "
            "command again (finished items need none)"
        )


def tell_damage(folder: RunFolder, damage: Damage) -> None:
    """Warn of lines that cannot be read, before they are paid for again."""
    for note in damage_notes(damage):
        log.warning("%s: %s; it is asked for again", folder, note)


def copy_answers(folder: RunFolder, work: Sequence[Judging], runner: Runner) -> None:
    """Give cells whose very call was answered before (for another writer, say) that answer: equal calls are asked once."""
    cells_by_call: dict[str, list[tuple[Item, Cell]]] = {}
    for _, works in work:
        for w in works:
            for call, cells in w.reuse.items():
                cells_by_call.setdefault(call, []).extend(cells)
    if not cells_by_call:
        return
    specs = {judge.spec.name: judge.spec for judge, _ in work}
    answers = {}
    for verdict in folder.verdicts():
        if verdict["call"] in cells_by_call and verdict.get("answer") is not None:
            with suppress(RecordError):
                answers[verdict["call"]] = decode(Answer, verdict["answer"], "ignore")
    for w in (w for _, works in work for w in works):
        # The line of such a call is there, and its answer cannot be read.
        for call in w.reuse.keys() - answers.keys():
            w.ask_anew(call)
    for call, cells in ((call, cells) for call, cells in cells_by_call.items() if call in answers):
        for item, cell in cells:
            spec = specs[cell.judge]
            question = spec.question_for(cell.arm_input.case(item, cell.order, cell.candidate))
            runner.write(item, [cell], answers[call], parse(answers[call], question, spec.complete_reasons))


async def ask(runner: Runner, work: Sequence[Judging], progress: bool) -> None:
    if not progress:
        await runner.run(work)
        return
    from harness_plugins.experiment.progress import shown

    async with shown(runner.tally):
        await runner.run(work)


def block_on(coroutine: Any) -> None:
    """Run to the end, also where a loop is already running (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(coroutine)
        return
    failures: list[BaseException] = []

    def target() -> None:
        try:
            asyncio.run(coroutine)
        except BaseException as e:  # passed to the caller's thread
            failures.append(e)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
