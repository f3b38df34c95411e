"""The config of training data: one YAML file, checked whole, with every mistake on a line of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from pydantic import Field, field_validator, model_validator

from evaluators.inputs.configs import ConfigFile, InputPath, OutputPath
from evaluators.inputs.entries import Entry
from evaluators.inputs.names import unknown
from evaluators.writers.base import WriterSpec
from evaluators.writers.methods.proxy_grm import Faults, Form
from harness_plugins.benchmarks.entry import BenchmarkEntry
from harness_plugins.config.run import listed
from harness_plugins.plugins import EXPORTS, SOURCES
from harness_plugins.training_data.images import Variant

Part = Literal["proxy_sft", "proxy_rl", "grm_sft", "grm_rl"]
PARTS: tuple[Part, ...] = get_args(Part)
Pool = Literal["correct", "hard"]
"""Pairs that the teacher judged rightly, and those for reinforcement."""


class PartFacts(NamedTuple):
    pool: Pool
    """What it is made from."""
    model: Literal["proxy", "grm"]
    """Whose prompt its examples have."""
    target: bool
    """Whether they hold what the model is to say."""
    about: str

    @property
    def taught(self) -> bool:
        """Whether it holds something of the teacher's: a rubric in the prompt, or an answer."""
        return self.model == "proxy" or self.target


PART_FACTS: dict[Part, PartFacts] = {
    "proxy_sft": PartFacts(
        "correct",
        "proxy",
        True,
        "request, responses, teacher's rubric -> evaluation and verdict, as a judge answers",
    ),
    "proxy_rl": PartFacts("correct", "proxy", False, "request, responses, teacher's rubric; the label"),
    "grm_sft": PartFacts(
        "correct", "grm", True, "request, responses -> rubric, evaluation and verdict, as a Proxy-GRM writes"
    ),
    "grm_rl": PartFacts("hard", "grm", False, "request, responses; the label"),
}
UNTAUGHT: frozenset[Part] = frozenset(p for p, facts in PART_FACTS.items() if not facts.taught)
"""Parts that hold nothing of the teacher's: made without one, and in either order."""
Lengths = tuple[int, int]
"""[least, most], in characters."""
Signal = Literal["image", "near_image", "response", "request", "ngram"]
SIGNALS: tuple[Signal, ...] = get_args(Signal)


