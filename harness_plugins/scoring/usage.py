"""Tokens and calls of a run folder, from its jsonl alone: what was paid for, and what each decision would cost alone.

*Paid for* is each answer once: cells with equal calls share one, and a copy of an answer costs nothing, but an answer that a later
line replaced (`--redo`) was paid for as well. *Alone* is what a cell's decisions took, each call of it counted in full, whoever
else shares it. What an answer does not tell is unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evaluators.backends.baseline import PICKS
from evaluators.engine.budget import Rates
from evaluators.engine.journal import record_files
from harness_plugins.scoring.lines import read_lines

Cell = tuple[str, str, str, str | None]
"""Benchmark, judge, arm, writer."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls, and the tokens of those whose answers tell them."""

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

    def alone(self) -> tuple[float, float]:
        """Tokens read and written in all calls, those of unknown ones at the mean of the others; NaN where none is known."""
        share = self.calls / self.known if self.known else float("nan")
        return (self.read * share, self.written * share) if self.calls else (0.0, 0.0)


@dataclass(frozen=True)
class Paid:
    """What one judge or writer was paid for."""

    role: Literal["judge", "writer", "induction"]
    name: str
    model: str
    """As configured; as served where no config is at hand."""
    usage: Usage
    made: int
    """Verdicts or rubrics that are there: of several lines the last."""
    retried: int = 0
    """Failed attempts before an answer came: whether they were billed is not known."""
    most: tuple[float, float] = (0.0, 0.0)
    """The most tokens that one call read, and that one wrote."""

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


@dataclass
class Folder:
    """All of a run folder."""

    paid: list[Paid] = field(default_factory=list)
    cells: dict[Cell, Decided] = field(default_factory=dict)
    written: dict[tuple[str, str, bool], tuple[Usage, int]] = field(default_factory=dict)
    """(benchmark, writer, blind) -> its present rubrics, whatever came of them, and how many replicates; `blind`: written
    without the responses."""
    induced: dict[str, Usage] = field(default_factory=dict)
    """Writer -> all calls of its inductions."""

    def wrote(self, benchmark: str, writer: str, arm: str) -> tuple[Usage, bool] | None:
        """What the rubrics that an arm reads took to write, one replicate of them, and whether that was for all benchmarks.

        None for a writer whose rubrics are not on record.
        """
        if writer in self.induced:
            replicates = max(n for (_, w, _), (_, n) in self.written.items() if w == writer)
            return _part(self.induced[writer], replicates), True
        kinds = {blind: v for (b, w, blind), v in self.written.items() if (b, w) == (benchmark, writer)}
        found = kinds.get(arm == "blind") or kinds.get(True)
        return None if found is None else (_part(found[0], found[1]), False)


def _part(usage: Usage, replicates: int) -> Usage:
    """One replicate's share; how many of its calls are known stays as it is."""
    if replicates == 1:
        return usage
    return Usage(
        usage.calls, usage.requests, usage.known, *(x / replicates for x in (usage.read, usage.cached, usage.written))
    )


_TOKENS = (
    "count(*) AS calls, sum(requests) AS requests, count(*) FILTER (told) AS known, "
    "coalesce(sum(prompt_tokens) FILTER (told), 0), coalesce(sum(cached_tokens) FILTER (told), 0), "
    "coalesce(sum(completion_tokens) FILTER (told), 0)"
)

_PAID = """
SELECT judge, coalesce(max(served), ''), sum(times), sum(times * requests), coalesce(sum(times) FILTER (told), 0),
       coalesce(sum(times * prompt_tokens) FILTER (told), 0), coalesce(sum(times * cached_tokens) FILTER (told), 0),
       coalesce(sum(times * completion_tokens) FILTER (told), 0), sum(times * (attempts - 1)),
       coalesce(max(prompt_tokens), 0), coalesce(max(completion_tokens), 0)
FROM (SELECT judge, max(served) AS served, max(lines) AS times, prompt_tokens, completion_tokens, cached_tokens, requests,
             attempts, prompt_tokens IS NOT NULL AND completion_tokens IS NOT NULL AS told
      FROM (SELECT judge, call, key, latency_s, prompt_tokens, completion_tokens, coalesce(cached_tokens, 0) AS cached_tokens,
                   requests, attempts, max(served) AS served, count(*) AS lines
            FROM raw WHERE answered AND NOT coalesce(bad, true) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9)
      GROUP BY judge, call, latency_s, prompt_tokens, completion_tokens, cached_tokens, requests, attempts)
GROUP BY judge ORDER BY judge
"""
"""One answer is one line of each key that it was written for: equal latency and tokens under one call are one answer, as often as
one of its keys has it."""

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

_ANSWER = """STRUCT(model VARCHAR, attempts INTEGER, usage STRUCT(prompt_tokens DOUBLE, completion_tokens DOUBLE,
                    cached_tokens DOUBLE))"""
