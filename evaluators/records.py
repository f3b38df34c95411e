"""The records that every room shares: Item, Rubric, Answer, Verdict, and the parts they are made of.

They are plain frozen dataclasses, so that a million of them stay cheap and `orjson.dumps` writes them as they are.
`decode` reads them back and checks them; a line that does not fit raises `RecordError` naming field and reason.
One schema a record, versioned by `SCHEMA`; every field is documented in docs/records.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, get_args

import orjson
from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from evaluators.inputs.entries import no_boolean
from evaluators.inputs.names import unknown

SCHEMA = 1
"""Version written into every manifest; a reader refuses a newer one."""

Order = Annotated[str, StringConstraints(pattern=r"^[A-I]{2,9}$")]
"""The candidates as shown, a letter each: AB shows a pair in canonical order, BA exchanged; of three there are ABC, BCA and
CAB. Canonical order is computed from content, never from storage."""
ORDERS: tuple[Order, ...] = ("AB", "BA")
"""Those of a pair."""
MOST = 9
"""Candidates an item may have: their numbers are one digit."""
DRAWS = 10_000
"""The most samples of a judge, or rubrics of a writer, for one item and order."""

Saw = Annotated[str, StringConstraints(pattern=r"^(nothing|[A-I]{2,9})$")]
"""What a rubric's writer had before it: the order in which it saw the responses, or `nothing` of them."""


@cache
def rotations(candidates: int) -> tuple[Order, ...]:
    """The cyclic orders of so many candidates: each is once at each place. Those of a pair are AB and BA."""
    letters = "ABCDEFGHI"[:candidates]
    return tuple(letters[n:] + letters[:n] for n in range(candidates))


Status = Literal["ok", "tie", "unparsed", "low_mass", "refused", "truncated", "error"]
"""`error` was never answered: retried, never scored. The others are the judge's own fault, and kept. `low_mass`: a one-token answer
whose offered digits together are less probable than the floor; what they say is recorded beside it and does not count."""
STATUSES: tuple[Status, ...] = get_args(Status)

_STRICT = ConfigDict(extra="forbid")


