"""What `manifest.json` holds, field by field: what code reads of it is checked here, once, before anything is made of it."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evaluators.prompts.grading import Decision, Kind, Ties
from evaluators.records import MOST, SCHEMA
from harness_plugins.config.prices import Prices

PUBLIC = "public"
"""In a manifest: the folder is a public export (`export`)."""

Count = Annotated[int, Field(ge=0, le=10**12)]
Few = Annotated[int, Field(ge=1, le=10_000)]
Orders = Literal["both", "AB", "BA", "hashed", "stored"] | Annotated[int, Field(ge=1, le=MOST)]


class _Part(BaseModel):
    """Fields that it has not are of a newer version, and let through."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Benchmark(_Part):
    title: str | None = None
    source: str | None = None
    revision: str | None = None
    rows: Count | None = None
    expected_rows: Count | None = None
    rows_sha256: str | None = None
    limit: Count | None = None
    media: str | None = None
    items: Count | None = None


class _Grading(_Part):
    kind: Kind = "pairwise"
    decision: Decision = "holistic"
    ties: Ties = "forbidden"
    scale: Annotated[list[Annotated[int, Field(ge=0, le=100)]], Field(min_length=2, max_length=2)] = Field([1, 9])


class _Key(_Part):
    backend: str
    model: str
    grading: _Grading | None = None
    model_args: dict[str, Any] | None = None
    sampling: dict[str, Any] | None = None


class _Judge(_Part):
    key: _Key
    family: str | None
    base: str | None
    samples: Few = 1
    orders: Orders | Literal["given"] = "both"
    complete_reasons: list[str] = Field([])
    template: str | None = None


class _File(_Part):
    sha256: str


class _Imported(_Part):
    format: str
    files: list[_File]


class _PackageArm(_Part):
    package: str
    donors: bool = False


class Manifest(_Part):
    """A run folder's manifest."""

    schema_: Annotated[int, Field(ge=1)] = Field(alias="schema")
    created: str = ""
    updated: str = ""
    versions: dict[str, str] = Field({})
    benchmarks: dict[str, _Benchmark] = Field({})
    judges: dict[str, _Judge]
    rubrics: dict[str, str | None] = Field({})
    arms: list[str] = Field([])
    orders: Orders = "both"
    shuffles: Few = 1
    planned: list[Annotated[list[str | None], Field(min_length=4, max_length=4)]] = Field([])
    package_arms: dict[str, _PackageArm] = Field({})
    donors: dict[str, dict[str, list[dict[str, str]]]] = Field({})
    primary_contrast: Annotated[list[str], Field(min_length=2, max_length=2)] = Field(["transferred", "none"])
    reference_writer: str | None = None
    prices: Prices | None = None
    imported: _Imported | None = None
    public: dict[str, Any] | None = None


def checked(data: bytes) -> dict[str, Any]:
    """A manifest's bytes as the mapping that it is; one of a newer schema is not looked into.

    Raises:
        ValueError: what is wrong with it, by field.
    """
    try:
        value = orjson.loads(data.removeprefix(BOM_UTF8))
    except orjson.JSONDecodeError as e:
        raise ValueError(f"not valid JSON ({e})" if data.strip() else "empty") from None
    newer = isinstance(value, dict) and type(value.get("schema")) is int and value["schema"] > SCHEMA
    try:
        if not newer:
            Manifest.model_validate(value)
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise ValueError(f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}") from None
    mapping: dict[str, Any] = value
    return mapping
