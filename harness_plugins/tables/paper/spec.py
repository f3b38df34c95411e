"""What a paper's table is: one YAML file under `results/tables/`, read and checked."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from evaluators.errors import UserError
from evaluators.inputs.configs import ConfigFile
from evaluators.inputs.entries import Entry
from evaluators.inputs.names import unknown
from evaluators.rubrics.arms import ARMS
from harness_plugins.benchmarks.bundled import data_dir
from harness_plugins.benchmarks.spec import names as benchmark_names
from harness_plugins.tables.paper.published import PublishedTable, published

WRITER_PLUS_NONE = "writer_plus_none"
"""No arm: the writer's own verdicts and the judge's without a rubric, voted."""

StubField = Literal["model", "method", "writer", "rubrics"]
Agreed = Literal["revision", "dataset_rows", "split", "aggregate", "order", "unparsed"]


class Beside(Entry):
    """A table of published numbers whose rows are in this one."""

    table: str
    columns: dict[str, str] = Field(default_factory=dict)
    """Column here -> column there. By default those with the same key."""
    same_as: dict[str, str] = Field(default_factory=dict)
    """A model's name there -> its name here, where two tables write one model differently."""

    @cached_property
    def published_table(self) -> PublishedTable:
        return next(t for t in published() if t.table == self.table)


class Column(Entry):
    """One column: what of a run fills it, under which protocol, and in which unit it is printed."""

    key: str = Field(min_length=1)
    header: str = Field(min_length=1)
    benchmark: str = ""
    metric: str = "accuracy"
    """A metric of `score`; of a folder with scores alone, the metric that its lines name."""
    protocol: str = "strict"
    """Answers that were imported are scored by the benchmark's official protocol for their format, where there is one."""
    imported: dict[str, str] = Field(default_factory=dict)
    """Format of imported answers -> the metric of them that is here, where it is another one."""
    part: str = ""
    """The category that it covers; nothing: the whole benchmark."""
    mean_of: tuple[str, ...] = ()
    """Other columns whose mean it is: of published rows as printed, of ours computed."""
    unavailable: str = ""
    """Why it cannot be filled: the cells stay empty."""
    unit: Literal["percent", "share", "score"] = "percent"
    digits: int = Field(1, ge=0, le=6)
    better: Literal["higher", "lower", "nearer_zero", "neither"] = "higher"

    @model_validator(mode="after")
    def _one_source(self) -> Column:
        if (bool(self.benchmark) + bool(self.mean_of) + bool(self.unavailable)) != 1:
            raise ValueError("give one of `benchmark`, `mean_of` and `unavailable`")
        return self


