"""Rows and where they come from: a local jsonl, json or parquet file, a folder of them, or a dataset of the Hub.

All sources give the dataset's own columns. Images are never decoded here: paths stay paths, embedded bytes bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from evaluators.errors import UserError
from evaluators.inputs.files import not_a_file, plain_file, read_json, read_jsonl
from harness_plugins.benchmarks import hub
from harness_plugins.benchmarks.database import connect
from harness_plugins.benchmarks.spec import BenchmarkSpec

Row = dict[str, Any]
BATCH = 16
"""Rows of a Hub dataset read at a time: one may hold tens of images."""
SUFFIXES = (".jsonl", ".json", ".parquet")


class RowProblem(Exception):
    """What is wrong with one row."""


class NumberedRow(NamedTuple):
    """A row, and its line or row number as people count it."""

    number: int
    row: Row


@dataclass(frozen=True)
class Source:
    """Rows with what is known of their origin. `where(number)` names the place for error messages."""

    rows: Callable[[], Iterator[NumberedRow]]
    where: Callable[[int], str]
    root: Path
    revision: str | None = None
    """The full commit hash of a dataset of the Hub."""
    resolved: str = ""
    """How the rows were found, for the manifest."""


def open_source(spec: BenchmarkSpec, path: Path | None) -> Source:
    """The rows of a benchmark, from `path` if given, from the benchmark's own folder, or from the Hub.

    Raises:
        UserError: nothing is there, or it is not clear which file holds the rows.
    """
    if path is not None:
        return _local(spec, path)
    if spec.dataset.files and (spec.folder / spec.dataset.files[0]).exists() and not spec.dataset.id:
        return _local(spec, spec.folder / spec.dataset.files[0])
    if not spec.dataset.id:
        raise UserError(f"{spec.full_name} has no dataset of its own: give `path:` (a jsonl, json or parquet file)")
    if not spec.dataset.fetch:
        raise UserError(
            f"{spec.full_name}: {spec.dataset.id} is too large to download automatically: download its rows and "
            "media, and give `path:` and `media_root:`"
        )
    return _snapshot(spec) if spec.dataset.files else _hub(spec)


def _local(spec: BenchmarkSpec, path: Path) -> Source:
    if not path.exists():
        raise UserError(f"{path}: no such file or folder (path of {spec.full_name}; relative to the config file)")
    if not path.is_dir() and (other := not_a_file(path.stat().st_mode)):
        raise UserError(f"{path} is {other}, not a file; save the rows in a file")
    files = [path] if path.is_file() else _row_files(spec, path)
    root = path.parent if path.is_file() else path

    def rows() -> Iterator[NumberedRow]:
        if len(files) == 1:
            return _read(files[0])
        return _numbered(row for file in files for _, row in _read(file))

    unit = "line" if files[0].suffix == ".jsonl" else "row"
    if len(files) == 1:
        return Source(rows, lambda n: f"{files[0]}: {unit} {n}", root, resolved=str(files[0]))
    return Source(rows, lambda n: f"{root}: row {n}", root, resolved=", ".join(map(str, files)))


def _row_files(spec: BenchmarkSpec, folder: Path) -> list[Path]:
    """The row files of a folder: those the benchmark names, else the parquet shards of its split, else the only one.

    Of a benchmark that is one config of its dataset, shards in other configs' folders do not belong to it.
    """
    spec_files = [folder / f for f in spec.dataset.files if (folder / f).exists()]
    if spec_files:
        return spec_files
    shards = sorted(folder.glob(f"**/{spec.dataset.split}-*.parquet"))
    if config := spec.dataset.config:
        config_shards = [s for s in shards if config in s.relative_to(folder).parts[:-1]]
        shards = config_shards or [s for s in shards if s.parent == folder]
    if shards:
        return shards
    files = sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES)
    if len(files) == 1:
        return files
    names = ", ".join(p.name for p in files) or "none"
    raise UserError(
        f"{folder}: cannot tell which file holds the rows of {spec.name!r} (found: {names}); name it in `path:`"
    )


def _numbered(rows: Iterable[Row]) -> Iterator[NumberedRow]:
    return map(NumberedRow, count(1), rows)


def _read(file: Path) -> Iterator[NumberedRow]:
    if file.suffix == ".jsonl":
        return map(NumberedRow._make, read_jsonl(file))
    if file.suffix == ".json":
        return _numbered(_read_json(file))
    if file.suffix == ".parquet":
        return _numbered(_read_parquet(file))
    raise UserError(f"{file}: rows come as {', '.join(SUFFIXES)}; convert the file")


def _read_json(file: Path) -> Iterator[Row]:
    value = read_json(file)
    if isinstance(value, dict) and len(lists := [v for v in value.values() if isinstance(v, list)]) == 1:
        value = lists[0]
    if not isinstance(value, list) or not all(isinstance(r, dict) for r in value):
        raise UserError(f"{file}: must hold a list of row objects")
    yield from value


def _read_parquet(file: Path) -> Iterator[Row]:
    import duckdb

    # DuckDB would wait for a pipe without end.
    os.close(plain_file(str(file), os.O_RDONLY))
    try:
        cursor = connect().execute("SELECT * FROM read_parquet(?)", [str(file)])
        columns = [d[0] for d in cursor.description or ()]
        while batch := cursor.fetchmany(64):
            for values in batch:
                yield dict(zip(columns, values, strict=True))
    except duckdb.Error as e:
        raise UserError(f"{file}: cannot be read as parquet ({str(e).splitlines()[0]})") from None


def _hub(spec: BenchmarkSpec) -> Source:
    with hub.errors(spec):
        import datasets

        dataset = spec.dataset
        if Path(dataset.id).is_dir():
            raise UserError(
                f"{spec.full_name}: the folder {Path(dataset.id).absolute()} would be read in place of the Hub's {dataset.id}: "
                "start in another folder, or name it in `path:`"
            )
        # One small file tells the commit. `datasets` 5 no longer keeps addresses that it could be read from.
        commit = hub.snapshot(dataset, only="README.md").name
        builder = datasets.load_dataset_builder(dataset.id, dataset.config, revision=commit)
        # Where the Hub does not answer, `datasets` takes what it prepared last, whatever the revision.
        if builder.hash != commit:
            raise UserError(
                f"{spec.full_name}: {dataset.id} cannot be read at {commit}, and the cache holds it at {builder.hash}: go "
                f"online once, or give `revision: {builder.hash}`"
            )
        builder.download_and_prepare()
        data = builder.as_dataset(split=dataset.split)
    # As Arrow holds them, images are bytes and a path, however deep they are in lists: nothing is decoded or written again.
    stored = data.with_format("arrow")

    def rows() -> Iterator[NumberedRow]:
        with hub.errors(spec):
            yield from _numbered(row for batch in stored.iter(BATCH) for row in batch.to_pylist())

    name = f"{dataset.id}[{f'{dataset.config}, ' if dataset.config else ''}{dataset.split}]"
    return Source(rows, lambda n: f"{name}: row {n}", Path.cwd(), commit, name)


def _snapshot(spec: BenchmarkSpec) -> Source:
    with hub.errors(spec):
        folder = hub.snapshot(spec.dataset)
    local = _local(spec, folder)
    return Source(local.rows, local.where, folder, folder.name, f"{spec.dataset.id}: {', '.join(spec.dataset.files)}")
