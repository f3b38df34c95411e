"""The donors of the `shuffled` arm that a run folder names: they stay, so that a finished run asks nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from harness_plugins.folder.run_folder import RunFolder

Place = tuple[str, str]
"""Benchmark and writer."""


class Shuffle(NamedTuple):
    """One exchange of rubrics; empty where it is not chosen yet."""

    donors: Mapping[str, str] = MappingProxyType({})
    """Recipient -> donor."""
    settled: frozenset[str] = frozenset()
    """The items that had a rubric when it was chosen."""


@dataclass(frozen=True)
class Planned:
    """The donors of each shuffle, and the items that had a rubric when they were chosen."""

    donors: Mapping[Place, Sequence[Mapping[str, str]]]
    settled: Mapping[Place, frozenset[str]]

    def shuffle(self, benchmark: str, writer: str, number: int) -> Shuffle:
        drawn = self.donors.get((benchmark, writer), ())
        if number >= len(drawn):
            return Shuffle()
        return Shuffle(drawn[number], self.settled.get((benchmark, writer), frozenset()))


def planned_donors(folder: RunFolder, manifest: Mapping[str, Any]) -> Planned:
    """What a folder's manifest names. Call it before new rubrics are written: their items have no donors yet.

    Raises:
        UserError: a line of rubrics.jsonl is not a rubric.
    """
    donors = {(b, w): drawn for b, writers in manifest.get("donors", {}).items() for w, drawn in writers.items()}
    settled: dict[Place, set[str]] = defaultdict(set)
    if donors:
        for rubric in folder.rubrics():
            if rubric.status == "valid" and rubric.item is not None:
                settled[rubric.benchmark, rubric.writer.name].add(rubric.item)
    return Planned(donors, {key: frozenset(items) for key, items in settled.items()})
