"""What the engines that load a model refuse before they are loaded. How they answer: tests/local and tests/hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluators.backends import hf, lm, lmms, vllm
from evaluators.backends.lmms import images_of, to_lmms
from evaluators.errors import UserError
from evaluators.messages import Image, Message, Text
from evaluators.records import MediaFile
from evaluators.specs import JudgeSpec
from tests.conftest import png


@pytest.mark.parametrize(
    ("backend", "fields", "complaint"),
    [
        ("hf", {}, "`model` is missing"),
        ("hf", {"model": "m", "base_url": "http://h/v1"}, "hf loads the model into this process"),
        ("hf", {"model": "m", "extra_body": {"top_k": 5, "guided": 1}}, "extra_body: guided: backend hf knows top_p"),
        ("hf", {"model": "m", "max_tokens_field": "length"}, "max_tokens and max_completion_tokens"),
        ("vllm", {}, "`model` is missing"),
        ("vllm", {"model": "m", "base_url": "http://h/v1"}, "vllm loads the model into this process"),
        ("lmms", {}, "`lmms-eval models` lists them"),
        ("lmms", {"model": "m", "verdict": "direct"}, "give no log-probabilities"),
        ("lmms", {"model": "m", "base_url": "http://h/v1"}, "here it is one of model_args"),
        ("lm", {}, "the name of an lm-eval model"),
    ],
)
def test_what_does_not_fit_is_refused(backend: str, fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        JudgeSpec(name="j", backend=backend, **fields)


@pytest.mark.parametrize("module", [hf, vllm, lmms, lm])
def test_speed_and_places_are_no_part_of_a_key_and_what_decides_an_answer_is(module: Any) -> None:
    name = module.__name__.rpartition(".")[2]
    where = dict.fromkeys(sorted(module.TRANSPORT_ARGS), "x")
    plain, placed, other = (
        JudgeSpec(name="j", backend=name, model="m", model_args=arguments)
        for arguments in ({}, where, {"dtype": "float16"})
    )
    assert plain.key_fields() == placed.key_fields() != other.key_fields()


def test_models_of_lm_eval_are_asked_within_lm_eval() -> None:
    with pytest.raises(UserError, match="asked by lm-eval itself"):
        lm.create(JudgeSpec(name="j", backend="lm", model="m"))


def test_messages_as_lmms_eval_takes_them(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(3))
    image = Image(MediaFile(str(path)))
    messages = (Message("system", (Text("Judge."),)), Message("user", (Text("Look: "), image)))
    system, user = to_lmms(messages)
    assert system == {"role": "system", "content": [{"type": "text", "text": "Judge."}]}
    assert [part["type"] for part in user["content"]] == ["text", "image"]
    assert [i.size for i in images_of(messages)] == [(1, 1)]
