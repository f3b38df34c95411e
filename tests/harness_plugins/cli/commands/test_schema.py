"""`schema`: JSON and nothing else."""

from __future__ import annotations

import json

import pytest

from harness_plugins.cli.exit_codes import COMPLETE
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


def test_it_prints_the_schema(typed: Typed) -> None:
    done = typed("schema")
    assert done.code == COMPLETE and not done.err
    assert {"benchmarks", "judges"} <= set(json.loads(done.out)["required"])
