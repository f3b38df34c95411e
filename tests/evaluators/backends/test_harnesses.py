"""Models of a harness: the name that counts is that of the model which is served."""

from __future__ import annotations

import pytest

from evaluators.backends._harnesses import SERVED_ARGS
from evaluators.specs import served_model


@pytest.mark.parametrize("backend", ["lm", "lmms"])
@pytest.mark.parametrize("argument", SERVED_ARGS)
def test_the_model_is_named_in_an_argument(backend: str, argument: str) -> None:
    assert served_model(backend, "vllm", {argument: "org/model", "dtype": "auto"}) == "org/model"


def test_without_one_it_is_the_harness_s_own_name() -> None:
    assert served_model("lmms", "qwen2_5_vl", {"dtype": "auto"}) == "qwen2_5_vl"