class SourceEntry(Entry):
    """One source of preference data."""

    layout: str
    name: str = Field("", pattern=r"^[A-Za-z0-9._-]*$")
    """How its pairs are called; the layout by default."""
    path: InputPath | None = None
    """A local jsonl, json or parquet file, or a folder of them; without it the Hub."""
    media_root: InputPath | None = None
    media: Literal["required", "optional"] = "required"
    config: str = ""
    """Of the Hub's dataset, in place of the layout's."""
    revision: str = ""
    limit: int | None = Field(None, gt=0)
    bad_rows: Literal["error", "skip"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        value = {"layout": value} if isinstance(value, str) else value
        if isinstance(value, dict) and not value.get("name"):
            return {**value, "name": value.get("layout") or ""}
        return value

    @field_validator("layout")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in SOURCES.names():
            raise ValueError(unknown("layout", value, SOURCES.names()))
        return value


class Filters(Entry):
    """Lengths in characters, [least, most]."""

    prompt: Lengths | None = None
    response: Lengths | None = None
    """Of each response."""
    length_ratio: float | None = Field(None, ge=1)
    """The longer response is at most this many times as long as the shorter."""
    min_margin: float | None = None
    """Where a row says how clear its preference is; rows that do not are kept."""

    @field_validator("prompt", "response")
    @classmethod
    def _ordered(cls, value: Lengths | None) -> Lengths | None:
        if value is not None and not 0 <= value[0] <= value[1]:
            raise ValueError("must be [least, most] characters, such as [1, 8000]")
        return value


class Contamination(Entry):
    """What counts as being part of a benchmark."""

    remove: tuple[Signal, ...] = SIGNALS
    """Pairs with such hits are left out; other hits are only reported."""
    perceptual: bool = True
    """Whether images are also compared by how they look (needs pillow)."""
    variants: tuple[Variant, ...] = ()
    """Also look for the benchmarks' images mirrored, turned by 90, 180 or 270 degrees, or cropped."""
    distance: int = Field(4, ge=0, le=8)
    """Perceptual hashes that differ in at most this many of their 64 bits are of one image."""
    ngram: int = Field(13, ge=3)
    """Words of a run that two texts share."""
    share: float = Field(0.5, gt=0, le=1)
    """A text is a hit where at least this share of its runs are in one benchmark."""


class Distil(Entry):
    """How the teacher's answers divide the pairs."""

    ask: Literal["all", "until_full"] = "all"
    """`until_full`: the teacher is asked about pairs in a random order of the seed, until the parts can be made from its answers."""
    orders: Literal["one", "both"] = "one"
    """One order for each pair, decided by its content and the seed; or both, and right is who is right in both."""
    malformed: Literal["hard", "drop"] = "hard"
    """Where pairs go whose answer does not keep the form."""
    form: Form = "full"
    """Which faults count: all, or those of the tags alone. Give the reward the same two."""
    allow: Faults = ()
    """Faults of form that do not count."""
    leaks: Literal["keep", "drop"] = "keep"
    """`drop` leaves right answers out whose rubric gives away its verdict."""
    unanswered: Literal["stop", "drop"] = "stop"
    """Requests that stayed without an answer: stop, to ask again on the next run, or leave the pairs out."""


class ModelPrompt(Entry):
    """How a model in training is asked."""

    prompt: InputPath | None = None
    """A template of your own, as for a writer or a judge."""
    think: bool = False
    """The proxy's target: its evaluation inside <think> tags."""


class DataConfig(Entry):
    """Sources, the benchmarks that they are compared with, a teacher, and the parts to make."""

    sources: tuple[SourceEntry, ...] = Field(min_length=1)
    against: tuple[BenchmarkEntry, ...] = ()
    """Benchmarks that no pair may be part of."""
    contamination: Contamination = Contamination()
    filters: Filters = Filters()
    teacher: WriterSpec | None = None
    distil: Distil = Distil()
    grm: ModelPrompt = ModelPrompt()
    proxy: ModelPrompt = ModelPrompt()
    parts: dict[Part, int] = Field(min_length=1)
    as_many: bool = False
    """Draw as many as there are where a part's size cannot be met."""
    seed: int = 0
    bad_rows: Literal["error", "skip"] = "error"
    formats: tuple[str, ...] = ("trl",)
    images: Literal["store", "in_place"] = "store"
    """`store`: images of the parts are linked or copied into the folder, named by content. `in_place`: named where they are."""
    out: OutputPath | None = None

    @field_validator("sources", "against", "formats", mode="before")
    @classmethod
    def _one_alone(cls, value: Any) -> Any:
        return listed(value)

    @field_validator("formats")
    @classmethod
    def _formats_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in EXPORTS.names():
                raise ValueError(unknown("format", name, EXPORTS.names()))
        return tuple(dict.fromkeys(value))

    @model_validator(mode="after")
    def _fits(self) -> DataConfig:
        for what, names in (("source", [s.name for s in self.sources]), ("benchmark", [b.name for b in self.against])):
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                raise ValueError(f"two {what}s are named {twice[0]!r}: give one of them a `name` of its own")
        if any(n < 0 for n in self.parts.values()) or not any(self.parts.values()):
            raise ValueError("parts: sizes are numbers of pairs, and one of them is above 0")
        teacher = self.teacher
        if teacher is None:
            taught = [p for p in self.parts if p not in UNTAUGHT and self.parts[p]]
            if taught:
                raise ValueError(
                    f"{', '.join(taught)} are made from a teacher's answers: add `teacher:` (without one, "
                    f"only {', '.join(sorted(UNTAUGHT))})"
                )
        elif teacher.method != "proxy_grm" or teacher.blind or teacher.replicates != 1:
            raise ValueError(
                "teacher: writes by `method: proxy_grm`, once, after seeing the responses: leave blind and replicates out"
            )
        if self.grm.think:
            raise ValueError("grm: `think` belongs to the proxy's target: leave it out")
        return self

    def sizes(self) -> dict[Part, int]:
        """Of the parts, in their fixed order."""
        return {p: self.parts[p] for p in PARTS if self.parts.get(p)}


def load_data_config(path: Path) -> DataConfig:
    """Read and check a config; paths in it are made absolute, relative to its own folder.

    Raises:
        UserError: all mistakes found, one line each.
    """
    config = ConfigFile.read(path, "`sources` and `parts`").checked(DataConfig)
    if config.teacher is not None:
        # Read now: a broken template is said before anything is asked.
        _ = config.teacher.template
    return config
