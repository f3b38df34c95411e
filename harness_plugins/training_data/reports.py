"""The files that say what a folder of training data holds, beside the sets themselves."""

from __future__ import annotations

import contextlib
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from harness_plugins._version import __version__
from harness_plugins.folder.atomic import write_atomic
from harness_plugins.tables.model import Table
from harness_plugins.training_data import card as cards
from harness_plugins.training_data.config import DataConfig
from harness_plugins.training_data.gathering import Gathered
from harness_plugins.training_data.parts import Drawn
from harness_plugins.training_data.reading import Dropped
from harness_plugins.training_data.teaching import Taught

MANIFEST = "manifest.json"


@dataclass
class Contents:
    """What a folder of training data holds."""

    gathered: Gathered
    taught: Mapping[str, Taught]
    """By uid, as all that follows."""
    dropped: Sequence[Dropped]
    drawn: Drawn
    clusters: Mapping[str, int]
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Rows and digest of each exported file, by its path in the folder."""


def write_reports(config: DataConfig, folder: Path, contents: Contents) -> list[Table]:
    """Card, contamination report, manifest, and the lists behind their counts; files of an earlier run that are no more are removed.

    Returns:
        The tables of the card.
    """
    from harness_plugins.tables.render.to_markdown import markdown

    gathered, files = contents.gathered, contents.files
    part_of = {m.uid: part for part, members in contents.drawn.parts.items() for m in members}
    pool = (
        {
            "uid": uid,
            "place": t.pair.place,
            "cluster": contents.clusters[uid],
            "outcome": t.outcome,
            "part": part_of.get(uid),
        }
        for uid, t in contents.taught.items()
        if t.outcome != "spare"
    )
    _lines(folder / "pool.jsonl", pool)
    _lines(folder / "dropped.jsonl", contents.dropped)
    tables = [
        cards.sources_table(gathered.facts, gathered.pairs),
        *([cards.dropped_table(contents.dropped)] if contents.dropped else []),
        *([cards.teacher_table(config, contents.taught.values())] if config.teacher else []),
        cards.parts_table(config, contents.drawn.parts, contents.taught, contents.clusters),
    ]
    overlap, contamination = gathered.contaminated, config.contamination
    report = cards.contamination_tables(overlap, gathered.looked_up, contamination.remove)
    for name, text in (("contamination.md", markdown(report)), ("contamination.json", "")):
        data = text.encode() or orjson.dumps(
            cards.contamination_json(overlap, gathered.looked_up), option=orjson.OPT_INDENT_2
        )
        write_atomic(folder / name, data)
    largest = max(Counter(contents.clusters.values()).values(), default=0)
    text = cards.card(config, [*tables, *report[:1]], files, largest)
    write_atomic(folder / "README.md", text.encode())
    # Read before it is replaced. Old files go last: where this is killed there are too many, and none is missing.
    earlier = _manifest(folder).get("files", {})
    write_atomic(
        folder / MANIFEST,
        orjson.dumps(_facts(config, contents), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE),
    )
    for name in set(earlier) - set(files):  # of parts and formats that are asked for no more
        with contextlib.suppress(OSError):
            (folder / name).unlink()
    return tables


def _lines(path: Path, rows: Any) -> None:
    write_atomic(path, b"".join(orjson.dumps(r, option=orjson.OPT_APPEND_NEWLINE) for r in rows))


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = orjson.loads((folder / MANIFEST).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _facts(config: DataConfig, contents: Contents) -> dict[str, Any]:
    settings = config.model_dump(mode="json", exclude={"teacher", "sources", "against", "out"})
    return {
        "versions": {"rubric_harness": __version__, "python": platform.python_version()},
        "config": settings,
        "teacher": config.teacher.writer() if config.teacher else None,
        "sources": contents.gathered.facts,
        "against": contents.gathered.benchmarks,
        "clusters_packed": contents.drawn.packed,
        "files": contents.files,
    }
