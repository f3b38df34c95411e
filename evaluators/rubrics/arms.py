"""The arms: which rubric, if any, a judge gets for an item. An `Arm` says all about itself; `ARMS` holds them by name.

Each arm says what it gives for (item, order); the engine asks for the distinct calls among them. `none`, `generic` and
`repeat` run once a judge, the others once a writer. Another package brings one by an entry point that names the object:

    [project.entry-points."rubric_harness.arms"]
    first_line = "my_package.arms:FIRST_LINE"
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from evaluators.keys import digest
from evaluators.plugins import Plugins, objects
from evaluators.prompts.grading import Kind
from evaluators.prompts.template import Case, RubricText
from evaluators.records import Item, Order, Rubric, Saw
from evaluators.rubrics.leaks import masked, relabelled

GENERIC = Path(__file__).parent / "generic"
GENERIC_VARIANTS = 3


@dataclass(frozen=True, slots=True)
class ArmInput:
    """What an arm gives to the judge."""

    rubric: RubricText | None = None
    replicate: int = 0
    donor: str | None = None
    repeat_id: str = ""
    """Sets apart calls that are equal on purpose (`repeat`)."""
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
    """Items for which it was asked to write with the responses before it: what it wrote blind does not replace that."""
    pending: frozenset[tuple[str, str, int]] = frozenset()
    """(item, saw, replicate) of rubrics that are still to come (their writing failed): nothing replaces them."""
    saw: frozenset[str] = frozenset()
    """What it saw of the pairs in all requests here, whatever the outcome; empty while that is not known."""

    def of(self, uid: str, order: Order) -> Iterator[Rubric]:
        """The rubrics for an item as judged in `order`: of each replicate the one written in that order, else what
        there is: written in the other order or, where it never saw this item's responses, without them."""
        replicates: dict[int, Rubric] = {}
        rank = {order: 0, "nothing": 2}
        for rubric in self.all(uid):
            # One that is still to come is waited for: else the item would be judged with another now, and with this one
            # later.
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


class Edited(NamedTuple):
    """A rubric's text as an arm changed it."""

    text: RubricText
    share: float | None = None
    """Of its words that were changed, where the arm counts them."""


class Reading(NamedTuple):
    """Which of a writer's rubrics an arm reads for an item (uid) that is judged in an order, one a replicate."""

    rubrics: Callable[[WriterRubrics, str, Order], Iterator[Rubric]]
    saw: Callable[[Order], Saw]
    """What their writer saw, by the order that is judged."""


MATCHED = Reading(WriterRubrics.of, lambda order: order)
CROSSED = Reading(WriterRubrics.crossed, lambda order: "BA" if order == "AB" else "AB")
BLIND = Reading(WriterRubrics.blind, lambda order: "nothing")
DECIDED = Reading(WriterRubrics.decided, lambda order: order)

