"""From raw preference data to training sets: read, hash, filter, compare with benchmarks, teach, sample, write. `build` does all."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, overload

from evaluators.engine.caller import Tally
from evaluators.engine.journal import Journal
from evaluators.errors import UserError
from evaluators.messages import ChatBackend
from harness_plugins.experiment.progress import Steps
from harness_plugins.experiment.run import check_secrets
from harness_plugins.folder.items import list_new
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.plugins import EXPORTS
from harness_plugins.tables.model import Table
from harness_plugins.training_data.config import DataConfig, Part, load_data_config
from harness_plugins.training_data.examples import Example, Examples
from harness_plugins.training_data.exports import check
from harness_plugins.training_data.gathering import HASHES, Gathered, gather
from harness_plugins.training_data.images import Images, placed
from harness_plugins.training_data.overlap import clusters
from harness_plugins.training_data.parts import Entry, draw
from harness_plugins.training_data.reading import Pair
from harness_plugins.training_data.reports import Contents, write_reports
from harness_plugins.training_data.teaching import Taught, outcomes, preferred_first, rounds, teach

TEACHER = "teacher"


@dataclass
class Built:
    """The result of `build`."""

    out: Path
    tally: Tally
    gathered: Gathered
    outcomes: Counter[str]
    parts: dict[Part, int] = field(default_factory=dict)
    """Examples of each part; empty where answers are missing and no part was made."""
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
        teacher: a backend of your own, in place of the one that the config describes (`evaluators.testing.mock` has one).
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
    if config.teacher is not None:
        check_secrets([config.teacher], [config.teacher.name] if teacher else [])
    examples = Examples(config)
    check(config.formats)
    with Journal(folder / HASHES) as hashes:  # locked to the end: one writer for each folder
        gathered = gather(config, folder, hashes, limit, Steps(progress))
        tally = Tally()
        cluster_of = clusters(gathered.pairs, gathered.images, config.contamination.distance)
        taught: list[Taught] = []
        asked = 0
        for pairs in rounds(config, gathered.pairs):
            new, asked = pairs[asked:], len(pairs)
            _ask_teacher(config, new, folder / TEACHER, tally=tally, redo=redo, backend=teacher, progress=progress)
            taught = list(outcomes(config, pairs, folder / TEACHER))
            if config.distil.ask == "until_full" and _full(config, taught, cluster_of):
                uids = {p.uid for p in pairs}
                taught += [Taught(p, "spare") for p in gathered.pairs if p.uid not in uids]
                break
        counts = Counter(t.outcome for t in taught)
        built = Built(folder, tally, gathered, Counter({str(k): n for k, n in counts.items()}))
        if counts["unanswered"] and config.distil.unanswered == "stop":
            built.complete = False
            return built
        contents = _draw(config, gathered, taught, cluster_of)
        _export_parts(config, folder, contents, examples, Steps(progress))
        built.parts = {p: len(members) for p, members in contents.drawn.parts.items()}
        built.tables = write_reports(config, folder, contents)
    return built


def _ask_teacher(
    config: DataConfig,
    pairs: Sequence[Pair],
    folder: Path,
    *,
    tally: Tally,
    redo: Collection[str],
    backend: ChatBackend | None,
    progress: bool,
) -> None:
    if config.teacher is None:
        return
    run_folder = RunFolder(folder)
    with run_folder.journal("items") as items:  # with rubrics.jsonl beside it, `show` and cards can read it
        list_new([p.item for p in pairs], run_folder.items(), items)
    teach(config, pairs, folder, tally=tally, redo=redo, backend=backend, progress=progress)


def _full(config: DataConfig, taught: Sequence[Taught], cluster_of: Mapping[str, int]) -> bool:
    """Whether the parts can be made at their sizes."""
    try:
        draw(entries_of(config, taught, cluster_of), config.sizes(), config.seed)
    except UserError:
        return False
    return True


def entries_of(config: DataConfig, taught: Sequence[Taught], numbers: Mapping[str, int]) -> list[Entry]:
    """What the parts may be made from."""
    entries = []
    for t in taught:
        hard = t.outcome in ("hard", "unasked") or (t.outcome == "malformed" and config.distil.malformed == "hard")
        if hard or t.outcome == "correct":
            order = next(iter(t.rubrics)) if len(t.rubrics) == 1 else None
            first = None if order is None else preferred_first(t.pair.item, order)
            entries.append(Entry(t.pair.uid, numbers[t.pair.uid], "hard" if hard else "correct", first))
    return entries


class TaughtMember(NamedTuple):
    taught: Taught
    preferred_first: bool


class PartExamples(Sequence[Example]):
    """A part's examples, rendered when they are asked for: prompts of tens of thousands would not fit into memory."""

    def __init__(self, part: Part, members: Sequence[TaughtMember], examples: Examples) -> None:
        self._part, self._members, self._examples = part, members, examples

    def __len__(self) -> int:
        return len(self._members)

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...

    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self._examples.of(self._part, t, first) for t, first in self._members[index]]
        return self._examples.of(self._part, *self._members[index])

    def __iter__(self) -> Iterator[Example]:
        return (self._examples.of(self._part, t, first) for t, first in self._members)


def _draw(config: DataConfig, gathered: Gathered, taught: Sequence[Taught], cluster_of: dict[str, int]) -> Contents:
    """What the folder will hold, but for the files.

    Raises:
        UserError: a part's size cannot be met.
    """
    drawn = draw(entries_of(config, taught, cluster_of), config.sizes(), config.seed, config.as_many)
    unused = [t.pair.dropped(t.outcome, ", ".join(t.faults)) for t in taught if _left_out(t, config)]
    return Contents(gathered, {t.pair.uid: t for t in taught}, [*gathered.dropped, *unused], drawn, cluster_of)


def _export_parts(config: DataConfig, folder: Path, contents: Contents, examples: Examples, steps: Steps) -> None:
    parts, images = contents.drawn.parts, contents.gathered.images
    with steps.counted("writing examples", sum(map(len, parts.values())) * len(config.formats)) as count:
        for part, members in parts.items():
            if not members:
                continue
            stored = [
                TaughtMember(_placed(contents.taught[m.uid], config, folder, images), m.preferred_first)
                for m in members
            ]
            for name in config.formats:
                path = folder / name / f"{part}{EXPORTS.module(name).SUFFIX}"
                _export(name, path, PartExamples(part, stored, examples))
                contents.files[f"{name}/{path.name}"] = {
                    "rows": len(stored),
                    "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                }
                count(len(stored))


def _left_out(taught: Taught, config: DataConfig) -> bool:
    return taught.outcome in ("leaking", "unanswered") or (
        taught.outcome == "malformed" and config.distil.malformed == "drop"
    )


def _export(name: str, path: Path, examples: PartExamples) -> None:
    """Write a file as a whole: no reader sees half of it."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        EXPORTS.module(name).write(part, examples)
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

    return replace(taught, pair=replace(taught.pair, item=item.with_paths(at)))
