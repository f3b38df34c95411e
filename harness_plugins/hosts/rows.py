"""A benchmark under one setting as the rows of a harness: one row an item and order, each a cell of a native run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from evaluators.engine.due import Cell, Grid, GridRow, Trial, orders_of
from evaluators.errors import UserError
from evaluators.inputs.files import read_bytes
from evaluators.keys import digest
from evaluators.prompts.grading import PAIR, Grading, read_grading
from evaluators.prompts.template import Case, pick_of
from evaluators.records import Item, Order
from evaluators.rubrics.arms import ARMS, Arm, ArmInput, WriterRubrics
from evaluators.specs import JudgeSpec
from harness_plugins.benchmarks.entry import BenchmarkEntry
from harness_plugins.benchmarks.loader import Benchmark, load_entry
from harness_plugins.benchmarks.overlap import check_prints
from harness_plugins.config.run import Config, load_config
from harness_plugins.folder.donors import planned_donors
from harness_plugins.folder.rubrics import RubricFile, read_rubrics
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.hosts import CONFIG, GRADING, OUT, RUBRICS, SETTINGS
from harness_plugins.hosts.judge import make_spec

DEFAULT_OUT = Path("results/runs/hosted")


RowId = tuple[str, Order, str, str | None, ArmInput, int | None]


@dataclass(frozen=True)
class Row:
    """One cell to be judged. An item for which the writer has no rubric is judged under `none` (intention to treat)."""

    item: Item
    order: Order
    arm: Arm
    writer: str | None
    arm_input: ArmInput
    """The rubric, and whatever else the arm shows."""
    candidate: int | None = None
    """Pointwise: the canonical candidate that is scored, alone."""

    @property
    def case(self) -> Case:
        return self.arm_input.case(self.item, self.order, self.candidate)

    @property
    def id(self) -> RowId:
        """What is asked: settings share the rows of items that have no rubric."""
        return self.item.uid, self.order, self.arm.name, self.writer, self.arm_input, self.candidate


@dataclass(frozen=True)
class RowGrid(Grid):
    """A grid with chosen cells only: the rows that a harness asks for, by item."""

    chosen: Mapping[str, Sequence[Row]] = field(default_factory=dict)

    def trials(self, item: Item, judge: JudgeSpec, rows: Sequence[GridRow]) -> Iterator[Trial]:
        for row in self.chosen.get(item.uid, ()):
            yield Trial(row.order, row.arm, row.writer, row.arm_input, 0, row.candidate)


def cell_of(row: Row, item: Item, spec: JudgeSpec) -> Cell:
    """The row's cell, as a native run would name it. `item` must know its media's digests."""
    grid = RowGrid(item.benchmark, [item], [], chosen={item.uid: [row]})
    (cell,) = grid.cells(item, spec, [])
    return cell


@dataclass(frozen=True)
class Rows:
    """One benchmark under one setting."""

    setting: str
    config: Config
    """Of this benchmark alone. Judges are those of the harness: the one in here means nothing."""
    benchmark: Benchmark
    grid: Grid
    rubrics: RubricFile | None
    rubrics_sha256: str | None
    out: Path
    grading: Grading = PAIR.grading

    @property
    def arm(self) -> Arm:
        return ARMS[SETTINGS[self.setting]]

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        writer = self.grid.writers[0] if self.grid.writers else None
        name = writer.name if writer else None
        rows = []
        for item in self.grid.items:
            alone = range(len(item.candidates)) if self.grading.kind == "pointwise" else (None,)
            for order in orders_of(item, self.grid.orders, self.grading.kind):
                for candidate in alone:
                    rubric_rows = [
                        Row(item, order, self.arm, name, g, candidate) for g in self.arm.give(item, order, writer)
                    ]
                    rows += rubric_rows or [Row(item, order, ARMS["none"], None, ArmInput(), candidate)]
        return tuple(rows)

    def doc(self, number: int) -> dict[str, Any]:
        """What a harness gets of a row. Texts and media are put together when it is asked."""
        row = self.rows[number]
        return {
            "row": number,
            "item": row.item.uid,
            "order": row.order,
            "candidate": row.candidate,
            "arm": row.arm.name,
            "writer": row.writer or "",
            "replicate": row.arm_input.replicate,
            "donor": row.arm_input.donor or "",
            "category": row.item.category,
            "rubrics_sha256": self.rubrics_sha256 or "",
        }

    def target(self, number: int) -> str:
        """The right answer to a row: a position or tie; of a candidate scored alone whether it is the preferred one."""
        row = self.rows[number]
        if row.item.label.preferred is None:
            return "tie"
        if row.candidate is not None:
            return "preferred" if row.candidate == row.item.label.preferred else "other"
        return str(1 + [pick_of(n + 1, row.order) for n in range(len(row.order))].index(row.item.label.preferred))

    @cached_property
    def data_digest(self) -> str:
        """Over rows, media files (path, size, time) and rubrics: what a harness's own cache is to be keyed on."""
        files = [(f.path, f.size, f.mtime_ns) for i in self.grid.items for m in i.all_media() for f in m.files]
        return digest(self.benchmark.facts()["rows_sha256"], files, self.rubrics_sha256)


