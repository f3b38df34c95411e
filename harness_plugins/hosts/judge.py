"""Who judged, in a run that a harness drives: the judge's record from the harness's model, its arguments and sampling."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from evaluators.errors import UserError
from evaluators.inputs.complaints import complaint
from evaluators.inputs.names import as_name
from evaluators.specs import JudgeSpec, served_model
from harness_plugins.hosts import JUDGE, OUR_MODEL

_LENGTHS = ("max_new_tokens", "max_gen_toks", "max_tokens")
_NOT_SENT = {"until", "do_sample", *_LENGTHS, "temperature", "num_beams"}


def sampling_fields(gen_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """A harness's generation arguments as JudgeSpec fields: temperature, max_tokens, and the rest as extra_body."""
    fields: dict[str, Any] = {}
    if gen_kwargs.get("temperature") is not None:
        fields["temperature"] = float(gen_kwargs["temperature"])
    length = next((gen_kwargs[k] for k in _LENGTHS if gen_kwargs.get(k)), None)
    if length is not None:
        fields["max_tokens"] = int(length)
    extra = {k: v for k, v in gen_kwargs.items() if k not in _NOT_SENT and v is not None}
    stop = [s for s in gen_kwargs.get("until") or () if s]
    if stop:
        extra["stop"] = stop
    return {**fields, "extra_body": extra} if extra else fields


def name_of(model: str, arguments: Mapping[str, Any]) -> str:
    """A judge's name: the environment's, else the last part of the model's own name."""
    chosen = os.environ.get(JUDGE, "").strip()
    return as_name(chosen or served_model("lmms", model, arguments), "judge")


def own_name(fields: Mapping[str, Any]) -> str:
    """The name of the judge that our own model is, by the fields that `model_args` give it."""
    return str(fields.get("name") or name_of(str(fields.get("backend", "openai")), fields))


def make_spec(fields: Mapping[str, Any]) -> JudgeSpec:
    """A JudgeSpec, or what is wrong with it in one line.

    Raises:
        UserError: an unknown field, or a value that does not fit.
    """
    try:
        return JudgeSpec.model_validate(dict(fields))
    except ValidationError as e:
        lines = [f"model_args: {complaint(x, JudgeSpec, 'argument')}" for x in e.errors(include_url=False)]
        raise UserError(*lines) from None


class HostModel(NamedTuple):
    """A harness's model, as its command line names it."""

    name: str
    arguments: Mapping[str, Any]


def foreign_spec(
    model: HostModel, gen_kwargs: Mapping[str, Any], harness: str, grading: Mapping[str, Any]
) -> JudgeSpec:
    """The judge that the harness's model is, as the harness asks it (`--model openai`, say, or ours where it writes rubrics)."""
    if model.name == OUR_MODEL:
        name = own_name(model.arguments)
    else:
        name = name_of(model.name, model.arguments)
        name = name if os.environ.get(JUDGE, "").strip() else f"{model.name}:{name}"
    return make_spec(
        {
            "name": name,
            "backend": harness,
            "model": model.name,
            "model_args": dict(model.arguments),
            **sampling_fields(gen_kwargs),
            **grading,
        }
    )
