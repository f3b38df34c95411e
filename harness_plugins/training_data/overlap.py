"""What pairs share: duplicates and clusters among themselves, and what of them is part of a benchmark."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evaluators.images.media import with_digests
from evaluators.keys import digest, normalised
from evaluators.records import Item, MediaFile
from harness_plugins.benchmarks.components import components
from harness_plugins.benchmarks.overlap import prints
from harness_plugins.training_data.config import Contamination, Signal
from harness_plugins.training_data.crops import FITS, CropIndex, Owned
from harness_plugins.training_data.images import ALIKE, BITS, Change, Images, Near, OwnedHash
from harness_plugins.training_data.reading import Dropped, Pair, Selection


def digested(item: Item, images: Images) -> Item:
    """The item with the digests of its media."""
    files = [f.path for m in item.all_media() for f in m.files]
    return with_digests(item, {p: images[p].sha256 for p in files}) if files else item


def looks(item: Item, images: Images) -> list[OwnedHash]:
    """The perceptual hashes of its media, each with its file's path."""
    return [OwnedHash(h, f.path) for m in item.all_media() for f in m.files if (h := images[f.path].phash)]


def _texts_digest(item: Item) -> str:
    """Of request and responses, whatever their order: what makes two pairs say the same."""
    return digest(normalised(item.prompt) or item.prompt, sorted(normalised(c.text) or c.text for c in item.candidates))


def _media_digests(item: Item) -> list[str]:
    """Of the request in order, of the candidates whatever their order."""
    first = [f.sha256 for m in item.media for f in m.files]
    return first + sorted(f.sha256 for c in item.candidates for m in c.media for f in m.files)


def without_duplicates(pairs: Sequence[Pair], images: Images, distance: int) -> Selection:
    """One pair of each set that says and shows the same; none of a set whose labels contradict each other.

    An image that was encoded again shows the same. Items must have the digests of their media.

    Args:
        distance: bits in which the perceptual hashes of one look may differ.
    """
    sets: dict[str, list[list[Pair]]] = defaultdict(list)
    for pair in pairs:
        same_texts = sets[_texts_digest(pair.item)]
        copies = next((c for c in same_texts if _show_the_same(c[0].item, pair.item, images, distance)), None)
        if copies is None:
            same_texts.append([pair])
        else:
            copies.append(pair)
    unique: list[Pair] = []
    dropped: list[Dropped] = []
    for first, *others in (copies for same_texts in sets.values() for copies in same_texts):
        opposed = [p for p in others if _preferred(p.item) != _preferred(first.item)]
        if opposed:
            dropped.append(first.dropped("conflicting_labels", f"{opposed[0].place} prefers the other response"))
            for pair in others:
                other = first if pair in opposed else opposed[0]
                dropped.append(pair.dropped("conflicting_labels", f"{other.place} prefers the other response"))
            continue
        unique.append(first)
        dropped += [p.dropped("duplicate", f"of {first.uid} ({first.place})") for p in others]
    return Selection(unique, dropped)


def _show_the_same(item: Item, other: Item, images: Images, distance: int) -> bool:
    """Whether two items whose texts are the same have the same media, as they are or as they look."""
    if _media_digests(item) == _media_digests(other):
        return True
    files, other_files = ([f.path for f in _files_in_order(i)] for i in (item, other))
    return len(files) == len(other_files) and all(
        _look_alike(a, b, images, distance) for a, b in zip(files, other_files, strict=True)
    )


def _files_in_order(item: Item) -> list[MediaFile]:
    """Of the request, then of the candidates, by what they say."""
    candidates = sorted(item.candidates, key=lambda c: normalised(c.text) or c.text)
    return [f for media in (item.media, *(c.media for c in candidates)) for m in media for f in m.files]


