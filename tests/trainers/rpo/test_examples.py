"""The examples in docstrings of RPO's modules."""

from __future__ import annotations

import pytest

pytest.importorskip("diffusers")

from tests import test_docstrings

RPO = [name for name in test_docstrings.MODULES if name.startswith("harness_plugins.rpo")]


@pytest.mark.parametrize("name", RPO)
def test_examples(name: str) -> None:
    test_docstrings.test_examples(name)
