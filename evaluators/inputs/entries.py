"""The base of everything that people write into a file or a request, checked by pydantic."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Entry(BaseModel):
    """A part of a file that people write: unknown fields are refused, and so are numbers that are not finite. `yes` and `true` are
    no numbers: pydantic would take them for 1, and `limit: yes` would judge a single item.

    Example:
        >>> class Sampling(Entry):
        ...     top_k: int = 20
        >>> Sampling(top_k=True)
        Traceback (most recent call last):
            ...
        pydantic_core._pydantic_core.ValidationError: 1 validation error for Sampling
        top_k
          Value error, must be a number; yes, no, true and false are none...
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        values = value if isinstance(value, list | tuple) else [value]
        if info.field_name is not None and any(isinstance(v, bool) for v in values):
            kinds = _kinds(cls.model_fields[info.field_name].annotation)
            if kinds & {int, float} and not kinds & {bool, Any}:
                raise ValueError(NO_NUMBER)
        return value


NO_NUMBER = "must be a number; yes, no, true and false are none"


def no_boolean(value: Any) -> Any:
    """For a field of numbers of a record, before pydantic reads it.

    Raises:
        ValueError: it is `true` or `false`.
    """
    if isinstance(value, bool):
        raise ValueError(NO_NUMBER)
    return value


def _kinds(annotation: Any) -> frozenset[Any]:
    """All types that an annotation names, at any depth."""
    arguments = get_args(annotation)
    return frozenset().union(*map(_kinds, arguments)) if arguments else frozenset([annotation])
