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
    """A folder under `tasks/` (`rubric-harness tasks`)."""
    path: InputPath | None = None
    """A local jsonl, json or parquet file, or a folder of them, in the dataset's own columns. Default: the Hub."""
    media_root: InputPath | None = None
    """What media paths are relative to; they may not lead out of it. Default: the rows' folder."""
    media: Literal["required", "optional"] = "required"
    """`optional` judges a row whose media are missing on text, and records it."""
    frames: int | None = Field(None, gt=0, le=10_000)
    """At most this many frames of a video, evenly spaced. Default: the benchmark's, 32."""
    limit: int | None = Field(None, gt=0)
    """At most this many items, from the first; only their media must be there. Default: all."""
    revision: str | None = Field(None, min_length=1)
    """Which commit, branch or tag of the Hub's dataset (docs/benchmarks.md#from-the-hub). Default: the newest."""

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
