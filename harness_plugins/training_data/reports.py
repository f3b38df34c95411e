"""The files that say what a folder of training data holds, beside the sets themselves."""

from __future__ import annotations

import contextlib
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from harness_plugins._version import __version__
from harness_plugins.folder.manifest import write_atomic
from harness_plugins.tables.model import Table
from harness_plugins.training_data import card as cards
from harness_plugins.training_data.config import DataConfig
from harness_plugins.training_data.gathering import Gathered
from harness_plugins.training_data.parts import Drawn
from harness_plugins.training_data.reading import Dropped
from harness_plugins.training_data.teaching import Taught

MANIFEST = "manifest.json"


def write_reports(
    config: DataConfig,
    folder: Path,
    gathered: Gathered,
    taught: Sequence[Taught],
    dropped: Sequence[Dropped],
    drawn: Drawn,
    numbers: Mapping[str, int],
    files: Mapping[str, Mapping[str, Any]],
    tables: Sequence[Table],
) -> None:
    """Card, contamination report, manifest, and the lists behind their counts; files of an earlier run that are no more are removed."""
    from harness_plugins.tables.render import markdown

    part_of = {uid: part for part, members in drawn.parts.items() for uid, _ in members}
    pool = (
        {
            "uid": t.pair.uid,
            "place": t.pair.place,
            "cluster": numbers[t.pair.uid],
            "outcome": t.outcome,
            "part": part_of.get(t.pair.uid),
        }
        for t in taught
    )
    _lines(folder / "pool.jsonl", pool)
    _lines(folder / "dropped.jsonl", dropped)
    overlap, how = gathered.contaminated, config.contamination
    report = cards.contamination_tables(overlap, gathered.looked_up, how.remove)
    for name, text in (("contamination.md", markdown(report)), ("contamination.json", "")):
        data = text.encode() or orjson.dumps(
            cards.contamination_json(overlap, gathered.looked_up), option=orjson.OPT_INDENT_2
        )
        write_atomic(folder / name, data)
    largest = max(Counter(numbers.values()).values(), default=0)
    text = cards.card(config, [*tables, *report[:1]], files, largest)
    write_atomic(folder / "README.md", text.encode())
    earlier = _manifest(folder).get("files", {})
    write_atomic(
        folder / MANIFEST,
        orjson.dumps(_facts(config, gathered, drawn, files), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE),
    )
    for name in set(earlier) - set(files):  # of parts and formats that are asked for no more
        with contextlib.suppress(OSError):
            (folder / name).unlink()


def _lines(path: Path, rows: Any) -> None:
    write_atomic(path, b"".join(orjson.dumps(r, option=orjson.OPT_APPEND_NEWLINE) for r in rows))


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = orjson.loads((folder / MANIFEST).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _facts(config: DataConfig, gathered: Gathered, drawn: Drawn, files: Mapping[str, Any]) -> dict[str, Any]:
    settings = config.model_dump(mode="json", exclude={"teacher", "sources", "against", "out"})
    return {
        "versions": {"rubric_harness": __version__, "python": platform.python_version()},
        "config": settings,
        "teacher": config.teacher.writer() if config.teacher else None,
        "sources": gathered.facts,
        "against": gathered.benchmarks,
        "clusters_packed": drawn.packed,
        "files": files,
    }
