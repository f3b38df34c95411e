"""Tokens and calls of a run folder, from its jsonl alone: what was paid for, and what each decision would cost alone.

*Paid for* is each answer once: cells with equal calls share one, and a copy of an answer costs nothing, but an answer that a later
line replaced (`--redo`) was paid for as well, and so were replies that could not be used. *Alone* is what a cell's decisions took,
each call of it counted in full, whoever else shares it. What an answer does not report is unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.backends.baseline import PICKS
from evaluators.engine.budget import Rates
from evaluators.rubrics.arms import ARMS, BLIND
from evaluators.specs import capabilities, served_model
from harness_plugins.folder.records import FAILED_REPLIES, TOKEN_COLUMNS, USAGE, read_lines, with_tokens

Cell = tuple[str, str, str, str | None]
"""Benchmark, judge, arm, writer."""


class Tokens(NamedTuple):
    read: float
    written: float


NOTHING = Tokens(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls, and the tokens of those whose answers report them."""

    calls: int = 0
    """Answers of a judge or writer, each once."""
    requests: int = 0
    """Requests behind them: `reasoned` takes two, `direct` by criterion one for each."""
    known: int = 0
    """Calls whose answers tell their tokens."""
    read: float = 0.0
    cached: float = 0.0
    """Of those read."""
    written: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, f) + getattr(other, f) for f in self.__slots__))

    def money(self, rates: Rates) -> float:
        """For the calls that are known, with what the cache saved."""
        return (self.read - self.cached) * rates.read + self.cached * rates.cached + self.written * rates.written

    def alone(self) -> Tokens:
        """Those of all calls, of unknown ones at the mean of the others; NaN where none is known."""
        # Unknown is not zero: a server that reports no tokens would look like the cheapest of all.
        share = self.calls / self.known if self.known else float("nan")
        return Tokens(self.read * share, self.written * share) if self.calls else NOTHING


Role = Literal["judge", "writer", "induction"]


@dataclass(frozen=True)
class Paid:
    """What one judge or writer was paid for."""

    role: Role
    name: str
    model: str
    """As configured; as served where no config is available."""
    usage: Usage
    outputs: int
    """Verdicts or rubrics that are there: of several lines the last."""
    retried: int = 0
    """Failed attempts without a reply, before an answer came: whether they were billed is not known."""
    most: Tokens = NOTHING
    """The most that one call read, and that one wrote."""
    failed: int = 0
    """Of the calls, replies that came and could not be used."""

    def money(self, rates: Rates) -> float | None:
        """For the calls whose tokens are known; None where there are calls and none is."""
        return None if self.usage.calls and not self.usage.known else self.usage.money(rates)


@dataclass
class Decided:
    """What the decisions of one cell take."""

    usage: Usage
    """Its distinct calls."""
    draws: int
    """Items times samples and replicates."""
    items: int

    def a_draw(self) -> NDArray[np.float64]:
        """Requests, and tokens read and written, of all items in one sample and replicate."""
        return np.array([self.usage.requests, *self.usage.alone()]) * (self.items / self.draws)

    def calls_a_draw(self) -> float:
        return self.usage.calls * (self.items / self.draws)


class Drafts(NamedTuple):
    """The present rubrics of a writer, whatever the outcome."""

    usage: Usage
    replicates: int

    def replicate(self) -> Usage:
        """One replicate's share; how many of its calls are known stays as it is."""
        if self.replicates == 1:
            return self.usage
        usage, tokens = self.usage, (self.usage.read, self.usage.cached, self.usage.written)
        return Usage(usage.calls, usage.requests, usage.known, *(n / self.replicates for n in tokens))


class RubricUsage(NamedTuple):
    """What the rubrics of a writer took to write."""

    usage: Usage
    """Of one replicate."""
    all_benchmarks: bool
    """Whether it is for all benchmarks of the folder together."""


