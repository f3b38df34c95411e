"""The arms: which rubric, if any, a judge is handed for an item. Adding one is adding a function to `ARMS`.

Each arm says what it gives for (item, order); the engine asks for the distinct calls among them. `none`, `generic` and
`repeat` run once a judge, the others once a writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal

from evaluators.keys import digest
from evaluators.prompts.template import Case, RubricText
from evaluators.records import Item, Order, Rubric
from evaluators.rubrics.leaks import masked, relabelled

GENERIC = Path(__file__).parent / "generic"
GENERIC_VARIANTS = 3


@dataclass(frozen=True, slots=True)
class Given:
    """What an arm hands to the judge. `draw` sets apart calls that are equal on purpose (`repeat`)."""

    rubric: RubricText | None = None
    replicate: int = 0
    donor: str | None = None
    draw: str = ""
    advice: int | None = None
    hidden: frozenset[str] = frozenset()
    edited: float | None = None
    """Share of the rubric's words that the arm changed (`masked`)."""

    def case(self, item: Item, order: Order, candidate: int | None = None) -> Case:
        return Case(item, order, self.rubric, self.advice, self.hidden, candidate)


def verdict_in(rubric: Rubric, order: Order) -> Literal[1, 2] | None:
    """The writer's own verdict as a position in `order`; None where it gave none."""
    if rubric.verdict is None or rubric.saw == "nothing":
        return None
    return rubric.verdict if rubric.saw == order else 2 if rubric.verdict == 1 else 1


@dataclass(frozen=True)
class WriterRubrics:
    """One writer's valid rubrics for one benchmark, with the donors of the `shuffled` arm.

    `donors[i][uid]` is the item whose rubric item `uid` reads in shuffle i; see `shuffle.donors`.
    """

    name: str
    by_item: Mapping[str, tuple[Rubric, ...]]
    shared: tuple[Rubric, ...] = ()
    donors: tuple[Mapping[str, str], ...] = field(default=())
    owner: str | None = None
    """The judge whose own rubrics these are (arm `self`); no other judge reads them."""

    paired: frozenset[str] = frozenset()
    """Items for which it was asked to write with the responses before it: what it wrote blind does not stand in for that."""
    pending: frozenset[tuple[str, str, int]] = frozenset()
    """(item, saw, replicate) of rubrics that are still to come (their writing failed): nothing stands in for them."""
    saw: frozenset[str] = frozenset()
    """What it saw of the pairs over all it was asked for here, whatever came of it; empty while that is not known."""

    def of(self, uid: str, order: Order) -> Iterator[Rubric]:
        """The rubrics for an item as judged in `order`: of each replicate the one written in that order, else what
        there is: written in the other order or, where it never saw this item's responses, without them."""
        replicates: dict[int, Rubric] = {}
        rank = {order: 0, "nothing": 2}
        for rubric in self.all(uid):
            if (rubric.saw == "nothing" and uid in self.paired) or (uid, order, rubric.replicate) in self.pending:
                continue
            best = replicates.get(rubric.replicate)
            if best is None or rank.get(rubric.saw, 1) < rank.get(best.saw, 1):
                replicates[rubric.replicate] = rubric
        yield from replicates.values()

    def all(self, uid: str) -> tuple[Rubric, ...]:
        """Every rubric for an item, whatever its writer saw."""
        return self.by_item.get(uid, self.shared)

    def crossed(self, uid: str, order: Order) -> Iterator[Rubric]:
        """Those written in the other order than is judged."""
        yield from (r for r in self.all(uid) if r.saw not in (order, "nothing"))

    def blind(self, uid: str, order: Order) -> Iterator[Rubric]:
        """Those written without the responses."""
        yield from (r for r in self.all(uid) if r.saw == "nothing")

    def decided(self, uid: str, order: Order) -> Iterator[Rubric]:
        """Those of `of` whose writer gave a verdict of its own."""
        yield from (r for r in self.of(uid, order) if verdict_in(r, order) is not None)


Give = Callable[[Item, Order, WriterRubrics | None], Iterator[Given]]
Reads = Callable[[WriterRubrics, str, Order], Iterator[Rubric]]
Edit = Callable[[Item, Rubric], "RubricText | tuple[RubricText, float]"]


@dataclass(frozen=True, slots=True)
class Arm:
    name: str
    per_writer: bool
    about: str
    give: Give
    uses_label: bool = False
    """A probe that is told the right answer: in no prompt of any other arm, and in no paper's table."""
    default: bool = False
    """Judged where a config names no arms."""
    own: bool = False
    """Reads what the judge itself wrote."""
    edit: Edit | None = None
    """How the arm changes a rubric's text before it is read."""
    after_responses: bool = False
    """Lives on what a writer says after seeing the responses: not judged for one that never sees any."""
    across_items: bool = False
    """Lives on the difference between items' rubrics: not judged for a writer with one rubric for all."""
    reads: Reads = WriterRubrics.of
    """For arms of a writer: its rubrics that the arm uses for an item (uid) in an order, one a replicate. `shuffled` reads
    those of donors instead."""
    control: bool = False
    """A rubric too, only not this writer's for this item: `transferred` helps by its content where it does more than these."""

    def fits(self, writer: WriterRubrics) -> bool:
        """Whether a writer can have anything for it."""
        if self.across_items and writer.shared and not writer.by_item:
            return False
        return not self.after_responses or writer.saw != {"nothing"}


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
            rubric = next(writer.of(donor, order), None)
            if rubric is not None:  # else the donor's is still to come
                yield Given(as_text(rubric), shuffle, donor)


