"""The examples in docstrings say what is so: each `>>>` line is run."""

from __future__ import annotations

import doctest
import importlib

import pytest

from tests.conftest import ROOT

# A module without examples is not imported: some need a trainer or another harness.
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in ("evaluators", "harness_plugins")
    for path in sorted((ROOT / package).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    if name.startswith("harness_plugins.rpo"):  # run with torch in tests/trainers/rpo
        pytest.importorskip("torch")
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert not failed
