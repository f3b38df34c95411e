"""`manifest.json`: what a run folder was made with. It holds no secret, and it refuses a judge that has changed."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from evaluators.engine.due import Grid, Orders
from evaluators.errors import UserError
from evaluators.keys import digest
from evaluators.prompts.template import RENDERER_VERSION
from evaluators.records import SCHEMA
from evaluators.rubrics.arms import ARMS
from evaluators.specs import JudgeSpec
from harness_plugins._version import __version__
from harness_plugins.benchmarks.loader import Benchmark
from harness_plugins.config.prices import load_prices, to_record
from harness_plugins.config.run import Config
from harness_plugins.folder.manifest_model import PUBLIC
from harness_plugins.folder.run_folder import RunFolder


def refuse_public(run: Path, manifest: Mapping[str, Any], what: str) -> None:
    """Refuse what a public export cannot do.

    Raises:
        UserError: the folder is one; `what` says what needs more than it holds.
    """
    if PUBLIC in manifest:
        raise UserError(f"{run}: a public export, which holds no texts and cannot be extended: {what}")


def check_judges(run: RunFolder, previous: Mapping[str, Any], judges: tuple[JudgeSpec, ...], orders: Orders) -> None:
    """Refuse a judge whose key fields differ from those that its name stands for in the folder, or that drops an order.

    A judge that never answered may change: its first configuration was the mistake.

    Raises:
        UserError: naming the judge, the fields and both values; or the folder is a public export.
    """
    refuse_public(run.path, previous, "give the run another folder (--out)")
    for judge in judges:
        previous_judge = previous.get("judges", {}).get(judge.name)
        if previous_judge is None:
            continue
        now = judge.key_fields()
        old = previous_judge["key"]
        changed = [f"{k}: {old.get(k)!r} -> {now.get(k)!r}" for k in {**now, **old} if old.get(k) != now.get(k)]
        previous_orders = previous_judge.get("orders", orders)
        if orders not in (previous_orders, "both") and not (
            isinstance(orders, int) and isinstance(previous_orders, int) and orders > previous_orders
        ):
            changed.append(
                f"orders: {previous_judge['orders']!r} -> {orders!r} (a folder may only grow, to more orders or 'both')"
            )
        # Asked last, since it reads all verdicts.
        if changed and _has_answered(run, judge.name):
            raise UserError(
                f"judge {judge.name!r} is not the one that {run} was judged with ({'; '.join(changed)}): "
                f"{_since(previous_judge, now)}give it another name, or the run another folder (--out)"
            )


def _since(previous_judge: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What of a difference comes from another version of this program, in words that end before the fix; empty for none."""
    old, why = previous_judge["key"], []
    template = previous_judge.get("template")
    if isinstance(template, str) and old.get("template") not in (
        now.get("template"),
        digest(RENDERER_VERSION, template),
    ):
        why.append(
            "it was judged by a version that marked the sections of a prompt in another way, so its judges read other prompts"
        )
    now_args, old_args = (dict(k.get("model_args") or {}) for k in (now, old))
    added = sorted(now_args.keys() - old_args.keys())
    if added and all(now_args.get(k) == v for k, v in old_args.items()):
        why.append(
            f"earlier versions left {', '.join(added)} out of the key though it may change answers, so what the folder was judged "
            "with is not known"
        )
    return "".join(f"{w}; " for w in why)


def _has_answered(run: RunFolder, judge: str) -> bool:
    return any(v["judge"] == judge and v["status"] != "error" for v in run.verdicts())


def check_rows(run: RunFolder, previous: Mapping[str, Any], benchmarks: Mapping[str, Benchmark]) -> None:
    """Refuse rows that differ from those the folder was judged on: old verdicts would be counted on new questions.

    Raises:
        UserError: naming the benchmark and both row counts; or the folder is a public export.
    """
    refuse_public(run.path, previous, "give the run another folder (--out)")
    for name, benchmark in benchmarks.items():
        previous_facts, facts = previous.get("benchmarks", {}).get(name), benchmark.facts()
        if previous_facts and previous_facts.get("rows_sha256") != facts["rows_sha256"]:
            counts = f"{previous_facts.get('rows')} rows then, {facts['rows']} now"
            raise UserError(
                f"the rows of {name!r} are not those that {run} was judged on ({counts}, "
                "or other texts or labels): give the run another folder (--out)"
            )


def address_alone(url: str) -> str:
    """An address without user, password and query, any of which may hold a secret."""
    parts = urlsplit(url)
    # By its parts: `netloc` would bring user and password along.
    host = parts.hostname or ""
    return urlunsplit((parts.scheme, f"{host}:{parts.port}" if parts.port else host, parts.path, "", ""))