def _crossed(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[Given]:
    assert writer is not None
    for rubric in writer.crossed(item.uid, order):
        yield Given(as_text(rubric), rubric.replicate)


def _blind(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[Given]:
    assert writer is not None
    for rubric in writer.blind(item.uid, order):
        yield Given(as_text(rubric), rubric.replicate)


def _advice(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[Given]:
    assert writer is not None
    for rubric in writer.decided(item.uid, order):
        yield Given(replicate=rubric.replicate, advice=verdict_in(rubric, order))


def _edited(edit: Edit, hidden: frozenset[str] = frozenset()) -> Give:
    """An arm that hands over the writer's rubric for this item, changed in some way."""

    def give(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[Given]:
        assert writer is not None
        for rubric in writer.of(item.uid, order):
            edited = edit(item, rubric)
            text, share = edited if isinstance(edited, tuple) else (edited, None)
            yield Given(text, rubric.replicate, hidden=hidden, edited=share)

    return give


def _relabelled(item: Item, rubric: Rubric) -> RubricText:
    criteria = tuple(
        replace(c, name=relabelled(c.name), description=relabelled(c.description)) for c in rubric.criteria
    )
    return RubricText(relabelled(rubric.text), criteria, rubric.uid)


def _masked(item: Item, rubric: Rubric) -> tuple[RubricText, float]:
    responses = [c.text for c in item.candidates]
    text = masked(rubric.text, responses)
    criteria = tuple(
        replace(c, name=masked(c.name, responses).text, description=masked(c.description, responses).text)
        for c in rubric.criteria
    )
    return RubricText(text.text, criteria, rubric.uid), round(text.edited, 4)


def _justified(item: Item, rubric: Rubric) -> RubricText:
    text = f"{rubric.text}\n\nWhy these criteria: {rubric.justify}" if rubric.justify else rubric.text
    return RubricText(text, rubric.criteria, rubric.uid)


def as_read(item: Item, rubric: Rubric) -> RubricText:
    return as_text(rubric)


PAIR = frozenset({"media", "responses"})


def _told(right: bool) -> Give:
    """The probes: a rubric that announces the label, or its opposite."""

    def give(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[Given]:
        if item.label.preferred is not None:
            preferred = 1 + order.index("ABCDEFGHI"[item.label.preferred])
            number = preferred if right else 1 + preferred % len(order)
            name = "leak" if right else "anti"
            yield Given(RubricText(f"1. Overall quality (100%): Response {number} is the better one.", uid=name))

    return give


ARMS: dict[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("none", False, "no rubric: the same prompt with the rubric section left out", _none, default=True),
        Arm(
            "generic",
            False,
            "a fixed rubric for the modality, one of three wordings by item",
            _generic,
            default=True,
            control=True,
        ),
        Arm(
            "transferred",
            True,
            "the writer's rubric for this item, written in the order that is judged",
            _transferred,
            default=True,
        ),
        Arm(
            "crossed",
            True,
            "the rubric written in the other order, its text as it is: names of responses now point wrong",
            _crossed,
            after_responses=True,
            reads=WriterRubrics.crossed,
        ),
        Arm(
            "shuffled",
            True,
            "the same writer's rubric for another item of the category",
            _shuffled,
            default=True,
            across_items=True,
            control=True,
        ),
        Arm(
            "advice",
            True,
            "no rubric, one line with the writer's own verdict: what copying it is worth",
            _advice,
            after_responses=True,
            reads=WriterRubrics.decided,
        ),
        Arm("self", True, "a rubric that the judge wrote itself", _transferred, own=True),
        Arm(
            "relabel",
            True,
            "the rubric with Response 1 and 2 exchanged in its text",
            _edited(_relabelled),
            edit=_relabelled,
        ),
        Arm(
            "masked", True, "the rubric without names of responses and verbatim quotes", _edited(_masked), edit=_masked
        ),
        Arm(
            "blind",
            True,
            "a rubric written without the responses (other information and another prompt)",
            _blind,
            reads=WriterRubrics.blind,
        ),
        Arm("justify", True, "the rubric with its author's reasons for it", _edited(_justified), edit=_justified),
        Arm("rubric_only", True, "question and rubric alone: 50 % if it does not say which", _edited(as_read, PAIR)),
        Arm("no_image", True, "the rubric without the images", _edited(as_read, frozenset({"media"}))),
        Arm("repeat", False, "`none` asked a second time: the noise floor", _repeat, default=True),
        Arm("leak", False, "probe: a rubric that names the right response", _told(True), uses_label=True),
        Arm("anti", False, "probe: a rubric that names the wrong response", _told(False), uses_label=True),
    )
}

CONTROLS = tuple(a.name for a in ARMS.values() if a.control)
"""The arms whose gain `transferred` must exceed to help by its content."""
