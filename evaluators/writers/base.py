"""Rubric writers: a chat backend, a prompt and a parser that together turn an item into a Rubric.

A *method* is a module of `evaluators.writers.methods` that holds
- `TEMPLATE` (a file in `prompts/`), `PARSER` (its version) and `VIOLATIONS`,
- `SEES`: whether its rubrics are written with the `responses`, with `nothing` of them, or with `either`,
- `OPTIONS`: those of `FIELDS_OF_METHODS` that it reads; `NEEDS`: those that it cannot do without, each with a message, and
- `parse(answer, blind, ...) -> Draft`, which also gets `criteria` where that is among them.

One that makes a single rubric for all items (`SHARED`) is run by `evaluators.induction`, and has no `parse`.

Adding a writer is adding such a module, here or in a package of your own (`evaluators.plugins`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from types import ModuleType
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from evaluators.errors import UserError
from evaluators.inputs.configs import InputPath
from evaluators.inputs.files import read_bytes
from evaluators.inputs.names import unknown
from evaluators.keys import digest, rubric_uid
from evaluators.messages import ChatRequest, Image, Message, within_budget
from evaluators.plugins import Plugins
from evaluators.prompts.criteria import weighted
from evaluators.prompts.exemplars import Exemplars, joined
from evaluators.prompts.template import PROMPTS, Case, Template
from evaluators.records import DRAWS, ORDERS, Answer, Criterion, Failure, Item, Order, Rubric, Saw, Writer
from evaluators.specs import ModelSpec

ROUNDS = 5
HELD_OUT = 0.5
CRITERIA = 5
"""How many criteria a writer is asked for, where its method asks for a number."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a parser took from a writer's answer. An empty rubric could not be taken."""

    rubric: str = ""
    criteria: tuple[Criterion, ...] = ()
    justify: str = ""
    evaluation: str = ""
    verdict: Literal[1, 2] | None = None
    violations: tuple[str, ...] = ()


METHODS = Plugins("writers", "evaluators.writers.methods")


@lru_cache(256)
def is_shared(method: str) -> bool:
    """Whether a method makes one rubric for all items. Of one that is not installed here, as records may name it: no.

    >>> is_shared("arr_induced"), is_shared("proxy_grm")
    (True, False)
    """
    try:
        return bool(getattr(METHODS.module(method), "SHARED", False))
    # Run folders are read also where the package that brought a method is not installed.
    except (KeyError, UserError):
        return False


_OF_JUDGES = {
    ("verdict", "samples"): "`verdict` and `samples` are a judge's: a writer has `replicates`",
    ("grading", "decision", "ties", "scale"): "grading, decision, ties and scale are a judge's: leave them out",
    ("answer_format", "top_logprobs"): "answer_format and top_logprobs are a judge's: leave them out",
}
"""The message for fields of `JudgeSpec` that a writer does not have."""

FIELDS_OF_METHODS = ("criteria", "exemplars", "seeds", "rounds", "held_out")
"""Fields of `WriterSpec` for those methods alone that declare them (`OPTIONS`)."""


