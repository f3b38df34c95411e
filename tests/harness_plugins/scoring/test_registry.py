"""Every metric is registered once, and what is printed of it is what the registry says."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness_plugins import scoring
from harness_plugins.hosts.metrics import BOUNDS, HARNESS_ONLY, SHOWN, direction
from harness_plugins.scoring.registry import METRICS, header, metric_kind
from harness_plugins.scoring.score import score
from tests.conftest import ROOT
from tests.crossed import crossed
from tools.metrics_page import PAGE, page

GOLDEN = ROOT / "tests" / "e2e" / "golden"


def literals() -> Iterator[str]:
    """Names of columns, metrics and objects as `harness_plugins.scoring` has them word for word."""
    for path in sorted(Path(scoring.__path__[0]).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name(id="Column" | "Metric" | "over_draws" | "share" | "_share"),
                    args=[ast.Constant(value=str(name)), *_],
                ) if name:
                    yield name
                case ast.Dict(keys=keys, values=values):
                    pairs = zip(keys, values, strict=True)
                    yield from (
                        v.value
                        for k, v in pairs
                        if isinstance(k, ast.Constant) and k.value == "metric" and isinstance(v, ast.Constant)
                    )


OF_CALIBRATION = (
    "brier",
    "ece",
)  # within a `Calibration`; `score --json` puts `calibration_` before and the order behind


def test_every_name_in_the_code_is_registered() -> None:
    names = set(literals())
    assert len(names) > 40
    for name in names - set(OF_CALIBRATION):
        assert metric_kind(name)


def test_every_metric_that_is_printed_is_registered(tmp_path: Path) -> None:
    folder = crossed(tmp_path, items=8, more="reference_writer: alpha\n")
    names = {o["metric"] for o in score(folder).objects()}
    for path in GOLDEN.glob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        names |= (
            {o["metric"] for o in content if isinstance(o, dict) and "metric" in o}
            if isinstance(content, list)
            else set()
        )
    assert {"gain_over_writer_alpha", "calibration_selective@80[averaged]", "cost_tokens"} <= names
    for name in names:
        assert metric_kind(name)


def test_each_is_said_once() -> None:
    names = [kind.name for kind in METRICS]
    assert len(set(names)) == len(names)
    for kind in METRICS:
        assert kind.header
        assert kind.about.endswith(".")


@pytest.mark.parametrize(
    ("name", "family", "column"),
    [
        ("accuracy[count]", "accuracy[{category}]", "count"),
        ("accuracy[a [b] {c}]", "accuracy[{category}]", "a [b] {c}"),
        ("acc_plus[bias]", "acc_plus[{category}]", "Acc+ bias"),
        ("macro[style]", "macro[{criterion}]", "macro style"),
        ("vote@16", "vote@{k}", "vote@16"),
        ("gain_over_shuffled", "gain_over_{reference}", "minus shuffled"),
        ("gain_over_judge_j", "gain_over_judge_{judge}", "difference"),
        ("gain_over_writer_w", "gain_over_writer_{writer}", "minus w"),
        ("cost_tokens[vote@4]", "cost_tokens[vote@{k}]", "cost of vote@4"),
        ("calibration_auroc_confidence[BA]", "calibration_auroc_confidence[{order}]", "AUROC of confidence"),
    ],
)
def test_a_family_is_known_by_its_pattern(name: str, family: str, column: str) -> None:
    assert metric_kind(name).name == family
    assert header(name) == column


def test_a_name_that_nobody_registered_is_refused() -> None:
    with pytest.raises(KeyError, match="unknown metric 'acuracy'; did you mean 'accuracy'"):
        metric_kind("acuracy")


def test_the_page_of_the_docs_is_of_the_registry() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python tools/metrics_page.py writes it anew"


def test_harnesses_use_its_directions() -> None:
    higher, lower = ("accuracy", "metric_macro", "gain_over_none", "answered"), ("unparsed", "low_mass")
    assert {direction(name) for name in (*higher, *HARNESS_ONLY)} == {True}
    assert {direction(name) for name in lower} == {False}
    assert {direction(name) for name in (*BOUNDS, "tie", "first_position_rate")} == {None}
    assert all(metric_kind(name) for name in SHOWN)