class TableSpec(Entry):
    """One paper's table: the published rows that are in it, and how cells of runs become rows beside them."""

    spec: str
    title: str = Field(min_length=1)
    paper: str = Field(min_length=1)
    published: tuple[Beside, ...] = ()
    stub: dict[StubField, str] = Field(min_length=1)
    """What names a row -> the header above it. `rubrics` is K, how many criteria a rubric was to have."""
    arms: dict[str, str] = Field(default_factory=lambda: {"none": ""})
    """The arms whose cells become rows -> what is printed under `method` there. Baselines are rows in any case."""
    columns: tuple[Column, ...] = Field(min_length=1)
    comparable: tuple[Agreed, ...] = ("dataset_rows", "aggregate", "order", "unparsed")
    """What two published numbers must have in common, known and equal, for one to be called better. `split` is asked of
    parts and of means over them alone."""
    notes: tuple[str, ...] = ()

    @field_validator("arms")
    @classmethod
    def _arms_known(cls, value: dict[str, str]) -> dict[str, str]:
        for arm in value:
            if arm not in ARMS and arm not in ("grm", WRITER_PLUS_NONE):
                raise ValueError(unknown("arm", arm, [*ARMS, "grm", WRITER_PLUS_NONE]))
            if ARMS.facts(arm).uses_label:
                raise ValueError(f"{arm!r} is a probe that sees the label: it has no place in a paper's table")
        return value

    @model_validator(mode="after")
    def _fits(self) -> TableSpec:
        keys = [c.key for c in self.columns]
        if twice := sorted({k for k in keys if keys.count(k) > 1}):
            raise ValueError(f"columns: two are named {twice[0]!r}")
        for column in self.columns:
            if stray := [k for k in column.mean_of if k not in keys or self.column(k).mean_of]:
                raise ValueError(
                    f"columns: {column.key!r} is a mean of {stray[0]!r}, which is not a column of numbers here"
                )
            self._measurable(column)
        for beside in self.published:
            self._beside(beside)
        return self

    def _measurable(self, column: Column) -> None:
        from harness_plugins.scoring.protocols import resolve

        if not column.benchmark:
            return
        benchmarks = [
            *benchmark_names(),
            *sorted({c.benchmark for t in published() for c in t.columns} - {*benchmark_names()}),
        ]
        if column.benchmark not in benchmarks:
            raise ValueError(f"columns: {column.key!r}: {unknown('benchmark', column.benchmark, benchmarks)}")
        try:
            resolved = resolve(column.protocol, column.benchmark)
        except UserError as e:
            raise ValueError(f"columns: {column.key!r}: {e}") from None
        if resolved is None:
            raise ValueError(f"columns: {column.key!r}: {column.protocol!r} is not a protocol of {column.benchmark!r}")

    def _beside(self, beside: Beside) -> None:
        """Refuse what a spec says of a published table and the table does not bear out.

        Raises:
            ValueError: an unknown table, column or model, or a column of another unit or benchmark.
        """
        tables = {t.table: t for t in published()}
        if beside.table not in tables:
            raise ValueError(f"published: {unknown('table', beside.table, tables)}")
        published_columns = {c.key: c for c in tables[beside.table].columns}
        keys = [c.key for c in self.columns]
        for column_key, published_key in beside.columns.items():
            if column_key not in keys or published_key not in published_columns:
                wrong, names = (
                    (column_key, keys) if column_key not in keys else (published_key, list(published_columns))
                )
                raise ValueError(f"published: {beside.table}: {unknown('column', wrong, names)}")
        for column_key, published_key in self.fills(beside).items():
            column, other = self.column(column_key), published_columns[published_key]
            if column.unit != other.unit:
                raise ValueError(
                    f"published: {beside.table}: {published_key!r} is in {other.unit}, {column_key!r} here in {column.unit}"
                )
            if column.benchmark and column.benchmark != other.benchmark:
                raise ValueError(
                    f"published: {beside.table}: {published_key!r} is of {other.benchmark!r}, "
                    f"{column_key!r} here of {column.benchmark!r}"
                )
        if stray := sorted(set(beside.same_as) - {row.model for row in tables[beside.table].rows}):
            raise ValueError(f"published: {beside.table}: same_as: no model {stray[0]!r} there")

    def column(self, key: str) -> Column:
        return next(c for c in self.columns if c.key == key)

    def fills(self, beside: Beside) -> dict[str, str]:
        """Column here -> column of the published table."""
        published_keys = {c.key for c in next(t for t in published() if t.table == beside.table).columns}
        return {
            c.key: published_key
            for c in self.columns
            if (published_key := beside.columns.get(c.key, c.key)) in published_keys
        }


def spec_names() -> list[str]:
    return sorted(p.stem for p in data_dir("results/tables").glob("*.yaml"))


def load_table_spec(name: str) -> TableSpec:
    """The spec of that name, or in that file where it ends in .yaml.

    Raises:
        UserError: there is none, or it does not fit.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = data_dir("results/tables") / f"{name}.yaml"
        if name not in spec_names():
            raise UserError(f"{unknown('table spec', name, spec_names())} (or a .yaml file of your own)")
    spec = ConfigFile.read(path, "`spec`, `title`, `paper` and `columns`").checked(TableSpec)
    if spec.spec != path.stem:
        raise UserError(f"{path}: spec is {spec.spec!r}; name it as its file, {path.stem!r}")
    return spec