Give = Callable[[Item, Order, WriterRubrics | None], Iterator[ArmInput]]
Edit = Callable[[Item, Rubric], Edited]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way to give a judge a rubric, or none.

    Example: an arm that lets the judge read the rubric's first line alone.
        >>> from evaluators.rubrics.arms import Arm, Edited, as_text
        >>> def first_line(item, rubric):
        ...     return Edited(replace(as_text(rubric), text=rubric.text.splitlines()[0]))
        >>> FIRST_LINE = Arm.of_edit("first_line", "the rubric's first line alone", first_line)
        >>> FIRST_LINE.per_writer, FIRST_LINE.reads_own_rubric
        (True, True)
    """

    name: str
    about: str
    """What the judge reads, in a line."""
    title: str = ""
    """What figures and short tables call it; the name where it is empty."""
    phrase: str = ""
    """What a sentence calls it, as in "more than generic rubrics"."""
    give: Give
    """(item, order, the writer's rubrics) -> what the judge gets, one for each replicate; empty where the writer has no rubric."""
    per_writer: bool = False
    """Judged once for each writer of rubrics; else once for each judge, and `give` gets None for the writer."""
    reads: Reading = MATCHED
    """For arms of a writer: its rubrics that the arm uses. Arms with `donors` read those of other items instead."""
    donors: bool = False
    """Reads the rubrics that the shuffle took from other items; not judged for a writer with one rubric for all."""
    edit: Edit | None = None
    """How the arm changes a rubric's text before it is read."""
    hides: frozenset[str] = frozenset()
    """What the judge is not shown: `media`, `responses`."""
    blank: bool = False
    """Gives nothing at all, as `none`: it costs no rubric, and there is nothing to decide by."""
    beyond_criteria: bool = False
    """Gives something besides criteria, which a judge that decides by criteria alone does not read."""
    gradings: frozenset[Kind] = frozenset(["pairwise", "pointwise", "listwise"])
    """The judges that it is for, by how they are asked. What speaks of Response 1 and 2 means nothing to one that scores."""
    advises: bool = False
    """Gives the writer's own verdict, for which the judge's template must have a place."""
    after_responses: bool = False
    """Depends on what a writer says after seeing the responses: not judged for one that never sees any."""
    own: bool = False
    """Reads what the judge itself wrote."""
    uses_label: bool = False
    """A probe that sees the right answer: in no prompt of any other arm, and in no paper's table."""
    control: bool = False
    """A rubric too, only not this writer's for this item: `transferred` helps by its content where it does more than these."""
    reference: bool = False
    """The judge's other arms (of a writer's: those of that writer) are set against it."""
    default: bool = False
    """Judged where a config names no arms."""

    @classmethod
    def of_edit(cls, name: str, about: str, edit: Edit, hides: frozenset[str] = frozenset(), **facts: Any) -> Arm:
        """An arm that gives the writer's rubric for the item, changed by `edit`.

        Args:
            facts: further fields of the arm, such as `control=True`.
        """

        def give(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[ArmInput]:
            assert writer is not None
            for rubric in writer.of(item.uid, order):
                edited = edit(item, rubric)
                yield ArmInput(edited.text, rubric.replicate, hidden=hides, edited=edited.share)

        return cls(name=name, about=about, give=give, per_writer=True, edit=edit, hides=hides, **facts)

    @property
    def beside(self) -> bool:
        """What a writer's gain is read beside: a control, the writer's bare verdict, the same question asked again."""
        return self.control or self.advises or (self.blank and not self.reference)

    @property
    def called(self) -> str:
        """In figures and short tables."""
        return self.title or self.name

    @property
    def in_sentence(self) -> str:
        """In a sentence."""
        return self.phrase or f"what {self.name} gives"

    @property
    def reads_own_rubric(self) -> bool:
        """Whether it brings to the judge what a writer said of this very item after it saw the responses."""
        return self.per_writer and not self.donors and self.reads is not BLIND

    def fits(self, writer: WriterRubrics) -> bool:
        """Whether a writer can have anything for it."""
        if self.donors and writer.shared and not writer.by_item:
            return False
        return not self.after_responses or writer.saw != {"nothing"}


@cache
def generic_rubric(modality: str, variant: int) -> RubricText:
    """A fixed rubric that knows nothing of the item: variant 1 to 3 of `text`, `image` or `edit`."""
    text = (GENERIC / modality / f"{variant}.txt").read_text(encoding="utf-8").strip()
    return RubricText(text, uid=f"generic/{modality}/{variant}")


def _none(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[ArmInput]:
    yield ArmInput()


def _repeat(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[ArmInput]:
    yield ArmInput(repeat_id="repeat")


def _generic(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[ArmInput]:
    # The item's content decides the wording, so that one call an order averages over all three.
    yield ArmInput(generic_rubric(item.modality(), int(digest("generic", item.uid)[:8], 16) % GENERIC_VARIANTS + 1))


def as_text(rubric: Rubric) -> RubricText:
    return RubricText(rubric.text, rubric.criteria, rubric.uid)


def _transferred(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[ArmInput]:
    assert writer is not None
    for rubric in writer.of(item.uid, order):
        yield ArmInput(as_text(rubric), rubric.replicate)


def _shuffled(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[ArmInput]:
    assert writer is not None
    for shuffle, donors in enumerate(writer.donors):
        donor = donors.get(item.uid)
        if donor is not None:
            rubric = next(writer.of(donor, order), None)
            if rubric is not None:  # else the donor's is still to come
                yield ArmInput(as_text(rubric), shuffle, donor)


def _crossed(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[ArmInput]:
    assert writer is not None
    for rubric in writer.crossed(item.uid, order):
        yield ArmInput(as_text(rubric), rubric.replicate)


def _blind(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[ArmInput]:
    assert writer is not None
    for rubric in writer.blind(item.uid, order):
        yield ArmInput(as_text(rubric), rubric.replicate)


def _advice(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[ArmInput]:
    assert writer is not None
    for rubric in writer.decided(item.uid, order):
        yield ArmInput(replicate=rubric.replicate, advice=verdict_in(rubric, order))


def _relabelled(item: Item, rubric: Rubric) -> Edited:
    criteria = tuple(
        replace(c, name=relabelled(c.name), description=relabelled(c.description)) for c in rubric.criteria
    )
    return Edited(RubricText(relabelled(rubric.text), criteria, rubric.uid))


def masked_rubric(item: Item, rubric: Rubric) -> Edited:
    """What the arm `masked` reads: no response is named, and nothing quoted."""
    responses = [c.text for c in item.candidates]
    text = masked(rubric.text, responses)
    criteria = tuple(
        replace(c, name=masked(c.name, responses).text, description=masked(c.description, responses).text)
        for c in rubric.criteria
    )
    return Edited(RubricText(text.text, criteria, rubric.uid), round(text.edited, 4))


def _justified(item: Item, rubric: Rubric) -> Edited:
    text = f"{rubric.text}\n\nWhy these criteria: {rubric.justify}" if rubric.justify else rubric.text
    return Edited(RubricText(text, rubric.criteria, rubric.uid))


def _unchanged(item: Item, rubric: Rubric) -> Edited:
    return Edited(as_text(rubric))


def _naming(right: bool) -> Give:
    """The probes: a rubric that announces the label, or its opposite."""

    def give(item: Item, order: Order, writer: WriterRubrics | None) -> Iterator[ArmInput]:
        if item.label.preferred is not None:
            preferred = 1 + order.index("ABCDEFGHI"[item.label.preferred])
            number = preferred if right else 1 + preferred % len(order)
            name = "leak" if right else "anti"
            yield ArmInput(RubricText(f"1. Overall quality (100%): Response {number} is the better one.", uid=name))

    return give


_OURS = (
    Arm(
        name="none",
        title="no rubric",
        phrase="no rubric",
        about="no rubric: the same prompt with the rubric section left out",
        give=_none,
        blank=True,
        reference=True,
        default=True,
    ),
    Arm(
        name="generic",
        title="generic",
        phrase="generic rubrics",
        about="a fixed rubric for the modality, one of three wordings by item",
        give=_generic,
        control=True,
        default=True,
    ),
    Arm(
        name="transferred",
        title="its rubrics",
        about="the writer's rubric for this item, written in the order that is judged",
        give=_transferred,
        per_writer=True,
        default=True,
    ),
    Arm(
        name="crossed",
        title="other order's",
        about="the rubric written in the other order, its text as it is: names of responses now point wrong",
        give=_crossed,
        per_writer=True,
        reads=CROSSED,
        after_responses=True,
    ),
    Arm(
        name="shuffled",
        title="other item's",
        phrase="rubrics for other items",
        about="the same writer's rubric for another item of the category",
        give=_shuffled,
        per_writer=True,
        donors=True,
        control=True,
        reference=True,
        default=True,
    ),
    Arm(
        name="advice",
        title="verdict only",
        phrase="the writer's bare verdict",
        about="no rubric, one line with the writer's own verdict: what copying it is worth",
        give=_advice,
        per_writer=True,
        reads=DECIDED,
        gradings=frozenset(["pairwise"]),
        advises=True,
        after_responses=True,
        reference=True,
    ),
    Arm(
        name="self",
        title="own rubric",
        about="a rubric that the judge wrote itself",
        give=_transferred,
        per_writer=True,
        own=True,
    ),
    Arm.of_edit(
        "relabel", "the rubric with Response 1 and 2 exchanged in its text", _relabelled, title="names swapped"
    ),
    Arm.of_edit(
        "masked", "the rubric without names of responses and verbatim quotes", masked_rubric, title="names masked"
    ),
    Arm(
        name="blind",
        title="written blind",
        about="a rubric written without the responses (other information and another prompt)",
        give=_blind,
        per_writer=True,
        reads=BLIND,
    ),
    Arm.of_edit(
        "justify", "the rubric with its author's reasons for it", _justified, title="with reasons", beyond_criteria=True
    ),
    Arm.of_edit(
        "rubric_only",
        "question and rubric alone: 50 % if it does not say which",
        _unchanged,
        title="rubric alone",
        hides=frozenset({"media", "responses"}),
        gradings=frozenset(["pairwise"]),
    ),
    Arm.of_edit("no_image", "the rubric without the images", _unchanged, title="no images", hides=frozenset({"media"})),
    Arm(
        name="repeat",
        title="asked again",
        phrase="the same question asked again",
        about="`none` asked a second time: the noise floor",
        give=_repeat,
        blank=True,
        default=True,
    ),
    Arm(
        name="leak",
        title="told the answer",
        about="probe: a rubric that names the right response",
        give=_naming(right=True),
        gradings=frozenset(["pairwise", "listwise"]),
        uses_label=True,
    ),
    Arm(
        name="anti",
        title="told the opposite",
        about="probe: a rubric that names the wrong response",
        give=_naming(right=False),
        gradings=frozenset(["pairwise", "listwise"]),
        uses_label=True,
    ),
)


_PLUGINS = Plugins("arms", "")


class Arms(Mapping[str, Arm]):
    """All arms available by name: ours, then those that installed packages bring (looked up when first asked for)."""

    @cached_property
    def _arms(self) -> dict[str, Arm]:
        ours = {arm.name: arm for arm in _OURS}
        # A package must not change what an arm of ours means.
        return ours | {name: arm for name, arm in objects(_PLUGINS.kind, Arm).items() if name not in ours}

    def __getitem__(self, name: str) -> Arm:
        return self._arms[name]

    def facts(self, name: str) -> Arm:
        """What is known of an arm that a run folder names: nothing where the package that brought it is not installed now."""
        return self._arms.get(name) or Arm(name=name, about="", give=lambda item, order, writer: iter(()))

    def package(self, name: str) -> str | None:
        """The package that brings an arm, as pip names it; None for one of ours."""
        return None if any(arm.name == name for arm in _OURS) else _PLUGINS.distribution(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._arms)

    def __len__(self) -> int:
        return len(self._arms)


ARMS = Arms()

CONTROLS = tuple(a.name for a in _OURS if a.control)
"""The arms whose gain `transferred` must exceed to help by its content, where a config declares none: ours alone, so that
an installed package changes no conclusion."""
