"""The JSON Schema of a config, for editors: pydantic's, with the short forms that a config may have and what each key means."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from evaluators.replies import parsing
from evaluators.rubrics.arms import ARMS
from evaluators.specs import BACKENDS, NAME_ALONE, FromEnvironment, JudgeSpec, capabilities
from evaluators.writers.base import METHODS, WriterSpec
from harness_plugins.benchmarks.bundled import data_dir
from harness_plugins.benchmarks.entry import BenchmarkEntry
from harness_plugins.benchmarks.folders import benchmarks_in
from harness_plugins.config.run import Config

Schema = dict[str, Any]

_MODELS = (Config, BenchmarkEntry, JudgeSpec, WriterSpec, FromEnvironment)


def config_schema() -> Schema:
    """The schema of a config's file.

    What only the whole of a config shows (whether a verdict goes with a grading, say) is not in it: `load_config` checks that.
    Names are suggested and not required, since packages may bring more.

    >>> config_schema()["title"]
    'Config of rubric-harness run'
    """
    schema = Config.model_json_schema()
    parts: Schema = schema["$defs"]
    schemas = {model.__name__: parts.get(model.__name__, schema) for model in _MODELS}
    for model in _MODELS:
        about = documented(model)
        for name, key in schemas[model.__name__]["properties"].items():
            key.pop("title", None)
            if name in about:
                key["description"] = about[name]
    _suggest(schemas)
    benchmarks = _suggested(benchmarks_in(data_dir("tasks")))
    schemas["BenchmarkEntry"]["properties"]["name"] = benchmarks
    parts["JudgeSpec"] = {"anyOf": [{"enum": list(capabilities(NAME_ALONE).models)}, parts["JudgeSpec"]]}
    parts["BenchmarkEntry"] = {"anyOf": [benchmarks, parts["BenchmarkEntry"]]}
    for name in ("benchmarks", "judges", "writers", "arms"):  # one alone may stand without its brackets
        key = schema["properties"][name]
        key["anyOf"] = [key["items"], {k: key.pop(k) for k in ("type", "items", "minItems") if k in key}]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Config of rubric-harness run"}
    return {**head, **{k: v for k, v in schema.items() if k != "title"}}


def _suggest(schemas: dict[str, Schema]) -> None:
    """Put in the names that there are."""
    arms = _suggested(ARMS)
    config = schemas["Config"]["properties"]
    config["arms"]["items"] = arms
    config["controls"]["items"] = _suggested(a.name for a in ARMS.values() if a.control)
    config["primary_contrast"]["prefixItems"] = [arms, _suggested(a.name for a in ARMS.values() if a.reference)]
    judge, writer = schemas["JudgeSpec"]["properties"], schemas["WriterSpec"]["properties"]
    for model in (judge, writer):
        model["backend"] = _suggested(BACKENDS.names())
        # As on lmms-eval's command line: a=1,b=2.
        model["model_args"]["anyOf"] = [{"type": "object"}, {"type": "string"}]
        model["model_args"] = {k: v for k, v in model["model_args"].items() if k in ("anyOf", "description")}
    judge["answer_format"] |= _suggested(parsing.OWN_PROMPTS)
    writer["method"] |= _suggested(METHODS.names())


def _suggested(names: Iterable[str]) -> Schema:
    """Any text, these offered."""
    return {"anyOf": [{"enum": list(names)}, {"type": "string"}]}


def documented(model: type[BaseModel]) -> dict[str, str]:
    """What the lines below a model's fields say of them, by field, those of its bases too.

    >>> documented(BenchmarkEntry)["revision"].partition(" (")[0]
    "Which commit, branch or tag of the Hub's dataset"
    """
    about: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if not issubclass(kind, BaseModel) or kind is BaseModel:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    about[name] = " ".join(text.split())
    return about
