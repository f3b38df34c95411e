"""What pairs share: duplicates and clusters among themselves, and what of them is part of a benchmark."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evaluators.images.media import with_digests
from evaluators.keys import digest, normalised
from evaluators.records import Item
from harness_plugins.benchmarks.components import components
from harness_plugins.benchmarks.overlap import prints
from harness_plugins.training_data.config import Contamination, Signal
from harness_plugins.training_data.images import BITS, Images, Near, OwnedHash
from harness_plugins.training_data.reading import Dropped, Pair, Selection


def digested(item: Item, images: Images) -> Item:
    """The item with the digests of its media."""
    files = [f.path for m in item.all_media() for f in m.files]
    return with_digests(item, {p: images[p].sha256 for p in files}) if files else item


def looks(item: Item, images: Images) -> list[str]:
    """The perceptual hashes of its media."""
    return [h for m in item.all_media() for f in m.files if (h := images[f.path].phash)]


def _texts_digest(item: Item) -> str:
    """Of request and responses, whatever their order: what makes two pairs say the same."""
    return digest(normalised(item.prompt) or item.prompt, sorted(normalised(c.text) or c.text for c in item.candidates))


def _media_digests(item: Item) -> list[str]:
    """Of the request in order, of the candidates whatever their order."""
    first = [f.sha256 for m in item.media for f in m.files]
    return first + sorted(f.sha256 for c in item.candidates for m in c.media for f in m.files)


def without_duplicates(pairs: Sequence[Pair]) -> Selection:
    """One pair of each set that says and shows the same; none of a set whose labels contradict each other.

    Items must have the digests of their media.
    """
    sets: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        sets[digest(_texts_digest(pair.item), _media_digests(pair.item))].append(pair)
    unique: list[Pair] = []
    dropped: list[Dropped] = []
    for copies in sets.values():
        first, *others = copies
        if len({_preferred(p.item) for p in copies}) > 1:
            detail = f"its like prefers the other response: {first.place}"
            dropped += [p.dropped("conflicting_labels", detail) for p in copies]
            continue
        unique.append(first)
        dropped += [p.dropped("duplicate", f"of {first.uid} ({first.place})") for p in others]
    return Selection(unique, dropped)


def _preferred(item: Item) -> str:
    assert item.label.preferred is not None
    candidate = item.candidates[item.label.preferred]
    return digest(normalised(candidate.text) or candidate.text, [f.sha256 for m in candidate.media for f in m.files])


def clusters(pairs: Sequence[Pair], images: Images, distance: int) -> dict[str, int]:
    """A number for each pair (by uid); two that share an image's bytes or look, a group, a request that nothing but its words
    tells from another's, or request and responses, have the same one.

    Args:
        distance: bits in which the perceptual hashes of one look may differ.
    """
    ties = []
    # Each look is compared once, however many pairs share it.
    hashes = {h for p in pairs for h in looks(p.item, images)}
    near = Near((OwnedHash(h, h) for h in hashes), distance)
    alike = {h: [f"look:{min(h, other)}:{max(h, other)}" for other in near.all_of(h)] for h in hashes}
    for pair in pairs:
        item = pair.item
        tied = [p for p in prints(item) if p.startswith(("image:", "request:"))]
        tied += [tie for h in looks(item, images) for tie in alike[h]]
        tied += [f"group:{item.benchmark}:{item.group}"] if item.group is not None else []
        ties.append([*tied, f"said:{_texts_digest(item)}"])
    return dict(zip((p.uid for p in pairs), components(ties), strict=True))


@dataclass(frozen=True, slots=True)
class Hit:
    """A pair that shares something with an item of a benchmark."""

    uid: str
    place: str
    benchmark: str
    item: str
    source_id: str
    signal: Signal
    detail: str


def _grams(text: str, n: int) -> list[int]:
    """Hashes of a text's runs of n words; good within this process."""
    words = normalised(text).split(" ")
    return [hash(" ".join(words[i : i + n])) for i in range(len(words) - n + 1)]


def _texts(item: Item) -> Iterator[str]:
    """The texts whose runs are compared: responses, and a request that comes with no media."""
    yield from (c.text for c in item.candidates)
    if not item.media:
        yield item.prompt


class BenchmarkIndex:
    """One benchmark's items by what gives them away. Items must have the digests of their media."""

    def __init__(self, name: str, items: Sequence[Item], images: Images, contamination: Contamination) -> None:
        self.name = name
        self.size = len(items)
        self._contamination = contamination
        self._ids = {i.uid: i.source_id for i in items}
        self._prints: dict[str, str] = {}
        self._grams: dict[int, str] = {}
        for item in items:
            for mark in prints(item):
                self._prints.setdefault(mark, item.uid)
            for text in _texts(item):
                for gram in _grams(text, contamination.ngram):
                    self._grams.setdefault(gram, item.uid)
        self._near = Near((OwnedHash(h, i.uid) for i in items for h in looks(i, images)), contamination.distance)

    def hits(self, pair: Pair, images: Images) -> Iterator[Hit]:
        """What the pair shares with the benchmark, one hit a signal."""
        matches: dict[Signal, _Match] = {}
        names: dict[str, Signal] = {"image": "image", "text": "response", "request": "request"}
        for mark in prints(pair.item):
            if mark in self._prints:
                matches.setdefault(names[mark.partition(":")[0]], _Match(self._prints[mark]))
        # The same bytes look the same: that is one finding, not two.
        if "image" not in matches:
            near = [n for h in looks(pair.item, images) if (n := self._near.of(h))]
            if near:
                nearest = min(near)
                matches["near_image"] = _Match(nearest.owner, f"{nearest.distance} of {BITS} bits differ")
        for text in () if matches.keys() & self._contamination.remove else _texts(pair.item):  # it goes anyway
            grams = _grams(text, self._contamination.ngram)
            shared = [self._grams[g] for g in grams if g in self._grams]
            if grams and len(shared) >= self._contamination.share * len(grams):
                detail = f"{len(shared)} of {len(grams)} runs of {self._contamination.ngram} words"
                matches.setdefault("ngram", _Match(shared[0], detail))
        for signal, (item, detail) in matches.items():
            yield Hit(pair.uid, pair.place, self.name, item, self._ids[item], signal, detail)


class _Match(NamedTuple):
    item: str
    """The uid of the benchmark's."""
    detail: str = ""


@dataclass(frozen=True)
class Contaminated:
    """What overlaps with the benchmarks."""

    items: Mapping[str, int]
    """Items of each benchmark."""
    hits: Sequence[Hit]
    removed: Collection[str]
    """Uids of pairs left out for it."""


def contaminated(
    pairs: Sequence[Pair], indices: Sequence[BenchmarkIndex], images: Images, contamination: Contamination
) -> Contaminated:
    """Look every pair up in every benchmark."""
    hits = [h for pair in pairs for index in indices for h in index.hits(pair, images)]
    return Contaminated(
        {i.name: i.size for i in indices}, hits, {h.uid for h in hits if h.signal in contamination.remove}
    )
