"""What to install where an import failed: by the package's own name, the extra's range, or the extra."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from evaluators import extras
from evaluators.errors import UserError
from evaluators.judges import create
from evaluators.specs import JudgeSpec
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RANGES = {
    "": PROJECT["project"]["dependencies"],
    "build": PROJECT["build-system"]["requires"],
    **PROJECT["project"]["optional-dependencies"],
}
CONSTRAINTS = sorted((ROOT / "environments").glob("constraints-*.txt"))


def missing(name: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_a_package_that_is_not_there_comes_with_the_extra() -> None:
    assert extras.install(missing("no_such_package.part"), "vllm") == "pip install 'rubric-harness[vllm]'"
    assert extras.install(ImportError("nobody knows"), "hf") == "pip install 'rubric-harness[hf]'"
    assert extras.install(missing("numpy_of_old"), "") == "pip install 'rubric-harness'"


def test_a_version_that_does_not_fit_is_named_with_the_range() -> None:
    """uvicorn is one of [server]; prometheus_client is a module whose distribution has another name."""
    for name, distribution in (("uvicorn.gone", "uvicorn"), ("prometheus_client.gone", "prometheus-client")):
        with pytest.raises(ImportError) as caught:
            importlib.import_module(name)
        found = re.fullmatch(r"pip install '(.*)'", extras.install(caught.value, "server"))
        assert found is not None
        (wanted,) = (r for r in map(Requirement, RANGES["server"]) if r.name == distribution)
        assert Requirement(found[1]) == wanted


def test_the_root_of_an_error_is_what_counts() -> None:
    """Harnesses raise one error from another: the first says which module it was."""
    wrapped = RuntimeError("task cannot be loaded")
    wrapped.__cause__ = ImportError("Failed to import function")
    wrapped.__cause__.__cause__ = missing("no_such_package")
    root = extras.failed_import(wrapped)
    assert root is not None and root.name == "no_such_package"
    assert extras.failed_import(ValueError("about something else")) is None


def test_a_backend_names_the_module_and_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_without(spec: JudgeSpec) -> None:
        raise missing("no_such_package")

    monkeypatch.setattr("evaluators.backends.hf.create", create_without)
    with pytest.raises(UserError, match=r"backend hf needs no_such_package .*: pip install 'rubric-harness\[hf\]'"):
        create(JudgeSpec(name="j", backend="hf", model="m"))


def test_every_range_has_an_end() -> None:
    """So that a release of others cannot break an install of ours."""
    for place, ranges in RANGES.items():
        for r in map(Requirement, ranges):
            assert any(s.operator in ("<", "<=", "==") for s in r.specifier), f"[{place}] {r}: no upper bound"


@pytest.mark.parametrize("file", CONSTRAINTS, ids=lambda f: f.stem)
def test_constraints_hold_on_every_machine_and_fit_the_ranges(file: Path) -> None:
    first, *lines = file.read_text().splitlines()
    assert re.match(r"# \d{4}-\d\d-\d\d, Python 3\.\d+\.\d+ on .*: written by `make constraints`", first)
    pinned = dict(line.split("==") for line in lines)
    assert [line for line in lines if re.search(r"[@+/ ]", line)] == [], "addresses or local versions"
    assert "rubric-harness" not in pinned and lines == sorted(lines)
    environment = file.stem.split("-")[1]
    taken = {"core": ["", "dev", "datasets"], "build": ["build"], "docs": ["", "docs"]}.get(environment, ["", "dev"])
    for r in (Requirement(r) for part in taken for r in RANGES[part]):
        assert r.specifier.contains(pinned[r.name.lower()]), (
            f"{file.name}: {r.name} {pinned[r.name.lower()]} is not in {r}"
        )
