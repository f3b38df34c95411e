"""The check of names and privacy, on a small house of its own."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT

GOOD = "def columns(rows):\n    names = [r for r in rows]\n    return names\n"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("house", ROOT / "tools" / "house.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "house", module)
    spec.loader.exec_module(module)
    for package in module.PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "evaluators" / "good.py").write_text(GOOD)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_all.py").write_text("from evaluators import good, other\n")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", ""),
        (
            "def f(rows):\n    found = rows\n    return found\n",
            "evaluators/other.py:1: f: `found` does not say what it holds",
        ),
        ("def f(kept):\n    return kept\n", "`kept` does not say what it holds"),
        ("from evaluators.good import _columns\n", "evaluators/other.py:1: `_columns` is private to evaluators.good"),
        ("from evaluators import good\nx = good._columns\n", "evaluators/other.py:2: `_columns` is private to good"),
        ("from evaluators import good\nx = good.__doc__\n", ""),
    ],
)
def test_what_it_finds(house: ModuleType, capsys: pytest.CaptureFixture[str], text: str, complaint: str) -> None:
    (house.ROOT / "evaluators" / "other.py").write_text(text)
    assert house.main() == bool(complaint)
    assert complaint in capsys.readouterr().out


@pytest.mark.parametrize(
    ("test", "text", "is_tested"),
    [
        ("tests/test_all.py", "import evaluators.other\n", True),
        ("tests/test_all.py", "from evaluators.other import f\n", True),
        ("tests/evaluators/test_other.py", "", True),
        ("tests/test_other.py", "from evaluators import good\n", False),
        ("tests/test_all.py", "import evaluators.others\n", False),
    ],
)
def test_a_module_without_a_test(
    house: ModuleType, capsys: pytest.CaptureFixture[str], test: str, text: str, is_tested: bool
) -> None:
    (house.ROOT / "evaluators" / "other.py").write_text("def f(): ...\n")
    (house.ROOT / "evaluators" / "good.py").unlink()
    (house.ROOT / "tests" / "test_all.py").unlink()
    (house.ROOT / test).parent.mkdir(exist_ok=True)
    (house.ROOT / test).write_text(text)
    assert house.main() == (not is_tested)
    complaint = (
        "evaluators/other.py:1: no test imports evaluators.other, and there is no tests/evaluators/test_other.py"
    )
    assert (complaint in capsys.readouterr().out) is not is_tested