class RecordError(ValueError):
    """A line does not fit its record; the message names the field and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One file as found on disk. `sha256` is empty until the bytes have been read once."""

    path: str
    """Where it is."""
    size: int = 0
    """In bytes."""
    mtime_ns: int = 0
    """When it was last changed, in nanoseconds."""
    sha256: str = ""
    """Of its bytes."""

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class Media:
    """An image (one file) or a video (its frames in order). `name` is the dataset's own name for it; no files = missing."""

    name: str
    kind: Literal["image", "video"] = "image"
    files: tuple[MediaFile, ...] = ()

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of what is compared."""

    text: str = ""
    """What was answered; empty where the candidate is an image."""
    media: tuple[Media, ...] = ()
    """Its images or videos."""

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class Label:
    """What people said. `preferred` indexes Item.candidates (canonical order); `ranks` are 0 = best, in that order."""

    kind: Literal["preferred", "ranks", "tie", "both_bad"] = "preferred"
    """What people said: one is preferred, all are ranked, a tie, or both are bad."""
    preferred: int | None = None
    """The place of the preferred candidate, from 0."""
    ranks: tuple[int, ...] | None = None
    """The place of each candidate, 0 = best."""

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What scoring needs of an item's texts, where a public export has left them out."""

    content: str
    """Digest of the normalised prompt and candidates: equal for items of equal content."""
    lengths: tuple[int, ...]
    """Characters of each candidate."""

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class Item:
    """One comparison of a benchmark. `uid` is its name everywhere; see `keys.item_uid` for what it is made of."""

    uid: str
    """Benchmark and 16 hex over source id, prompt, candidate texts, media names and criterion; exact repeats get `#2`."""
    benchmark: str
    """The folder under `tasks/`."""
    source_id: str
    """The dataset's own id; not unique in some."""
    row: int
    """Where it is in the dataset, from 0."""
    prompt: str
    """The request."""
    candidates: tuple[Candidate, ...]
    """In canonical order."""
    stored: tuple[int, ...]
    """The stored index of each candidate: `stored[0]` is where canonical candidate 0 is in the dataset's row."""
    label: Label
    """What people said of it."""
    media: tuple[Media, ...] = ()
    """What the request is about."""
    media_missing: bool = False
    """True where `media: optional` let an item through without (all of) its media: it is judged on text."""
    category: str = ""
    """Under the benchmark's default map."""
    categories: dict[str, str] = field(default_factory=dict)
    """The category under each named category map of the benchmark; `category` is the default map's."""
    group: str | None = None
    """What Acc+ groups by."""
    criterion: str | None = None
    """What alone is compared, "name: description" or the name, where the benchmark gives one."""
    revision: str | None = None
    """The dataset's commit, as resolved."""
    public: ItemFacts | None = None
    """Of a public export alone: its texts are empty, and this replaces them."""

    __pydantic_config__ = _STRICT

    def lengths(self) -> tuple[int, ...]:
        """Characters of each candidate's text."""
        return self.public.lengths if self.public else tuple(len(c.text) for c in self.candidates)

    def all_media(self) -> tuple[Media, ...]:
        return self.media + tuple([m for c in self.candidates for m in c.media])

    def with_paths(self, at: Callable[[str], str]) -> Item:
        """The same item with its files elsewhere.

        Args:
            at: where the file of a path is.
        """

        def moved(media: tuple[Media, ...]) -> tuple[Media, ...]:
            return tuple([replace(m, files=tuple([replace(f, path=at(f.path)) for f in m.files])) for m in media])

        candidates = tuple([replace(c, media=moved(c.media)) for c in self.candidates])
        return replace(self, media=moved(self.media), candidates=candidates)

    def digested(self) -> bool:
        """Whether the bytes of all its media are known."""
        return all(f.sha256 for m in self.all_media() for f in m.files)

    def modality(self) -> Literal["text", "image", "edit"]:
        """What is compared: texts, generated images, or edits of a given image."""
        if any(c.media for c in self.candidates):
            return "edit" if self.media else "image"
        return "text"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that a rubric asks for."""

    name: str
    """A few words."""
    description: str = ""
    """What a good response does, or the question that is asked."""
    weight: Annotated[float, BeforeValidator(no_boolean), Field(allow_inf_nan=False, ge=-1e6, le=1e6)] = 1.0
    """Its share of the decision, beside those of the others."""

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True, unsafe_hash=True)
class Writer:
    """Who wrote a rubric. `family` and `base` decide whether a judge is *unseen* (`relation.relation`)."""

    name: str
    """Its row in tables."""
    method: str = ""
    """How it was asked."""
    model: str | None = None
    """Its name on the server."""
    base: str | None = None
    """The model that it was trained from."""
    family: str | None = None
    """Who made the model, in a word."""
    trained_with: tuple[str, ...] = ()
    """Judges that it was trained on."""
    prompt_digest: str | None = None
    """Of its prompt."""
    sampling: dict[str, Any] = field(default_factory=dict, hash=False)
    """How it sampled; for `arr_*` also how many criteria were asked for, and a digest of the exemplars."""

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class RubricFacts:
    """What is recorded of a rubric whose text a public export has left out."""

    criteria: int
    words: int
    characters: int
    leaks: tuple[str, ...]
    """Classes of leaks by its own words (`leaks.CLASSES` without `quote`)."""
    quotes: tuple[str, ...] = ()
    """uids of the items, of those that it is for, whose responses it quotes."""
    content: str = ""
    """Digest of the text: equal for rubrics of equal text. Empty in exports of earlier versions."""

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class Rubric:
    """A rubric as a judge reads it (`text`), with who wrote it and what its writer had seen."""

    benchmark: str
    """The folder under `tasks/`."""
    item: str | None
    """The item's uid; None for a rubric shared by the whole benchmark."""
    writer: Writer
    """Who wrote it."""
    text: str
    """Exactly what a judge reads."""
    criteria: tuple[Criterion, ...] = ()
    """Its criteria, where they are known one by one."""
    replicate: Annotated[int, BeforeValidator(no_boolean), Field(ge=0, lt=DRAWS)] = 0
    """Which of the independent rubrics."""
    saw: Saw = "nothing"
    """What the writer saw of the responses: `nothing`, or the order."""
    verdict: Literal[1, 2] | None = None
    """The writer's own verdict, as a position in the order it saw."""
    status: Literal["valid", "invalid", "error"] = "valid"
    """`invalid`: no rubric could be taken from the answer. `error`: no answer came; it is asked again."""
    violations: tuple[str, ...] = ()
    """What is wrong with the form of the answer, by name; a valid rubric may have some."""
    uid: str = ""
    """`rubric:` and 16 hex."""
    justify: str = ""
    """Why the writer chose these criteria. Judges do not read it, but in the arm `justify`."""
    evaluation: str = ""
    """The writer's own application of its rubric. Judges never read it."""
    answer: Answer | None = None
    """The writer's answer as it came."""
    error: Failure | None = None
    """Why no answer came."""
    time: str | None = None
    """UTC, ISO 8601, when the line was written."""
    public: RubricFacts | None = None
    """Of a public export alone: its texts are empty, and this replaces them."""

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class FailedReplies:
    """Replies that came and could not be used, though they may have been paid for."""

    count: int
    """How many."""
    told: int
    """Of them, how many report their tokens."""
    usage: dict[str, int] = field(default_factory=dict)
    """Their tokens together, as in `Answer.usage`."""

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request was never answered. `kind` is one of `errors.KINDS`."""

    kind: str
    """One of `errors.KINDS`."""
    message: str
    """What the server or the file system said."""
    http: int | None = None
    """The status code, where there was one."""
    failed_replies: FailedReplies | None = None
    """Replies that came and could not be used."""

    __pydantic_config__ = _STRICT


TopLogprobs = tuple[tuple[str, float], ...]
"""(token, log-probability in nats) of the alternatives at one place, best first: plain, as a journal's line has twenty of them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A judge's reply as it came. What a backend cannot know stays None."""

    text: str
    """Without the reasoning, where the server keeps that apart."""
    answer_format: str
    """How its verdict is to be read."""
    reasoning: str | None = None
    """What the server keeps apart as reasoning."""
    finish_reason: str | None = None
    """Why it ended, in the server's word."""
    refusal: str | None = None
    """What the server gives as a refusal."""
    top_logprobs: TopLogprobs | None = None
    """At the verdict position."""
    masked: bool = False
    """A grammar (structured outputs) hid other tokens before the log-probabilities were taken."""
    each: tuple[TopLogprobs, ...] = ()
    """The same as `top_logprobs`, criterion by criterion, where each was asked for by a call of its own."""
    usage: dict[str, int] | None = None
    """prompt_tokens, completion_tokens and, where reported, cached_tokens."""
    latency_s: float | None = None
    """Seconds from the request to the answer."""
    attempts: int = 1
    """How many were needed."""
    failed_replies: FailedReplies | None = None
    """Those of the attempts before it; their tokens are not in `usage`."""
    model: str | None = None
    """The model as served."""
    backend: str = ""
    """What reached the model."""
    backend_version: str | None = None
    """Its version."""
    fingerprint: str | None = None
    """What the server says of its own state."""
    sampling: dict[str, Any] = field(default_factory=dict)
    """As it was sent."""

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class Probability:
    """`first` = P(1) / (P(1) + P(2)) over all tokenisations (None where no pair was decided); `mass` = the probability of all
    answers that could be given, before any renormalising (None where a grammar had hidden the rest of the distribution)."""

    first: float | None
    mass: float | None

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class CriterionVerdict:
    """What a judge said on one criterion. All of `choice`, `p` and `score` None: it could not assess it."""

    name: str
    """The criterion's."""
    weight: float
    """The criterion's."""
    choice: int | None = None
    """Comparing: the position that it favours, 0 for neither."""
    p: float | None = None
    """P(1) / (P(1) + P(2)), where probabilities were asked for."""
    score: float | None = None
    """Scoring one candidate: its score, or the expected one."""
    mass: float | None = None
    """By token: the probability of all answers that could be given, before any renormalising."""

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judgement of one cell. The last line of a key wins; `error` lines may precede it."""

    key: str
    """sha256 over all that the verdict depends on."""
    status: Status
    """Whether it counts, and why not."""
    call: str
    """Digest of the request alone: cells with equal calls share one answer."""
    benchmark: str
    """The folder under `tasks/`."""
    item: str
    """The item's uid."""
    judge: str
    """The judge's name in the config."""
    arm: str
    """What the judge read beside the candidates."""
    writer: str | None
    """Whose rubric; None for arms without one."""
    order: Order
    """The candidates as shown."""
    sample: int = 0
    """Which sample of the call, from 0."""
    replicate: int = 0
    """Which independent rubric of the writer, or which shuffle."""
    rubric: str | None = None
    """uid of the rubric read; for fixed texts its name, such as `generic/text/2`."""
    donor: str | None = None
    """For `shuffled`: the item whose rubric was read."""
    edited: float | None = None
    """For `masked`: the share of the rubric's words that were replaced or dropped."""
    media: str | None = None
    """First 16 hex of the digest over the item's media bytes: a verdict on other bytes is of the past."""
    choice: int | None = None
    """The position that the judge named, from 1."""
    pick: int | None = None
    """The canonical candidate at that position."""
    both_bad: bool = False
    """A tie because none is any good."""
    candidate: int | None = None
    """Pointwise: the canonical candidate that was scored, alone."""
    score: float | None = None
    """Pointwise: its score; the expected one over the scale where probabilities were asked for, the weighted mean of the
    criteria's where each was scored."""
    ranks: tuple[int, ...] | None = None
    """Listwise: the place of each canonical candidate, 0 = best."""
    criteria: tuple[CriterionVerdict, ...] = ()
    """By criterion, where verdicts on each were asked for."""
    forms: int = 0
    """Different forms of a verdict in the answer's text, after its reasoning."""
    p: Probability | None = None
    """Probabilities of the verdict, where they were asked for."""
    parser: str = ""
    """The parser and its version that derived status and choice."""
    answer: Answer | None = None
    """The judge's answer as it came; None for errors."""
    error: Failure | None = None
    """Why no answer came."""
    time: str | None = None
    """UTC, ISO 8601, when the line was written."""

    __pydantic_config__ = _STRICT


