"""Whether a run folder is complete: what of it cannot be read, or is gone. `check`, scoring and every table report it alike."""

from __future__ import annotations

from dataclasses import dataclass, field

from evaluators.engine.journal import Damage, damage_notes


@dataclass(frozen=True)
class LostItems:
    """Items of a benchmark that `items.jsonl` lacks."""

    benchmark: str
    there: int
    planned: int
    """As many as the manifest says were to be judged; 0 where it does not say."""
    judged: int
    """Items that verdicts are on, and that are not there."""

    @property
    def count(self) -> int:
        return max(self.planned - self.there, self.judged)


@dataclass(frozen=True)
class LostRubrics:
    """Rubrics of a writer that verdicts name, and that `rubrics.jsonl` lacks."""

    benchmark: str
    writer: str
    rubrics: int
    verdicts: int


@dataclass
class Problems:
    """What a run folder has lost. Nothing of it is scored as if it had never been: the cells that it touches are incomplete."""

    damage: Damage = field(default_factory=dict)
    """Lines that cannot be read. Those of verdicts are asked again by the next run."""
    items: list[LostItems] = field(default_factory=list)
    rubrics: list[LostRubrics] = field(default_factory=list)

    def lost_items(self, benchmark: str) -> int:
        return sum(lost.count for lost in self.items if lost.benchmark == benchmark)

    def lost_rubrics(self, benchmark: str, writer: str | None) -> int:
        return sum(lost.rubrics for lost in self.rubrics if (lost.benchmark, lost.writer) == (benchmark, writer))

    def notes(self) -> list[str]:
        """The messages to print, a sentence each; none for a complete folder.

        >>> Problems(items=[LostItems("demo", 30, 60, 30)]).notes()[0][:65]
        'demo: 30 of 60 items are not in items.jsonl; 30 of them have verd'
        """
        notes = damage_notes(self.damage)
        for lost in self.items:
            total = f" of {lost.planned}" if lost.planned else ""
            judged = f"; {lost.judged} of them have verdicts" if lost.judged else ""
            notes.append(
                f"{lost.benchmark}: {lost.count}{total} items are not in items.jsonl{judged}. Its cells are incomplete: restore the "
                "file, or run the same config again"
            )
        for gone in self.rubrics:
            notes.append(
                f"{gone.benchmark}: {gone.rubrics} rubrics of {gone.writer!r} that {gone.verdicts} verdicts name are not in "
                "rubrics.jsonl. Its cells are incomplete: restore the file, or run the same config again"
            )
        return notes
