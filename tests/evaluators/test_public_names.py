"""A package's public names are imported when they are used, and not before."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from evaluators._public import imported


def test_a_name_is_imported_once_and_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("a_package")
    monkeypatch.setitem(sys.modules, "a_package", package)
    modules = {"sqrt": "math"}
    assert imported("a_package", modules, "sqrt")(9) == 3
    assert package.sqrt(16) == 4, "the next use asks nobody"
    with pytest.raises(AttributeError, match="module 'a_package' has no attribute 'root'"):
        imported("a_package", modules, "root")
