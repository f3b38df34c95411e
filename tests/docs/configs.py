"""The kinds of YAML that pages show, told apart by their keys, and what reads each: `python configs.py FILE` reads one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from evaluators.errors import UserError
from evaluators.inputs.configs import ConfigFile
from harness_plugins.benchmarks.spec import BenchmarkSpec
from harness_plugins.config.prices import load_prices
from harness_plugins.config.run import load_config
from harness_plugins.rewards.server.config import load_server
from harness_plugins.tables.paper.spec import load_table_spec
from harness_plugins.training_data.config import load_data_config

REST = {
    "benchmarks": ["demo"],
    "rubrics": {"rest": "tasks/demo/rubrics/careful.jsonl"},
    "judges": ["lexical"],
    "arms": ["none"],
    "out": "results/runs/rest",
}
"""What a part of a run's config lacks to be a whole one."""


def _recipe(path: Path) -> object:
    from harness_plugins.rpo.recipe import load_recipe

    return load_recipe(path)


READERS: dict[str, Callable[[Path], object]] = {
    "currency": load_prices,
    "dataset": lambda path: ConfigFile.read(path, "a benchmark").checked(BenchmarkSpec),
    "generator": _recipe,
    "proxy_grm": load_server,
    "rpo": load_server,
    "spec": lambda path: load_table_spec(str(path)),
    "sources": load_data_config,
}
"""By a key that no other kind has."""


def load(path: Path) -> Any:
    """Read a file as its kind; a part of a run's config is made whole first.

    Raises:
        UserError: it is none.
        ValueError: it is of no kind that is known here.
    """
    value = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, reader in READERS.items():
        if key in value:
            return reader(path)
    if not value.keys() & {"benchmarks", "judges", "writers", "rubrics", "arms"}:
        raise ValueError(f"{path}: no config that is known here")
    if value.keys() >= {"benchmarks", "judges", "out"}:
        return load_config(path)
    part = path.with_name("part.yaml")
    part.write_text(yaml.safe_dump(REST | value), encoding="utf-8")
    return load_config(part)


def is_complete(path: Path) -> bool:
    """Whether a file is the config of a run on rows that are here."""
    value = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict) or not value.keys() >= {"benchmarks", "judges", "out"}:
        return False
    entries = [{"name": b} if isinstance(b, str) else b for b in value["benchmarks"]]
    return all(e["name"] == "demo" or (path.parent / e.get("path", "?")).exists() for e in entries)


if __name__ == "__main__":
    try:
        load(Path(sys.argv[1]))
    except (UserError, ValueError) as e:
        sys.exit(str(e))