class WriterSpec(ModelSpec):
    """One writer of a config: a model as a judge entry describes it, and how it writes."""

    method: str = "proxy_grm"
    """How it is asked and read. `proxy_grm`: rubric, evaluation and answer in one pass, after seeing the pair. `arr_zero_shot`: a
    number of yes/no criteria from the request and its media alone, coarse to fine. `arr_guided`: the same after exemplars.
    `arr_induced`: one rubric for all items, from labelled pairs, before anything is judged; its file is `rubric-<name>.yaml`, its
    answers `induction-<name>.jsonl`."""
    replicates: int = Field(1, gt=0, le=DRAWS)
    """Independent rubrics for each item and order (`arr_*`: for each item, read in both orders; temperature above 0); arms average
    over them."""
    blind: bool = False
    """`proxy_grm`: write one more for each item without showing the responses, for the arm `blind`."""
    criteria: int | None = Field(None, ge=1, le=50)
    """`arr_*`: how many criteria to ask for, 1 to 50. A rubric with another number is valid, with a violation. Default: 5."""
    exemplars: InputPath | None = None
    """A jsonl file of labelled pairs, below. Default: required for `arr_guided`."""
    seeds: InputPath | None = None
    """A jsonl file of labelled pairs, rows as of the benchmark `pairs`; 8 at least, 50 to 100 do well. Pairs that share an image, a
    group or their texts stay in one part of the split. Default: required for `arr_induced`."""
    rounds: int | None = Field(None, ge=0, le=20)
    """`arr_induced`: how often what did not verify is refined, for each pair. Default: 5."""
    held_out: float | None = Field(None, ge=0.1, le=0.9)
    """`arr_induced`: the share of the seeds that nothing is proposed from; half of it selects criteria, half tests the result.
    Default: 0.5."""
    trained_with: tuple[str, ...] = ()
    """Names, models or bases of judges it was trained on: for them its rubrics are not unseen."""

    @model_validator(mode="before")
    @classmethod
    def _of_a_writer(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(
                f"a writer needs more than the name {value!r}: give name, method, backend and model, or a rubric file under `rubrics:`"
            )
        for of_judges, fix in _OF_JUDGES.items() if isinstance(value, dict) else ():
            if not value.keys().isdisjoint(of_judges):
                raise ValueError(fix)
        return value

    def check_kind(self) -> None:
        if self.method not in METHODS.names():
            raise ValueError(unknown("method", self.method, METHODS.names()))
        if not self.asks_model:
            raise ValueError(f"a {self.backend} writes no rubrics: give a model, or a rubric file under `rubrics:`")
        if self.replicates > 1 and self.temperature == 0 and not self.shared:  # seeds are split again for each
            raise ValueError(
                "replicates above 1 at temperature 0 write the same rubric again: set temperature, e.g. 0.7"
            )
        if self.blind and self.sees != "either":
            conflict = "cannot write without" if self.sees == "responses" else "never sees"
            raise ValueError(f"method {self.method} {conflict} the responses: leave `blind` out")
        for option in FIELDS_OF_METHODS:
            if getattr(self, option) is not None and option not in self.module.OPTIONS:
                owners = [m for m in METHODS.names() if option in METHODS.module(m).OPTIONS]
                raise ValueError(
                    f"`{option}` is an option of {', '.join(owners)}; {self.method} has no use for it: leave it out"
                )
        for option, why in getattr(self.module, "NEEDS", {}).items():
            if getattr(self, option) is None:
                raise ValueError(f"method {self.method} needs `{option}: file.jsonl`{why}")
        if self.shared and self.prompt is not None:
            raise ValueError(f"method {self.method} asks in several ways, and takes no `prompt`: leave it out")

    @property
    def module(self) -> ModuleType:
        return METHODS.module(self.method)

    @property
    def sees(self) -> Literal["responses", "nothing", "either"]:
        sees: Literal["responses", "nothing", "either"] = self.module.SEES
        return sees

    @property
    def shared(self) -> bool:
        """Whether it makes one rubric for all items, before anything is judged."""
        return is_shared(self.method)

    @property
    def criteria_wanted(self) -> int:
        return self.criteria or CRITERIA

    @property
    def rounds_most(self) -> int:
        return ROUNDS if self.rounds is None else self.rounds

    @property
    def held_out_share(self) -> float:
        return self.held_out or HELD_OUT

    def options(self) -> dict[str, Any]:
        """What its method asks for besides a rubric: in its prompt, for its parser, and part of who it is."""
        return {"criteria": self.criteria_wanted} if "criteria" in self.module.OPTIONS else {}

    @cached_property
    def template(self) -> Template:
        needs = ("question",) if self.sees == "nothing" else ("question", "responses")
        extra: dict[str, Any] = self.options()
        if self.shared:
            needs, extra = ("question", "responses"), TRIED_OUT
        return Template(self.prompt or PROMPTS / self.module.TEMPLATE, needs=needs, extra=extra)

    @cached_property
    def guide(self) -> Exemplars | None:
        """The exemplars, read.

        Raises:
            UserError: the file cannot be used.
        """
        if self.exemplars is None:
            return None
        guide = Exemplars(self.exemplars)
        if self.media == "none" and any(isinstance(p, Image) for p in guide.parts):
            raise UserError(
                f"{self.exemplars}: its exemplars show images, which `media: none` of {self.name!r} rules out"
            )
        return guide

    def writer(self) -> Writer:
        """Who wrote it, as rubric records name it."""
        fields = self.key_fields()
        decisive = {k: fields[k] for k in ("extra_body", "max_pixels", "media", "model_args", "seed") if fields.get(k)}
        guide: dict[str, Any] = {"exemplars": self.guide.digest} if self.guide else {}
        if self.seeds is not None:
            # The file's bytes, not its name: other seeds make another rubric.
            rows = hashlib.sha256(read_bytes(self.seeds)).hexdigest()[:16]
            guide |= {"seeds": rows, "rounds": self.rounds_most, "held_out": self.held_out_share}
        return Writer(
            name=self.name,
            method=self.method,
            model=self.model,
            base=self.base,
            family=self.family,
            trained_with=self.trained_with,
            prompt_digest=digest(self.template.digest, self.module.PARSER)[:16],
            sampling={**self.sampling(), **decisive, **self.options(), **guide},
        )


TRIED_OUT: dict[str, Any] = {"preferred": 1, "count": 2, "failed": [{"criterion": "c", "found": "f"}], "kept": ["k"]}
"""What the proposing template is tried out with."""


class Place(NamedTuple):
    """What a rubric is filed under within its writer's."""

    benchmark: str
    item: str | None
    saw: Saw
    replicate: int


@dataclass(frozen=True, slots=True)
class Draw:
    """One rubric to be written."""

    item: Item
    saw: Saw
    replicate: int = 0

    @property
    def place(self) -> Place:
        return Place(self.item.benchmark, self.item.uid, self.saw, self.replicate)


def draws(spec: WriterSpec, item: Item, orders: tuple[Order, ...] = ORDERS) -> Iterator[Draw]:
    """All rubrics that a writer is to write for an item: one an order, or one for all where it sees no responses."""
    if spec.shared:
        return
    for replicate in range(spec.replicates):
        if spec.sees != "nothing":
            for order in orders:
                yield Draw(item, order, replicate)
        if spec.blind or spec.sees == "nothing":
            yield Draw(item, "nothing", replicate)


def request_of(spec: WriterSpec, draw: Draw) -> ChatRequest:
    """What the writer is asked."""
    hidden = frozenset({"responses"}) if draw.saw == "nothing" else frozenset()
    case = spec.shown(Case(draw.item, "AB" if draw.saw == "nothing" else draw.saw, hidden=hidden))
    seed = None
    if spec.seed is not None:
        seed = int(digest("writer", spec.seed, *draw.place)[:7], 16)
    shown = spec.options()
    messages = spec.template.render(case, **shown)
    if spec.guide is not None:
        messages = tuple(Message(m.role, tuple(joined(spec.guide.parts, m.parts))) for m in messages)
    return ChatRequest(
        within_budget(messages, spec.max_pixels),
        sampling=spec.sampling(),
        answer_format=spec.method,
        affinity=draw.item.uid,
        seed=seed,
    )


def rubric_of(spec: WriterSpec, draw: Draw, answer: Answer, time: str | None = None) -> Rubric:
    """The record of an answer: valid where a rubric could be taken from it."""
    draft: Draft = spec.module.parse(answer, draw.saw == "nothing", **spec.options())
    return taken(draft, spec.writer(), draw, answer, time)


def taken(draft: Draft, writer: Writer, draw: Draw, answer: Answer, time: str | None = None) -> Rubric:
    """The record of what a parser took from an answer, whoever asked for it."""
    rubric = Rubric(
        benchmark=draw.item.benchmark,
        item=draw.item.uid,
        writer=writer,
        text=draft.rubric,
        replicate=draw.replicate,
        saw=draw.saw,
        verdict=draft.verdict,
        status="valid" if draft.rubric else "invalid",
        violations=draft.violations,
        justify=draft.justify,
        evaluation=draft.evaluation,
        answer=answer,
        time=time,
        criteria=weighted(draft.criteria),
    )
    return replace(rubric, uid=rubric_uid(rubric))


def failed(spec: WriterSpec, draw: Draw, error: Failure, time: str | None = None) -> Rubric:
    """The record of a request that was never answered."""
    return Rubric(
        draw.item.benchmark,
        draw.item.uid,
        spec.writer(),
        "",
        replicate=draw.replicate,
        saw=draw.saw,
        status="error",
        error=error,
        time=time,
    )
