"""What a config says of a model: what backends declare, and what judges and writers share."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from evaluators.capabilities import Capabilities
from evaluators.specs import BACKENDS, FIELDS_OF_BACKENDS, JudgeSpec, ModelSpec, capabilities, served_model
from evaluators.writers.base import FIELDS_OF_METHODS, METHODS, WriterSpec

URL = "http://unused.invalid/v1"


def test_backends_declare_fields_that_there_are() -> None:
    assert set(FIELDS_OF_BACKENDS) <= ModelSpec.model_fields.keys()
    for name in BACKENDS.names():
        assert set(capabilities(name).fields) <= set(FIELDS_OF_BACKENDS), name


def test_methods_declare_fields_that_there_are() -> None:
    assert set(FIELDS_OF_METHODS) <= WriterSpec.model_fields.keys()
    for module in map(METHODS.module, METHODS.names()):
        assert getattr(module, "NEEDS", {}).keys() <= set(module.OPTIONS) <= set(FIELDS_OF_METHODS)


def test_of_a_backend_that_is_not_installed_records_are_read_with_the_defaults() -> None:
    assert capabilities("gone") == Capabilities()
    assert served_model("gone", "m", {"pretrained": "p"}) == "m"


def test_reading_what_backends_declare_imports_nothing_slow() -> None:
    code = (
        "import sys; from evaluators.specs import BACKENDS, capabilities\n"
        "[capabilities(n) for n in BACKENDS.names()]\n"
        "print(*{'aiohttp', 'openai', 'torch', 'transformers', 'vllm', 'lmms_eval'} & sys.modules.keys())"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_a_writer_has_no_field_of_a_judge() -> None:
    of_judges = JudgeSpec.model_fields.keys() - ModelSpec.model_fields.keys()
    assert not of_judges & WriterSpec.model_fields.keys()
    for field in of_judges:
        with pytest.raises(ValidationError, match="a judge's"):
            WriterSpec.model_validate({"name": "w", "backend": "openai", "model": "m", "base_url": URL, field: 1})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"backend": "lmms", "headers": {"a": "b"}}, "headers belongs to the backend openai: leave it out"),
        ({"backend": "baseline", "model": "first", "model_args": {"a": 1}}, "belongs to the backends hf, lm, lmms, openai, vllm"),
        ({"backend": "hf", "samples": 2, "temperature": None}, "backend hf is greedy without a temperature"),
        ({"backend": "lmms", "seed": 1}, "cannot repeat a request by its seed: use openai or vllm"),
    ],
)  # fmt: skip
def test_what_a_backend_does_not_declare_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        JudgeSpec.model_validate({"name": "j", "model": "m", **fields})


def test_a_backend_says_how_many_requests_it_takes_at_a_time() -> None:
    at_once = {
        b: JudgeSpec.model_validate({"name": "j", "backend": b, "model": "m"}).concurrency for b in ("hf", "vllm")
    }
    assert at_once == {"hf": 64, "vllm": 256}
    assert JudgeSpec(name="j", backend="hf", model="m", concurrency=3).concurrency == 3
