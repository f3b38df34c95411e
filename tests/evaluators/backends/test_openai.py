"""What a config may say of an endpoint: each slip is refused with its fix, before anything is asked."""

from __future__ import annotations

from typing import Any

import pytest

from evaluators.backends import openai
from evaluators.backends.endpoint.chat import OpenAIBackend, urls_of
from evaluators.specs import JudgeSpec

URL = "http://127.0.0.1:8000/v1"


def judge(**fields: Any) -> JudgeSpec:
    return JudgeSpec.model_validate({"name": "j", "backend": "openai", "model": "m", "base_url": URL, **fields})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": ""}, "`model` is missing: the name under which the server serves it"),
        ({"base_url": ""}, "`base_url`: '' is not an http"),
        ({"base_url": [URL, "ftp://x"]}, "`base_url`: 'ftp://x' is not an http"),
        ({"headers": {"Host": "x"}}, "says how a request is sent"),
        ({"headers": {"x-api-key": "k"}}, "holds a secret, which belongs in an environment variable"),
        ({"headers": {"a b": "x"}}, "is not a valid name of a header"),
        ({"headers": {"key": "x"}, "api_key_header": "Key"}, "is the api_key_header already"),
        ({"extra_body": {"stream": True}}, "`stream` is a field of the judge"),
        ({"model_args": {"azure_endpoint": "https://x"}}, "model_args of backend openai are for `client: sdk`"),
        ({"client": "sdk", "model_args": {"azure_endpoint": "https://x"}}, "are two texts, azure_endpoint and api_version"),
        ({"client": "sdk", "model_args": {"azure_endpoint": "https://x", "api_version": "1"}}, "leave base_url out"),
    ],
)  # fmt: skip
def test_a_slip_is_refused_with_its_fix(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        judge(**fields)


def test_a_variable_that_is_named_and_not_set_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    monkeypatch.setenv("IS_SET", "k")
    spec = judge(api_key_env="NOT_SET", headers={"x-key": {"env": "NOT_SET"}, "x-other": {"env": "IS_SET"}})
    lines = openai.unset(spec)
    assert ["(api_key_env)" in lines[0], "(for the header x-key)" in lines[1]] == [True, True] and len(lines) == 2


def test_it_makes_a_backend_for_its_addresses() -> None:
    spec = judge(base_url=[URL, "http://127.0.0.1:8001/v1"])
    assert isinstance(openai.create(spec), OpenAIBackend)
    assert urls_of(spec) == (URL, "http://127.0.0.1:8001/v1")