@dataclass
class FolderUsage:
    """All of a run folder."""

    paid: list[Paid] = field(default_factory=list)
    cells: dict[Cell, Decided] = field(default_factory=dict)
    written: dict[tuple[str, str, bool], Drafts] = field(default_factory=dict)
    """(benchmark, writer, blind) -> its rubrics; `blind`: written without the responses."""
    induced: dict[str, Usage] = field(default_factory=dict)
    """Writer -> all calls of its inductions."""

    def rubrics_read(self, benchmark: str, writer: str, arm: str) -> RubricUsage | None:
        """What the rubrics that an arm reads took to write; None for a writer whose rubrics are not on record."""
        # An induced rubric was made once for all benchmarks; its record for one of them says nothing of its cost.
        if writer in self.induced:
            replicates = max(d.replicates for (_, w, _), d in self.written.items() if w == writer)
            return RubricUsage(Drafts(self.induced[writer], replicates).replicate(), True)
        # A writer may have both kinds. The arm reads one of them, and its cost is that one's alone (docs/costs.md).
        kinds = {blind: d for (b, w, blind), d in self.written.items() if (b, w) == (benchmark, writer)}
        drafts = kinds.get(ARMS.facts(arm).reads is BLIND) or kinds.get(True)
        return None if drafts is None else RubricUsage(drafts.replicate(), False)


_TOKENS = (
    "count(*) AS calls, sum(requests) AS requests, count(*) FILTER (told) AS known, "
    "coalesce(sum(prompt_tokens) FILTER (told), 0), coalesce(sum(cached_tokens) FILTER (told), 0), "
    "coalesce(sum(completion_tokens) FILTER (told), 0)"
)

_ANSWERED_TOKENS = _TOKENS.replace("count(*) AS", "count(*) FILTER (answered) AS").replace(
    "sum(requests) AS", "sum(requests) FILTER (answered) AS"
)

_PAID = """
SELECT judge, coalesce(max(served), ''), sum(times), sum(times * requests), coalesce(sum(times) FILTER (told), 0),
       coalesce(sum(times * prompt_tokens) FILTER (told), 0), coalesce(sum(times * cached_tokens) FILTER (told), 0),
       coalesce(sum(times * completion_tokens) FILTER (told), 0), sum(times * greatest(attempts - 1 - failed, 0)),
       coalesce(max(prompt_tokens), 0), coalesce(max(completion_tokens), 0)
FROM (SELECT judge, max(served) AS served, max(lines) AS times, prompt_tokens, completion_tokens, cached_tokens, requests,
             attempts, failed, prompt_tokens IS NOT NULL AND completion_tokens IS NOT NULL AS told
      FROM (SELECT judge, call, key, latency_s, prompt_tokens, completion_tokens, coalesce(cached_tokens, 0) AS cached_tokens,
                   requests, attempts, failed, max(served) AS served, count(*) AS lines
            FROM raw WHERE answered AND NOT coalesce(bad, true) GROUP BY ALL)
      GROUP BY judge, call, latency_s, prompt_tokens, completion_tokens, cached_tokens, requests, attempts, failed)
GROUP BY judge ORDER BY judge
"""
"""One answer is one line of each key that it was written for: equal latency and tokens under one call are one answer, as often as
one of its keys has it."""

_FAILED_COLUMNS = "failed, failed_told, failed_prompt_tokens, failed_cached_tokens, failed_completion_tokens"
_FAILED_SUMS = """sum(times * failed), sum(times * failed), sum(times * failed_told), coalesce(sum(times * failed_prompt_tokens), 0),
       coalesce(sum(times * failed_cached_tokens), 0), coalesce(sum(times * failed_completion_tokens), 0),
       coalesce(max(failed_prompt_tokens), 0), coalesce(max(failed_completion_tokens), 0)"""

_FAILED = f"""
SELECT judge, {_FAILED_SUMS}
FROM (SELECT judge, max(lines) AS times, {_FAILED_COLUMNS}
      FROM (SELECT judge, call, key, latency_s, prompt_tokens, completion_tokens, attempts, {_FAILED_COLUMNS}, count(*) AS lines
            FROM raw WHERE failed > 0 AND NOT coalesce(bad, true) GROUP BY ALL)
      GROUP BY judge, call, latency_s, prompt_tokens, completion_tokens, attempts, {_FAILED_COLUMNS})
GROUP BY judge ORDER BY judge
"""
"""Failed replies, grouped as answers are."""

