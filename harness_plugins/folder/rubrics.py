"""Rubric files: full records or rows that people write by hand, matched to the items of a loaded benchmark."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evaluators.engine.journal import Damage
from evaluators.errors import UserError
from evaluators.inputs.files import read_jsonl
from evaluators.keys import rubric_uid
from evaluators.records import Item, RecordError, Rubric, Writer, decode
from evaluators.rubrics.arms import WriterRubrics
from evaluators.rubrics.shuffle import donors
from evaluators.writers.base import is_shared
from harness_plugins.folder.artefacts import SUFFIXES, read_artefact
from harness_plugins.folder.donors import Planned, Shuffle
from harness_plugins.folder.run_folder import RunFolder

_BY_HAND = {"id", "row"}

_Place = tuple[str, str | None, str, int]
"""Benchmark, item, saw and replicate."""


@dataclass(frozen=True)
class RubricFile:
    """The rubrics of one writer over all benchmarks of a run, as they go into the run folder."""

    name: str
    path: Path
    rubrics: tuple[Rubric, ...]
    owner: str | None = None
    """The judge that wrote them for itself (arm `self`)."""
    pending: frozenset[tuple[str, str, str, int]] = frozenset()
    """(benchmark, item, saw, replicate) of those whose writing failed and is to be tried again."""

    prints: frozenset[str] = frozenset()
    """What gives away the pairs that it was induced from (`benchmarks.overlap.prints`)."""

    def of(self, benchmark: str, items: Sequence[Item], shuffles: int, planned: Planned | None = None) -> WriterRubrics:
        """The writer's valid rubrics for one benchmark, with `shuffles` sets of donors.

        Args:
            planned: what the run folder names of them already.
        """
        by_item: dict[str, list[Rubric]] = defaultdict(list)
        shared: list[Rubric] = []
        for rubric in self.rubrics:
            if rubric.benchmark == benchmark and rubric.status == "valid":
                (shared if rubric.item is None else by_item[rubric.item]).append(rubric)
        item_rubrics = [r for r in self.rubrics if r.benchmark == benchmark and r.item is not None]
        paired = frozenset(str(r.item) for r in item_rubrics if r.saw != "nothing")
        read = {u: [r for r in rs if r.saw != "nothing" or u not in paired] for u, rs in by_item.items()}
        texts = {uid: rubrics[0].text for uid, rubrics in read.items() if rubrics}
        permutations: list[Mapping[str, str]] = []
        for seed in range(shuffles):
            shuffle = planned.shuffle(benchmark, self.name, seed) if planned else Shuffle()
            permutations.append(
                donors(items, texts, seed, permutations, planned=shuffle.donors, settled=shuffle.settled)
            )
        # An item with a donor in some shuffles alone would have fewer draws than the others.
        everywhere = set(texts).intersection(*permutations) if permutations else set()
        permutations = [{r: d for r, d in p.items() if r in everywhere} for p in permutations]
        rubrics_by_item = {u: tuple(r) for u, r in by_item.items()}
        pending = frozenset(p[1:] for p in self.pending if p[0] == benchmark)
        saw = frozenset(r.saw for r in self.rubrics if r.benchmark == benchmark) | {saw for _, saw, _ in pending}
        return WriterRubrics(
            self.name, rubrics_by_item, tuple(shared), tuple(permutations), self.owner, paired, pending, saw
        )


def read_rubrics(name: str | None, path: Path, benchmarks: Mapping[str, Sequence[Item]]) -> RubricFile:
    """Read one writer's file and match each rubric to its item.

    Args:
        name: the row name in tables; it becomes the writer's name. None: the writer's own, or the file's where it names none.
        benchmarks: all items (before any limit) of each benchmark of the run.

    Raises:
        UserError: a line that is not a rubric, fits no item or two, or repeats another.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file (rubrics of {name!r}; relative to the config file)")
    if path.suffix in SUFFIXES:
        artefact = read_artefact(name or path.stem, path, benchmarks)
        return RubricFile(
            name or path.stem,
            path,
            tuple(replace(r, uid=rubric_uid(r)) for r in artefact.rubrics),
            prints=artefact.prints,
        )
    index = _Index(benchmarks)
    problems: list[str] = []
    rows = list(read_jsonl(path, problems))
    ours = [row for _, row in rows if row.get("benchmark") is None or row["benchmark"] in benchmarks]
    names = list(dict.fromkeys(n for row in ours if (n := _writer_name(row))))
    only = name if name in names and len(names) > 1 else ""  # a run's own file holds all of its writers
    name = name or (names[0] if names else path.stem)
    lines = _Lines()
    for number, row in rows:
        try:
            rubric = _rubric(row, index, name)
            if rubric is not None and rubric.status != "error" and only in ("", rubric.writer.name):
                lines.add(number, rubric)
        except RecordError as e:
            problems.append(f"{path}: line {number}: {e}")
    if problem := lines.two_writers():
        problems.append(f"{path}: {problem}")
    if problems:
        omitted_note = [f"... and {len(problems) - 5} more lines of {path}"] if len(problems) > 5 else []
        raise UserError(*problems[:5], *omitted_note)
    rubrics = list(lines.rubrics.values())
    if not any(r.status == "valid" for r in rubrics):
        raise UserError(
            f"{path}: no valid rubric for {', '.join(benchmarks)}; check the `benchmark` field of its lines"
        )
    rubrics = [replace(r, writer=replace(r.writer, name=name)) for r in rubrics]
    prints = _prints_beside(path, {r.text for r in rubrics if r.item is None and is_shared(r.writer.method)})
    return RubricFile(name, path, tuple(replace(r, uid=rubric_uid(r)) for r in rubrics), prints=prints)


