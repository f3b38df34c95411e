"""Judges: something that answers a Case. A chat judge renders it for a backend; a baseline just looks at it.

`JudgeSpec` is what a config says of a judge. Some of its fields decide what is asked and are part of every key
(`key_fields`); the others only say how to get there.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import pkgutil
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol

import orjson
from pydantic import Field, model_validator

from evaluators import backends
from evaluators.errors import BackendError, UserError
from evaluators.extras import install
from evaluators.images.media import MediaWindow
from evaluators.inputs.entries import Entry
from evaluators.inputs.names import unknown
from evaluators.inputs.yaml_files import read_value
from evaluators.keys import digest
from evaluators.messages import ChatBackend, ChatRequest, Image, Message, Text
from evaluators.prompts import parsing
from evaluators.prompts.grading import SCALE, Asked, Decision, Grading, Kind, Ties
from evaluators.prompts.template import PROMPTS, Case, Template, asked_on
from evaluators.records import DRAWS, Answer
from evaluators.usage import failed_replies

TOP_LOGPROBS = 20
"""What OpenAI and vLLM allow by default; the default of `JudgeSpec.top_logprobs`."""


SECRETS = frozenset(
    {"token", "hf_token", "use_auth_token", "auth_token", "access_token", "api_key", "api_keys", "password", "secret"}
)
"""Arguments that are secrets, at whatever depth they stand: in no key and in no file."""

_SECRETIVE = re.compile(
    r"(?:^|[_.\-]|(?<=[a-z]))(?i:tokens?|keys?|secrets?|passw(?:or)?ds?|passphrase|credentials?|auth|authorization)(?=$|[_.\-A-Z])"
)
"""Names that may be a secret's. It decides nothing but how a text is spelled in the manifest: as its digest, so that it is in
the key all the same."""


def _decisive(arguments: Mapping[str, Any], transport: frozenset[str]) -> dict[str, Any]:
    """A backend's arguments without those that it lists as saying where and how fast: a name on no list is in the key."""
    named: dict[str, Any] = _spelled(_open({k: v for k, v in arguments.items() if str(k) not in transport}))
    return named


def _open(value: Any) -> Any:
    """Without `SECRETS`, at any depth."""
    if isinstance(value, Mapping):
        return {k: _open(v) for k, v in value.items() if str(k) not in SECRETS}
    return [_open(v) for v in value] if isinstance(value, list | tuple) else value