def _look_alike(path: str, other: str, images: Images, distance: int) -> bool:
    facts, other_facts = images[path], images[other]
    if facts.sha256 == other_facts.sha256:
        return True
    if not (facts.phash and other_facts.phash):
        return False
    near = (int(facts.phash, 16) ^ int(other_facts.phash, 16)).bit_count() <= distance
    return near and images.likeness(path, other) >= ALIKE


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
    alike = _alike([look for p in pairs for look in looks(p.item, images)], images, distance)
    for pair in pairs:
        item = pair.item
        tied = [p for p in prints(item) if p.startswith(("image:", "request:"))]
        tied += [tie for look in looks(item, images) for tie in alike.get(look.owner, ())]
        tied += [f"group:{item.benchmark}:{item.group}"] if item.group is not None else []
        ties.append([*tied, f"said:{_texts_digest(item)}"])
    return dict(zip((p.uid for p in pairs), components(ties), strict=True))


def _alike(hashes: Sequence[OwnedHash], images: Images, distance: int) -> dict[str, list[str]]:
    """By path, a tie to each other image that looks the same."""
    first_path: dict[str, OwnedHash] = {}
    for look in hashes:  # one file of each content is compared
        first_path.setdefault(images[look.owner].sha256, look)
    near = Near(first_path.values(), distance)
    ties: dict[str, list[str]] = defaultdict(list)
    for look in first_path.values():
        for neighbour in near.of(look.hex):
            if neighbour.owner > look.owner and images.likeness(look.owner, neighbour.owner) >= ALIKE:
                tie = f"look:{look.owner}:{neighbour.owner}"
                ties[images[look.owner].sha256].append(tie)
                ties[images[neighbour.owner].sha256].append(tie)
    return {look.owner: ties[images[look.owner].sha256] for look in hashes}


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


def _runs(words: Sequence[str], n: int) -> list[int]:
    """Hashes of runs of n words; good within this process."""
    return [hash(" ".join(words[i : i + n])) for i in range(len(words) - n + 1)]


def _words(text: str) -> list[str]:
    return normalised(text).split(" ")


def _texts(item: Item) -> Iterator[str]:
    """The texts whose runs are compared: responses, and a request that comes with no media."""
    yield from (c.text for c in item.candidates)
    if not item.media:
        yield item.prompt


SHORTEST_RUN = 5
"""Words. Shorter runs are common to texts that have nothing to do with each other."""
MOST_TEXTS = 64
"""Texts that are looked at for one run: one that is in more of them is a phrase of the benchmark's own form."""
EDITED = 1.25
"""Two texts of which one was made from the other by an edit are at most this much longer or shorter."""


class _KnownText(NamedTuple):
    """A text of a benchmark, to be found whole: inside a longer one, or with a word changed."""

    item: str
    words: int
    n: int
    """Words of its runs: so few that one changed word leaves half of them."""
    runs: int


