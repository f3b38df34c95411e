"""`score`: tables, or the same as objects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


def test_it_is_the_tables_or_the_same_as_objects(judged: Path, typed: Typed) -> None:
    assert typed("score", judged) == typed("table", judged)
    assert typed("score", judged, "--json") == typed("table", judged, "--format", "json")


def test_there_is_an_object_for_every_metric(judged: Path, typed: Typed) -> None:
    done = typed("score", judged, "--json")
    assert done.code == COMPLETE
    objects = json.loads(done.out)
    cells = {(o["judge"], o["writer"], o["arm"]) for o in objects}
    assert ("lexical", "writer", "transferred") in cells
    assert ("lexical", None, "none") in cells
    fields = {"benchmark", "judge", "writer", "arm", "metric", "k", "n", "value", "low", "high", "protocol"}
    for o in objects:
        if "counts" not in o:
            assert fields <= set(o)
            assert o["n"] == 0 or o["value"] == pytest.approx(o["k"] / o["n"])


def test_the_protocol_stands_in_each(judged: Path, typed: Typed) -> None:
    objects = json.loads(typed("score", judged, "--json", "--protocol", "metric").out)
    assert {o["protocol"] for o in objects if o["metric"] == "accuracy"} == {"metric:pairs"}


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["nowhere"], "nowhere: no run folder"),
        (["out", "--protocol", "x"], "unknown protocol 'x'; there are: strict, official, metric"),
        (["out", "--protocol", "strct"], "unknown protocol 'strct'; did you mean 'strict'?"),
        (["out", "--prices", "gone.yaml"], "gone.yaml: cannot be read"),
    ],
)
def test_a_mistake_is_told_by_name(
    argv: list[str], complaint: str, judged: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(judged.parent)
    done = typed("score", *argv)
    assert done.code == BAD_INPUT and done.err.startswith("error: ") and complaint in done.err