def _finite(value: Any) -> bool:
    """Whether all numbers in it are, at any depth: JSON has no others, and they would be sent as null."""
    if isinstance(value, Mapping):
        return all(map(_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _spelled(value: Any, secretive: bool = False) -> Any:
    """A value as keys and manifest have it, with keys as JSON has them; what may be a secret by its name is a digest."""
    if isinstance(value, Mapping):
        return {str(k): _spelled(v, secretive or bool(_SECRETIVE.search(str(k)))) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(v, secretive) for v in value]
    if isinstance(value, str) and value and (secretive or ("://" in value and "@" in value)):
        return "digest:" + digest("argument", value)[:16]
    return value


SEEDED = ("openai", "vllm")
"""Backends that take a seed with each request."""

RETRY_AFTER_MOST_S = 300.0

_AT_ONCE = {"hf": 64, "vllm": 256}
"""Requests at a time by default where an engine makes batches of what waits; 16 elsewhere."""


def backend_names() -> list[str]:
    """The backends at hand: one module each in `evaluators/backends`."""
    modules = (m for m in pkgutil.iter_modules(backends.__path__) if not m.ispkg)  # folders hold what they share
    return sorted(m.name for m in modules if not m.name.startswith("_"))


class FromEnvironment(Entry):
    """A secret: its value stands in an environment variable."""

    env: str = Field(min_length=1)


def _module(backend: str) -> ModuleType:
    return importlib.import_module(f"evaluators.backends.{backend}")


SERVED_ARGS = ("model", "model_version", "model_name", "pretrained", "checkpoint")
"""The arguments in which models of lmms-eval and lm-eval are told what to serve."""


def served_model(backend: str, model: str, model_args: Mapping[str, Any]) -> str:
    """The model that answers, by its own name: what prices, relations and comparisons go by.

    >>> served_model("lmms", "openai", {"model_version": "Qwen/Qwen3-VL-8B-Instruct"})
    'Qwen/Qwen3-VL-8B-Instruct'
    >>> served_model("openai", "Qwen/Qwen3-VL-8B-Instruct", {})
    'Qwen/Qwen3-VL-8B-Instruct'
    """
    named = [str(model_args[a]) for a in SERVED_ARGS if model_args.get(a)] if backend in ("lmms", "lm") else []
    return named[0] if named else model


class JudgeSpec(Entry):
    """One judge of a config. Fields without a default are required. A name alone is a baseline: `longest`."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:+-]*$")
    backend: str
    model: str = ""
    base_url: str | tuple[str, ...] = ""
    api_key_env: str | None = None
    """The variable with the key. One that is named must be set; without a name it is `OPENAI_API_KEY`, where that is set."""
    api_key_header: str = ""
    """For gateways that want the key as it is under a name of their own, such as `api-key`; else it is a bearer token."""
    headers: dict[str, str | FromEnvironment] = Field(default_factory=dict)
    """Sent with each request to an endpoint. In no key and in no file."""
    client: Literal["http", "sdk"] = "http"
    """What talks to an endpoint: aiohttp alone, or the openai package over it. In no key: the records are the same."""
    stream: bool = False
    """For endpoints that answer in streams only: the pieces are collected. In no key."""
    family: str | None = None
    base: str | None = None
    verdict: Literal["text", "direct", "reasoned"] = "text"
    grading: Kind = "pairwise"
    decision: Decision = "holistic"
    ties: Ties = "forbidden"
    scale: tuple[int, int] = SCALE
    """Lowest and highest score (pointwise)."""
    prompt: Path | None = None
    answer_format: str = "tag"
    temperature: float | None = Field(0.0, ge=0)
    max_tokens: int = Field(4096, gt=0, le=1 << 31)
    max_tokens_field: str = "max_tokens"
    extra_body: dict[str, Any] = Field(default_factory=dict)
    complete_reasons: tuple[str, ...] = ()
    """Finish reasons of this server that mean a whole answer, beside those that `finish.COMPLETE` names. In no key."""
    model_args: dict[str, Any] = Field(default_factory=dict)
    """For hf, vllm and lmms: what the model is loaded with. Those on the backend's list `TRANSPORT_ARGS`, which say where and how
    fast, are no part of the key; every other one is."""
    max_pixels: int | None = Field(None, gt=0)
    """Images are shown no larger than this; by default their bytes go out as they lie."""
    media: Literal["shown", "none"] = "shown"
    """`none`: for a model that reads text alone. Images are left out, and the prompt says so."""
    top_logprobs: int = Field(TOP_LOGPROBS, ge=1, le=1000)
    """Alternatives of a token that are asked for where probabilities decide."""
    samples: int = Field(1, gt=0, le=DRAWS)
    seed: int | None = None
    """Makes sampling repeatable: each request gets a seed of its own, drawn from this one and the cell."""
    concurrency: int = Field(16, gt=0, le=100_000)
    adaptive: bool = False
    timeout_s: float = Field(120.0, gt=0, le=1e6)
    retries: int = Field(5, ge=0, le=1000)
    retry_after_most_s: float = Field(RETRY_AFTER_MOST_S, gt=0, le=1e6)
    """The longest pause that the server's Retry-After is granted. In no key."""

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):  # a baseline by its name
            value = {"name": value, "backend": "baseline"}
        if isinstance(value, dict) and value.get("backend") == "baseline" and not value.get("model"):
            return {**value, "model": value.get("name", "")}
        if isinstance(value, dict) and value.get("backend") in _AT_ONCE and value.get("concurrency") is None:
            value = {**value, "concurrency": _AT_ONCE[value["backend"]]}
        if isinstance(value, dict) and isinstance(value.get("model_args"), str):  # as on lmms-eval's command line
            pairs = [p.partition("=") for p in value["model_args"].split(",") if p.strip()]
            return {**value, "model_args": {k.strip(): read_value(v) if v else "" for k, _, v in pairs}}
        return value

    @model_validator(mode="after")
    def _check(self) -> JudgeSpec:
        if self.backend not in backend_names():
            raise ValueError(unknown("backend", self.backend, backend_names()))
        if self.answer_format not in parsing.OWN_PROMPTS:
            raise ValueError(unknown("answer_format", self.answer_format, parsing.OWN_PROMPTS))
        self._check_grading()
        if self.answer_format != "tag" and self.prompt is None:
            raise ValueError("answer_format belongs to a prompt of your own: give `prompt:` beside it, or leave it out")
        try:
            orjson.dumps(self.extra_body)
        except (TypeError, ValueError) as e:
            raise ValueError(f"extra_body cannot be sent as JSON: {e}") from None
        for field in ("extra_body", "model_args"):
            if not _finite(getattr(self, field)):
                raise ValueError(f"{field}: holds a number that is not finite (.inf, .nan): leave it out")
        if self.max_pixels is not None and importlib.util.find_spec("PIL") is None:
            raise ValueError("max_pixels needs pillow: pip install pillow")
        if self.verdict == "reasoned" and self.answer_format != "tag":
            raise ValueError("`verdict: reasoned` looks at the place of our own <answer> tag: leave answer_format out")
        if self.model_args and self.backend not in ("lmms", "lm", "hf", "vllm", "openai"):
            raise ValueError("model_args belong to the backends hf, vllm and lmms; leave them out")
        for field in ("api_key_env", "api_key_header", "headers", "client", "stream"):
            if self.backend != "openai" and getattr(self, field) != type(self).model_fields[field].get_default(
                call_default_factory=True
            ):
                raise ValueError(f"{field} belongs to the backend openai: leave it out")
        if self.top_logprobs != TOP_LOGPROBS and self.verdict == "text":
            raise ValueError("top_logprobs belongs to `verdict: direct` and `reasoned`: leave it out")
        if self.samples > 1 and self.backend != "baseline" and self.temperature == 0:
            raise ValueError("samples above 1 at temperature 0 ask the same thing again: set temperature, e.g. 0.7")
        if self.samples > 1 and self.verdict == "direct":
            raise ValueError("`direct` asks for probabilities, of which every sample is the same: leave `samples` out")
        if self.samples > 1 and self.temperature is None and self.backend in ("hf", "lmms"):
            raise ValueError(f"backend {self.backend} is greedy without a temperature: set temperature, e.g. 0.7")
        if self.samples > 1 and "seed" in self.extra_body:
            raise ValueError(
                "extra_body: one seed for all samples gives the same answer each time: use `seed:` instead"
            )
        if self.seed is not None and self.backend not in SEEDED:
            raise ValueError(
                f"backend {self.backend} draws whole batches from one generator and cannot repeat a request by its seed: "
                f"use {' or '.join(SEEDED)}, or leave `seed` out"
            )
        _module(self.backend).check(self)
        return self

    def _check_grading(self) -> None:
        low, high = self.scale
        if not low < high or low < 0 or high > 100:
            raise ValueError("scale must be [lowest, highest], whole numbers from 0 to 100, such as [1, 9]")
        if self.scale != SCALE and self.grading != "pointwise":
            raise ValueError("scale belongs to `grading: pointwise`: leave it out")
        if self.grading == "pointwise" and self.verdict == "direct" and high > 9:
            raise ValueError("`direct` reads one token, so its scores have one digit: set scale to [1, 9] or less")
        if self.ties != "forbidden" and (self.grading != "pairwise" or self.decision == "criteria"):
            raise ValueError(
                "ties are an option of `grading: pairwise`, holistic: a ranking is strict, scores and sums tie by themselves"
            )
        if self.decision == "criteria" and self.grading == "listwise":
            raise ValueError("`decision: criteria` compares two or scores one: use grading pairwise or pointwise")
        if self.verdict == "reasoned" and self.how != Grading():
            raise ValueError("`verdict: reasoned` compares two, holistically and without ties: use text or direct")
        if self.answer_format != "tag" and self.how.key().keys() - {"ties"}:
            raise ValueError("answer_format belongs to `grading: pairwise`, holistic: leave it out")

    @property
    def how(self) -> Grading:
        """How it is asked."""
        return Grading(self.grading, self.decision, self.ties, self.scale)

    def asked(self, case: Case) -> Asked:
        """What it is asked on a case."""
        return asked_on(case, self.how)

    def shown(self, case: Case) -> Case:
        """The case as this model can be shown it: with `media: none` as one whose media are missing.

        Raises:
            UserError: then nothing would be left to judge, as its candidates are images.
        """
        item = case.item
        if self.media == "shown" or not item.all_media():
            return case
        if any(c.media for c in item.candidates):
            raise UserError(
                f"{self.name!r}: `media: none`, and the candidates of {item.benchmark!r} are images, so that nothing would be "
                "left to judge: use a model that reads images"
            )
        return replace(case, item=replace(item, media=(), media_missing=True))

    def text_format(self, asked: Asked) -> str:
        """The format of its answers in text: what was asked for, or that of the user's own prompt."""
        return asked.answer_format if self.answer_format == "tag" else self.answer_format

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> JudgeSpec:
        copied = super().model_copy(update=update, deep=deep)
        for derived in copied.__dict__.keys() - type(copied).model_fields.keys():  # cached; the copy may differ
            del copied.__dict__[derived]
        return copied

    @cached_property
    def template(self) -> Template:
        return Template(self.prompt or PROMPTS / f"{self.grading}.jinja", grading=self.how)

    def sampling(self) -> dict[str, Any]:
        """The sampling fields as they are sent."""
        sent: dict[str, Any] = {} if self.temperature is None else {"temperature": self.temperature}
        sent[self.max_tokens_field] = 1 if self.verdict == "direct" else self.max_tokens
        return sent

    @property
    def served(self) -> str:
        """The model that answers, by its own name."""
        return served_model(self.backend, self.model, self.model_args)

    def key_fields(self) -> dict[str, Any]:
        """What decides the answer, and so stands in every key and in the manifest."""
        fields: dict[str, Any] = {
            "name": self.name,
            "backend": self.backend,
            "model": self.model,
            "verdict": self.verdict,
            "sampling": self.sampling(),
            "extra_body": _spelled(self.extra_body),
            "answer_format": self.answer_format,
            "template": self.template.digest if self.backend != "baseline" else "",
        }
        if self.max_pixels is not None:  # absent by default: keys of earlier runs hold
            fields["max_pixels"] = self.max_pixels
        if self.seed is not None:
            fields["seed"] = self.seed
        if self.media != "shown":
            fields["media"] = self.media
        if self.top_logprobs != TOP_LOGPROBS:
            fields["top_logprobs"] = self.top_logprobs
        if grading := self.how.key():
            fields["grading"] = grading
        decisive = _decisive(self.model_args, _module(self.backend).TRANSPORT_ARGS)
        return {**fields, "model_args": decisive} if decisive else fields

    @cached_property
    def digest(self) -> str:
        return digest(self.key_fields())


def unset(specs: Iterable[JudgeSpec]) -> list[str]:
    """The variables of the environment that judges or writers name for their secrets and that are not set, a line each."""
    return [line for s in specs if hasattr(_module(s.backend), "unset") for line in _module(s.backend).unset(s)]


def within_budget(messages: tuple[Message, ...], max_pixels: int | None) -> tuple[Message, ...]:
    """The messages with their images to be shown no larger than `max_pixels`; None leaves them as they are."""
    if max_pixels is None:
        return messages
    return tuple(
        replace(m, parts=tuple(replace(p, max_pixels=max_pixels) if isinstance(p, Image) else p for p in m.parts))
        for m in messages
    )


class Judge(Protocol):
    """Whoever decides a Case. `decide` raises `errors.BackendError` where no answer came."""

    spec: JudgeSpec
    in_process: bool
    sees_media: bool

    async def open(self, media: MediaWindow) -> None: ...

    async def decide(self, case: Case, seed: str) -> Answer: ...

    async def close(self) -> None: ...


class ChatJudge:
    """A judge that is a model behind a chat backend."""

    def __init__(self, spec: JudgeSpec, backend: ChatBackend) -> None:
        self.spec = spec
        self.backend = backend
        self.in_process = backend.in_process
        self.sees_media = spec.media == "shown"

    async def open(self, media: MediaWindow) -> None:
        await self.backend.open(media)

    def requests(self, case: Case) -> list[ChatRequest]:
        """What the case takes: one request, or one for each criterion where each is asked about by its own token."""
        case = self.spec.shown(case)
        asked, direct = self.spec.asked(case), self.spec.verdict == "direct"
        parts = [replace(asked, criteria=(c,)) for c in asked.criteria] if direct and asked.criteria else [asked]
        return [
            ChatRequest(
                messages=within_budget(
                    self.spec.template.render(case, "direct" if direct else "text", part), self.spec.max_pixels
                ),
                sampling=self.spec.sampling(),
                top_logprobs=self.spec.top_logprobs if direct else 0,
                answer_format=parsing.DIRECT if direct else self.spec.text_format(asked),
                affinity=case.item.uid,
            )
            for part in parts
        ]

    def request(self, case: Case) -> ChatRequest:
        """The first of them."""
        return self.requests(case)[0]

    async def decide(self, case: Case, seed: str) -> Answer:
        requests = self.requests(case)
        if self.spec.seed is not None:
            drawn = int(digest("seed", self.spec.seed, seed)[:7], 16)
            requests = [replace(r, seed=drawn) for r in requests]
        answers: list[Answer] = []
        for request in requests:
            try:
                answers.append(await self.backend.chat(request))
            except BackendError as e:
                raise e.after(a.usage for a in answers) from None  # the decision is asked anew, and these were paid for
        if self.spec.verdict == "direct" and self.spec.asked(case).criteria:
            return _joined(answers)
        return await self._weighed(requests[0], answers[0]) if self.spec.verdict == "reasoned" else answers[0]

    async def _weighed(self, request: ChatRequest, answer: Answer) -> Answer:
        """The answer with the probabilities of its verdict: the model goes on from `<answer>` by one token (decision 7).

        Messages and reasoning are the first call's, so a prefix cache holds all but that token. What a server keeps apart
        as `reasoning` is not shown again.
        """
        start = parsing.begun(answer.text)
        answer = replace(answer, answer_format=parsing.REASONED)
        if start is None or parsing.undecided(answer):
            return answer
        try:
            second = await self.backend.chat(
                replace(
                    request,
                    messages=(*request.messages, Message("assistant", (Text(start),))),
                    sampling={**request.sampling, self.spec.max_tokens_field: 1},
                    top_logprobs=self.spec.top_logprobs,
                    answer_format=parsing.DIRECT,
                    continues=True,
                )
            )
        except BackendError as e:
            if not e.permanent:
                raise e.after([answer.usage]) from None
            # What its text says, with no probability: the reasoning is paid for.
            return replace(answer, failed_replies=failed_replies(e.replies))
        usage, latency = _spent([answer, second])
        return replace(answer, top_logprobs=second.top_logprobs, masked=second.masked, usage=usage, latency_s=latency)

    async def close(self) -> None:
        await self.backend.close()


def _spent(answers: Sequence[Answer]) -> tuple[dict[str, int] | None, float | None]:
    """Tokens and seconds of calls made one after the other. Tokens that one of them does not tell are told of none."""
    usage: Counter[str] = Counter()
    for answer in answers:
        usage.update(answer.usage or {})
    for name in ("prompt_tokens", "completion_tokens"):
        if any(name not in (a.usage or {}) for a in answers):
            del usage[name]
    known = [a.latency_s for a in answers if a.latency_s is not None]
    return dict(usage) or None, round(sum(known), 4) if known else None


def _joined(answers: Sequence[Answer]) -> Answer:
    """The answers on all criteria as one; a refusal of any is one of all."""
    usage, latency = _spent(answers)
    worst = next((a for a in answers if parsing.refused(a)), answers[0])
    return replace(
        worst,
        answer_format=parsing.EACH,
        text="\n".join(a.text for a in answers),
        top_logprobs=None,
        each=tuple(a.top_logprobs or () for a in answers),
        usage=usage,
        latency_s=latency,
    )


def create(spec: JudgeSpec) -> Judge:
    """The judge for a spec. A backend module gives either `create` (a chat backend) or `create_judge`.

    Raises:
        UserError: what the backend needs is not installed.
    """
    module = _module(spec.backend)
    try:
        if hasattr(module, "create_judge"):
            judge: Judge = module.create_judge(spec)
            return judge
        return ChatJudge(spec, module.create(spec))
    except ImportError as e:
        raise UserError(
            f"judge {spec.name!r}: backend {spec.backend} needs {e.name or 'what is not installed'} ({e}): "
            f"{install(e, getattr(module, 'EXTRA', ''))}"
        ) from None