_CELLS = f"""
SELECT c.*, d.draws, d.items
FROM (SELECT benchmark, judge, arm, writer, {_TOKENS}
      FROM (SELECT benchmark, judge, arm, writer, arg_max(requests, line) AS requests,
                   arg_max(prompt_tokens, line) AS prompt_tokens, arg_max(completion_tokens, line) AS completion_tokens,
                   coalesce(arg_max(cached_tokens, line), 0) AS cached_tokens,
                   bool_or(prompt_tokens IS NOT NULL AND completion_tokens IS NOT NULL) AS told
            FROM last WHERE answered GROUP BY benchmark, judge, arm, writer, call)
      GROUP BY ALL) c
JOIN (SELECT benchmark, judge, arm, writer, count(DISTINCT hash(item, sample, replicate)) AS draws,
             count(DISTINCT hash(item)) AS items
      FROM last WHERE answered GROUP BY ALL) d
ON c.benchmark = d.benchmark AND c.judge = d.judge AND c.arm = d.arm AND c.writer IS NOT DISTINCT FROM d.writer
"""

_REPLIES = (
    f"answer: 'STRUCT(model VARCHAR, attempts INTEGER, usage {USAGE}, failed_replies {FAILED_REPLIES})', "
    f"error: 'STRUCT(failed_replies {FAILED_REPLIES})'"
)
_LINE = f"""answer IS NOT NULL AS answered, 1 AS times, coalesce(answer.attempts, 1) AS attempts, {TOKEN_COLUMNS},
       prompt_tokens IS NOT NULL AND completion_tokens IS NOT NULL AS told"""
"""Columns of a line that was paid for by itself: a rubric's, or an induction's."""
_MOST = "sum(greatest(attempts - 1 - failed, 0)), coalesce(max(prompt_tokens), 0), coalesce(max(completion_tokens), 0)"


def _lines(columns: str = "") -> str:
    """Lines that have `columns` beside an answer and an error."""
    return with_tokens(
        "read_json($files, format = 'newline_delimited', ignore_errors = true, maximum_object_size = $longest, "
        f"columns = {{{columns}{_REPLIES}}})"
    )


_RUBRIC = """benchmark: 'VARCHAR', item: 'VARCHAR', saw: 'VARCHAR', replicate: 'INTEGER', status: 'VARCHAR',
    writer: 'STRUCT(name VARCHAR, model VARCHAR)', """
_RUBRICS = f"""
CREATE TABLE rubrics AS
SELECT benchmark, item, coalesce(saw, 'nothing') = 'nothing' AS blind, saw, coalesce(replicate, 0) AS replicate, status,
       writer.name AS writer, writer.model AS model, {_LINE}, row_number() OVER () AS line
FROM ({_lines(_RUBRIC)})
"""

_INDUCED = f"""
SELECT max(answer.model), {_ANSWERED_TOKENS}, {_MOST}, {_FAILED_SUMS}
FROM (SELECT answer, {_LINE} FROM ({_lines()}))
"""


