"""Rows to Items: one generic loader for every benchmark, driven by its declaration."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from evaluators.errors import UserError
from evaluators.keys import canonical_order, digest, item_uid
from evaluators.records import Candidate, Item, Media
from harness_plugins.benchmarks.entry import BenchmarkEntry
from harness_plugins.benchmarks.labels import read_label
from harness_plugins.benchmarks.media import MediaFinder, MediaProblem, embedded_bytes, embedded_name
from harness_plugins.benchmarks.sources import NumberedRow, Row, RowProblem, Source, open_source
from harness_plugins.benchmarks.spec import BenchmarkSpec, CategoryMap, CategoryRule, MediaSpec, load_spec

SHOWN_PROBLEMS = 5


@dataclass(frozen=True)
class Benchmark:
    """A loaded benchmark: all of its items (before any limit), and where they came from."""

    spec: BenchmarkSpec
    items: tuple[Item, ...]
    source: Source
    gone: frozenset[str] = frozenset()
    """uids of items whose media are not there any more; a run folder knows them."""

    def facts(self) -> dict[str, Any]:
        """For the manifest: where the rows came from, how many, and a hash over what they say."""
        return {
            "title": self.spec.title,
            "source": self.source.resolved,
            "revision": self.source.revision,
            "rows": len(self.items),
            "expected_rows": self.spec.dataset.rows,
            "rows_sha256": digest([(i.uid, i.label.kind, i.label.preferred, i.category) for i in self.items]),
        }


def load_entry(
    entry: BenchmarkEntry, limit: int | None = None, recorded: Mapping[str, Item] = MappingProxyType({})
) -> Benchmark:
    """The benchmark that an entry of a config names, whole.

    Args:
        limit: where it is lower than the entry's own; `recorded` as in `load_benchmark`.

    Raises:
        UserError: as `load_benchmark`.
    """
    return load_benchmark(
        entry.name,
        path=entry.path,
        media_root=entry.media_root,
        media=entry.media,
        frames=entry.frames,
        limit=min((n for n in (entry.limit, limit) if n is not None), default=None),
        recorded=recorded,
        revision=entry.revision,
    )


def load_benchmark(
    name: str,
    *,
    path: Path | None = None,
    media_root: Path | None = None,
    media: Literal["required", "optional"] = "required",
    frames: int | None = None,
    limit: int | None = None,
    recorded: Mapping[str, Item] = MappingProxyType({}),
    revision: str | None = None,
) -> Benchmark:
    """Read a benchmark whole.

    Args:
        name: a folder under `tasks/`.
        path: a local file or folder in the dataset's own columns; without it the Hub (or the bundled rows).
        media_root: what media paths are relative to; the rows' folder by default.
        media: whether a row whose media are missing is an error or judged on text.
        frames: at most this many frames of a video; the benchmark's own number by default.
        limit: only the media of so many items, from the first, must be there; the others are known by their names where not.
        recorded: items of a run folder by uid. Their media may be gone since: what was answered on them still counts.
        revision: which commit, branch or tag of the Hub's dataset; any number of rows is then taken.

    Raises:
        UserError: up to five problems, a line each, naming file and row; or what is wrong with the dataset as a whole.
    """
    spec = _at_revision(load_spec(name), revision, path)
    source = open_source(spec, path)
    root = media_root or source.root
    if not root.is_dir():
        raise UserError(f"{root}: no such folder (media_root of benchmark {name!r}; relative to the config file)")
    finder = MediaFinder(spec, root, frames or spec.frames)
    reading = _Reading(RowReader(spec, finder, media == "optional", source.revision), source, recorded)
    columns: dict[str, None] = {}
    for number, row in enumerate(source.rows()):
        columns.update(dict.fromkeys(row.row))
        reading.add(row, number, unused=limit is not None and number >= limit)
    # Rows of one's own that are judged on text may lack the columns of media; a dataset of the Hub may not.
    shown = media == "required" or source.revision is not None
    if columns and (absent := [c for c in spec.columns(shown) if columns.keys().isdisjoint(c)]):
        raise UserError(_renamed(spec, source, absent, columns))
    if reading.problems:
        raise UserError(*_shown(reading.problems, reading.missing, name, root))
    items = tuple(reading.items)
    if not items:
        raise UserError(f"{source.resolved}: no rows for benchmark {name!r}")
    if source.revision and revision is None and spec.dataset.rows not in (None, len(items)):
        raise UserError(
            f"{source.resolved}: {len(items)} rows at {source.revision}, not the {spec.dataset.rows} of {spec.title}: to judge them "
            f"anyway, set `revision: {source.revision}` under the benchmark"
        )
    return Benchmark(spec, items, source, frozenset(reading.gone))


def _at_revision(spec: BenchmarkSpec, revision: str | None, path: Path | None) -> BenchmarkSpec:
    """The benchmark with another commit of its dataset, where one is given."""
    if revision is None:
        return spec
    if path is not None or not spec.dataset.id:
        raise UserError(
            f"benchmark {spec.name!r}: `revision` names a commit of a dataset of the Hub, and these rows are local"
        )
    return spec.model_copy(update={"dataset": spec.dataset.model_copy(update={"revision": revision})})


class _Reading:
    """Rows as they become items, and their problems so far.

    Args:
        recorded: items of a run folder by uid, whose media may be gone.
    """

    def __init__(self, reader: RowReader, source: Source, recorded: Mapping[str, Item]) -> None:
        self._reader, self._source, self._recorded = reader, source, recorded
        self._uids: Counter[str] = Counter()
        self.items: list[Item] = []
        self.gone: set[str] = set()
        """uids of items that are as the run folder has them."""
        self.problems: list[str] = []
        self.missing = 0
        """Problems that are media which are not there."""

    def add(self, row: NumberedRow, number: int, unused: bool) -> None:
        """Read a row, or note what is wrong with it; `number` and `unused` as in `RowReader.item`."""
        try:
            self.items.append(self._item(row.row, number, unused))
        except (MediaProblem, RowProblem) as e:
            self.missing += isinstance(e, MediaProblem) and e.missing
            self.problems.append(f"{self._source.where(row.number)}: {e}")

    def _item(self, row: Row, number: int, unused: bool) -> Item:
        """The item of a row under a uid of its own; where its media are gone, as the run folder has recorded it."""
        try:
            item = self._reader.item(row, number, unused)
        except MediaProblem as e:
            # A file that is there and cannot be used is an error, whatever a run folder says of it.
            if not e.missing or not self._recorded:
                raise
            item = self._reader.item(row, number, unused=True)
            recorded = self._as_recorded(self._numbered(item))
            if recorded is None:
                raise
            self.gone.add(recorded.uid)
            numbered = recorded
        else:
            numbered = self._numbered(item)
        self._uids[item.uid] += 1
        return numbered

    def _numbered(self, item: Item) -> Item:
        """The item with a uid of its own: rows that say the same are distinguished by a number."""
        earlier = self._uids[item.uid]
        return replace(item, uid=f"{item.uid}#{earlier + 1}") if earlier else item

    def _as_recorded(self, item: Item) -> Item | None:
        """The item with its media as the run folder knows them; None where it does not."""
        recorded = self._recorded.get(item.uid)
        if recorded is None or not recorded.all_media() or not recorded.digested():
            return None
        shown = zip(item.candidates, recorded.candidates, strict=True)
        candidates = tuple(Candidate(c.text, theirs.media) for c, theirs in shown)
        return replace(item, media=recorded.media, candidates=candidates, media_missing=recorded.media_missing)


def _renamed(spec: BenchmarkSpec, source: Source, absent: list[tuple[str, ...]], columns: Iterable[str]) -> str:
    """The message for columns that no row has, and what mends it."""
    names = ", ".join(" or ".join(map(repr, c)) for c in absent)
    revision = f" at {source.revision}" if source.revision else ""
    fix = (
        "give a `revision:` that has it, or `path:` with rows that do"
        if source.revision
        else f"name the columns as {spec.title} does"
    )
    return f"{source.resolved}{revision}: no row has the column {names}; the rows have {', '.join(columns)}: {fix}"


def _shown(problems: list[str], missing: int, name: str, root: Path) -> list[str]:
    shown = problems[:SHOWN_PROBLEMS]
    if len(problems) > len(shown):
        shown.append(f"... and {len(problems) - len(shown)} more rows of {name!r}")
    if missing:
        shown.append(
            f"{missing} rows lack media below {root}: set media_root, or `media: optional` to judge them on text"
        )
    return shown


class RowReader:
    """One row to one Item, by the declaration; training data of other layouts come through it as rows of `pairs`."""

    def __init__(self, spec: BenchmarkSpec, finder: MediaFinder, optional: bool, revision: str | None) -> None:
        self._spec = spec
        self._finder = finder
        self._optional = optional
        self._revision = revision
        self._strip = re.compile(spec.prompt.strip) if spec.prompt.strip else None

    def item(self, row: Row, number: int, unused: bool = False) -> Item:
        """The item of a row.

        Args:
            unused: no model will see it, so its media need not be there.
        """
        self._unused = unused
        spec = self._spec
        source_id = self._source_id(row)
        prompt = self._value(row, spec.prompt.column)
        if not isinstance(prompt, str):
            raise RowProblem(f"{spec.prompt.column!r} must be a text, not {type(prompt).__name__}")
        if self._strip:
            prompt = self._strip.sub("", prompt)
        self._missing = False
        stored = self._candidates(row)
        label = read_label(spec.label, partial(self._value, row), len(stored))
        criterion = self._criterion(row)
        uid = item_uid(spec.name, source_id, prompt, stored, criterion)
        # Most datasets store the preferred one first: that order must decide nothing (docs/design/both-orders.md).
        order = canonical_order(uid, stored)
        if label.preferred is not None:
            label = replace(label, preferred=order.index(label.preferred))
        if label.ranks is not None:
            label = replace(label, ranks=tuple(label.ranks[i] for i in order))
        media = tuple(
            m
            for media_spec in spec.media
            for m in self._needed(self._media(row.get(media_spec.column), media_spec), media_spec)
        )
        categories = {name: _category(row, rules) for name, rules in spec.categories.items()}
        return Item(
            uid=uid,
            benchmark=spec.name,
            source_id=source_id,
            row=number,
            prompt=prompt,
            candidates=tuple(stored[i] for i in order),
            stored=order,
            label=label,
            media=media,
            media_missing=self._missing,
            category=categories.get(spec.category, ""),
            categories=categories,
            group=self._group(row),
            criterion=criterion,
            revision=self._revision,
        )

    def _value(self, row: Row, column: str) -> Any:
        if column not in row or row[column] is None:
            raise RowProblem(
                f"column {column!r} is missing; {self._spec.name} rows have {', '.join(self._spec.needed())}"
            )
        return row[column]

    def _source_id(self, row: Row) -> str:
        """The row's id in its dataset: of one column, or of several in sorted order."""
        columns = self._spec.id
        if isinstance(columns, str):
            return _id_part(columns, self._value(row, columns))
        parts: list[str] = []
        for column in columns:
            value = self._value(row, column)
            parts += [_id_part(column, v) for v in (value if isinstance(value, list | tuple) else [value])]
        return "|".join(sorted(parts))

    def _group(self, row: Row) -> str | None:
        """What the row shares with others of its group (`group:` of the benchmark); None where it is in none."""
        group_spec = self._spec.group
        if group_spec is None:
            return None
        column = group_spec if isinstance(group_spec, str) else group_spec.column
        value = row.get(column)
        if value in (None, ""):
            return None
        if isinstance(group_spec, str):
            return str(value)
        match = re.search(group_spec.match, str(value))
        if match is None:
            raise RowProblem(
                f"{column!r} is {value!r}; the group cannot be read from it: it must match {group_spec.match}"
            )
        return match[1]

    def _criterion(self, row: Row) -> str | None:
        """The criterion that the row is judged on; None where it is judged as a whole."""
        criterion_spec = self._spec.criterion
        if criterion_spec is None or (not criterion_spec.required and row.get(criterion_spec.column) in (None, "")):
            return None
        name = self._value(row, criterion_spec.column)
        if not isinstance(name, str) or not name:
            raise RowProblem(f"{criterion_spec.column!r} is {name!r}; it must be a text")
        return f"{name}: {criterion_spec.texts[name]}" if name in criterion_spec.texts else name

    def _media(self, value: Any, media_spec: MediaSpec) -> list[Media]:
        """The media of a column's value. Of those that may be missing the names alone."""
        if isinstance(value, list | tuple):
            return [m for part in value for m in self._media(part, media_spec)]
        try:
            return self._finder.find(value, media_spec)
        except MediaProblem as e:
            if not self._unused and not (e.missing and self._optional):
                raise
            self._missing = True
            return [Media(_name(value), media_spec.kind)]

    def _needed(self, media: list[Media], media_spec: MediaSpec) -> list[Media]:
        """The same media, unless there must be some and there are none."""
        if media_spec.required and not media:
            if not self._optional and not self._unused:
                raise MediaProblem(
                    f"column {media_spec.column!r} holds no {media_spec.kind}: fix or remove the row", missing=True
                )
            self._missing = True
        return media

    def _candidates(self, row: Row) -> list[Candidate]:
        spec = self._spec.candidates
        both = bool(spec.column or spec.columns) and bool(spec.media_column or spec.media_columns)
        texts = self._cells(row, spec.column, spec.columns, optional=both)
        media = self._cells(row, spec.media_column, spec.media_columns, optional=both)
        lists = [values for values in (texts, media) if values is not None]
        if len({len(values) for values in lists}) > 1:
            raise RowProblem(
                f"{len(lists[0])} texts and {len(lists[1])} media of candidates; each candidate needs one of both"
            )
        count = len(lists[0])
        if count > spec.most:
            raise RowProblem(
                f"{count} candidates; pairwise judging takes two: split the row into pairs of one `group`"
                if spec.most == 2
                else f"{count} candidates; {self._spec.name} takes {spec.most} at most: split the row"
            )
        candidates = [
            self._candidate(text, medium)
            for text, medium in zip(texts or [None] * count, media or [None] * count, strict=True)
        ]
        pictured = spec.pictured or not (spec.column or spec.columns)
        if pictured and not all(c.media for c in candidates):
            raise RowProblem("a candidate has no image; fix or remove the row")
        if not any(c.text or c.media for c in candidates):
            raise RowProblem("no candidate has a text or an image; fix or remove the row")
        return candidates

    def _cells(self, row: Row, column: str | None, columns: tuple[str, ...], optional: bool) -> list[Any] | None:
        """What the columns hold for each candidate. `optional`: a candidate may lack it, as it may have the other."""
        if column:
            values = self._value(row, column)
            if not isinstance(values, list | tuple) or len(values) < 2:
                raise RowProblem(f"{column!r} must be a list of two candidates or more")
            return list(values)
        return [row[c] if optional and c in row else self._value(row, c) for c in columns] or None

    def _candidate(self, text: Any, media: Any) -> Candidate:
        """A candidate from its columns, or from `{"text": ..., "media": [paths]}`."""
        declared = self._spec.candidates
        if isinstance(text, dict) and (text.get("text") or text.get("media")) and set(text) <= {"text", "media"}:
            text, media = text.get("text") or "", text.get("media")
        if text is None and (declared.media_column or declared.media_columns):
            text = ""
        if not isinstance(text, str):
            raise RowProblem('a candidate must be a text or {"text": ..., "media": [paths]}')
        media_spec = MediaSpec(column="media", kind=self._spec.candidates.kind)
        return Candidate(text, tuple(_told_apart(m) for m in self._media(media, media_spec)))


