"""Metrics of other packages: a package that is installed adds one, and none of ours changes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators import plugins
from harness_plugins.cli import main
from harness_plugins.hosts.numbers import aggregate, direction, metric_names
from harness_plugins.hosts.rows import load_rows
from harness_plugins.scoring import metric_kinds
from harness_plugins.scoring.score import score
from tests.conftest import ROOT

FOLDER = ROOT / "tests" / "harness_plugins" / "folder" / "folders" / "parser_1"
DECIDED = '''"""Accuracy on the items that were decided in every order."""
import numpy as np
from harness_plugins.scoring.metrics import is_right
from harness_plugins.scoring.metric_kinds import MetricKind

METRIC = MetricKind("decided", "when decided", "share", "lower", "Accuracy on the items that were decided in every order.")

def scores(benchmark, scored, facts):
    right = is_right(scored.outcome, facts.label[:, None, None]).mean(axis=(1, 2))
    return np.where(scored.chosen.all(axis=(1, 2)) & scored.complete, right, np.nan)
'''
Install = Callable[..., None]


def forget() -> None:
    """What was read of the installed packages, and their modules."""
    for cached in (plugins._brought, metric_kinds.extensions):
        cached.cache_clear()
    sys.modules.pop("strange_metric", None)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Leaves a package as pip leaves it: a module, and what it says of its entry points."""

    def leave(module: str, name: str = "decided") -> None:
        info = tmp_path / "strange_metrics-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange-metrics\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[rubric_harness.metrics]\n{name} = strange_metric\n")
        (tmp_path / "strange_metric.py").write_text(module)
        monkeypatch.syspath_prepend(tmp_path)
        forget()

    yield leave
    monkeypatch.undo()
    forget()


def test_it_is_scored_as_ours_are(install: Install) -> None:
    before = {(c.judge, c.arm): c.metrics for c in score(FOLDER).cells}
    install(DECIDED)
    for cell in score(FOLDER).cells:
        metric, ours = cell.metrics["decided"], dict(cell.metrics)
        del ours["decided"]
        assert {n: str(m) for n, m in ours.items()} == {n: str(m) for n, m in before[cell.judge, cell.arm].items()}
        assert metric.k / metric.n == metric.value and metric.low <= metric.value <= metric.high
        if cell.baseline:  # it decides everything
            assert replace(metric, name="accuracy") == cell.metrics["accuracy"]


def test_it_stands_in_json_and_in_the_table(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install(DECIDED)
    assert main(["score", str(FOLDER), "--json"]) == 0
    assert "decided" in {o["metric"] for o in json.loads(capsys.readouterr().out)}
    assert main(["table", str(FOLDER), "--only", "accuracy", "--format", "md"]) == 0
    assert " when decided |" in capsys.readouterr().out


def test_it_stands_in_harnesses(install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(DECIDED)
    monkeypatch.setenv("RUBRIC_HARNESS_OUT", str(tmp_path / "out"))
    rows = load_rows("demo", "judge", False)
    numbers = range(len(rows.rows))
    assert "decided" in metric_names(rows, numbers)
    assert aggregate(rows, [(n, "1") for n in numbers])["decided"] == 0.5
    assert direction("decided") is False


def test_items_may_weigh_differently(install: Install) -> None:
    install(
        DECIDED.split("def ")[0]
        + "from harness_plugins.scoring.package_metrics import Weighted\n"
        + "def scores(benchmark, scored, facts):\n"
        + "    n = np.arange(len(benchmark.items), dtype=float)\n"
        + "    return Weighted(np.where(n == 1, np.nan, n), n)\n"
    )
    cell = score(FOLDER).cells[0]
    n = [x for x in range(score(FOLDER).items[cell.benchmark][0]) if x != 1]
    assert cell.metrics["decided"].value == pytest.approx(sum(x * x for x in n) / sum(n))


def test_one_without_a_value_anywhere_is_not_there(install: Install) -> None:
    install(DECIDED.split("def ")[0] + "def scores(b, s, f): return np.full(len(b.items), np.nan)\n")
    assert all("decided" not in cell.metrics for cell in score(FOLDER).cells)


@pytest.mark.parametrize(
    ("name", "module", "complaint"),
    [
        ("accuracy", DECIDED, "'accuracy' of the package strange-metrics: that name is taken by a metric of ours"),
        ("gain_over_x", DECIDED, "that name is taken"),
        ("A[b]", DECIDED, "a name has lower-case letters"),
        ("other", DECIDED, "its METRIC is named 'decided'"),
        ("decided", "", "strange_metric must hold `METRIC`, a MetricKind, and the function `scores`"),
        ("decided", "import that_is_not_there", "which the package strange-metrics brings (rubric_harness.metrics), does not load"),
        ("decided", DECIDED.replace("return ", "return 1 / 0 or "), "the package strange-metrics fails on pairs: ZeroDivisionError"),
        ("decided", DECIDED.replace("return ", "return 0 * "), ""),
        ("decided", DECIDED.replace("np.nan)", "np.nan)[1:]"), "its scores have the shape ("),
        ("decided", DECIDED.replace("np.nan)", "np.inf)"), "scores are finite or NaN"),
    ],
    ids=["ours", "of a family", "no name", "two names", "nothing", "no module", "raises", "right", "shape", "infinite"],
)  # fmt: skip
def test_its_mistakes_name_the_package(
    install: Install, name: str, module: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    install(module, name)
    assert main(["score", str(FOLDER)]) == (2 if complaint else 0)
    error = capsys.readouterr().err
    assert complaint in error
    assert "Traceback" not in error


def test_without_such_a_package_there_is_none() -> None:
    assert metric_kinds.extensions() == ()
    with pytest.raises(KeyError):
        metric_kinds.metric_kind("decided")