class _Lines:
    """The rubrics of a file, each with the line that it came from."""

    def __init__(self) -> None:
        self.rubrics: dict[_Place, Rubric] = {}
        """The last one of each place."""
        self._first: dict[_Place, int] = {}
        self._writers: dict[Writer, int] = {}
        """Each as it is declared, and the first line that does so."""

    def add(self, number: int, rubric: Rubric) -> None:
        """Take a line up.

        Raises:
            RecordError: it is for the same item as another, and not one that a writer wrote again (`rubrics --redo`).
        """
        self._writers.setdefault(rubric.writer, number)
        key = (rubric.benchmark, rubric.item, rubric.saw, rubric.replicate)
        if key in self._first and rubric.answer is None:
            raise RecordError(
                f"a second rubric for the same item (the first is line {self._first[key]}): remove one, or give it another "
                "`replicate`"
            )
        self._first.setdefault(key, number)
        self.rubrics.pop(key, None)
        self.rubrics[key] = rubric

    def two_writers(self) -> str:
        """What is wrong where the file is not one writer's; empty where it is."""
        if len(self._writers) < 2:
            return ""
        (first_writer, first_line), (second_writer, second_line) = list(self._writers.items())[:2]
        difference = (
            "two writers"
            if first_writer.name != second_writer.name
            else f"writer {first_writer.name!r} declared in two ways"
        )
        return (
            f"line {second_line}: {difference} (see line {first_line}): a file is one writer, with one model, base and family; "
            "split it, and give each part a name"
        )


def _prints_beside(path: Path, texts: set[str]) -> frozenset[str]:
    """What gives away the seeds of induced rubrics that a run's own file holds: their artefacts are beside it."""
    prints: frozenset[str] = frozenset()
    for file in RunFolder(path.parent).artefacts() if texts else ():
        artefact = read_artefact("", file, ("",))
        if artefact.rubrics[0].text in texts:
            prints |= artefact.prints
    return prints


