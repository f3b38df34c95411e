"""Preference rows to pairs: each source's rows in its own columns, through its layout, as Items of two candidates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import orjson

from evaluators.errors import UserError
from evaluators.keys import digest
from evaluators.records import Item
from harness_plugins.benchmarks.loader import SHOWN_PROBLEMS, RowReader
from harness_plugins.benchmarks.media import MediaFinder, MediaProblem, embedded_bytes, embedded_name
from harness_plugins.benchmarks.sources import Row, RowProblem, Source, open_source
from harness_plugins.benchmarks.spec import BenchmarkSpec, load_spec
from harness_plugins.plugins import SOURCES
from harness_plugins.training_data.config import DataConfig, SourceEntry
from harness_plugins.training_data.sources import NoPreference


@dataclass(frozen=True, slots=True)
class Pair:
    """Two responses to a request, one of them preferred."""

    item: Item
    place: str
    """File and line, or dataset and row, that it came from."""
    margin: float | None = None

    @property
    def uid(self) -> str:
        return self.item.uid

    @property
    def source(self) -> str:
        return self.item.benchmark

    def dropped(self, why: str, detail: str) -> Dropped:
        return Dropped(self.source, self.place, why, detail, self.uid)


REASONS = {
    "bad_row": "the row does not fit its layout, or its image cannot be read",
    "no_preference": "a tie, or a score of one response",
    "prompt_length": "the prompt is empty, or outside `filters.prompt`",
    "response_length": "a response is empty, or outside `filters.response`",
    "length_ratio": "one response is longer than `filters.length_ratio` times the other",
    "margin": "a preference below `filters.min_margin`",
    "same_responses": "both responses say the same",
    "duplicate": "another pair says and shows the same",
    "conflicting_labels": "a pair that says and shows the same prefers the other response: all of them are left out",
    "contaminated": "shares an image or text with a benchmark (contamination.md)",
    "malformed": "the teacher's answer does not keep the form, with `malformed: drop`",
    "leaking": "the teacher's rubric gives away its verdict, with `leaks: drop`",
    "unanswered": "the teacher never answered, with `unanswered: drop`",
}
"""Why a row is in no part, by the word that it is counted under."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that is in no part."""

    source: str
    place: str
    why: str
    """One of `REASONS`."""
    detail: str = ""
    uid: str = ""


class Selection(NamedTuple):
    """What a step leaves of the pairs."""

    pairs: list[Pair]
    dropped: list[Dropped]


@dataclass
class Read:
    """What the sources gave."""

    pairs: list[Pair] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By source: where its rows came from, how many, and a hash over what they say."""


def read_sources(config: DataConfig, limit: int | None = None) -> Read:
    """Read all sources.

    Args:
        limit: at most this many rows of each source.

    Raises:
        UserError: a source cannot be read, or rows do not fit and its `bad_rows` is not `skip`: up to five of them a line each.
    """
    read = Read()
    for entry in config.sources:
        max_rows = min((n for n in (entry.limit, limit) if n is not None), default=None)
        policy = entry.bad_rows or config.bad_rows
        first_pair, first_dropped = len(read.pairs), len(read.dropped)
        source = open_source(spec_of(entry), entry.path)
        rows = 0
        problems: list[str] = []
        uid_counts: Counter[str] = Counter()
        for outcome in _pairs(entry, source, max_rows):
            rows += 1
            if isinstance(outcome, Pair):
                uid_counts[outcome.uid] += 1
                n = uid_counts[outcome.uid]
                read.pairs.append(
                    outcome if n == 1 else replace(outcome, item=replace(outcome.item, uid=f"{outcome.uid}#{n}"))
                )
                continue
            read.dropped.append(outcome)
            if outcome.why == "bad_row" and policy == "error":
                problems.append(f"{outcome.place}: {outcome.detail}")
        if problems:
            more = [f"... and {len(problems) - SHOWN_PROBLEMS} more"] if len(problems) > SHOWN_PROBLEMS else []
            raise UserError(
                *problems[:SHOWN_PROBLEMS],
                *more,
                f"source {entry.name!r}: {len(problems)} of {rows} rows do not fit; fix them, or leave them out and counted with "
                "`bad_rows: skip`",
            )
        pairs = [p.item for p in read.pairs[first_pair:]]
        if not pairs:
            gone = Counter(d.why for d in read.dropped[first_dropped:])
            raise UserError(
                f"source {entry.name!r}: no pairs in {source.resolved or entry.path} ({rows} rows; {dict(gone) or 'it is empty'})"
            )
        read.facts[entry.name] = {
            "layout": entry.layout,
            "source": source.resolved,
            "revision": source.revision,
            "licence": SOURCES.module(entry.layout).LICENCE,
            "rows": rows,
            "pairs": len(pairs),
            "rows_sha256": digest([(i.uid, i.label.preferred) for i in pairs]),
        }
    return read


class SourceSpec(BenchmarkSpec):
    kind: ClassVar[str] = "source"


def spec_of(entry: SourceEntry) -> SourceSpec:
    """The declaration of `pairs` under the source's name, with its dataset."""
    dataset = SOURCES.module(entry.layout).DATASET
    chosen = {"config": entry.config, "revision": entry.revision}
    dataset = dataset.model_copy(update={k: v for k, v in chosen.items() if v})
    return SourceSpec.model_construct(**{**dict(load_spec("pairs")), "name": entry.name, "dataset": dataset})