R = TypeVar("R")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def decode(kind: type[R], line: bytes | str | dict[str, Any], unknown: Literal["forbid", "ignore"] = "forbid") -> R:
    """Read one record from a JSON line or an already parsed object.

    Args:
        unknown: what becomes of fields that the record has not. They are forbidden in what people write, where they are slips,
            and ignored in our own files, which a newer version may have written.

    Raises:
        RecordError: not JSON, or a field missing, unknown or of the wrong type.
    """
    adapter: TypeAdapter[Any] = _adapter(kind)  # type: ignore[arg-type]  # a class is hashable; mypy says it may not be
    try:
        value = line if isinstance(line, dict) else orjson.loads(line)
    except orjson.JSONDecodeError as e:
        raise RecordError(f"not valid JSON ({e})") from None
    try:
        checked: R = adapter.validate_python(value, extra=unknown)
    except ValidationError as e:
        raise RecordError(_complaint(e, kind)) from None
    return checked


_PARTS = {"writer": Writer, "criteria": Criterion}
"""Parts that people write too, by field."""


def _complaint(error: ValidationError, kind: type[Any]) -> str:
    """The first mistake; a name that is not known before one that is missing, since it may be the same in other letters."""
    mistakes = error.errors(include_url=False)
    slips = [m for m in mistakes if m["type"] in ("unexpected_keyword_argument", "extra_forbidden")]
    first = (slips or mistakes)[0]
    where = ".".join(str(p) for p in first["loc"]) or "the line"
    owner = kind if len(first["loc"]) == 1 else _PARTS.get(str(first["loc"][0]))
    if slips and owner is not None:
        inside = "".join(f"{p}: " for p in first["loc"][:-1])
        return f"{inside}{unknown('key', first['loc'][-1], [f.name for f in fields(owner)])}"
    return f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def encode(record: Any) -> bytes:
    """One JSON line, newline included; fields in their declared order, so `key` and `status` lead a verdict."""
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
