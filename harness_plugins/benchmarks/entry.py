"""Which benchmark is asked for, and where its rows are: an entry of a config's `benchmarks`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from evaluators.inputs.configs import InputPath
from evaluators.inputs.entries import Entry
from harness_plugins.benchmarks.spec import names, unknown_benchmark


class BenchmarkEntry(Entry):
    """One benchmark of a run. Without `path` it is read from the Hub (or is the bundled one). `demo` is `{name: demo}`."""

    name: str
    path: InputPath | None = None
    media_root: InputPath | None = None
    media: Literal["required", "optional"] = "required"
    frames: int | None = Field(None, gt=0, le=10_000)
    limit: int | None = Field(None, gt=0)
    revision: str | None = Field(None, min_length=1)
    """Which commit, branch or tag of the Hub's dataset."""

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("name")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in names():
            raise ValueError(unknown_benchmark(value))
        return value
