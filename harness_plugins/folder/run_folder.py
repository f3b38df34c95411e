"""What is in a run folder, and the one way to read and write it: no other module knows a file's name or a line's form."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from evaluators.engine.journal import Damage, Journal, lock, objects, read_records
from evaluators.errors import UserError
from evaluators.inputs.files import open_plain
from evaluators.records import SCHEMA, Item, Rubric
from evaluators.replies.parsing import MASS_FLOOR
from harness_plugins.folder import records
from harness_plugins.folder.atomic import write_atomic
from harness_plugins.folder.line_faults import item_fault, verdict_fault
from harness_plugins.folder.manifest_model import checked
from harness_plugins.folder.reread import Rereader
from harness_plugins.folder.scores import Score, read_scores
from harness_plugins.folder.usage import FolderUsage, usage_of

Kind = Literal["items", "rubrics", "verdicts", "induction", "answers"]


@dataclass(frozen=True)
class RunFolder:
    """A run folder, which need not be there yet.

    Its records are in `<kind>.jsonl`, or in several `<kind>-<part>.jsonl`, a part for each rank of a harness (or for each writer, of
    inductions): readers take the union. Nothing is kept in memory, so what another process has written since is read as well.

    >>> folder = RunFolder(Path("results/runs/first"))                                 # doctest: +SKIP
    >>> len(folder.items()), len(list(folder.verdicts()))                              # doctest: +SKIP
    (600, 9600)
    """

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def manifest_file(self) -> Path:
        return self.path / "manifest.json"

    @property
    def scores_file(self) -> Path:
        """Numbers that others measured (`import scores`)."""
        return self.path / "scores.jsonl"

    def file(self, kind: Kind, part: str | int | None = None) -> Path:
        return self.path / (f"{kind}.jsonl" if part is None else f"{kind}-{part}.jsonl")

    def artefact(self, writer: str, replicate: int = 0) -> Path:
        """The file of an induced rubric."""
        return self.path / (f"rubric-{writer}@{replicate}.yaml" if replicate else f"rubric-{writer}.yaml")

    def files(self, kind: Kind) -> list[Path]:
        """The files of a kind that are there, ranks last.

        Raises:
            UserError: one of them is not a plain file.
        """
        files = sorted(self.path.glob(f"{kind}.jsonl")) + sorted(self.path.glob(f"{kind}-*.jsonl"))
        for file in files:
            # A pipe in place of a file would be waited for without end: `show` and `export` did.
            open_plain(file).close()
        return files

    def filled(self, kind: Kind) -> list[Path]:
        """Those of them that are not empty: what DuckDB can read."""
        return [f for f in self.files(kind) if f.stat().st_size]

    def artefacts(self) -> list[Path]:
        return sorted(self.path.glob("rubric-*.yaml"))

    def inductions(self) -> dict[str, Path]:
        """Writer -> the answers that its rubrics were induced from."""
        return {path.stem.removeprefix("induction-"): path for path in self.files("induction")}

    def originals(self) -> list[Path]:
        """All files that a run writes, by name."""
        manifest = [self.manifest_file] if self.manifest_file.is_file() else []
        return sorted({*filter(Path.is_file, self.path.glob("*.jsonl")), *self.artefacts(), *manifest})

    def has_records(self) -> bool:
        return any(self.path.glob("*.jsonl"))

    @contextmanager
    def locked(self, shared: bool = False) -> Iterator[None]:
        """Hold the folder while it is written: a plain run alone, the ranks of a harness together.

        Raises:
            UserError: another process holds it, or it cannot be written.
        """
        fd = lock(self.path / ".lock", shared)
        try:
            yield
        finally:
            os.close(fd)

    def is_being_written(self) -> bool:
        """Whether a run, or a rank of a harness, has the folder locked now."""
        if not (self.path / ".lock").exists():
            return False
        try:
            os.close(lock(self.path / ".lock"))
        except UserError:
            return True
        return False

    def journal(self, kind: Kind, part: str | int | None = None) -> Journal:
        """The one writer of a file.

        Raises:
            UserError: another process holds the file, or it cannot be written.
        """
        return Journal(self.file(kind, part))

    def manifest(self) -> dict[str, Any]:
        """What the folder was made with, as it is there now; empty where there is none yet.

        Raises:
            UserError: it is damaged, or of a newer version.
        """
        path = self.manifest_file
        if not path.exists():
            return {}
        try:
            if not path.is_file():
                raise ValueError("no plain file")
            value = checked(path.read_bytes())
        except ValueError as e:
            raise UserError(
                f"{path}: {e}; restore it, or remove it and run the same config again (verdicts are kept)"
            ) from None
        if value["schema"] > SCHEMA:
            raise UserError(
                f"{path}: written by a newer rubric-harness (schema {value['schema']}); upgrade this one (it reads {SCHEMA})"
            )
        return value

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        write_atomic(self.manifest_file, orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))

    def items(self, damage: Damage | None = None) -> dict[str, Item]:
        """Items by uid. The last line of a file counts; between files, one that has the media's digests."""
        items: dict[str, Item] = {}
        for path in self.files("items"):
            for uid, item in {i.uid: i for i in read_records(path, Item, damage, item_fault)}.items():
                if uid not in items or item.digested():
                    items[uid] = item
        return items

    def rubrics(self, damage: Damage | None = None) -> Iterator[Rubric]:
        """All rubric records, earlier ones of a place before later ones."""
        for path in self.files("rubrics"):
            yield from read_records(path, Rubric, damage)

    def verdicts(self, damage: Damage | None = None) -> Iterator[dict[str, Any]]:
        """The verdict lines as objects, in order. What says where a verdict belongs and what it is has been checked: to build a
        million records of which a run needs the keys alone would take twice as long.

        Args:
            damage: gets every line that is not a verdict.
        """
        for path in self.files("verdicts"):
            yield from objects(path, damage, verdict_fault)

    def verdicts_on(self, uids: list[str]) -> Iterator[dict[str, Any]]:
        """Those on some items: DuckDB finds their lines, and no other line becomes an object.

        Raises:
            UserError: the files cannot be read.
        """
        files = self.filled("verdicts")
        return filter(lambda value: not verdict_fault(value), records.lines_on(files, uids) if files and uids else ())

    def answer_texts(self, judge: str, arm: str, writer: str | None) -> Iterator[records.AnswerText]:
        """What a judge wrote in the trials of one cell, also what later lines replaced."""
        return records.answer_texts(self.files("verdicts"), judge, arm, writer)

    def tables(self, rereader: Rereader | None = None, mass_floor: float = MASS_FLOOR) -> Any:
        """A DuckDB connection with the verdict lines (`raw`) and the last of each trial (`last`); neither where there is none.

        Args:
            rereader: parses again what an earlier parser read; None where only calls and tokens are asked for.
            mass_floor: the mass below which one-token answers are `low_mass`.

        Raises:
            UserError: the files cannot be read.
        """
        return records.verdict_tables(
            self.filled("verdicts"), None if rereader is None else rereader.stale(self.verdicts()), mass_floor
        )

    def usage(self, db: Any, manifest: Mapping[str, Any]) -> FolderUsage:
        """What the records say about calls and tokens.

        Args:
            db: what `tables` returned.
        """
        inductions = {writer: path for writer, path in self.inductions().items() if path.stat().st_size}
        return usage_of(db, self.filled("rubrics"), inductions, manifest)

    def rereader(self, manifest: Mapping[str, Any]) -> Rereader:
        """Reads verdicts of the folder as today's parsers do; its rubrics are read with the first one that needs them."""
        return Rereader(manifest, self.rubrics())

    def scores(self) -> list[Score]:
        """Numbers that others measured; none where there is no such file.

        Raises:
            UserError: a line does not fit, naming it.
        """
        return read_scores(self.scores_file) if self.scores_file.is_file() else []

    def without_items(self) -> UserError:
        """What is said where a command needs items, and there are none."""
        if self.scores_file.is_file():
            return UserError(
                f"{self}: holds {len(self.scores())} imported scores and no verdicts, so there is nothing to score or show; "
                f"`rubric-harness table --spec NAME {self}` sets them beside published and measured numbers"
            )
        if self.manifest_file.exists() or self.files("verdicts"):
            return UserError(
                f"{self}: items.jsonl is missing, or none of its lines can be read; restore it, or run the same config again "
                "(verdicts are kept)"
            )
        return UserError(
            f"{self}: no run folder (no items.jsonl in it); `rubric-harness run CONFIG.yaml --out {self}` makes one"
        )