def usage_of(
    db: Any, rubric_files: Sequence[Path], inductions: Mapping[str, Path], manifest: Mapping[str, Any]
) -> FolderUsage:
    """What a folder's records tell of tokens.

    Args:
        db: a connection with the tables `raw` and `last` of `records.verdict_tables`; they may be absent where nothing was judged.
        rubric_files: those that are not empty.
        inductions: writer -> the file of its induction's answers; those that are not empty.
    """
    folder_usage = FolderUsage()
    tables = {name for (name,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if {"raw", "last"} <= tables:
        _judges(db, manifest, folder_usage)
    file_writers = set(
        manifest.get("rubrics", {})
    )  # not paid for here; what they took to write is reported where it is known
    if rubric_files:
        read_lines(db, _RUBRICS, rubric_files)
        _rubrics(db, file_writers, folder_usage)
    models = dict(db.execute("SELECT writer, max(model) FROM rubrics GROUP BY 1").fetchall()) if rubric_files else {}
    _inductions(db, {w: path for w, path in inductions.items() if w not in file_writers}, models, folder_usage)
    return folder_usage


def _judges(db: Any, manifest: Mapping[str, Any], folder_usage: FolderUsage) -> None:
    def is_model(judge: str) -> bool:
        entry = manifest.get("judges", {}).get(judge)
        return capabilities(str(entry["key"].get("backend"))).asks_model if entry else judge not in PICKS

    verdict_counts = dict(db.execute("SELECT judge, count(*) FROM last WHERE answered GROUP BY 1").fetchall())
    answers = {judge: row for judge, *row in db.execute(_PAID).fetchall()}
    failed = {judge: row for judge, *row in db.execute(_FAILED).fetchall()}
    for judge in sorted(filter(is_model, answers.keys() | failed.keys())):
        served, *row = answers.get(judge, ("", *_NO_ANSWER))
        entry = manifest.get("judges", {}).get(judge)
        model = (model_of(entry["key"]) if entry else "") or served
        folder_usage.paid.append(
            _paid("judge", judge, model, answers=row, failed=failed.get(judge), outputs=verdict_counts.get(judge, 0))
        )
    for benchmark, judge, arm, writer, *numbers, draws, items in db.execute(_CELLS).fetchall():
        if is_model(judge):
            folder_usage.cells[benchmark, judge, arm, writer] = Decided(_usage(numbers), draws, items)


def model_of(key: Mapping[str, Any]) -> str:
    """The model behind a judge of a manifest, by its own name; empty where that does not tell."""
    return served_model(str(key.get("backend")), str(key.get("model") or ""), key.get("model_args") or {})


_NO_ANSWER = (0,) * 9
"""Sums over no answer: the six of a usage, failed attempts, and the most read and written."""


def _usage(numbers: Any) -> Usage:
    calls, requests, calls_with_usage, read, cached, written = numbers
    return Usage(int(calls), int(requests or 0), int(calls_with_usage), read, cached, written)


def _paid(role: Role, name: str, model: str, *, answers: Any, failed: Any, outputs: int) -> Paid:
    """What was paid for answers, and for replies that could not be used (None: there were none)."""
    *numbers, retried, read, written = answers
    usage, largest, lost = _usage(numbers), Tokens(read, written), 0
    if failed is not None:
        *numbers, failed_read, failed_written = (n or 0 for n in failed)
        usage, lost = usage + _usage(numbers), int(numbers[0])
        largest = Tokens(max(read, failed_read), max(written, failed_written))
    return Paid(role, name, model, usage, outputs, int(retried or 0), largest, lost)


def _rubrics(db: Any, file_writers: set[str], folder_usage: FolderUsage) -> None:
    rows = db.execute(
        f"SELECT writer, max(model), {_TOKENS}, {_MOST} FROM rubrics WHERE answered AND writer IS NOT NULL GROUP BY 1"
    ).fetchall()
    answers = {writer: row for writer, *row in rows}
    rows = db.execute(
        f"SELECT writer, max(model), {_FAILED_SUMS} FROM rubrics WHERE failed > 0 AND writer IS NOT NULL GROUP BY 1"
    ).fetchall()
    failed = {writer: row for writer, *row in rows}
    db.execute(
        "CREATE TABLE drafts AS SELECT * FROM rubrics WHERE status <> 'error' QUALIFY row_number() OVER "
        "(PARTITION BY benchmark, writer, item, saw, replicate ORDER BY line DESC) = 1"
    )
    rubric_counts = dict(db.execute("SELECT writer, count(*) FROM drafts GROUP BY 1").fetchall())
    for writer in sorted((answers.keys() | failed.keys()) - file_writers):
        lost_model, *lost = failed.get(writer, (None,))
        model, *row = answers.get(writer, (lost_model, *_NO_ANSWER))
        outputs = rubric_counts.get(writer, 0)
        folder_usage.paid.append(
            _paid("writer", writer, model or "", answers=row, failed=lost or None, outputs=outputs)
        )
    for benchmark, writer, blind, replicates, *numbers in db.execute(
        f"SELECT benchmark, writer, blind, count(DISTINCT replicate), {_TOKENS} FROM drafts GROUP BY 1, 2, 3"
    ).fetchall():
        folder_usage.written[benchmark, writer, blind] = Drafts(_usage(numbers), replicates)


def _inductions(db: Any, files: Mapping[str, Path], models: Mapping[str, str], folder_usage: FolderUsage) -> None:
    """What inductions took, also of those that were stopped before their rubric was filed.

    Args:
        models: writer -> the model of its rubrics that are filed.
    """
    for name, path in files.items():
        (row,) = read_lines(db, _INDUCED, [path]).fetchall()
        served, *row = row
        answers, failed = row[:9], row[9:]
        usage = _usage(answers[:6])
        if name in models:
            folder_usage.induced[name] = usage
        model = models.get(name) or served or ""
        folder_usage.paid.append(_paid("induction", name, model, answers=answers, failed=failed, outputs=usage.calls))
