"""What a config says of a model, and of a judge. Some of the fields decide what is asked and are part of every key (`key_fields`);
the others only say how to get there.
"""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any, Literal, Self

import orjson
from pydantic import Field, model_validator

from evaluators.capabilities import Capabilities
from evaluators.errors import UserError
from evaluators.inputs.configs import InputPath
from evaluators.inputs.entries import Entry
from evaluators.inputs.names import unknown
from evaluators.inputs.yaml_files import read_value
from evaluators.keys import digest
from evaluators.plugins import Plugins
from evaluators.prompts.grading import SCALE, Decision, Grading, Kind, Question, Ties
from evaluators.prompts.template import PROMPTS, Case, Template, question_for
from evaluators.records import DRAWS
from evaluators.replies import parsing

TOP_LOGPROBS = 20
"""What OpenAI and vLLM allow by default; the default of `JudgeSpec.top_logprobs`."""


SECRETS = frozenset(
    {"token", "hf_token", "use_auth_token", "auth_token", "access_token", "api_key", "api_keys", "password", "secret"}
)
"""Arguments that are secrets, at whatever depth they are: in no key and in no file."""

_SECRETIVE = re.compile(
    r"(?:^|[_.\-]|(?<=[a-z]))(?i:tokens?|keys?|secrets?|passw(?:or)?ds?|passphrase|credentials?|auth|authorization)(?=$|[_.\-A-Z])"
)
"""Names that may be a secret's. It decides nothing but how a text is spelled in the manifest: as its digest, so that it is in
the key anyway."""


def _decisive(arguments: Mapping[str, Any], transport: frozenset[str]) -> dict[str, Any]:
    """A backend's arguments without those that it lists as saying where and how fast: a name on no list is in the key."""
    decisive: dict[str, Any] = _spelled(_open({k: v for k, v in arguments.items() if str(k) not in transport}))
    return decisive


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


RETRY_AFTER_MOST_S = 300.0

BACKENDS = Plugins("backends", "evaluators.backends")
"""Each gives `check(spec)` and either `create(spec) -> ChatBackend` or `create_judge(spec) -> Judge`; see `evaluators.backends`."""


@lru_cache(256)
def capabilities(backend: str) -> Capabilities:
    """What a backend declares of itself. Records name backends that may not be installed here: of them, the defaults.

    >>> capabilities("baseline").asks_model
    False
    """
    try:
        module = BACKENDS.module(backend)
    except (KeyError, UserError):
        return Capabilities()
    declared: Capabilities = getattr(module, "CAPABILITIES", Capabilities())
    return declared


def backends_that(fit: Callable[[Capabilities], bool]) -> list[str]:
    """The backends whose capabilities fit, by name."""
    return [name for name in BACKENDS.names() if fit(capabilities(name))]


class FromEnvironment(Entry):
    """A secret: its value is in an environment variable."""

    env: str = Field(min_length=1)


def served_model(backend: str, model: str, model_args: Mapping[str, Any]) -> str:
    """The model that answers, by its own name: what prices, relations and comparisons go by.

    >>> served_model("lmms", "openai", {"model_version": "Qwen/Qwen3-VL-8B-Instruct"})
    'Qwen/Qwen3-VL-8B-Instruct'
    >>> served_model("openai", "Qwen/Qwen3-VL-8B-Instruct", {})
    'Qwen/Qwen3-VL-8B-Instruct'
    """
    names = (str(model_args[a]) for a in capabilities(backend).served_args if model_args.get(a))
    return next(names, model)


FIELDS_OF_BACKENDS = ("model_args", "api_key_env", "api_key_header", "headers", "client", "stream")
"""Fields of `ModelSpec` for those backends alone that declare them (`Capabilities.fields`)."""

NAME_ALONE = "baseline"
"""The backend of a judge for which a config gives only a name."""


