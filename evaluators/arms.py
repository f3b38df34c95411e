"""The arms: which rubric, if any, a judge is handed for an item. Adding one is adding a function to `ARMS`.

Each arm says what it gives for (item, order); the engine asks for the distinct calls among them. `none`, `generic` and
`repeat` run once a judge, the others once a writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from evaluators.keys import digest
from evaluators.records import Item, Order, Rubric
from evaluators.rendering import RubricText

GENERIC = Path(__file__).parent / "generic"
GENERIC_VARIANTS = 3


@dataclass(frozen=True, slots=True)
class Given:
    """What an arm hands to the judge. `draw` sets apart calls that are equal on purpose (`repeat`)."""

    rubric: RubricText | None = None
    replicate: int = 0
    donor: str | None = None
    draw: str = ""


@dataclass(frozen=True)
class WriterRubrics:
    """One writer's valid rubrics for one benchmark, with the donors of the `shuffled` arm.

    `donors[i][uid]` is the item whose rubric item `uid` reads in shuffle i; see `shuffle.donors`.
    """

    name: str
    by_item: Mapping[str, tuple[Rubric, ...]]
    shared: tuple[Rubric, ...] = ()
    donors: tuple[Mapping[str, str], ...] = field(default=())

    def of(self, uid: str, order: Order) -> Iterator[Rubric]:
        """The rubrics for an item as judged in `order`: of each replicate the one written in that order, else what
        there is (written blind, or in the other order only)."""
        replicates: dict[int, Rubric] = {}
        for rubric in self.by_item.get(uid, self.shared):
            kept = replicates.get(rubric.replicate)
            if kept is None or (rubric.saw == order and kept.saw != order):
                replicates[rubric.replicate] = rubric
        yield from replicates.values()


Give = Callable[[Item, Order, WriterRubrics | None], Iterator[Given]]


@dataclass(frozen=True, slots=True)
class Arm:
    name: str
    per_writer: bool
    about: str
    give: Give
    uses_label: bool = False


@cache
def generic_rubric(modality: str, variant: int) -> RubricText:
    """A fixed rubric that knows nothing of the item: variant 1 to 3 of `text`, `image` or `edit`."""
    text = (GENERIC / modality / f"{variant}.txt").read_text(encoding="utf-8").strip()
    return RubricText(text, uid=f"generic/{modality}/{variant}")


def _none(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[Given]:
    yield Given()


def _repeat(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[Given]:
    yield Given(draw="repeat")


def _generic(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[Given]:
    # The item's content draws the wording, so that one call an order averages over all three.
    yield Given(generic_rubric(item.modality(), int(digest("generic", item.uid)[:8], 16) % GENERIC_VARIANTS + 1))


def as_text(rubric: Rubric) -> RubricText:
    return RubricText(rubric.text, rubric.criteria, rubric.uid)


def _transferred(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[Given]:
    assert writer is not None
    for rubric in writer.of(item.uid, order):
        yield Given(as_text(rubric), rubric.replicate)


def _shuffled(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[Given]:
    assert writer is not None
    for shuffle, donors in enumerate(writer.donors):
        donor = donors.get(item.uid)
        if donor is not None:
            rubric = next(writer.of(donor, order))
            yield Given(as_text(rubric), shuffle, donor)


ARMS: dict[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("none", False, "no rubric: the same prompt with the rubric section left out", _none),
        Arm("generic", False, "a fixed rubric for the modality, one of three wordings by item", _generic),
        Arm("transferred", True, "the writer's rubric for this item", _transferred),
        Arm("shuffled", True, "the same writer's rubric for another item of the category", _shuffled),
        Arm("repeat", False, "`none` asked a second time: the noise floor", _repeat),
    )
}