def load_rows(benchmark: str, setting: str, writes: bool = False) -> Rows:
    """Read what the environment names (`hosts.CONFIG`, `hosts.RUBRICS`, `hosts.GRADING`).

    Args:
        writes: the model is asked for rubrics, so how it would be asked to judge does not matter.

    Raises:
        UserError: rubrics are needed and not named, or anything that `run` would refuse.
    """
    arm = ARMS[SETTINGS[setting]]
    path = os.environ.get(RUBRICS, "").strip()
    if arm.per_writer and not path:
        raise UserError(
            f"rt_{benchmark}_{setting} reads rubrics and {RUBRICS} is not set: export {RUBRICS}=path/to/rubrics.jsonl "
            "(`rubric-harness lmms-eval` takes --rubrics)"
        )
    file_config = _config()
    listed = file_config.benchmarks if file_config else ()
    entry = next((b for b in listed if b.name == benchmark), BenchmarkEntry(name=benchmark))
    if file_config is None:
        file_config = Config(benchmarks=(entry,), judges=(JudgeSpec(name="first", backend="baseline"),), arms=("none",))
    config = file_config.model_copy(update={"benchmarks": (entry,)})
    loaded = _benchmark(entry)
    items = loaded.items[: entry.limit]
    rubrics, sha256 = None, None
    writers: list[WriterRubrics] = []
    if arm.per_writer:
        rubrics, sha256 = _rubrics(Path(path).resolve(), entry)
        shuffles = config.shuffles if arm.donors else 0
        folder = RunFolder(run_folder())
        planned = planned_donors(folder, folder.manifest()) if shuffles else None
        writers = [
            rubrics.of(benchmark, loaded.items, shuffles, planned)
        ]  # donors come from all items, whatever the limit
    grid = Grid(benchmark, items, [arm], writers, config.orders)
    return Rows(
        setting, config, loaded, grid, rubrics, sha256, run_folder(), PAIR.grading if writes else _grading(items)
    )


def grading_fields() -> dict[str, Any]:
    """The judge's fields that `hosts.GRADING` stands for.

    Raises:
        UserError: a word that means nothing.
    """
    try:
        return read_grading(os.environ.get(GRADING, ""))
    except ValueError as e:
        raise UserError(f"{GRADING}: {e}") from None


def _grading(items: Sequence[Item]) -> Grading:
    """How the harness's model is asked, checked as a judge's of a config is."""
    grading = make_spec({"name": "judge", "backend": "lmms", "model": "-", **grading_fields()}).full_grading
    many = next((i for i in items if len(i.candidates) > 2), None)
    if many is not None and grading.kind == "pairwise":
        raise UserError(
            f"benchmark {many.benchmark!r}: row {many.row} has {len(many.candidates)} candidates: set {GRADING}=listwise or pointwise"
        )
    return grading


def run_folder() -> Path:
    """Where a harness's run is recorded: what the environment or the config says, else `DEFAULT_OUT`."""
    out, config = os.environ.get(OUT, "").strip(), _config()
    return (Path(out) if out else (config and config.out) or DEFAULT_OUT).resolve()


def _config() -> Config | None:
    path = os.environ.get(CONFIG, "").strip()
    if path and not Path(path).exists():
        raise UserError(f"{path}: no such file ({CONFIG})")
    return _read_config(path) if path else None


@cache
def _read_config(path: str) -> Config:
    return load_config(Path(path), data_only=True)


@cache
def _benchmark(entry: BenchmarkEntry) -> Benchmark:
    if entry.name == "pairs" and entry.path is None:
        raise UserError(f"rt_pairs_*: name your rows in a config ({CONFIG}): benchmarks: [{{name: pairs, path: ...}}]")
    return load_entry(entry)


class _Rubrics(NamedTuple):
    file: RubricFile
    sha256: str


@cache
def _rubrics(path: Path, entry: BenchmarkEntry) -> _Rubrics:
    if not path.exists():
        raise UserError(f"{path}: no such file ({RUBRICS})")
    data = read_bytes(path)
    items = {entry.name: _benchmark(entry).items}
    rubrics = read_rubrics(None, path, items)
    check_prints(path, rubrics.prints, items)
    return _Rubrics(rubrics, hashlib.sha256(data).hexdigest())
