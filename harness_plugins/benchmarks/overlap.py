"""Whether labelled seeds (exemplars, say) and the items that are judged have anything in common: then a result is not a test.

Two of them overlap where an image has the same bytes, where a candidate's text is the same, or where the request is the same
and there is nothing else to tell them apart. Texts are compared as clusters compare them (`keys.normalised`).
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from evaluators.errors import UserError
from evaluators.images.media import sha256_of
from evaluators.keys import digest, normalised
from evaluators.records import Item, MediaFile
from harness_plugins.benchmarks.components import components

SHORTEST = 20
"""Normalised characters of a candidate's text below which it identifies no item ("Yes, it is.")."""
SHOWN = 5
_HEAD = 400
"""Characters that are normalised to see whether the rest is worth it."""


def overlaps(seeds: Sequence[Item], items: Iterable[Item]) -> Iterator[str]:
    """A line for each seed and item that overlap, naming both by uid, and what they share.

    Test images are hashed only where their size is that of a seed's.

    Raises:
        UserError: an image cannot be read.
    """
    seeds_by = _Index(seeds)
    for item in items:
        reported: set[str] = set()
        for seed, what in seeds_by.shared_with(item):
            if seed not in reported:
                reported.add(seed)
                yield f"{seed} and the judged item {item.uid} have {what} in common: remove it from one side"


def check_disjoint(seeds: Sequence[Item], benchmarks: Mapping[str, Sequence[Item]]) -> None:
    """Refuse seeds that are part of what is judged.

    Raises:
        UserError: up to five overlaps, a line each.
    """
    lines = [line for items in benchmarks.values() for line in overlaps(seeds, items)]
    if lines:
        raise UserError(
            *lines[:SHOWN], *([f"... and {len(lines) - SHOWN} more overlaps"] if len(lines) > SHOWN else [])
        )


def together(items: Sequence[Item]) -> list[list[Item]]:
    """Items in connected sets: by group, image bytes, a candidate's text or the request, as `overlaps` sees it."""
    groups = ([f"group {i.group}"] if i.group is not None else [] for i in items)
    sets: dict[int, list[Item]] = {}
    for item, n in zip(items, components([*prints(i), *g] for i, g in zip(items, groups, strict=True)), strict=True):
        sets.setdefault(n, []).append(item)
    return list(sets.values())


def prints(item: Item, sizes: Container[int] | None = None) -> Iterator[str]:
    """What gives an item away, as short digests that a file can hold: `image:<bytes>:<16 hex>`, `text:...`, `request:...`.

    Args:
        sizes: only images of these sizes are hashed.
    """
    for file in _files(item):
        if sizes is None or file.size in sizes:
            yield f"image:{file.size}:{(file.sha256 or sha256_of(file.path))[:16]}"
    for candidate in item.candidates:
        text = normalised(candidate.text)
        if len(text) >= SHORTEST:
            yield f"text:{digest(text)[:16]}"
    request = _request(item)
    if request:
        yield f"request:{digest(request)[:16]}"


def check_prints(path: Path, seed_prints: Collection[str], benchmarks: Mapping[str, Sequence[Item]]) -> None:
    """Refuse a rubric whose seeds are part of what is judged, by the prints that its file holds.

    Raises:
        UserError: naming the file and the first items.
    """
    if not seed_prints:
        return
    # Size first: to hash all images of a benchmark takes as long as to read them.
    sizes = {int(p.split(":")[1]) for p in seed_prints if p.startswith("image:")}
    uids = [i.uid for items in benchmarks.values() for i in items if any(p in seed_prints for p in prints(i, sizes))]
    if uids:
        raise UserError(
            f"{path}: its rubric was made from pairs that share an image, a text or a request with {len(uids)} of the judged items "
            f"({', '.join(uids[:3])}{', ...' if len(uids) > 3 else ''}): judge others, or use another rubric"
        )


class Shared(NamedTuple):
    """Something that a seed and an item have in common."""

    seed: str
    """Its uid."""
    what: str
    """In words."""


class _Index:
    """Seeds by what would give them away."""

    def __init__(self, seeds: Sequence[Item]) -> None:
        self._texts: dict[str, str] = {}
        self._images: dict[str, tuple[str, str]] = {}
        self._sizes: set[int] = set()
        self._requests: dict[tuple[str, ...], str] = {}
        for seed in seeds:
            for candidate in seed.candidates:
                text = normalised(candidate.text)
                if len(text) >= SHORTEST:
                    self._texts.setdefault(text, seed.uid)
            for file in _files(seed):
                self._images.setdefault(file.sha256 or sha256_of(file.path), (seed.uid, file.path))
                self._sizes.add(file.size)
            request = _request(seed)
            if request:
                self._requests.setdefault(request, seed.uid)
        self._heads = {t[:SHORTEST] for t in self._texts}

    def shared_with(self, item: Item) -> Iterator[Shared]:
        """What seeds have in common with an item."""
        for file in _files(item):
            if file.size in self._sizes:
                seed, path = self._images.get(file.sha256 or sha256_of(file.path), ("", ""))
                if seed:
                    yield Shared(seed, f"an image ({path} and {file.path})")
        for candidate in item.candidates:
            if self._may_be_a_seeds(candidate.text):
                text = normalised(candidate.text)
                if text in self._texts:
                    yield Shared(self._texts[text], f"a candidate ({text[:40]!r})")
        request = _request(item)
        if request in self._requests:
            yield Shared(self._requests[request], f"the request ({item.prompt[:40]!r})")

    def _may_be_a_seeds(self, text: str) -> bool:
        head = normalised(text[:_HEAD])  # cut inside a word it is still the start of the whole, if it is long enough
        return len(head) <= SHORTEST or head[:SHORTEST] in self._heads


def _files(item: Item) -> Iterator[MediaFile]:
    return (f for m in item.all_media() for f in m.files)


def _request(item: Item) -> tuple[str, ...] | None:
    """What makes a request one that another item may share: its words, for generated images and for texts about nothing else.

    Where media come with it, they are compared by their bytes: "Describe the image." is asked of a thousand images.
    """
    words = normalised(item.prompt)
    return (words,) if words and not item.media else None
