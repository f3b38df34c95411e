"""From raw preference data to training sets: read, hash, filter, hold apart, teach, draw, write. `build` is the whole of it."""

from __future__ import annotations

import contextlib
import hashlib
import platform
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, overload

import orjson

from evaluators.engine.journal import Journal, items_of
from evaluators.engine.runner import Tally
from evaluators.errors import UserError
from evaluators.messages import ChatBackend
from evaluators.records import Candidate, Item, Media
from harness_plugins import __version__
from harness_plugins.benchmarks.loader import SHOWN_PROBLEMS, load_benchmark
from harness_plugins.cells import Table
from harness_plugins.known_items import list_new
from harness_plugins.manifest import write_atomic
from harness_plugins.training_data import card as cards
from harness_plugins.training_data.config import DataConfig, Part, load_data_config
from harness_plugins.training_data.examples import Example, Examples
from harness_plugins.training_data.exports import check, export
from harness_plugins.training_data.filtering import filtered, readable
from harness_plugins.training_data.images import Images, placed
from harness_plugins.training_data.overlap import (
    BenchmarkIndex,
    Contaminated,
    clusters,
    contaminated,
    digested,
    without_duplicates,
)
from harness_plugins.training_data.parts import Drawn, Entry, draw
from harness_plugins.training_data.reading import Dropped, Pair, read_sources
from harness_plugins.training_data.steps import Steps
from harness_plugins.training_data.teaching import Taught, outcomes, preferred_first, teach

HASHES, TEACHER, MANIFEST = "images.jsonl", "teacher", "manifest.json"


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


@dataclass
class Built:
    """What a call of `build` came to."""

    out: Path
    tally: Tally
    gathered: Gathered
    outcomes: Counter[str]
    parts: dict[Part, int] = field(default_factory=dict)
    """Examples of each part; empty where answers are missing and nothing was drawn."""
    tables: list[Table] = field(default_factory=list)
    complete: bool = True


def build(
    config: str | Path | DataConfig,
    *,
    out: str | Path | None = None,
    limit: int | None = None,
    redo: Collection[str] = (),
    teacher: ChatBackend | None = None,
    progress: bool = False,
) -> Built:
    """Build the training sets that a config asks for.

    Args:
        config: a YAML file, or a DataConfig.
        out: the folder; overrides the config's `out`.
        limit: at most this many rows of each source; parts then hold as many as there are.
        redo: answers of the teacher to ask for again: `invalid`.
        teacher: a backend of your own, in place of the one that the config describes (`evaluators.mock` has one).
        progress: show on stderr what is going on.

    Raises:
        UserError: something in the config or the data does not fit, or a part's size cannot be met.
        RunStopped: the teacher cannot be reached, or refuses all requests.
    """
    if not isinstance(config, DataConfig):
        config = load_data_config(Path(config))
    if limit is not None:
        config = config.model_copy(update={"as_many": True})
    folder = Path(out) if out is not None else config.out
    if folder is None or str(out) == "":
        raise UserError("no folder: give --out, or `out:` in the config")
    examples = Examples(config)
    check(config.formats)
    with Journal(folder / HASHES) as hashes:  # held to the end: one writer a folder
        gathered = gather(config, folder, hashes, limit, Steps(progress))
        tally = _taught(config, gathered, folder / TEACHER, redo, teacher, progress)
        taught = list(outcomes(config, gathered.pairs, folder / TEACHER))
        found = Counter(t.outcome for t in taught)
        built = Built(folder, tally, gathered, Counter({str(k): n for k, n in found.items()}))
        if found["unanswered"] and config.distil.unanswered == "stop":
            built.complete = False
            return built
        _write(config, folder, gathered, taught, examples, built, Steps(progress))
    return built


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
        rest = [f"... and {len(shown) - SHOWN_PROBLEMS} more"] if len(shown) > SHOWN_PROBLEMS else []
        raise UserError(*shown[:SHOWN_PROBLEMS], *rest)
    pairs = [replace(p, item=digested(p.item, images)) for p in pairs]
    pairs, unfit = filtered(pairs, config.filters)
    pairs, same = without_duplicates(pairs)
    indices, benchmarks = _indices(config, images, steps)
    found = contaminated(pairs, indices, images, config.contamination)
    why = {h.uid: f"{h.signal} of {h.item}" for h in reversed(found.hits) if h.signal in config.contamination.remove}
    part_of = [Dropped(p.source, p.place, "contaminated", why[p.uid], p.uid) for p in pairs if p.uid in found.removed]
    kept = [p for p in pairs if p.uid not in found.removed]
    if not kept:
        gone = Counter(d.why for d in (*read.dropped, *broken, *unfit, *same, *part_of))
        raise UserError(
            f"no pair is left ({', '.join(f'{n} {why}' for why, n in gone.most_common())}): loosen `filters`, or add sources"
        )
    return Gathered(
        kept, [*read.dropped, *broken, *unfit, *same, *part_of], read.facts, images, benchmarks, found, len(pairs)
    )