class ModelSpec(Entry):
    """One model of a config: who it is, where it is reached and how it samples. A judge and a writer are each one, and add what
    they are asked. Fields without a default are required.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:+-]*$")
    """Its row in tables."""
    backend: str
    """`openai` (any OpenAI-compatible endpoint), `vllm` (in this process), `hf` (transformers, in this process), `lmms` (any model of
    lmms-eval), `baseline`, or `pixels` (looks at the pictures' mean colours, for demonstrations)."""
    model: str = ""
    """The model's name on the server; for `vllm` and `hf` a folder (as adapters: relative to where the command runs) or a name on the
    Hub; for `lmms` a name that `lmms-eval models` lists; `first`, `random`, `longest`, `shortest`, `lexical`; for `pixels`
    `brightest`, `darkest`, `reddest`, `greenest`, `bluest`. Default: required; a baseline's name."""
    base_url: str | tuple[str, ...] = ""
    """Such as `http://127.0.0.1:8000/v1`; a list spreads items over replicas, all calls of an item on one. `/chat/completions` is
    appended to its path, before a query (`https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT?api-version=2024-06-01`).
    HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY hold; redirects are not followed; SSL_CERT_FILE names further certificates to
    trust. Default: required for `openai`."""
    api_key_env: str | None = None
    """`openai`: the environment variable that holds the key. One that is named here must be set, also by a `{env: VARIABLE}` of
    `headers`: else nothing is asked (`--dry-run` only warns). The default may be unset, for servers that need no key. Default:
    `OPENAI_API_KEY`."""
    api_key_header: str = ""
    """`openai`: the header that carries the key as it is, such as `api-key` (Azure and some gateways); by default it is a bearer
    token."""
    headers: dict[str, str | FromEnvironment] = Field(default_factory=dict)
    """`openai`: further headers, `name: value`; a secret as `name: {env: VARIABLE}`. They are in no file."""
    client: Literal["http", "sdk"] = "http"
    """`openai`: `sdk` makes requests with the openai package (`pip install 'rubric-harness[openai]'`), for OpenAI and, by `model_args:
    {azure_endpoint: https://NAME.openai.azure.com, api_version: 2024-06-01}` in place of `base_url`, Azure (`model` is the
    deployment). The records are the same; it takes several times the CPU. Of the environment it reads nothing but `api_key_env`."""
    stream: bool = False
    """`openai`: for endpoints that answer in streams only. The pieces are collected into one answer; one that breaks off is an
    error."""
    family: str | None = None
    """Who made the model, in a word. With the writer's and with `base` it decides self, same_base, same_family, unseen. Default:
    undeclared."""
    base: str | None = None
    """The model that it was trained from. Default: undeclared."""
    prompt: InputPath | None = None
    """A Jinja template of your own: `question`, `responses[0].text`, `responses[0].media`, `rubric` (none without one), `media`,
    `mode`, `video`, `media_missing`, `modality` (`text`, `image`, `edit`), `criterion` (the benchmark's own, or none), `criteria`
    (those to give verdicts on), `ties`, `scale`, and for the arms of these names `advice` (1, 2 or none) and `responses` (none
    under `rubric_only`). Each text has the name of its fence beside it (`question.fence`, `responses[0].fence`, `rubric.fence`,
    `criteria.fence`, `criterion.fence`: twelve characters that the text cannot hold; `[request {{ question.fence }}]`); `fence` is
    one for all of them, as safe, but it changes with the rubric, so that prompts which show it earlier share no prefix. Default:
    ours."""
    temperature: float | None = Field(0.0, ge=0)
    """`null` leaves the field out."""
    max_tokens: int = Field(4096, gt=0, le=1 << 31)
    """The most tokens of an answer."""
    max_tokens_field: str = "max_tokens"
    """Some servers need `max_completion_tokens`."""
    extra_body: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request; never a secret: it is written into the manifest. `{structured_outputs: {choice: ["1", "2"]}}`
    keeps `direct` from losing verdicts of which 1 or 2 is outside a vLLM server's top 20 (the mass P(1) + P(2) is unknown then;
    `backend: vllm` needs no such help)."""
    complete_reasons: tuple[str, ...] = ()
    """`openai`: finish reasons of this server that mean a whole answer, beside `stop`, `eos`, `eos_token`, `end_turn` and
    `stop_sequence`; an answer with an unknown one is an error."""
    model_args: dict[str, Any] = Field(default_factory=dict)
    """For `vllm`, `hf` and `lmms`: what the model is loaded with, as a mapping or as `a=b,c=d`; those that say where and how fast
    (`TRANSPORT_ARGS` in `evaluators/backends/NAME.py`: `base_url`, `batch_size`, `device_map`, keys, ...) are in no key and in no
    file; every other one is in the key, also one that is unknown here. What may be a secret by its name is written to files as a
    digest only. `hf` passes them to `from_pretrained` (`dtype`, `device_map`, `attn_implementation`, `quantization_config`), except
    `batch_size` (8, halved where memory runs out; `dtype: auto` and, on a GPU, `device_map: auto` unless given), `adapter` (a PEFT
    folder) and `processor` (a mapping for the processor, such as `max_pixels`); `vllm` passes them to its engine (`max_model_len`,
    `tensor_parallel_size`, `limit_mm_per_prompt`, `mm_processor_kwargs`, ...), except `adapter` (a LoRA folder) and `adapter_rank`
    (64)."""
    max_pixels: int | None = Field(None, gt=0)
    """Images are shown no larger than this (needs pillow), upright and in 8 bits: grey pictures of 16 bits are divided by 257, floats
    of 0 to 1 multiplied by 255, other ranges stretched from their least to their greatest value. Without it their bytes are sent to
    an endpoint unchanged, and it may read 16 bits in its own way (many show them white); `hf`, `vllm` and `lmms` always decode them
    here."""
    media: Literal["shown", "none"] = "shown"
    """`none`: for a model that reads text alone. Images are left out, and the prompt says that they are not available. Refused where
    the candidates are images."""
    seed: int | None = None
    """Makes sampling repeatable (`openai`, `vllm`): each request gets a seed computed from this one and its cell."""
    concurrency: int = Field(Capabilities.concurrency, gt=0, le=100_000)
    """Requests in flight at most; an engine in this process makes its batches of them. Default: 16; `hf` 64, `vllm` 256."""
    adaptive: bool = False
    """Start low, grow while answers come, halve on 429, 5xx and timeouts."""
    timeout_s: float = Field(120.0, gt=0, le=1e6)
    """For a whole request. A reply of more than 64 MB (unpacked) is not read."""
    retries: int = Field(5, ge=0, le=1000)
    """After 429, 5xx, timeouts, broken connections, replies that are no answer; full jitter, Retry-After honoured."""
    retry_after_most_s: float = Field(RETRY_AFTER_MOST_S, gt=0, le=1e6)
    """The longest pause that a server's Retry-After is granted; then it is asked again. A pause of more than a minute is reported on
    stderr, with `--quiet` too."""

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("backend"), str):
            return value
        declared = capabilities(value["backend"])
        if declared.models and not value.get("model"):
            value = {**value, "model": value.get("name", "")}
        if value.get("concurrency") is None and declared.concurrency != Capabilities.concurrency:
            value = {**value, "concurrency": declared.concurrency}
        if isinstance(value.get("model_args"), str):  # as on lmms-eval's command line
            pairs = [p.partition("=") for p in value["model_args"].split(",") if p.strip()]
            value = {**value, "model_args": {k.strip(): read_value(v) if v else "" for k, _, v in pairs}}
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.backend not in BACKENDS.names():
            raise ValueError(unknown("backend", self.backend, BACKENDS.names()))
        self.check_kind()
        try:
            orjson.dumps(self.extra_body)
        except (TypeError, ValueError) as e:
            raise ValueError(f"extra_body cannot be sent as JSON: {e}") from None
        for field in ("extra_body", "model_args"):
            if not _finite(getattr(self, field)):
                raise ValueError(f"{field}: holds a number that is not finite (.inf, .nan): leave it out")
        if self.max_pixels is not None and importlib.util.find_spec("PIL") is None:
            raise ValueError("max_pixels needs pillow: pip install pillow")
        for field in FIELDS_OF_BACKENDS:
            default = type(self).model_fields[field].get_default(call_default_factory=True)
            if field not in self.capabilities.fields and getattr(self, field) != default:
                owners = backends_that(lambda c, field=field: field in c.fields)  # type: ignore[misc]
                plural = "s" if len(owners) > 1 else ""
                raise ValueError(f"{field} belongs to the backend{plural} {', '.join(owners)}: leave it out")
        if self.seed is not None and not self.capabilities.seeds:
            raise ValueError(
                f"backend {self.backend} draws whole batches from one generator and cannot repeat a request by its seed: "
                f"use {' or '.join(backends_that(lambda c: c.seeds))}, or leave `seed` out"
            )
        BACKENDS.module(self.backend).check(self)
        return self

    def check_kind(self) -> None:
        """What a kind of spec asks of its own fields.

        Raises:
            ValueError: they do not go together.
        """

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
                f"{self.name!r}: `media: none`, and the candidates of {item.benchmark!r} are images, so nothing would be "
                "left to judge: use a model that reads images"
            )
        return replace(case, item=replace(item, media=(), media_missing=True))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        copied = super().model_copy(update=update, deep=deep)
        for derived in copied.__dict__.keys() - type(copied).model_fields.keys():  # cached; the copy may differ
            del copied.__dict__[derived]
        return copied

    @property
    def capabilities(self) -> Capabilities:
        """What its backend declares of itself."""
        return capabilities(self.backend)

    @property
    def asks_model(self) -> bool:
        """Whether a model answers; a baseline decides by itself."""
        return self.capabilities.asks_model

    @property
    def probabilities(self) -> int:
        """Alternatives of a token that are asked for where their probabilities decide; 0 where the text does."""
        return 0

    @property
    def continues(self) -> bool:
        """Whether the model is asked to go on from an answer that we began."""
        return False

    @cached_property
    def template(self) -> Template:
        """What its prompts are made of."""
        raise NotImplementedError

    def sampling(self) -> dict[str, Any]:
        """The sampling fields as they are sent."""
        sent: dict[str, Any] = {} if self.temperature is None else {"temperature": self.temperature}
        return {**sent, self.max_tokens_field: self.max_tokens}

    @property
    def served(self) -> str:
        """The model that answers, by its own name."""
        return served_model(self.backend, self.model, self.model_args)

    def key_fields(self) -> dict[str, Any]:
        """What decides the answer, and so is in every key and in the manifest."""
        fields: dict[str, Any] = {
            "name": self.name,
            "backend": self.backend,
            "model": self.model,
            "sampling": self.sampling(),
            "extra_body": _spelled(self.extra_body),
            "template": self.template.digest if self.asks_model else "",
        }
        if self.max_pixels is not None:  # absent by default: keys of earlier runs hold
            fields["max_pixels"] = self.max_pixels
        if self.seed is not None:
            fields["seed"] = self.seed
        if self.media != "shown":
            fields["media"] = self.media
        transport: frozenset[str] = getattr(BACKENDS.module(self.backend), "TRANSPORT_ARGS", frozenset())
        decisive = _decisive(self.model_args, transport)
        return {**fields, "model_args": decisive} if decisive else fields

    @cached_property
    def digest(self) -> str:
        return digest(self.key_fields())


_KEY_FIELDS = (
    *("name", "backend", "model", "verdict", "sampling", "extra_body", "answer_format", "template"),
    *("max_pixels", "seed", "media", "top_logprobs", "grading", "model_args"),
)
"""In the order in which manifests list them."""


class JudgeSpec(ModelSpec):
    """One judge of a config. A name alone is a baseline: `longest`."""

    verdict: Literal["text", "direct", "reasoned"] = "text"
    """`text` (reason, then a tagged answer), `direct` (P(1) and P(2) of one token), or `reasoned` (reason, then P(1) and P(2) where
    the tagged answer is, by a second call of one token; the server must continue an answer that has begun, as vLLM does)."""
    grading: Kind = "pairwise"
    """How it is asked. `pairwise`: which of two is better. `listwise`: all candidates ranked, strictly (`direct`: by P of each
    number). `pointwise`: each candidate alone, a whole number on `scale` (`direct`: the expected one); the higher score wins, equal
    ones tie. A pairwise judge takes items of two; the others up to nine."""
    decision: Decision = "holistic"
    """`holistic`: one verdict in view of the rubric. `criteria` (pairwise or pointwise): a verdict or score on each of the rubric's
    criteria, "cannot assess" among them, and their weighted sum decides (`direct`: a call of one token for each criterion).
    Criteria that a rubric does not list are read from its text (numbered lines, bullets, lines with a weight); where there are
    none, and in arms without a rubric, the verdict is holistic."""
    ties: Ties = "forbidden"
    """Pairwise, holistic: `allowed`, or `good_bad` (ties of two good ones and of two bad ones). Only protocols that count ties as
    labels can find one right."""
    scale: tuple[int, int] = SCALE
    """Lowest and highest score of `grading: pointwise`; `direct` needs one digit."""
    answer_format: str = "tag"
    """How replies to your prompt name the winner: `tag`, `double_bracket` (`[[A]]`, `[[B]]`, `[[C]]` for a tie), `four_way`
    (`[[A>B]]`, `[[B>A]]`, `[[A=B=Good]]`, `[[A=B=Bad]]`), `better_response` (`"better_response": "A"` in JSON), `answer_is_better`,
    `response_is_better`, `plain`; `proxy_grm` and `r1_reward` are tags in those papers' own prompts, which `official:...-proxy_grm`
    and `-r1_reward` read."""
    top_logprobs: int = Field(TOP_LOGPROBS, ge=1, le=1000)
    """`direct` and `reasoned`: how many alternatives of a token are asked for, up to what the server takes (some take 5)."""
    samples: int = Field(1, gt=0, le=DRAWS)
    """How many times each call is asked (temperature above 0)."""

    @model_validator(mode="before")
    @classmethod
    def _by_its_name(cls, value: Any) -> Any:
        return {"name": value, "model": value, "backend": NAME_ALONE} if isinstance(value, str) else value

    def check_kind(self) -> None:
        if self.answer_format not in parsing.OWN_PROMPTS:
            raise ValueError(unknown("answer_format", self.answer_format, parsing.OWN_PROMPTS))
        self._check_grading()
        if self.answer_format != "tag" and self.prompt is None:
            raise ValueError("answer_format belongs to a prompt of your own: give `prompt:` beside it, or leave it out")
        if self.verdict == "reasoned" and self.answer_format != "tag":
            raise ValueError("`verdict: reasoned` looks at the place of our own <answer> tag: leave answer_format out")
        if self.top_logprobs != TOP_LOGPROBS and self.verdict == "text":
            raise ValueError("top_logprobs belongs to `verdict: direct` and `reasoned`: leave it out")
        if self.samples > 1:
            self._check_samples()

    def _check_samples(self) -> None:
        if self.asks_model and self.temperature == 0:
            raise ValueError("samples above 1 at temperature 0 ask the same thing again: set temperature, e.g. 0.7")
        if self.verdict == "direct":
            raise ValueError("`direct` asks for probabilities, which are the same in every sample: leave `samples` out")
        if self.temperature is None and self.capabilities.greedy:
            raise ValueError(f"backend {self.backend} is greedy without a temperature: set temperature, e.g. 0.7")
        if "seed" in self.extra_body:
            raise ValueError(
                "extra_body: one seed for all samples gives the same answer each time: use `seed:` instead"
            )

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
        if self.verdict == "reasoned" and self.full_grading != Grading():
            raise ValueError("`verdict: reasoned` compares two, holistically and without ties: use text or direct")
        if self.answer_format != "tag" and self.full_grading.key().keys() - {"ties"}:
            raise ValueError("answer_format belongs to `grading: pairwise`, holistic: leave it out")

    @property
    def full_grading(self) -> Grading:
        """The whole of its grading, of which the key `grading` is only the kind."""
        return Grading(self.grading, self.decision, self.ties, self.scale)

    def question_for(self, case: Case) -> Question:
        """What it is asked on a case."""
        return question_for(case, self.full_grading)

    def text_format(self, question: Question) -> str:
        """The format of its answers in text: what was asked for, or that of the user's own prompt."""
        return question.answer_format if self.answer_format == "tag" else self.answer_format

    @property
    def probabilities(self) -> int:
        return 0 if self.verdict == "text" else self.top_logprobs

    @property
    def continues(self) -> bool:
        return self.verdict == "reasoned"

    @cached_property
    def template(self) -> Template:
        return Template(self.prompt or PROMPTS / f"{self.grading}.jinja", grading=self.full_grading)

    def sampling(self) -> dict[str, Any]:
        """The sampling fields as they are sent."""
        sent = super().sampling()
        return {**sent, self.max_tokens_field: 1} if self.verdict == "direct" else sent

    def key_fields(self) -> dict[str, Any]:
        """What decides the answer, and so is in every key and in the manifest."""
        fields = {**super().key_fields(), "verdict": self.verdict, "answer_format": self.answer_format}
        if self.top_logprobs != TOP_LOGPROBS:
            fields["top_logprobs"] = self.top_logprobs
        if grading := self.full_grading.key():
            fields["grading"] = grading
        return {name: fields[name] for name in _KEY_FIELDS if name in fields}


def unset(specs: Iterable[ModelSpec]) -> list[str]:
    """The variables of the environment that judges or writers name for their secrets and that are not set, a line each."""
    modules = [(BACKENDS.module(s.backend), s) for s in specs]
    return [line for module, spec in modules if hasattr(module, "unset") for line in module.unset(spec)]