def _pairs(entry: SourceEntry, source: Source, limit: int | None) -> Iterator[Pair | Dropped]:
    """A pair for each row of a source, or why it is none."""
    root = entry.media_root or source.root
    if not root.is_dir():
        raise UserError(f"{root}: no such folder (media_root of source {entry.name!r}; relative to the config file)")
    spec = spec_of(entry)
    reader = RowReader(spec, MediaFinder(spec, root, spec.frames), entry.media == "optional", source.revision)
    turn = SOURCES.module(entry.layout).pair
    for number, (line, row) in enumerate(source.rows()):
        if number == limit:
            return
        origin = source.where(line)
        try:
            pair_row = turn(row)
            yield _pair(reader, pair_row, number, origin)
        except NoPreference as e:
            yield Dropped(entry.name, origin, "no_preference", str(e))
        except MediaProblem as e:
            fix = "; set media_root, or `media: optional` to take the row without" if e.missing else ""
            yield Dropped(entry.name, origin, "bad_row", f"{e}{fix}")
        except RowProblem as e:
            yield Dropped(entry.name, origin, "bad_row", str(e))


def _pair(reader: RowReader, row: Row, number: int, origin: str) -> Pair:
    """A row as a pair.

    Args:
        origin: where the row stands: file and line, or dataset and row.

    Raises:
        NoPreference: none of the two is preferred.
        RowProblem: it is no pair.
    """
    if row.get("id") in (None, ""):
        row = {**row, "id": _id_of(row)}
    item = reader.item(row, number)
    if len(item.candidates) != 2:
        raise RowProblem(f"{len(item.candidates)} candidates; a pair has two: split the row")
    if item.criterion:
        raise RowProblem("a preference on one criterion alone; the writer's prompt cannot say which: remove the row")
    if item.label.preferred is None:
        raise NoPreference(item.label.kind)
    margin = row.get("margin")
    if margin is not None and (isinstance(margin, bool) or not isinstance(margin, int | float)):
        raise RowProblem(f"'margin' is {margin!r}; it must be a number")
    return Pair(item, origin, None if margin is None else float(margin))


def _id_of(row: Row) -> str:
    """An id from what a row says, so that it is the same wherever the row is."""
    media = [embedded_name(data) if (data := embedded_bytes(m)) else str(m) for m in row.get("media") or ()]
    content = orjson.loads(orjson.dumps([row.get("prompt"), row.get("candidates")], default=str))
    return digest(content, media)[:16]
