"""A run's money: what its folder cost so far, what its models cost, and the budget that judges and writers share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from evaluators.engine.budget import Account, Budget, check_limited
from evaluators.errors import UserError
from evaluators.specs import ModelSpec
from harness_plugins.config.prices import Prices, check_listed, check_priced, load_prices, recorded
from harness_plugins.config.run import Config
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.folder.usage import Paid


@dataclass(frozen=True)
class Money:
    """A budget, and the account of each judge and writer. Without prices there is no budget and no account."""

    budget: Budget | None = None
    accounts: Mapping[str, Account] = field(default_factory=dict)


def money_of(
    config: Config, folder: RunFolder | None, manifest: Mapping[str, Any], specs: Sequence[ModelSpec]
) -> Money:
    """The budget of a run, before anything is asked.

    Args:
        folder: the run folder; None where there is none (a dry run).
        manifest: the run folder's.
        specs: the judges and writers that may be asked.

    Raises:
        UserError: a price file is given and does not list a model of the run; or there is a limit, and a model of the run or of
            the folder has no price in money, or reports no tokens, or a model may write without a limit.
    """
    prices = prices_of(config, manifest)
    if prices is None:
        if config.max_cost is not None:
            raise UserError(
                "max_cost needs prices: give --prices FILE (or `prices:` in the config); see examples/prices.yaml"
            )
        return Money()
    models = [s for s in specs if s.asks_model]
    model_by_name = {s.name: s.served for s in (*config.judges, *config.all_writers())}
    paid = paid_in(folder, manifest, model_by_name) if folder else []
    users = [User(s.name, s.served) for s in models]
    all_users = users + [User(p.name, p.model) for p in paid]
    where = config.prices or f"{folder and folder.manifest_file}"
    if config.max_cost is not None:
        check_priced(prices, _by_model(all_users), where)
        for spec in models:
            rates_of = prices.rates(spec.served)
            # Where writing is not free, what a model may write needs a limit: else there is no largest cost to reserve.
            if rates_of is None or rates_of.written:
                check_limited(spec)
    elif config.prices is not None:
        check_listed(prices, _by_model(users), where)
    budget = Budget(prices.currency, config.max_cost, spent(paid, prices, folder, config.max_cost is not None))
    rates = {s.name: prices.rates(s.served) for s in models}
    budget.unpriced = tuple(dict.fromkeys(u.model for u in all_users if prices.rates(u.model) is None))
    return Money(budget, {name: Account(budget, r) for name, r in rates.items() if r is not None})


class User(NamedTuple):
    """A judge or writer, and its model."""

    name: str
    model: str


def _by_model(users: Sequence[User]) -> dict[str, list[str]]:
    """Model -> the names of those who use it."""
    names: dict[str, list[str]] = {}
    for user in users:
        if user.name not in names.setdefault(user.model, []):
            names[user.model].append(user.name)
    return names


def with_costs(config: Config, prices: Path | None, max_cost: float | None) -> Config:
    """The config with another price file and limit, where they are given."""
    overrides = {"prices": prices, "max_cost": max_cost}
    return config.model_copy(update={k: v for k, v in overrides.items() if v is not None})


def prices_of(config: Config, manifest: Mapping[str, Any]) -> Prices | None:
    """The config's price file, or else what the folder has on record."""
    return load_prices(config.prices) if config.prices else recorded(manifest.get("prices"))


def paid_in(folder: RunFolder, manifest: Mapping[str, Any], models: Mapping[str, str] | None = None) -> list[Paid]:
    """What a folder's judges and writers took so far.

    Args:
        models: by judge or writer the model as configured now, for those whom the folder does not name.

    Raises:
        UserError: a file cannot be read.
    """
    if not folder.has_records():  # duckdb is loaded only where there is something to read
        return []
    db = folder.tables()
    paid = folder.usage(db, manifest).paid
    db.close()
    model_by_name = models or {}
    return [replace(p, model=model_by_name.get(p.name) or p.model) for p in paid]


def spent(paid: Iterable[Paid], prices: Prices, folder: RunFolder | None, strict: bool = False) -> float:
    """Money for all of it; a call that does not report its tokens counts as the most expensive of those that do.

    Raises:
        UserError: `strict`, and no answer of one of them reports its tokens.
    """
    total = 0.0
    for p in paid:
        rates = prices.rates(p.model)
        if rates is None:
            continue
        unreported = p.usage.calls - p.usage.known
        if strict and unreported and not p.usage.known and (rates.read or rates.written):
            raise UserError(
                f"{folder}: the {unreported:,} answers of {p.role} {p.name!r} do not report their tokens, so the amount spent is "
                "unknown: leave max_cost out, or give the run another folder (--out)"
            )
        total += p.usage.money(rates) + unreported * (p.most.read * rates.read + p.most.written * rates.written)
    return total