class _Texts:
    """Texts of a benchmark by their runs of words, each at a length of its own."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._texts: list[_KnownText] = []
        self._with: dict[int, dict[int, list[int]]] = defaultdict(dict)
        """By length of runs: in which texts each run is."""

    def add(self, item: str, words: Sequence[str]) -> None:
        n = min(self._longest, (len(words) + 1) // 3)
        runs = set(_runs(words, n)) if n >= SHORTEST_RUN else ()
        if not runs:
            return
        for run in runs:
            self._with[n].setdefault(run, []).append(len(self._texts))
        self._texts.append(_KnownText(item, len(words), n, len(runs)))

    def whole_in(self, words: Sequence[str], share: float) -> _Match | None:
        """The text that is in these words: as it is, or most of it where its runs are long or both texts are of one length."""
        for n, texts_with in self._with.items():
            shared: Counter[int] = Counter()
            for run in set(_runs(words, n)):
                numbers = texts_with.get(run, ())
                if len(numbers) <= MOST_TEXTS:
                    shared.update(numbers)
            for number, count in shared.most_common():
                text = self._texts[number]
                one_length = text.words / EDITED <= len(words) <= text.words * EDITED
                if count == text.runs or (count >= share * text.runs and (n == self._longest or one_length)):
                    return _Match(text.item, f"{count} of its {text.runs} runs of {n} words")
        return None


class BenchmarkIndex:
    """One benchmark's items by what gives them away. Items must have the digests of their media."""

    def __init__(self, name: str, items: Sequence[Item], images: Images, contamination: Contamination) -> None:
        self.name = name
        self.size = len(items)
        self._contamination = contamination
        self._ids = {i.uid: i.source_id for i in items}
        self._prints: dict[str, str] = {}
        self._runs: dict[int, str] = {}
        self._whole = _Texts(contamination.ngram)
        for item in items:
            for mark in prints(item):
                self._prints.setdefault(mark, item.uid)
            for text in _texts(item):
                words = _words(text)
                self._whole.add(item.uid, words)
                for run in _runs(words, contamination.ngram):
                    self._runs.setdefault(run, item.uid)
        self._looks = [_Look(i.uid, look.owner, "", look.hex) for i in items for look in looks(i, images)]
        self._looks += [
            _Look(look.item, look.path, changed.change, changed.hex)
            for look in tuple(self._looks)
            for changed in images.changed(look.path, contamination.variants)
        ]
        unchanged = [(n, look) for n, look in enumerate(self._looks) if not look.change]
        to_crop = unchanged if "crop" in contamination.variants else []
        self._crops = CropIndex([Owned(h, n) for n, look in to_crop for h in images.crop_hashes(look.path)])
        hashes = (OwnedHash(look.hex, str(n)) for n, look in enumerate(self._looks))
        self._near = Near(hashes, contamination.distance)

    def hits(self, pair: Pair, images: Images) -> Iterator[Hit]:
        """What the pair shares with the benchmark, one hit a signal."""
        matches: dict[Signal, _Match] = {}
        names: dict[str, Signal] = {"image": "image", "text": "response", "request": "request"}
        for mark in prints(pair.item):
            if mark in self._prints:
                matches.setdefault(names[mark.partition(":")[0]], _Match(self._prints[mark]))
        # The same bytes look the same: that is one finding, not two.
        if "image" not in matches and (match := self._look(pair, images)) is not None:
            matches["near_image"] = match
        for text in () if matches.keys() & self._contamination.remove else _texts(pair.item):  # it goes anyway
            match = self._text(text)
            if match is not None:
                matches.setdefault("ngram", match)
        for signal, (item, detail) in matches.items():
            yield Hit(pair.uid, pair.place, self.name, item, self._ids[item], signal, detail)

    def _text(self, text: str) -> _Match | None:
        """The benchmark's text that most of this one is from, or that is in this one."""
        words, n = _words(text), self._contamination.ngram
        runs = _runs(words, n)
        shared = [self._runs[r] for r in runs if r in self._runs]
        if runs and len(shared) >= self._contamination.share * len(runs):
            return _Match(shared[0], f"{len(shared)} of {len(runs)} runs of {n} words")
        return self._whole.whole_in(words, self._contamination.share)

    def _look(self, pair: Pair, images: Images) -> _Match | None:
        """The benchmark's image that looks most like one of the pair's."""
        for own in looks(pair.item, images):
            for neighbour in self._near.of(own.hex):
                look = self._looks[int(neighbour.owner)]
                likeness = images.likeness(own.owner, look.path, look.change)
                if likeness >= ALIKE:
                    detail = f"{neighbour.distance} of {BITS} bits differ, details {likeness:.2f} alike"
                    return _Match(look.item, f"{look.change}: {detail}" if look.change else detail)
            for number in self._crops.of(own.hex):
                look = self._looks[number]
                fit = images.fit(own.owner, look.path)
                if fit >= FITS:
                    return _Match(look.item, f"cropped: fits into it with {fit:.2f}")
        return None


class _Look(NamedTuple):
    """How an image of a benchmark looks, as it is or changed."""

    item: str
    path: str
    change: Change
    hex: str


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
