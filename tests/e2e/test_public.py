"""What others may import: the names in `__all__` of both packages, and nothing slow before one of them is used."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import evaluators
import harness_plugins
from tests.conftest import ROOT

PACKAGES = [evaluators, harness_plugins]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.__name__)
def test_every_public_name_is_there_and_says_what_it_is(package: ModuleType) -> None:
    assert 15 <= len(package.__all__) <= 25
    assert sorted(package.__all__, key=str.casefold) == sorted(set(package.__all__), key=str.casefold)
    for name in package.__all__:
        value = getattr(package, name)
        assert name.startswith("__") or inspect.getdoc(value), f"{package.__name__}.{name} has no docstring"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.__name__)
def test_a_shell_completes_them_and_a_slip_is_an_error(package: ModuleType) -> None:
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="has no attribute 'scroe'"):
        package.scroe  # noqa: B018


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.__name__)
def test_importing_the_package_imports_none_of_them(package: ModuleType) -> None:
    code = f"import sys, {package.__name__}; print(sorted(m for m in sys.modules if m.startswith(('evaluators.', 'harness_plugins.'))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def imports_of(text: str) -> set[tuple[str, str]]:
    """(module, name) of every `from ... import ...` in the Python blocks of a page."""
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    lines = [
        m
        for b in blocks
        for m in re.findall(r"^\s*from ((?:evaluators|harness_plugins)[\w.]*) import ([\w, ]+)", b, re.M)
    ]
    return {(module, name.strip()) for module, names in lines for name in names.split(",")}


@pytest.mark.parametrize("page", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md"))])
def test_what_the_pages_import_is_there(page: str) -> None:
    for module, name in imports_of((ROOT / Path(page)).read_text(encoding="utf-8")):
        if "rewards.verl" not in module:  # imports the trainer
            assert hasattr(importlib.import_module(module), name), f"{page}: from {module} import {name}"
