"""Rewards as a YAML file (or a mapping) says them: what the reward server serves, and what verl's `reward_kwargs` give.

proxy_grm:                                  # at /v1/proxy_grm
  proxy: {name: proxy, backend: openai, model: my/proxy-7b, base_url: "http://127.0.0.1:8000/v1", concurrency: 64}
  aggregation: sum
rpo:                                        # at /v1/rpo
  judge: {name: judge, backend: openai, model: Qwen/Qwen3-VL-8B-Instruct, base_url: "http://127.0.0.1:8001/v1"}
  rubric: rubric-induced.yaml
  disagreement: mask
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import yaml
from pydantic import Field, ValidationError, model_validator

from evaluators.errors import UserError
from evaluators.inputs.complaints import in_file, problem_lines
from evaluators.inputs.configs import ConfigFile, InputPath
from evaluators.inputs.entries import Entry
from evaluators.specs import JudgeSpec
from evaluators.writers.methods.proxy_grm import Faults, Form
from harness_plugins.rewards.payoffs import FORMAT_WEIGHT, Aggregation
from harness_plugins.rewards.proxy import Crossed, CutOff, ProxyReward
from harness_plugins.rewards.resources import DEADLINE_S
from harness_plugins.rewards.rpo import LOSE, WIN, Disagreement, RPOReward

M = TypeVar("M", bound=Entry)
MEGABYTE = 1 << 20


class ProxyGRM(Entry):
    """The reward of `rewards.ProxyReward`. Without `proxy` it is the ablation: the policy's own verdict and form alone."""

    proxy: JudgeSpec | None
    aggregation: Aggregation = "sum"
    format_weight: float = Field(FORMAT_WEIGHT, allow_inf_nan=False)
    form: Form = "full"
    allow: Faults = ()
    crossed: Crossed | None = None
    leak_penalty: float = Field(0.0, ge=0, allow_inf_nan=False)
    leak_judge: Literal["lexical"] | JudgeSpec | None = None
    cut_off: CutOff = "wrong"
    deadline_s: float | None = Field(DEADLINE_S, gt=0)

    def reward(self) -> ProxyReward:
        return ProxyReward(**{name: getattr(self, name) for name in type(self).model_fields})


class RPO(Entry):
    """The reward of `rewards.RPOReward`."""

    judge: JudgeSpec
    rubric: InputPath | None = None
    """A rubric that serves all prompts: an artefact of `arr_induced`, a .jsonl with one shared rubric, or a text file."""
    win: float = Field(WIN, allow_inf_nan=False)
    lose: float = Field(LOSE, allow_inf_nan=False)
    disagreement: Disagreement = "mask"
    deadline_s: float | None = Field(DEADLINE_S, gt=0)

    def reward(self) -> RPOReward:
        return RPOReward(**{name: getattr(self, name) for name in type(self).model_fields})


class Limits(Entry):
    """What one request may hold, all of them together, and how long a client may take to send one."""

    body_mb: float = Field(64, gt=0)
    bodies_mb: float = Field(256, gt=0)
    """The bodies of all requests that are not answered yet; what would go beyond is refused with 503 and Retry-After."""
    body_s: float = Field(30, gt=0)
    """From a request's head to the end of its body."""
    head_s: float = Field(10, gt=0)
    """From the opening of a connection, or the first byte of its next request, to the end of that request's head."""
    image_mb: float = Field(16, gt=0)
    images: int = Field(64, gt=0)
    megapixels: float = Field(64, gt=0)
    """Of one image, as its header says: small files can unfold to any size."""
    samples: int = Field(256, gt=0)
    """Completions, or groups of candidates."""
    candidates: int = Field(16, ge=2)
    """Of one group."""

    @model_validator(mode="after")
    def _one_body_fits(self) -> Limits:
        if self.body_mb > self.bodies_mb:
            raise ValueError(
                f"a body of body_mb ({self.body_mb:g}) never fits in bodies_mb ({self.bodies_mb:g}): raise bodies_mb"
            )
        return self


class ServerConfig(Entry):
    """What the reward server serves."""

    proxy_grm: ProxyGRM | None = None
    rpo: RPO | None = None
    queue: int = Field(512, gt=0)
    """Judge calls that may be asked or wait at a time; what would go beyond is refused with 503 and Retry-After."""
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _serves(self) -> ServerConfig:
        if self.proxy_grm is None and self.rpo is None:
            raise ValueError("nothing to serve: give `proxy_grm:`, `rpo:` or both")
        return self


def load_server(path: Path) -> ServerConfig:
    """Read and check a file; paths in it are relative to its own folder.

    Raises:
        UserError: all mistakes found, one line each.
    """
    config = ConfigFile.read(path, "`proxy_grm`, `rpo` or both").checked(ServerConfig)
    judges = [config.proxy_grm.proxy if config.proxy_grm else None, config.rpo.judge if config.rpo else None]
    for judge in (j for j in judges if j is not None):
        _ = judge.template  # read now: a broken one is said before anything is served
    return config


def proxy_of(value: Any) -> ProxyGRM:
    """The Proxy-GRM reward of a file (its part `proxy_grm`) or of a mapping with the keys of that part.

    Raises:
        UserError: it is neither, or does not fit.
    """
    return _part(value, "proxy_grm", ProxyGRM)


def rpo_of(value: Any) -> RPO:
    """The same for RPO's reward, of images or of completions: a file's part `rpo`, or a mapping with its keys."""
    return _part(value, "rpo", RPO)


def _part(value: Any, name: str, form: type[M]) -> M:
    if isinstance(value, str | os.PathLike):
        part = getattr(load_server(Path(os.fspath(value))), name)
        if part is None:
            raise UserError(f"{os.fspath(value)}: has no `{name}`")
        return cast(M, part)
    # A mapping has no lines of a file, and messages name one.
    nowhere = yaml.MappingNode("", [], yaml.Mark("", 0, 0, 0, None, 0))
    try:
        return form.model_validate(plain(value))
    except ValidationError as e:
        raise UserError(*problem_lines(in_file(Path(name), nowhere), e, form)) from None


def plain(value: Any) -> Any:
    """Mappings and lists of other libraries (OmegaConf's, numpy's) as Python's own; what is neither stays."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        return value
    return [plain(v) for v in (value.tolist() if hasattr(value, "tolist") else value)]
