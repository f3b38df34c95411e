"""What travels between reward client and server: JSON with images by value (base64), never a path and never an address."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

import pybase64
from pydantic import Field, model_validator

from evaluators.errors import UserError
from evaluators.inputs.entries import Entry
from evaluators.prompts.template import RubricText, pick_of
from evaluators.records import Failure, Media, Status
from harness_plugins.rewards.images import BadImage, bytes_of
from harness_plugins.rewards.proxy import Outcome, Reward, Sample, preferred
from harness_plugins.rewards.rpo import Candidates, Completions, Pair, Reply, Score

PROXY_GRM, RPO = "proxy_grm", "rpo"
"""The rewards by name, in configs, addresses and counters."""


def path_of(reward: str) -> str:
    """Below the server's address."""
    return f"/v1/{reward}"


Picture = str
"""The bytes of an image file in base64."""


class Response(Entry):
    text: str = ""
    images: tuple[Picture, ...] = ()


class ProxySample(Entry):
    """One completion, with the two responses in the order in which its writer saw them."""

    question: str
    images: tuple[Picture, ...] = ()
    responses: Annotated[tuple[Response, ...], Field(min_length=2, max_length=2)]
    answer: Literal[1, 2]
    """The response that is preferred, as shown."""
    criterion: str | None = None
    completion: str
    finish_reason: str | None = None


class ProxyRequest(Entry):
    samples: Annotated[tuple[ProxySample, ...], Field(min_length=1)]


class RPOGroup(Entry):
    """Candidates made for one prompt: `images`, or the `texts` that a policy wrote on it."""

    prompt: str
    images: tuple[Picture, ...] = ()
    source: Picture | None = None
    """The image that was to be edited."""
    texts: tuple[str, ...] = ()
    prompt_images: tuple[Picture, ...] = ()
    """Those that the prompt of `texts` shows."""
    rubric: str | None = None
    replies: bool = False
    """Whether scores come with what the judge wrote."""

    @model_validator(mode="after")
    def _holds_candidates(self) -> RPOGroup:
        if bool(self.images) == bool(self.texts) or self.size < 2:
            raise ValueError("give two or more `images`, or two or more `texts`")
        if self.prompt_images if self.images else self.source is not None:
            raise ValueError("`source` goes with `images`, `prompt_images` with `texts`")
        return self

    @property
    def size(self) -> int:
        return len(self.images) or len(self.texts)

    @property
    def pictures(self) -> list[Picture]:
        return [*self.images, *self.prompt_images, *([] if self.source is None else [self.source])]


class RPORequest(Entry):
    groups: Annotated[tuple[RPOGroup, ...], Field(min_length=1)]


class Error(Entry):
    kind: str
    message: str


class ProxyResult(Entry):
    """As `rewards.Reward`. `value` is null where the proxy never answered, and then `error` says why."""

    value: float | None
    answer: Outcome
    proxy: Outcome | None
    well_formed: bool
    violations: tuple[str, ...] = ()
    error: Error | None = None
    proxy_crossed: Outcome | None = None
    leaks: tuple[str, ...] = ()
    content_leak: bool | None = None
    has_rubric: bool = True


class ProxyReply(Entry):
    results: tuple[ProxyResult, ...]


class JudgeReply(Entry):
    """As `rewards.Reply`."""

    order: tuple[int, ...]
    status: Status
    preferred: int | None = None
    text: str


class CandidateScore(Entry):
    """As `rewards.Score`."""

    value: float | None
    pairs: tuple[Pair, ...] = ()
    error: Error | None = None
    replies: tuple[JudgeReply, ...] = ()


class GroupResult(Entry):
    scores: tuple[CandidateScore, ...]


class RPOReply(Entry):
    results: tuple[GroupResult, ...]


def packed(image: Any) -> Picture:
    """A broken picture is sent as an empty one: the server's answer names it a failure, in its place."""
    try:
        return pybase64.b64encode_as_string(bytes_of(image))
    except BadImage:
        return ""


def unpacked(picture: Picture) -> bytes | BadImage:
    try:
        return pybase64.b64decode(picture, validate=True)
    except ValueError:
        return BadImage("not base64")


def sample_out(sample: Sample) -> dict[str, Any]:
    """Blocks: it reads and encodes the item's images.

    Raises:
        UserError: the item has more than two candidates, a video, or no preferred candidate.
    """
    item = sample.item
    if any(m.kind == "video" for m in item.all_media()):
        raise UserError(
            f"{item.uid}: videos are not sent to a reward server; give the proxy's own JudgeSpec in its place"
        )
    if len(sample.saw) != 2:
        raise UserError(f"{item.uid}: {len(item.candidates)} candidates; Proxy-GRM compares two")
    shown = [item.candidates[pick_of(n, sample.saw)] for n in (1, 2)]
    return {
        "question": item.prompt,
        "images": _pictures(item.media),
        "responses": [{"text": c.text, "images": _pictures(c.media)} for c in shown],
        "answer": preferred(sample),
        "criterion": item.criterion,
        "completion": sample.completion,
        "finish_reason": sample.finish_reason,
    }


def _pictures(media: tuple[Media, ...]) -> list[Picture]:
    return [packed(Path(f.path)) for m in media for f in m.files]


def group_out(group: Candidates) -> dict[str, Any]:
    """Blocks: it encodes the pictures."""
    rubric = group.rubric.text if isinstance(group.rubric, RubricText) else group.rubric
    sent: dict[str, Any] = {"prompt": group.prompt, "rubric": rubric, "replies": group.replies}
    if isinstance(group, Completions):
        return {**sent, "texts": list(group.texts), "prompt_images": [packed(i) for i in group.prompt_images]}
    source = None if group.source is None else packed(group.source)
    return {**sent, "images": [packed(i) for i in group.images], "source": source}


def reward_out(reward: Reward) -> ProxyResult:
    return ProxyResult.model_validate(dataclasses.asdict(reward) | {"error": _error(reward.error)})


def reward_in(result: ProxyResult) -> Reward:
    fields = {f.name: getattr(result, f.name) for f in dataclasses.fields(Reward)}
    return Reward(**fields | {"error": _failure(result.error)})


def score_out(score: Score) -> CandidateScore:
    replies = tuple(JudgeReply(**dataclasses.asdict(r)) for r in score.replies)
    return CandidateScore(value=score.value, pairs=score.pairs, error=_error(score.error), replies=replies)


def score_in(score: CandidateScore) -> Score:
    replies = tuple(Reply(r.order, r.status, r.preferred, r.text) for r in score.replies)
    return Score(score.value, score.pairs, _failure(score.error), replies)


def _error(failure: Failure | None) -> Error | None:
    return Error(kind=failure.kind, message=failure.message) if failure else None


def _failure(error: Error | None) -> Failure | None:
    return Failure(error.kind, error.message) if error else None
