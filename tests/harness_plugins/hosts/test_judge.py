"""Who judged, by what a harness says of its model."""

from __future__ import annotations

from typing import Any

import pytest

from evaluators.errors import UserError
from harness_plugins.hosts import JUDGE
from harness_plugins.hosts.judge import make_spec, name_of, own_name, sampling_fields


@pytest.mark.parametrize(
    ("generation", "fields"),
    [
        (
            {"max_new_tokens": 64, "temperature": 0, "do_sample": False, "until": []},
            {"temperature": 0.0, "max_tokens": 64},
        ),
        ({"max_gen_toks": 32, "top_p": 0.9}, {"max_tokens": 32, "extra_body": {"top_p": 0.9}}),
        ({"until": ["\n\n", ""]}, {"extra_body": {"stop": ["\n\n"]}}),
        ({"temperature": None, "seed": None}, {}),
    ],
)
def test_sampling_in_our_words(generation: dict[str, Any], fields: dict[str, Any]) -> None:
    assert sampling_fields(generation) == fields


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"pretrained": "Qwen/Qwen2.5-VL-7B-Instruct"}, "Qwen2.5-VL-7B-Instruct"),
        ({"model": "/models/my judge/"}, "my-judge"),
        ({}, "qwen2_5_vl"),
    ],
)
def test_a_name_is_the_last_part_of_the_models_own(
    arguments: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(JUDGE, raising=False)
    assert name_of("qwen2_5_vl", arguments) == name
    monkeypatch.setenv(JUDGE, "mine")
    assert name_of("qwen2_5_vl", arguments) == "mine"


def test_our_own_model_says_its_name() -> None:
    assert own_name({"name": "j", "backend": "baseline", "model": "lexical"}) == "j"


def test_what_does_not_fit_is_one_line() -> None:
    with pytest.raises(UserError, match=r"model_args: unknown argument 'modle'; did you mean 'model'\?"):
        make_spec({"name": "j", "backend": "baseline", "modle": "lexical"})
