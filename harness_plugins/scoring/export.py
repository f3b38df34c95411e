"""A public export: a run folder that anybody may have and score, with verdicts, hashes and metrics and without the dataset.

`export` is the whole of it; `redaction` says record by record what stays.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from evaluators.engine.journal import Damage, objects
from evaluators.errors import UserError
from evaluators.records import Item, RecordError, Rubric, Verdict, decode, encode
from harness_plugins._version import __version__
from harness_plugins.folder.redaction import (
    VERSION,
    name,
    public_answer,
    public_item,
    public_manifest,
    public_rubric,
    public_verdict,
)
from harness_plugins.folder.reread import Rereader
from harness_plugins.folder.run_folder import RunFolder

REMOVED = (
    "texts: prompts, candidates, criteria, rubrics with their reasons and evaluations, answers, reasoning, refusals, errors' messages",
    "log-probabilities token by token (the probabilities of a verdict stay, in `p`)",
    "media with their names, sizes and places (the sha256 of their bytes stays)",
    "paths, addresses, hosts, templates, names of imported files, structured values of extra_body, words under a secret's name",
    "files that hold texts alone: rubric-*.yaml, answers-*.jsonl; and scores.jsonl, which names its sources freely",
)
HASHED = (
    "`sha256:` and 32 hex stand for ids, groups, names and labels that are long, hold blanks, or are paths or file names; `content` "
    "in items is the sha256 of the normalised texts. None is salted: anybody with the dataset can find its rows, and can check "
    "whether a text that they guess is among them."
)
LIMITS = (
    "`score` and `table` give the numbers of the run, but for protocols with a parser of their own (official:...), which need the "
    "answers, and in rubric cards: largest weight, from question, from responses, alike",
    "`show` and `report` have nothing to show",
)


@dataclass(frozen=True)
class Exported:
    """The result of an export."""

    out: Path
    items: int
    verdicts: int
    rubrics: int
    left_out: int
    """Lines that cannot be read."""
    size: int
    """Bytes."""


def export(run: str | Path, out: str | Path) -> Exported:
    """Write a public export of a run folder: no part of it if anything fails. Equal folders give equal bytes.

    Raises:
        UserError: no run folder, a damaged one, or a place that is taken or is inside the run.
    """
    run, out = Path(run), Path(out).absolute()
    damage: Damage = {}
    folder = RunFolder(run)
    items = folder.items(damage)
    if not items:
        raise folder.without_items()
    _check_place(run.resolve(), out)
    out.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place, on the same file system: the rename is then one step.
    part = out.with_name(f".{out.name}.{os.getpid()}")
    part.mkdir()
    try:
        counts = _fill(folder, RunFolder(part), items, damage)
        size = sum(f.stat().st_size for f in part.iterdir())
        part.replace(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Exported(out, len(items), *counts, size)


def _check_place(run: Path, out: Path) -> None:
    if out.resolve().is_relative_to(run):
        raise UserError(f"{out}: is inside the run folder; give --out another place")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UserError(f"{out}: no folder; give --out a new one")
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out}: is not empty; give --out a new folder, or remove this one")


class Counts(NamedTuple):
    verdicts: int
    rubrics: int
    left_out: int


def _fill(run: RunFolder, out: RunFolder, items: dict[str, Item], damage: Damage) -> Counts:
    from harness_plugins.scoring.score import score

    _write(out.file("items"), map(public_item, items.values()))
    rubrics = _write(out.file("rubrics"), _rubrics(run, items, damage)) if run.files("rubrics") else 0
    manifest = run.manifest()
    reread = run.rereader(manifest)
    public_verdicts = (public_verdict(_as_read_today(v, reread)) for v in run.verdicts(damage))
    verdicts = _write(out.file("verdicts"), public_verdicts)
    for writer, path in run.inductions().items():  # the cost of an induced rubric
        answers = (_induction(v) for v in objects(path, damage))
        _write(out.file("induction", name(writer).replace(":", "-")), answers)
    out.write_manifest(public_manifest(manifest))
    # Without the folder's name, as `score --json` has it.
    metrics = [orjson.dumps(o).decode() for o in score(out.path).objects()]
    (out.path / "metrics.json").write_text("[\n" + ",\n".join(metrics) + "\n]\n", encoding="utf-8")
    _write_about(run, out, len(damage))
    return Counts(verdicts, rubrics, len(damage))


def _write(path: Path, records: Iterable[Any]) -> int:
    count = 0
    with open(path, "wb") as f:
        for count, record in enumerate(records, 1):  # noqa: B007
            f.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
    return count


def _rubrics(run: RunFolder, items: dict[str, Item], damage: Damage) -> Iterator[dict[str, Any]]:
    for rubric in run.rubrics(damage):
        yield public_rubric(rubric, _for(rubric, items))


def _for(rubric: Rubric, items: dict[str, Item]) -> Iterable[Item]:
    if rubric.item is None:
        return (i for i in items.values() if i.benchmark == rubric.benchmark)
    return (items[rubric.item],) if rubric.item in items else ()


def _as_read_today(line: dict[str, Any], reread: Rereader) -> dict[str, Any]:
    """A verdict line as today's parsers read its answer, whose words the export leaves behind."""
    try:
        verdict = decode(Verdict, line, "ignore")
    except RecordError:
        return line
    again = reread.verdict(verdict)
    return line if again is verdict else dict(orjson.loads(encode(again)))


def _induction(line: dict[str, Any]) -> dict[str, Any]:
    answer = line.get("answer")
    return {"key": name(str(line.get("key"))), "answer": public_answer(answer) if isinstance(answer, dict) else None}


def _write_about(run: RunFolder, out: RunFolder, left_out: int) -> None:
    about = {
        "what": "a public export of a rubric-harness run: verdicts, hashes and metrics",
        "version": VERSION,
        "versions": {"rubric_harness": __version__},
        "removed": REMOVED,
        "hashed": HASHED,
        "limits": LIMITS,
        "lines_left_out": left_out,
        "originals": {name(f.name): _sha256(f) for f in run.originals()},
    }
    (out.path / "about.json").write_bytes(orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _sha256(path: Path) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
