"""The JSON Schema of a config: what is a config for it is one for us, and the mistakes that an editor is to mark are errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from harness_plugins.config.run import Config
from harness_plugins.config.schema import config_schema, documented
from harness_plugins.config.starter import Starter
from tests.conftest import ROOT

FILE = ROOT / "examples" / "config.schema.json"
CONFIGS = sorted(
    path
    for path in (ROOT / "examples").rglob("*.yaml")
    if {"benchmarks", "judges"} <= set(yaml.safe_load(path.read_text()))
)


def errors(value: Any) -> list[str]:
    return [e.message for e in jsonschema.Draft202012Validator(config_schema()).iter_errors(value)]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(config_schema())


def test_the_file_is_what_the_command_prints() -> None:
    shown = json.dumps(config_schema(), indent=1, ensure_ascii=False) + "\n"
    assert FILE.read_text(encoding="utf-8") == shown, f"rubric-harness schema > {FILE.relative_to(ROOT)}"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_examples_fit_and_name_it(path: Path) -> None:
    assert len(CONFIGS) >= 5 and errors(yaml.safe_load(path.read_text())) == []
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", path.read_text().splitlines()[0])
    assert named and (path.parent / named[1]).resolve() == FILE


@pytest.mark.parametrize(
    "text",
    [
        "{benchmarks: demo, judges: longest}",
        "{benchmarks: {name: demo}, judges: {name: q, backend: hf, model: m, model_args: 'dtype=bfloat16'}, arms: none}",
        "{benchmarks: [mine], judges: [first], arms: [of_a_package], orders: 3, primary_contrast: [transferred, none]}",
        "{benchmarks: [demo], judges: [{name: q, backend: openai, model: m, base_url: ['http://a', 'http://b'], temperature: null}]}",
        Starter("c.yaml", "http://h/v1", "m", "pairs", "out", rows="r.jsonl", rubrics="r.jsonl").text(),
    ],
)
def test_short_forms_fit(text: str) -> None:
    assert errors(yaml.safe_load(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "{judges: [first]}",
        "{benchmarks: [], judges: [first]}",
        "{benchmarks: [demo], judges: [frist]}",
        "{benchmarks: [demo], judges: [first], ordrs: AB}",
        "{benchmarks: [demo], judges: [first], orders: AC}",
        "{benchmarks: [demo], judges: [{name: q, backend: openai, modl: m}]}",
        "{benchmarks: [demo], judges: [{name: q, backend: openai, model: m, max_tokens: 0}]}",
        "{benchmarks: [{name: demo, limit: none}], judges: [first]}",
    ],
)
def test_mistakes_are_marked(text: str) -> None:
    value = yaml.safe_load(text)
    assert errors(value)
    with pytest.raises(ValueError):
        Config.model_validate(value)


def test_what_a_key_means_comes_from_the_models() -> None:
    assert documented(Config)["max_cost"].startswith("The most that the run folder may cost")
    judge = config_schema()["$defs"]["JudgeSpec"]["anyOf"][1]["properties"]
    assert judge["api_key_env"]["description"].startswith("`openai`: the environment variable that holds the key.")