def _name(value: Any) -> str:
    """What a medium that cannot be used is called."""
    if data := embedded_bytes(value):
        return embedded_name(data)
    return str(value.get("path") if isinstance(value, dict) else value)


def _id_part(column: str, value: Any) -> str:
    if data := embedded_bytes(value):
        return embedded_name(data)
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise RowProblem(f"{column!r} must be a text or a number, not {value!r}")
    return str(value)


def _told_apart(medium: Media) -> Media:
    """A candidate's embedded image is named by its content: the names that datasets give them repeat ("image.png"),
    and candidates that look alike would be in their stored order."""
    embedded = medium.files and medium.files[0].sha256
    return replace(medium, name=embedded[:16]) if embedded else medium


def _category(row: Row, rules: CategoryMap) -> str:
    for rule in rules.rules:
        if _matches(row, rule):
            return rule.category
    return str(row.get(rules.column) or "") if rules.column else rules.otherwise


def _matches(row: Row, rule: CategoryRule) -> bool:
    columns = (rule.column,) if isinstance(rule.column, str) else rule.column
    value = next((str(row[c]) for c in columns if row.get(c) not in (None, "")), "")
    if not re.search(rule.match, value):
        return False
    return all(re.search(pattern, str(row.get(column) or "")) for column, pattern in rule.where.items())
