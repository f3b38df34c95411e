"""Several judges together: agreement on published examples, and the majority (its table: tables/run_tables/test_panel.py)."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from harness_plugins import run, score
from harness_plugins.scoring.panel import cohen_kappa, krippendorff_alpha
from tests.conftest import MakePairs


def test_kappa_of_a_textbook_table() -> None:
    """20 and 15 agreements, 5 and 10 disagreements: 0.7 observed, 0.5 by chance."""
    one = np.array([0] * 25 + [1] * 25)
    other = np.array([0] * 20 + [1] * 5 + [0] * 10 + [1] * 15)
    assert cohen_kappa(one, other) == (pytest.approx(0.4), 50)


def test_alpha_of_krippendorffs_own_example() -> None:
    """Computing Krippendorff's Alpha-Reliability (2011), section C: four observers, twelve units, missing values: 0.743."""
    rows = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    ratings = np.array([[-1 if c == "." else int(c) for c in row] for row in rows])
    assert krippendorff_alpha(ratings) == pytest.approx(0.743, abs=5e-4)


picks = st.lists(st.tuples(st.integers(-1, 1), st.integers(-1, 1)), min_size=1, max_size=30)


@given(picks)
def test_agreement_is_at_most_one_and_symmetric(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs).T
    kappa, n = cohen_kappa(one, other)
    assert n == sum(a >= 0 and b >= 0 for a, b in pairs)
    assert math.isnan(kappa) or kappa <= 1 + 1e-12
    mirrored = cohen_kappa(other, one)[0]
    assert (math.isnan(kappa) and math.isnan(mirrored)) or math.isclose(kappa, mirrored, abs_tol=1e-12)
    alpha = krippendorff_alpha(np.stack([one, other]))
    assert math.isnan(alpha) or alpha <= 1 + 1e-12


def test_a_run_of_three_judges(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Two that see what is good outvote one that always takes the first."""
    make_pairs(12, images=False)
    config = tmp_path / "panel.yaml"
    judge = "{{name: {0}, backend: openai, model: m, base_url: 'http://unused.invalid/v1'}}"
    names = ("good", "also_good", "always_first")
    config.write_text(
        "benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none]\nout: out\njudges:\n"
        + "".join(f"  - {judge.format(n)}\n" for n in names)
    )

    def good(case: object) -> str:
        one, _ = case.shown()  # type: ignore[attr-defined]
        return "<answer>1</answer>" if one.text.startswith("good") else "<answer>2</answer>"

    def spec(name: str) -> JudgeSpec:
        return JudgeSpec(name=name, backend="openai", model="m", base_url="http://unused.invalid/v1")

    judges = {n: MockJudge(spec(n), good if n != "always_first" else lambda case: "<answer>1</answer>") for n in names}
    report = score(run(config, judges=judges).out)
    (panel,) = report.panels
    assert panel.judges == names and panel.kappa["good", "also_good"] == (pytest.approx(1.0), 24)
    assert panel.kappa["good", "always_first"][0] == pytest.approx(0.0, abs=1e-9)
    assert (panel.vote.k, panel.vote.n, panel.best.value) == (12, 12, 1.0)
    metrics = {o["metric"] for o in report.objects()}
    assert {"majority_vote", "krippendorff_alpha", "cohen_kappa"} <= metrics


def test_a_panel_looks_at_what_all_of_its_judges_judged(make_pairs: MakePairs, tmp_path: Path) -> None:
    """One judged both orders, one only AB: the trials are those in AB."""
    make_pairs(8, images=False)
    config = tmp_path / "panel.yaml"
    judge = "  - {{name: {0}, backend: openai, model: m, base_url: 'http://unused.invalid/v1'}}\n"

    def first(case: object) -> str:
        return "1"

    for name, orders in (("both", "both"), ("half", "AB")):
        config.write_text(
            f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\narms: [none]\nout: out\norders: {orders}\njudges:\n"
            + judge.format(name)
        )
        spec = JudgeSpec(name=name, backend="openai", model="m", base_url="http://unused.invalid/v1")
        run(config, judges={name: MockJudge(spec, first)})
    (panel,) = score(tmp_path / "out").panels
    assert panel.kappa["both", "half"][1] == 8 and panel.vote.n == 8