_RUBRICS = f"""
CREATE TABLE rubrics AS
SELECT benchmark, item, coalesce(saw, 'nothing') = 'nothing' AS blind, saw, coalesce(replicate, 0) AS replicate, status,
       writer.name AS writer, writer.model AS model, answer IS NOT NULL AS answered, 1 AS requests,
       coalesce(answer.attempts, 1) AS attempts, answer.usage.prompt_tokens AS prompt_tokens,
       answer.usage.completion_tokens AS completion_tokens, coalesce(answer.usage.cached_tokens, 0) AS cached_tokens,
       answer.usage.prompt_tokens IS NOT NULL AND answer.usage.completion_tokens IS NOT NULL AS told,
       row_number() OVER () AS line
FROM read_json($files, format = 'newline_delimited', ignore_errors = true, maximum_object_size = $longest, columns = {{
    benchmark: 'VARCHAR', item: 'VARCHAR', saw: 'VARCHAR', replicate: 'INTEGER', status: 'VARCHAR',
    writer: 'STRUCT(name VARCHAR, model VARCHAR)', answer: '{_ANSWER}'}})
"""

_INDUCED = f"""
SELECT max(answer.model), {_TOKENS}, sum(attempts - 1), coalesce(max(prompt_tokens), 0), coalesce(max(completion_tokens), 0)
FROM (SELECT answer, 1 AS requests, coalesce(answer.attempts, 1) AS attempts, answer.usage.prompt_tokens AS prompt_tokens,
             answer.usage.completion_tokens AS completion_tokens, coalesce(answer.usage.cached_tokens, 0) AS cached_tokens,
             answer.usage.prompt_tokens IS NOT NULL AND answer.usage.completion_tokens IS NOT NULL AS told
      FROM read_json($files, format = 'newline_delimited', ignore_errors = true, maximum_object_size = $longest,
                     columns = {{answer: '{_ANSWER}'}}))
"""


def usage_of(db: Any, folder: Path, manifest: Mapping[str, Any]) -> Folder:
    """What a folder's records tell of tokens.

    Args:
        db: a connection with the tables `raw` and `last` of `lines.verdict_tables`; they may be absent where nothing was judged.
    """
    found = Folder()
    there = {name for (name,) in db.execute("SELECT table_name FROM information_schema.tables").fetchall()}
    if {"raw", "last"} <= there:
        _judges(db, manifest, found)
    _writers(db, folder, manifest, found)
    return found


def _judges(db: Any, manifest: Mapping[str, Any], found: Folder) -> None:
    def is_model(judge: str) -> bool:
        known = manifest.get("judges", {}).get(judge)
        return bool(known["key"].get("backend") != "baseline") if known else judge not in PICKS

    made = dict(db.execute("SELECT judge, count(*) FROM last WHERE answered GROUP BY 1").fetchall())
    for judge, served, *numbers, retried, read, written in db.execute(_PAID).fetchall():
        if is_model(judge):
            model = manifest.get("judges", {}).get(judge, {}).get("key", {}).get("model") or served
            found.paid.append(Paid("judge", judge, model, _usage(numbers), made[judge], int(retried), (read, written)))
    for benchmark, judge, arm, writer, *numbers, draws, items in db.execute(_CELLS).fetchall():
        if is_model(judge):
            found.cells[benchmark, judge, arm, writer] = Decided(_usage(numbers), draws, items)


def _usage(numbers: Any) -> Usage:
    calls, requests, known, read, cached, written = numbers
    return Usage(int(calls), int(requests or 0), int(known), read, cached, written)


def _writers(db: Any, folder: Path, manifest: Mapping[str, Any], found: Folder) -> None:
    """Rubrics from files were not paid for here; what they took to write is told all the same, where they say it."""
    files = [str(f) for f in record_files(folder, "rubrics") if f.stat().st_size]
    if not files:
        return
    read_lines(db, _RUBRICS, files)
    given = set(manifest.get("rubrics", {}))
    extra = "sum(attempts - 1), coalesce(max(prompt_tokens), 0), coalesce(max(completion_tokens), 0)"
    rows = db.execute(
        f"SELECT writer, max(model), {_TOKENS}, {extra} FROM rubrics WHERE answered AND writer IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    db.execute(
        "CREATE TABLE drafts AS SELECT * FROM rubrics WHERE status <> 'error' QUALIFY row_number() OVER "
        "(PARTITION BY benchmark, writer, item, saw, replicate ORDER BY line DESC) = 1"
    )
    made = dict(db.execute("SELECT writer, count(*) FROM drafts GROUP BY 1").fetchall())
    for writer, model, *numbers, retried, read, written in rows:
        if writer not in given:
            found.paid.append(
                Paid("writer", writer, model or "", _usage(numbers), made.get(writer, 0), int(retried), (read, written))
            )
    for benchmark, writer, blind, replicates, *numbers in db.execute(
        f"SELECT benchmark, writer, blind, count(DISTINCT replicate), {_TOKENS} FROM drafts GROUP BY 1, 2, 3"
    ).fetchall():
        found.written[benchmark, writer, blind] = _usage(numbers), replicates
    _inductions(db, folder, given, found)


def _inductions(db: Any, folder: Path, given: set[str], found: Folder) -> None:
    models = dict(db.execute("SELECT writer, max(model) FROM rubrics GROUP BY 1").fetchall())
    for path in sorted(folder.glob("induction-*.jsonl")):
        name = path.stem.removeprefix("induction-")
        if not path.stat().st_size or name in given:
            continue
        (row,) = read_lines(db, _INDUCED, [str(path)]).fetchall()
        served, *numbers, retried, read, written = row
        usage = _usage(numbers)
        if name in models:
            found.induced[name] = usage
        found.paid.append(
            Paid(
                "induction",
                name,
                models.get(name) or served or "",
                usage,
                usage.calls,
                int(retried or 0),
                (read, written),
            )
        )