def _judge(spec: JudgeSpec, orders: Orders) -> dict[str, Any]:
    urls = (spec.base_url,) if isinstance(spec.base_url, str) else spec.base_url
    return {
        "key": spec.key_fields(),
        "family": spec.family,
        "base": spec.base,
        "base_url": [address_alone(u) for u in urls if u],
        "samples": spec.samples,
        "orders": orders,
        "concurrency": spec.concurrency,
        **({"complete_reasons": list(spec.complete_reasons)} if spec.complete_reasons else {}),
        "template": spec.template.source if spec.asks_model else None,
    }


def _donors(previous: Mapping[str, Any], grids: Sequence[Grid]) -> dict[str, dict[str, Any]]:
    """By benchmark and writer the donors of each shuffle: a verdict on another donor's rubric is of the past."""
    donors: dict[str, dict[str, Any]] = {b: dict(w) for b, w in previous.get("donors", {}).items()}
    for g in grids:
        for w in g.writers:
            if w.donors:
                donors.setdefault(g.benchmark, {})[w.name] = [dict(d) for d in w.donors]
    return donors


def _planned(previous: Mapping[str, Any], config: Config, grids: Sequence[Grid]) -> list[list[str | None]]:
    """All cells asked for so far, so that one that was never reached is missed."""
    planned: list[list[str | None]] = list(previous.get("planned", []))
    for g in grids:
        for judge in config.judges:
            for arm, writer in g.rows(judge):
                cell = [g.benchmark, judge.name, arm.name, writer.name if writer else None]
                if cell not in planned:
                    planned.append(cell)
    return planned


def _items(previous: Mapping[str, Any], benchmark: str, grids: Sequence[Grid]) -> int:
    """How many items were to be judged so far, so that lost ones are missed."""
    previous_count = int(previous.get("benchmarks", {}).get(benchmark, {}).get("items") or 0)
    return max([previous_count, *(len(g.items) for g in grids if g.benchmark == benchmark)])


def _declared(previous: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """What conclusions are drawn from (`scoring.conclusions`). A folder grows: what was declared before the answers came stays
    declared, and the judges of a benchmark and writer are those of the last config that names the two."""
    declared: Mapping[str, Any] = previous.get("declared", {})
    members = {(m["benchmark"], m["writer"]): m["judges"] for m in declared.get("members", ())}
    if "transferred" in config.arms:
        writers = [*config.rubrics, *(w.name for w in config.writers)]
        judges = [j.name for j in config.judges if j.asks_model]
        members |= {(b.name, w): judges for b in config.benchmarks for w in writers}
    return {
        "members": [{"benchmark": b, "writer": w, "judges": judges} for (b, w), judges in members.items()],
        "controls": list(dict.fromkeys([*declared.get("controls", ()), *config.controls])),
        "equivalence_margin": min(declared.get("equivalence_margin", math.inf), config.equivalence_margin),
    }


def _package_arms(previous: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """Of arms that other packages bring, what is to be known where they are not installed; no key where there are none."""
    arms = {arm: {"package": ARMS.package(arm), "donors": ARMS[arm].donors} for arm in (*config.arms, *config.controls)}
    arms = {**previous.get("package_arms", {}), **{name: arm for name, arm in arms.items() if arm["package"]}}
    return {"package_arms": arms} if arms else {}


def make_manifest(
    previous: Mapping[str, Any], config: Config, benchmarks: Mapping[str, Benchmark], grids: Sequence[Grid]
) -> dict[str, Any]:
    """The folder's manifest after this run: a folder grows, so judges and benchmarks of earlier runs stay in it."""
    from importlib.metadata import version  # to import aiohttp takes a tenth of what a finished run takes

    now = datetime.now(UTC).isoformat(timespec="seconds")
    judges = [j for j in config.judges if any(g.rows(j) for g in grids)]
    limits = {b.name: {"limit": b.limit, "media": b.media} for b in config.benchmarks}
    prices = to_record(previous.get("prices"), load_prices(config.prices) if config.prices else None)
    return {
        "schema": SCHEMA,
        "created": previous.get("created", now),
        "updated": now,
        "versions": {
            "rubric_harness": __version__,
            "python": platform.python_version(),
            "aiohttp": version("aiohttp"),
        },
        "benchmarks": {
            **previous.get("benchmarks", {}),
            **{n: {**b.facts(), **limits[n], "items": _items(previous, n, grids)} for n, b in benchmarks.items()},
        },
        "judges": {**previous.get("judges", {}), **{j.name: _judge(j, config.orders) for j in judges}},
        "rubrics": {**previous.get("rubrics", {}), **{n: str(p) for n, p in config.rubrics.items()}},
        "arms": list(dict.fromkeys([*previous.get("arms", []), *config.arms])),
        "orders": config.orders,
        "shuffles": config.shuffles,
        "planned": _planned(previous, config, grids),
        **_package_arms(previous, config),
        "donors": _donors(previous, grids),
        "declared": _declared(previous, config),
        "primary_contrast": list(config.primary_contrast),
        "reference_writer": config.reference_writer,
        **({"prices": prices} if prices else {}),
        "seed": 0,
    }