class _Index:
    """Items by uid, by id and by row, for matching."""

    def __init__(self, benchmarks: Mapping[str, Sequence[Item]]) -> None:
        self.benchmarks = benchmarks
        self.uids = {b: {i.uid for i in items} for b, items in benchmarks.items()}
        self.rows = {(b, i.row): i.uid for b, items in benchmarks.items() for i in items}
        self.ids: dict[tuple[str, str], list[str]] = defaultdict(list)
        for b, items in benchmarks.items():
            for i in items:
                self.ids[b, i.source_id].append(i.uid)

    def match(self, benchmark: str, value: dict[str, Any]) -> str:
        if "row" in value:
            uid = self.rows.get((benchmark, value["row"]))
            if uid is None:
                raise RecordError(f"{benchmark} has no row {value['row']!r} (rows count from 0)")
            return uid
        uids = self.ids.get((benchmark, str(value["id"])), [])
        if not uids:
            raise RecordError(
                f"no item of {benchmark} has the id {value['id']!r}; `rubric-harness items CONFIG` lists them"
            )
        if len(uids) > 1:
            raise RecordError(
                f"the id {value['id']!r} fits {len(uids)} items ({', '.join(uids)}): give `item` (the uid) or `row`"
            )
        return uids[0]


def _writer_name(row: Mapping[str, Any]) -> str | None:
    """The writer's name as a row has it; None where it has none, or none that is a text."""
    writer = row.get("writer")
    name = writer.get("name") if isinstance(writer, dict) else writer
    return name if isinstance(name, str) and name else None


def _rubric(row: Mapping[str, Any], index: _Index, writer: str) -> Rubric | None:
    """The rubric of a row, by `writer` where it names none; None where it belongs to a benchmark that is not part of this run."""
    value = {"writer": writer, **row}
    if "rubric" in value:
        if "text" in value:
            raise RecordError("`text` and `rubric` are one: keep `text`")
        value["text"] = value.pop("rubric")
    benchmark = value.get("benchmark")
    if benchmark is None and len(index.benchmarks) == 1:
        benchmark = value["benchmark"] = next(iter(index.benchmarks))
    if not isinstance(benchmark, str):
        raise RecordError("`benchmark` is missing")
    if benchmark not in index.benchmarks:
        return None
    item_keys = [k for k in ("item", "id", "row") if k in value]
    if len(item_keys) != 1:
        raise RecordError("give exactly one of `item` (a uid, or null for a rubric shared by all items), `id`, `row`")
    if (
        not isinstance(value[item_keys[0]], {"item": str | None, "id": str | int, "row": int}[item_keys[0]])
        or value[item_keys[0]] is True
    ):
        raise RecordError(f"`{item_keys[0]}` is {value[item_keys[0]]!r}; give a row number, an id, or a uid")
    if item_keys[0] != "item":
        value["item"] = index.match(benchmark, value)
        value = {k: v for k, v in value.items() if k not in _BY_HAND}
    elif value["item"] is not None and value["item"] not in index.uids[benchmark]:
        raise RecordError(
            f"no item of {benchmark} has the uid {value['item']!r}; `rubric-harness items CONFIG` lists them"
        )
    if isinstance(value.get("writer"), str):
        value["writer"] = {"name": value["writer"]}
    rubric = decode(Rubric, value)
    if rubric.status == "valid" and not rubric.text.strip():
        raise RecordError('`text` is empty: remove the line, or mark it "status": "invalid"')
    return rubric


def check_unchanged(run: RunFolder, files: Sequence[RubricFile], damage: Damage | None = None) -> list[Rubric]:
    """The rubrics that a run folder does not hold yet.

    Raises:
        UserError: the folder holds another text under the same writer and item: its table rows would mix two writers.
    """
    uid_by_place: dict[tuple[Any, ...], str] = {}
    for r in run.rubrics(damage):
        uid_by_place[r.benchmark, r.item, r.writer.name, r.saw, r.replicate] = r.uid
    new: list[Rubric] = []
    for file in files:
        changed = 0
        for r in file.rubrics:
            uid = uid_by_place.get((r.benchmark, r.item, r.writer.name, r.saw, r.replicate))
            changed += uid is not None and uid != r.uid
            if uid is None:
                new.append(r)
        if changed:
            raise UserError(
                f"{file.path}: {changed} rubrics of {file.name!r} differ from those that {run} was judged with: "
                "give the writer another name, or the run another folder (--out)"
            )
    return new
