"""The verdict lines of a run folder as DuckDB tables: a million of them in seconds, and never all in Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from evaluators.errors import UserError
from evaluators.records import MOST, Verdict, rotations
from evaluators.replies.parsing import VERSION
from evaluators.usage import MOST_TOKENS
from harness_plugins.benchmarks.database import connect

_LIKELY = """CASE WHEN mass IS NULL OR mass >= {floor!r} THEN p END AS p, CASE
     WHEN mass IS NULL OR format NOT IN ('token', 'tokens') OR status NOT IN ('ok', 'tie', 'low_mass') THEN status
     WHEN mass < {floor!r} THEN 'low_mass' WHEN pick IS NOT NULL OR score IS NOT NULL THEN 'ok' ELSE 'tie' END AS status"""
"""What a floor of the mass makes of a one-token answer; what its digits say is recorded beside it either way."""

USAGE = "STRUCT(prompt_tokens DOUBLE, completion_tokens DOUBLE, cached_tokens DOUBLE)"
FAILED_REPLIES = f'STRUCT("count" INTEGER, told INTEGER, usage {USAGE})'
"""`records.FailedReplies` as DuckDB reads it."""


_PARTS = ("prompt_tokens", "completion_tokens", "cached_tokens")


def _fits(usage: str, replies: str) -> str:
    """Whether so many replies can have taken what a struct of usage says."""
    within = [f"coalesce({usage}.{part}, 0) BETWEEN 0 AND {MOST_TOKENS}::DOUBLE * {replies}" for part in _PARTS]
    return " AND ".join([*within, f"coalesce({usage}.cached_tokens <= {usage}.prompt_tokens, true)"])


def with_tokens(lines: str, requests: str = "1") -> str:
    """A query that adds to lines the tokens that were paid for, by what is in their structs `answer` and `error`.

    The columns are `requests`, `prompt_tokens`, `completion_tokens`, `cached_tokens` of the answer, and `failed` (replies that could
    not be used), `failed_told` (how many of them tell their tokens) and `failed_prompt_tokens`, ... Numbers that so many replies
    cannot have taken count as not reported.

    Args:
        requests: how many an answer took, as an expression.
    """
    # In stages: DuckDB puts the expression behind a name wherever the name is used, and plans the whole anew for each.
    failures = "coalesce(answer.failed_replies, error.failed_replies)"
    counted = f"""SELECT *, {requests} AS requests, {failures} AS failures,
        greatest(coalesce({failures}."count", 0), 0) AS failed FROM {lines}"""
    checked = f"""SELECT *, CASE WHEN {_fits("answer.usage", "requests")} THEN answer.usage END AS reported,
        CASE WHEN {_fits("failures.usage", "failed")} THEN failures.usage END AS failed_reported FROM ({counted})"""
    parts = ", ".join(f"reported.{p} AS {p}, failed_reported.{p} AS failed_{p}" for p in _PARTS)
    return f"""SELECT * EXCLUDE (failures, reported, failed_reported), {parts},
        CASE WHEN failed_reported.prompt_tokens IS NULL OR failed_reported.completion_tokens IS NULL THEN 0
             ELSE least(greatest(coalesce(failures.told, 0), 0), failed) END AS failed_told FROM ({checked})"""


TOKEN_COLUMNS = ", ".join(["requests", *_PARTS, "failed", *(f"failed_{part}" for part in _PARTS), "failed_told"])
"""What `with_tokens` adds."""

_WHOLES = ("sample", "replicate", "pick", "candidate")
"""Whole numbers, read as JSON: DuckDB would make one of `"1"`, of `true` and of 1.5, which the journal takes for damage."""
_NUMBERS = ", ".join(
    f"coalesce(TRY_CAST({n}::VARCHAR AS INTEGER), {other}) AS {n}"
    for n, other in zip(_WHOLES, (0, 0, "NULL", "NULL"), strict=True)
)
_ORDERS = ", ".join(repr(order) for n in range(2, MOST + 1) for order in rotations(n))
_WHOLE = " AND ".join(f"regexp_full_match(coalesce(lines.{n}::VARCHAR, '0'), '[0-9]+')" for n in _WHOLES)

_REQUESTS = """CASE answer.answer_format WHEN 'tokens' THEN greatest(json_array_length(answer."each"), 1)
                                 WHEN 'reasoned' THEN 1 + (answer.top_logprobs IS NOT NULL)::INT ELSE 1 END"""
_LINES = f"""read_json($files, format = 'newline_delimited', ignore_errors = true, maximum_object_size = $longest, columns = {{
    key: 'VARCHAR', status: 'VARCHAR', call: 'VARCHAR', benchmark: 'VARCHAR', judge: 'VARCHAR', arm: 'VARCHAR', writer: 'VARCHAR',
    item: 'VARCHAR', "order": 'VARCHAR', sample: 'JSON', replicate: 'JSON', pick: 'JSON', donor: 'VARCHAR',
    media: 'VARCHAR', rubric: 'VARCHAR', candidate: 'JSON', score: 'DOUBLE', ranks: 'INTEGER[]', both_bad: 'BOOLEAN',
    p: 'STRUCT(first DOUBLE, mass DOUBLE)', forms: 'INTEGER', parser: 'VARCHAR',
    answer: 'STRUCT(model VARCHAR, backend VARCHAR, backend_version VARCHAR, fingerprint VARCHAR, sampling JSON,
                    answer_format VARCHAR, top_logprobs JSON, "each" JSON, latency_s DOUBLE, attempts INTEGER,
                    usage {USAGE}, failed_replies {FAILED_REPLIES})', error: 'STRUCT(failed_replies {FAILED_REPLIES})'}})"""

_QUERY = f"""
SELECT benchmark, judge, arm, writer, item, "order", {_NUMBERS},
       status, donor, media, rubric, p.first AS p, p.mass AS mass,
       coalesce(forms, 0) AS forms, answer IS NOT NULL AND parser <> '' AND parser NOT LIKE '%/{VERSION}' AS stale,
       score, ranks, coalesce(both_bad, false) AS both_bad,
       concat_ws(' | ', answer.model, answer.backend, answer.backend_version, CAST(answer.sampling AS VARCHAR)) AS provenance,
       answer.answer_format AS format,
       answer IS NOT NULL AS answered, answer.model AS served, answer.latency_s AS latency_s,
       coalesce(answer.attempts, 1) AS attempts, hash(coalesce(call, key)) AS call, hash(key) AS key,
       {TOKEN_COLUMNS},
       row_number() OVER () AS line,
       length(key) <> 64 OR length(call) <> 64 OR answer.answer_format IS NULL AND answer IS NOT NULL
       OR benchmark IS NULL OR judge IS NULL OR arm IS NULL OR item IS NULL OR "order" NOT IN ({_ORDERS}) OR NOT ({_WHOLE})
       OR status NOT IN ('ok', 'tie', 'unparsed', 'low_mass', 'refused', 'truncated', 'error')
       OR (status <> 'low_mass'
           AND (status = 'ok') <> (coalesce(regexp_full_match(lines.pick::VARCHAR, '[0-8]'), false) OR score IS NOT NULL)) AS bad
FROM ({with_tokens(_LINES, _REQUESTS)}) AS lines
"""


_LONGEST = 16 << 20, 256 << 20
"""Bytes of the longest line read: DuckDB's buffers are as large, so those for a line that hardly any folder has wait until one
is met."""


def read_lines(db: Any, query: str, files: Sequence[Path], **parameters: Any) -> Any:
    """Run a query over `read_json($files, maximum_object_size = $longest)`; returns its cursor.

    Raises:
        duckdb.Error: the files cannot be read.
    """
    import duckdb

    usual, longest = _LONGEST
    parameters["files"] = [str(f) for f in files]
    try:
        return db.execute(query, {**parameters, "longest": usual})
    # A line beyond the buffer is one cause of several; of any other the second try fails too.
    except duckdb.InvalidInputException:
        return db.execute(query, {**parameters, "longest": longest})


def _unreadable(files: Sequence[Path], error: Exception) -> UserError:
    return UserError(f"{files[0].parent}: the verdict files cannot be read ({str(error).splitlines()[0]})")


_LINES_ON = """
SELECT json FROM read_ndjson_objects($files, ignore_errors = true, maximum_object_size = $longest)
WHERE list_contains($uids, json_extract_string(json, '$.item'))
"""


def lines_on(files: Sequence[Path], uids: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The lines of verdict files that are on some items, as objects.

    Raises:
        UserError: the files cannot be read.
    """
    import duckdb

    try:
        with connect() as db:
            rows = read_lines(db, _LINES_ON, files, uids=list(uids)).fetchall()
    except duckdb.Error as e:
        raise _unreadable(files, e) from None
    for (line,) in rows:
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        yield value


class AnswerText(NamedTuple):
    """What a judge wrote in one trial."""

    item: str
    order: str
    sample: int
    replicate: int
    text: str


_ANSWER_TEXTS = """
SELECT item, "order", coalesce(sample, 0), coalesce(replicate, 0), answer.text
FROM read_json($files, format = 'newline_delimited', ignore_errors = true, maximum_object_size = $longest, columns = {
    item: 'VARCHAR', judge: 'VARCHAR', arm: 'VARCHAR', writer: 'VARCHAR', "order": 'VARCHAR', sample: 'INTEGER',
    replicate: 'INTEGER', answer: 'STRUCT(text VARCHAR)'})
WHERE judge = $judge AND arm = $arm AND writer IS NOT DISTINCT FROM $writer AND answer.text IS NOT NULL
"""


def answer_texts(files: Sequence[Path], judge: str, arm: str, writer: str | None) -> Iterator[AnswerText]:
    """The answers of one cell, in the order of their lines."""
    with connect() as db:
        rows = read_lines(db, _ANSWER_TEXTS, files, judge=judge, arm=arm, writer=writer).fetchall()
    return map(AnswerText._make, rows)


def verdict_tables(files: Sequence[Path], reread: Iterable[Verdict] | None, mass_floor: float) -> Any:
    """A DuckDB connection with the lines of verdict files (`raw`) and the last of each trial (`last`); neither where there is no file.

    Args:
        reread: what an earlier parser read, parsed again, in order; taken only where there is such a line.

    Raises:
        UserError: the files cannot be read.
    """
    import duckdb

    db = connect()
    if not files:
        return db
    try:
        read_lines(db, f"CREATE TABLE raw AS {_QUERY}", files)
    except duckdb.Error as e:
        raise _unreadable(files, e) from None
    if reread is not None:
        _read_anew(db, reread)
    # An error never replaces an answer, however late its line: a redo that fails must not lose what was paid for.
    db.execute(
        f"CREATE TABLE last AS SELECT * REPLACE ({_LIKELY.format(floor=mass_floor)}) FROM raw "
        "WHERE NOT coalesce(bad, true) QUALIFY row_number() OVER "
        '(PARTITION BY benchmark, judge, arm, writer, item, "order", sample, replicate, candidate, media '
        "ORDER BY status = 'error', line DESC) = 1"
    )
    return db


def _read_anew(db: Any, reread: Iterable[Verdict]) -> None:
    """Put what today's parsers make of older answers in the place of what earlier ones made of them."""
    stale = "coalesce(stale, false) AND NOT coalesce(bad, true)"
    if not db.execute(f"SELECT count(*) FROM raw WHERE {stale}").fetchall()[0][0]:
        return
    columns: dict[str, list[Any]] = {name: [] for name in _DERIVED}
    keys: list[str] = []
    for verdict in reread:
        keys.append(verdict.key)
        derived = {
            **{name: getattr(verdict, name) for name in ("status", "pick", "score", "ranks", "both_bad", "forms")},
            "p": verdict.p.first if verdict.p else None,
            "mass": verdict.p.mass if verdict.p else None,
        }
        for name, value in derived.items():
            columns[name].append(list(value) if isinstance(value, tuple) else value)
    unnested = ", ".join(f"unnest(${name}::{kind}[]) AS {name}" for name, kind in _DERIVED.items())
    db.execute(f"CREATE TABLE again AS SELECT unnest($keys::VARCHAR[]) AS key, {unnested}", {"keys": keys, **columns})
    db.execute(
        f"UPDATE raw SET {', '.join(f'{name} = anew.{name}' for name in _DERIVED)} FROM (SELECT line, again.* FROM "
        f"(SELECT line, key, row_number() OVER (PARTITION BY key ORDER BY line) AS nth FROM raw WHERE {stale}) AS older JOIN "
        "(SELECT *, row_number() OVER (PARTITION BY key ORDER BY rowid) AS nth FROM again) AS again "
        "ON older.key = hash(again.key) AND older.nth = again.nth) AS anew WHERE raw.line = anew.line"
    )
    db.execute("DROP TABLE again")


_DERIVED = {
    "status": "VARCHAR",
    "pick": "INTEGER",
    "score": "DOUBLE",
    "ranks": "INTEGER[]",
    "both_bad": "BOOLEAN",
    "forms": "INTEGER",
    "p": "DOUBLE",
    "mass": "DOUBLE",
}
"""What is derived from an answer, by column of `raw`."""
