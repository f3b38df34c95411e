"""Rows to Items: one generic loader for every benchmark, driven by its declaration."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from evaluators.errors import UserError
from evaluators.keys import canonical_order, digest, item_uid
from evaluators.records import Candidate, Item, Label, Media
from harness_plugins.benchmarks.media import MediaFinder, MediaProblem
from harness_plugins.benchmarks.sources import Row, Source, open_source
from harness_plugins.benchmarks.spec import BenchmarkSpec, CategoryMap, CategoryRule, MediaSpec, load_spec

SHOWN_PROBLEMS = 5


@dataclass(frozen=True)
class Benchmark:
    """A loaded benchmark: all of its items (before any limit), and where they came from."""

    spec: BenchmarkSpec
    items: tuple[Item, ...]
    source: Source

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


class _Problem(Exception):
    """What is wrong with one row."""


def load_benchmark(
    name: str,
    *,
    path: Path | None = None,
    media_root: Path | None = None,
    media: Literal["required", "optional"] = "required",
    frames: int | None = None,
) -> Benchmark:
    """Read a benchmark whole.

    Args:
        name: a folder under `tasks/`.
        path: a local file or folder in the dataset's own columns; without it the Hub (or the bundled rows).
        media_root: what media paths are relative to; the rows' folder by default.
        media: whether a row whose media are missing is an error or judged on text.
        frames: at most this many frames of a video; the benchmark's own number by default.

    Raises:
        UserError: up to five problems, a line each, naming file and row.
    """
    spec = load_spec(name)
    source = open_source(spec, path)
    root = media_root or source.root
    if not root.is_dir():
        raise UserError(f"{root}: no such folder (media_root of benchmark {name!r}; relative to the config file)")
    finder = MediaFinder(spec, root, frames or spec.frames)
    reader = _RowReader(spec, finder, media == "optional", source.revision)
    items: list[Item] = []
    problems: list[str] = []
    missing = 0
    seen: Counter[str] = Counter()
    for number, (place, row) in enumerate(source.rows()):
        try:
            item = reader.item(row, number)
        except MediaProblem as e:
            missing += e.missing
            problems.append(f"{source.where(place)}: {e}")
            continue
        except _Problem as e:
            problems.append(f"{source.where(place)}: {e}")
            continue
        seen[item.uid] += 1
        items.append(item if seen[item.uid] == 1 else replace(item, uid=f"{item.uid}#{seen[item.uid]}"))
    if problems:
        raise UserError(*_shown(problems, missing, name, root))
    if not items:
        raise UserError(f"{source.where(0).rsplit(':', 1)[0]}: no rows for benchmark {name!r}")
    return Benchmark(spec, tuple(items), source)


def _shown(problems: list[str], missing: int, name: str, root: Path) -> list[str]:
    shown = problems[:SHOWN_PROBLEMS]
    if len(problems) > len(shown):
        shown.append(f"... and {len(problems) - len(shown)} more rows of {name!r}")
    if missing:
        shown.append(
            f"{missing} rows lack media below {root}: set media_root, or `media: optional` to judge them on text"
        )
    return shown


class _RowReader:
    """One row to one Item, by the declaration."""

    def __init__(self, spec: BenchmarkSpec, finder: MediaFinder, optional: bool, revision: str | None) -> None:
        self._spec = spec
        self._finder = finder
        self._optional = optional
        self._revision = revision
        self._strip = re.compile(spec.prompt.strip) if spec.prompt.strip else None

    def item(self, row: Row, number: int) -> Item:
        spec = self._spec
        source_id = self._value(row, spec.id)
        if not isinstance(source_id, str | int) or isinstance(source_id, bool) or source_id == "":
            raise _Problem(f"{spec.id!r} must be a text or a number, not {source_id!r}")
        prompt = self._value(row, spec.prompt.column)
        if not isinstance(prompt, str):
            raise _Problem(f"{spec.prompt.column!r} must be a text, not {type(prompt).__name__}")
        if self._strip:
            prompt = self._strip.sub("", prompt)
        self._missing = False
        stored = self._candidates(row)
        label = self._label(row, len(stored))
        uid = item_uid(spec.name, str(source_id), prompt, stored, None)
        order = canonical_order(uid, stored)
        if label.preferred is not None:
            label = replace(label, preferred=order.index(label.preferred))
        if label.ranks is not None:
            label = replace(label, ranks=tuple(label.ranks[i] for i in order))
        media = tuple(m for how in spec.media for m in self._media(row.get(how.column), how))
        categories = {name: _category(row, rules) for name, rules in spec.categories.items()}
        return Item(
            uid=uid,
            benchmark=spec.name,
            source_id=str(source_id),
            row=number,
            prompt=prompt,
            candidates=tuple(stored[i] for i in order),
            stored=order,
            label=label,
            media=media,
            media_missing=self._missing,
            category=categories.get(spec.category, ""),
            categories=categories,
            group=None if spec.group is None or row.get(spec.group) in (None, "") else str(row[spec.group]),
            revision=self._revision,
        )

    def _value(self, row: Row, column: str) -> Any:
        if column not in row or row[column] is None:
            raise _Problem(f"column {column!r} is missing; {self._spec.name} rows have {', '.join(self._columns())}")
        return row[column]

    def _columns(self) -> list[str]:
        spec = self._spec
        columns = [spec.id, spec.prompt.column, spec.candidates.column, *spec.candidates.columns, spec.label.column]
        return [c for c in columns if c]

    def _media(self, value: Any, how: MediaSpec) -> list[Media]:
        try:
            return self._finder.find(value, how)
        except MediaProblem as e:
            if not (e.missing and self._optional):
                raise
            self._missing = True
            return [Media(value if isinstance(value, str) else how.column, how.kind)]

    def _candidates(self, row: Row) -> list[Candidate]:
        spec = self._spec.candidates
        values = self._value(row, spec.column) if spec.column else [self._value(row, c) for c in spec.columns]
        if not isinstance(values, list | tuple) or len(values) < 2:
            raise _Problem(f"{spec.column!r} must be a list of two candidates or more")
        if len(values) > 2:
            raise _Problem(
                f"{len(values)} candidates; pairwise judging takes two: split the row into pairs of one `group`"
            )
        return [self._candidate(v) for v in values]

    def _candidate(self, value: Any) -> Candidate:
        if isinstance(value, str):
            return Candidate(value)
        if isinstance(value, dict) and (value.get("text") or value.get("media")) and set(value) <= {"text", "media"}:
            return Candidate(
                str(value.get("text") or ""), tuple(self._media(value.get("media"), MediaSpec(column="media")))
            )
        raise _Problem('a candidate must be a text or {"text": ..., "media": [paths]}')

    def _label(self, row: Row, count: int) -> Label:
        spec = self._spec.label
        if spec.rule == "fixed":
            return Label(preferred=spec.index)
        value = self._value(row, spec.column)
        if spec.rule == "names":
            if not isinstance(value, str) or value not in spec.names:
                raise _Problem(f"{spec.column!r} is {value!r}; it must be one of {', '.join(spec.names)}")
            return Label(preferred=spec.names[value])
        if spec.rule == "index":
            if value == "tie":
                return Label("tie")
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
                raise _Problem(
                    f'{spec.column!r} is {value!r}; it must be the index of the preferred candidate (0 or 1) or "tie"'
                )
            return Label(preferred=value)
        ranks = list(value) if isinstance(value, list | tuple) else []
        if not all(isinstance(r, int) for r in ranks) or sorted(ranks) != list(range(count)):
            raise _Problem(f"{spec.column!r} is {value!r}; it must rank the {count} candidates, 0 = best")
        return Label(preferred=ranks.index(0))


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