def _indices(
    config: DataConfig, images: Images, steps: Steps
) -> tuple[list[tuple[BenchmarkIndex, int]], dict[str, dict[str, Any]]]:
    found, facts = [], {}
    for entry in config.against:
        loaded = load_benchmark(
            entry.name, path=entry.path, media_root=entry.media_root, media=entry.media, frames=entry.frames
        )
        items = loaded.items[: entry.limit]
        images.read(items, steps, f"hashing images of {entry.name}")
        known = [digested(i, images) for i in items]
        found.append((BenchmarkIndex(entry.name, known, images, config.contamination), len(items)))
        facts[entry.name] = loaded.facts()
    return found, facts


def _taught(
    config: DataConfig,
    gathered: Gathered,
    folder: Path,
    redo: Collection[str],
    backend: ChatBackend | None,
    progress: bool,
) -> Tally:
    if config.teacher is None:
        return Tally()
    with Journal(folder / "items.jsonl") as items:  # with rubrics.jsonl beside it, `show` and cards can read it
        list_new([p.item for p in gathered.pairs], items_of(folder), items)
    return teach(config, gathered.pairs, folder, redo=redo, backend=backend, progress=progress)


def entries_of(config: DataConfig, taught: Sequence[Taught], numbers: Mapping[str, int]) -> list[Entry]:
    """What the parts may be drawn from."""
    found = []
    for t in taught:
        hard = t.outcome in ("hard", "unasked") or (t.outcome == "malformed" and config.distil.malformed == "hard")
        if hard or t.outcome == "correct":
            one = next(iter(t.rubrics)) if len(t.rubrics) == 1 else None
            first = None if one is None else preferred_first(t.pair.item, one)
            found.append(Entry(t.pair.uid, numbers[t.pair.uid], "hard" if hard else "correct", first))
    return found


class PartExamples(Sequence[Example]):
    """A part's examples, rendered when they are asked for: prompts of tens of thousands would not fit into memory."""

    def __init__(self, part: Part, drawn: Sequence[tuple[Taught, bool]], examples: Examples) -> None:
        self._part, self._drawn, self._examples = part, drawn, examples

    def __len__(self) -> int:
        return len(self._drawn)

    @overload
    def __getitem__(self, at: int) -> Example: ...

    @overload
    def __getitem__(self, at: slice) -> list[Example]: ...

    def __getitem__(self, at: int | slice) -> Example | list[Example]:
        if isinstance(at, slice):
            return [self._examples.of(self._part, t, first) for t, first in self._drawn[at]]
        taught, first = self._drawn[at]
        return self._examples.of(self._part, taught, first)

    def __iter__(self) -> Iterator[Example]:
        return (self._examples.of(self._part, t, first) for t, first in self._drawn)


