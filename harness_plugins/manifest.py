"""`manifest.json`: what a run folder was made with. It holds no secret, and it refuses a judge that has changed."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from evaluators.engine.plan import Grid
from evaluators.errors import UserError
from evaluators.judges import JudgeSpec
from evaluators.records import SCHEMA
from harness_plugins import __version__
from harness_plugins.benchmarks.loader import Benchmark
from harness_plugins.config import Config

NAME = "manifest.json"


def read_manifest(run: Path) -> dict[str, Any]:
    """The manifest of a run folder; empty where there is none yet.

    Raises:
        UserError: it is damaged, or of a newer version.
    """
    path = run / NAME
    if not path.exists():
        return {}
    try:
        value = orjson.loads(path.read_bytes())
        schema = value["schema"]
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{path}: damaged; restore it, or remove it and run the same config again (verdicts are kept)"
        ) from None
    if schema > SCHEMA:
        raise UserError(
            f"{path}: written by a newer rubric-harness (schema {schema}); upgrade this one (it reads {SCHEMA})"
        )
    checked: dict[str, Any] = value
    return checked


def write_atomic(path: Path, data: bytes) -> None:
    """Replace a file as a whole: temp file, fsync, rename."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with open(part, "wb") as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())
    part.replace(path)


def check_judges(run: Path, held: Mapping[str, Any], judges: tuple[JudgeSpec, ...]) -> None:
    """Refuse a judge whose key fields differ from those that its name stands for in the folder.

    Raises:
        UserError: naming the judge, the fields and both values.
    """
    for judge in judges:
        before = held.get("judges", {}).get(judge.name)
        if before is None:
            continue
        now = judge.key_fields()
        changed = [f"{k}: {before['key'].get(k)!r} -> {v!r}" for k, v in now.items() if before["key"].get(k) != v]
        if changed:
            raise UserError(
                f"judge {judge.name!r} is not the one that {run} was judged with ({'; '.join(changed)}): "
                "give it another name, or the run another folder (--out)"
            )


def _place(url: str) -> str:
    """An address without user, password and query, any of which may hold a secret."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return urlunsplit((parts.scheme, f"{host}:{parts.port}" if parts.port else host, parts.path, "", ""))


def _judge(spec: JudgeSpec) -> dict[str, Any]:
    urls = (spec.base_url,) if isinstance(spec.base_url, str) else spec.base_url
    return {
        "key": spec.key_fields(),
        "family": spec.family,
        "base": spec.base,
        "base_url": [_place(u) for u in urls if u],
        "samples": spec.samples,
        "concurrency": spec.concurrency,
        "template": spec.template.source if spec.backend != "baseline" else None,
    }


def _without_donor(grids: Sequence[Grid]) -> dict[str, dict[str, list[str]]]:
    """By benchmark and writer, the items whose rubric has no fitting partner: `shuffled` has nothing to give them."""
    return {
        g.benchmark: {w.name: [u for u in w.by_item if u not in w.donors[0]] for w in g.writers if w.donors}
        for g in grids
        if any(w.donors for w in g.writers)
    }


def make_manifest(
    held: Mapping[str, Any], config: Config, benchmarks: Mapping[str, Benchmark], grids: Sequence[Grid]
) -> dict[str, Any]:
    """The folder's manifest after this run: a folder grows, so judges and benchmarks of earlier runs stay in it."""
    import aiohttp

    now = datetime.now(UTC).isoformat(timespec="seconds")
    limits = {b.name: {"limit": b.limit, "media": b.media} for b in config.benchmarks}
    return {
        "schema": SCHEMA,
        "created": held.get("created", now),
        "updated": now,
        "versions": {
            "rubric_harness": __version__,
            "python": platform.python_version(),
            "aiohttp": aiohttp.__version__,
        },
        "benchmarks": {**held.get("benchmarks", {}), **{n: {**b.facts(), **limits[n]} for n, b in benchmarks.items()}},
        "judges": {**held.get("judges", {}), **{j.name: _judge(j) for j in config.judges}},
        "rubrics": {**held.get("rubrics", {}), **{n: str(p) for n, p in config.rubrics.items()}},
        "arms": list(dict.fromkeys([*held.get("arms", []), *config.arms])),
        "orders": config.orders,
        "shuffles": config.shuffles,
        "without_donor": {**held.get("without_donor", {}), **_without_donor(grids)},
        "primary_contrast": list(config.primary_contrast),
        "seed": 0,
    }


def write_manifest(run: Path, manifest: Mapping[str, Any]) -> None:
    write_atomic(run / NAME, orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
