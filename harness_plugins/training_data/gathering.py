"""What the teacher is asked about: the sources' pairs without what is unfit, a duplicate, or part of a benchmark."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evaluators.engine.journal import Journal
from evaluators.errors import UserError
from harness_plugins.benchmarks.entry import BenchmarkEntry
from harness_plugins.benchmarks.loader import SHOWN_PROBLEMS, load_entry
from harness_plugins.experiment.progress import Steps
from harness_plugins.training_data.config import Contamination, DataConfig
from harness_plugins.training_data.filtering import filtered, readable
from harness_plugins.training_data.images import Images
from harness_plugins.training_data.overlap import (
    BenchmarkIndex,
    Contaminated,
    contaminated,
    digested,
    without_duplicates,
)
from harness_plugins.training_data.reading import Dropped, Pair, read_sources

HASHES = "images.jsonl"


@dataclass
class Gathered:
    """The pairs that the teacher is asked about, and what became of the other rows."""

    pairs: list[Pair]
    dropped: list[Dropped]
    facts: dict[str, dict[str, Any]]
    images: Images
    benchmarks: dict[str, dict[str, Any]]
    contaminated: Contaminated
    looked_up: int
    """Pairs that were looked up in the benchmarks."""


def gather(config: DataConfig, folder: Path, hashes: Journal | None, limit: int | None, steps: Steps) -> Gathered:
    """Read the sources, and leave out what is unfit, a duplicate, or part of a benchmark.

    Raises:
        UserError: rows do not fit, or nothing is left.
    """
    read = read_sources(config, limit)
    images = Images(folder / HASHES, hashes, config.contamination.perceptual)
    images.read((p.item for p in read.pairs), steps, "hashing images")
    pairs, broken = readable(read.pairs, images)
    refuse = {s.name for s in config.sources if (s.bad_rows or config.bad_rows) == "error"}
    shown = [
        f"{d.place}: {d.detail}; replace the image, or leave such rows out with `bad_rows: skip`"
        for d in broken
        if d.source in refuse
    ]
    if shown:
        more = [f"... and {len(shown) - SHOWN_PROBLEMS} more"] if len(shown) > SHOWN_PROBLEMS else []
        raise UserError(*shown[:SHOWN_PROBLEMS], *more)
    pairs = [replace(p, item=digested(p.item, images)) for p in pairs]
    pairs, unfit = filtered(pairs, config.filters)
    pairs, duplicates = without_duplicates(pairs, images, config.contamination.distance)
    benchmarks = [_indexed(entry, images, config.contamination, steps) for entry in config.against]
    overlap = contaminated(pairs, [b.index for b in benchmarks], images, config.contamination)
    # Reversed, so that of several hits the first is the reason on record.
    why = {h.uid: f"{h.signal} of {h.item}" for h in reversed(overlap.hits) if h.signal in config.contamination.remove}
    part_of = [p.dropped("contaminated", why[p.uid]) for p in pairs if p.uid in overlap.removed]
    remaining = [p for p in pairs if p.uid not in overlap.removed]
    if not remaining:
        gone = Counter(d.why for d in (*read.dropped, *broken, *unfit, *duplicates, *part_of))
        raise UserError(
            f"no pair is left ({', '.join(f'{n} {why}' for why, n in gone.most_common())}): loosen `filters`, or add sources"
        )
    return Gathered(
        remaining,
        [*read.dropped, *broken, *unfit, *duplicates, *part_of],
        read.facts,
        images,
        {b.index.name: b.facts for b in benchmarks},
        overlap,
        len(pairs),
    )


@dataclass(frozen=True)
class _IndexedBenchmark:
    index: BenchmarkIndex
    facts: dict[str, Any]


def _indexed(entry: BenchmarkEntry, images: Images, contamination: Contamination, steps: Steps) -> _IndexedBenchmark:
    """A benchmark's items, their images hashed, by what gives them away."""
    loaded = load_entry(entry)
    items = loaded.items[: entry.limit]
    images.read(items, steps, f"hashing images of {entry.name}")
    index = BenchmarkIndex(entry.name, [digested(i, images) for i in items], images, contamination)
    return _IndexedBenchmark(index, loaded.facts())
