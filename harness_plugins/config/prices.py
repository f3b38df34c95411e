"""What models cost: a file of prices for a million tokens, checked whole. None are shipped, since prices change, and none guessed.

A price is under the `model` of a judge or writer, as its config names it. Where a config is not available (results of other
programs), it is the name that was served.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from evaluators.engine.budget import Rates
from evaluators.errors import UserError
from evaluators.inputs.configs import ConfigFile
from evaluators.inputs.entries import Entry

MILLION = 1e6


class ModelPrice(Entry):
    """One model. Money is for a million tokens, in the file's currency."""

    read: float | None = Field(None, ge=0)
    written: float | None = Field(None, ge=0)
    cached: float | None = Field(None, ge=0)
    """Read from the server's cache; the price of `read` where it is not given."""
    parameters_b: float | None = Field(None, gt=0)
    """Billions of parameters (those used for a token, of a mixture of experts): what stands for cost without a price."""

    @model_validator(mode="after")
    def _complete(self) -> ModelPrice:
        if (self.read is None) != (self.written is None):
            raise ValueError("give both `read` and `written` (0 for a model that costs nothing)")
        if self.cached is not None and self.read is None:
            raise ValueError("`cached` goes with `read` and `written`: give these too")
        if self.read is None and self.parameters_b is None:
            raise ValueError("give `read` and `written`, or `parameters_b`")
        return self

    def rates(self) -> Rates | None:
        """Money a token; None where only the size is known."""
        if self.read is None or self.written is None:
            return None
        cached = self.read if self.cached is None else self.cached
        return Rates(self.read / MILLION, cached / MILLION, self.written / MILLION)


class Prices(Entry):
    """The file: `{currency: USD, models: {"Qwen/Qwen3-VL-8B-Instruct": {read: 0.2, written: 0.6, parameters_b: 8}}}`."""

    currency: str
    models: dict[str, ModelPrice] = Field(min_length=1)

    @field_validator("currency", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z€$£¥]{1,8}", value):
            raise ValueError(f"must be a short name such as USD, not {value!r:.40}")
        return value

    def rates(self, model: str) -> Rates | None:
        price = self.models.get(model)
        return None if price is None else price.rates()

    def parameters_b(self, model: str) -> float | None:
        price = self.models.get(model)
        return None if price is None else price.parameters_b


def load_prices(path: Path) -> Prices:
    """Read a price file.

    Raises:
        UserError: every mistake in it, by line.
    """
    return ConfigFile.read(path, "`currency` and `models`").checked(Prices)


def recorded(value: Any) -> Prices | None:
    """The prices that a manifest holds.

    Raises:
        UserError: they are none.
    """
    if not value:
        return None
    try:
        return Prices.model_validate(value)
    except ValidationError as e:
        raise UserError(
            f"manifest.json: `prices` cannot be read ({e.errors()[0]['msg']}): give --prices FILE"
        ) from None


def to_record(previous: Any, prices: Prices | None) -> dict[str, Any] | None:
    """What a manifest keeps: all prices, since rubrics from files are by models that no config names; new ones before old ones."""
    if prices is None:
        return previous or None
    previous_models = previous["models"] if previous and previous.get("currency") == prices.currency else {}
    return {"currency": prices.currency, "models": previous_models | prices.model_dump(exclude_none=True)["models"]}


def check_priced(prices: Prices, users: Mapping[str, Iterable[str]], where: Path | str) -> None:
    """Whether all models have a price in money.

    Args:
        users: model -> who uses it.

    Raises:
        UserError: naming those that have none, and what to add.
    """
    _refuse({model: who for model, who in users.items() if prices.rates(model) is None}, where)


def check_listed(prices: Prices, users: Mapping[str, Iterable[str]], where: Path | str) -> None:
    """Whether all models are in the file, by price or by size; as `check_priced`."""
    _refuse({model: who for model, who in users.items() if model not in prices.models}, where)


def _refuse(without: Mapping[str, Iterable[str]], where: Path | str) -> None:
    if without:
        raise UserError(
            *(
                f"{where}: no price for {model!r} ({', '.join(who)}): add `{model!r}: {{read: ..., written: ...}}` under models, for a "
                "million tokens; 0 and 0 for one that costs nothing"
                for model, who in without.items()
            )
        )