def _write(
    config: DataConfig,
    folder: Path,
    gathered: Gathered,
    taught: Sequence[Taught],
    examples: Examples,
    built: Built,
    steps: Steps,
) -> None:
    numbers = clusters(gathered.pairs, gathered.images)
    drawn = draw(entries_of(config, taught, numbers), config.wanted(), config.seed, config.as_many)
    by_uid = {t.pair.uid: t for t in taught}
    files: dict[str, dict[str, Any]] = {}
    with steps.counted("writing examples", sum(map(len, drawn.parts.values())) * len(config.formats)) as count:
        for part, some in drawn.parts.items():
            if not some:
                continue
            stored = [(_placed(by_uid[uid], config, folder, gathered.images), first) for uid, first in some]
            for name in config.formats:
                path = folder / name / f"{part}{export(name).SUFFIX}"
                _export(name, path, PartExamples(part, stored, examples))
                files[f"{name}/{path.name}"] = {
                    "rows": len(stored),
                    "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                }
                count(len(stored))
    gone = [
        Dropped(t.pair.source, t.pair.place, t.outcome, ", ".join(t.faults), t.pair.uid)
        for t in taught
        if _left_out(t, config)
    ]
    built.parts = {p: len(some) for p, some in drawn.parts.items()}
    built.tables = [
        cards.sources_table(gathered.facts, gathered.pairs),
        cards.dropped_table([*gathered.dropped, *gone]),
        *([cards.teacher_table(config, taught)] if config.teacher else []),
        cards.parts_table(config, drawn.parts, by_uid, numbers),
    ]
    _report(config, folder, gathered, taught, [*gathered.dropped, *gone], drawn, numbers, files, built.tables)


def _left_out(taught: Taught, config: DataConfig) -> bool:
    return taught.outcome in ("leaking", "unanswered") or (
        taught.outcome == "malformed" and config.distil.malformed == "drop"
    )


def _export(name: str, path: Path, examples: PartExamples) -> None:
    """Write a file as a whole: nobody sees half of it."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        export(name).write(part, examples)
        part.replace(path)
    except OSError as e:
        raise UserError(f"{path}: cannot be written ({e.strerror}); make room and run the same command again") from None
    finally:
        part.unlink(missing_ok=True)


def _placed(taught: Taught, config: DataConfig, folder: Path, images: Images) -> Taught:
    """The same with its images where the exports are to find them."""
    item = taught.pair.item
    if not item.all_media():
        return taught

    def at(path: str) -> str:
        return str((placed(images[path], folder / "images") if config.images == "store" else Path(path)).absolute())

    def moved(media: tuple[Media, ...]) -> tuple[Media, ...]:
        return tuple(replace(m, files=tuple(replace(f, path=at(f.path)) for f in m.files)) for m in media)

    candidates = tuple(Candidate(c.text, moved(c.media)) for c in item.candidates)
    there: Item = replace(item, media=moved(item.media), candidates=candidates)
    return replace(taught, pair=replace(taught.pair, item=there))


def _report(
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
    from harness_plugins.formats import markdown

    part_of = {uid: part for part, some in drawn.parts.items() for uid, _ in some}
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
    found, how = gathered.contaminated, config.contamination
    report = cards.contamination_tables(found, gathered.looked_up, how.remove)
    for name, text in (("contamination.md", markdown(report)), ("contamination.json", "")):
        data = text.encode() or orjson.dumps(
            cards.contamination_json(found, gathered.looked_up), option=orjson.OPT_INDENT_2
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
        found = orjson.loads((folder / MANIFEST).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _facts(config: DataConfig, gathered: Gathered, drawn: Drawn, files: Mapping[str, Any]) -> dict[str, Any]:
    said = config.model_dump(mode="json", exclude={"teacher", "sources", "against", "out"})
    return {
        "versions": {"rubric_harness": __version__, "python": platform.python_version()},
        "config": said,
        "teacher": config.teacher.writer() if config.teacher else None,
        "sources": gathered.facts,
        "against": gathered.benchmarks,
        "clusters_packed": drawn.packed,
        "files": files,
    }
