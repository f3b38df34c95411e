"""The base of everything that people write into a file or a request, checked by pydantic."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Entry(BaseModel):
    """A part of a file that people write. Refused are unknown fields, numbers that are not finite, `yes` and `true` for a number
    (pydantic takes them for 1: `limit: yes` would judge a single item), and paths with a NUL.

    Example:
        >>> class Sampling(Entry):
        ...     top_k: int = 20
        >>> Sampling(top_k=True)
        Traceback (most recent call last):
            ...
        pydantic_core._pydantic_core.ValidationError: 1 validation error for Sampling
        top_k
          Value error, must be a number, not yes, no, true or false...
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())

    @field_validator("*", mode="before")
    @classmethod
    def _what_pydantic_lets_through(cls, value: Any, info: ValidationInfo) -> Any:
        kinds = _kinds(cls.model_fields[info.field_name].annotation) if info.field_name else frozenset()  # type: ignore[arg-type]  # it is hashable
        values = value if isinstance(value, list | tuple) else value.values() if isinstance(value, dict) else [value]
        if kinds & {int, float} and not kinds & {bool, Any} and any(isinstance(v, bool) for v in values):
            raise ValueError(NO_NUMBER)
        if Path in kinds and isinstance(value, str) and "\0" in value:
            raise ValueError("holds the character U+0000, which no path may; remove it")
        return value


NO_NUMBER = "must be a number, not yes, no, true or false"


def no_boolean(value: Any) -> Any:
    """For a field of numbers of a record, before pydantic reads it.

    Raises:
        ValueError: it is `true` or `false`.
    """
    if isinstance(value, bool):
        raise ValueError(NO_NUMBER)
    return value


@lru_cache(4096)  # the reward server checks each field of each sample
def _kinds(annotation: Any) -> frozenset[Any]:
    """All types that an annotation names, at any depth."""
    arguments = get_args(annotation)
    return frozenset().union(*map(_kinds, arguments)) if arguments else frozenset([annotation])
