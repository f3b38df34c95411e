"""Calibration: every number again from the jsonl by brute force or by scipy, and what a perfect forecaster shows."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.messages import ChatRequest, text_of
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import Reply, mock_chat_judge
from harness_plugins import run, score
from harness_plugins.config.run import load_config
from harness_plugins.scoring import calibration
from harness_plugins.scoring.calibration import Calibration, auroc, bin_of, binned, ece_floor, levels, most_confident
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.statistics import Floats
from harness_plugins.tables.run import tables
from harness_plugins.tables.run_formats import as_csv
from tests.conftest import pair, read_jsonl, write_jsonl
from tests.crossed import asked_of, by_chance, crossed, probabilities

pytestmark = pytest.mark.xdist_group("calibration")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return crossed(tmp_path_factory.mktemp("crossed"), items=30)


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return score(folder)


def mann_whitney(p: Floats, y: Floats) -> float:
    from scipy.stats import mannwhitneyu  # a second to import

    return float(mannwhitneyu(p[y == 1], p[y == 0]).statistic)


def of(report: Report, judge: str, writer: str | None, order: str) -> Calibration:
    return next(c for c in report.calibrations if (c.judge, c.writer, c.order) == (judge, writer, order))


def by_hand(folder: Path, judge: str, writer: str | None, order: str) -> tuple[Floats, Floats]:
    """p of canonical candidate 0 and whether it is the preferred one, straight from the files."""
    labels = {i["uid"]: i["label"]["preferred"] for i in read_jsonl(folder / "items.jsonl")}
    logits: dict[str, list[float]] = defaultdict(list)
    for v in read_jsonl(folder / "verdicts.jsonl"):
        if (v["judge"], v["writer"]) == (judge, writer) and order in (v["order"], "averaged"):
            p = v["p"]["first"] if v["order"] == "AB" else 1 - v["p"]["first"]
            logits[v["item"]].append(math.log(p / (1 - p)))
    p = np.array([1 / (1 + math.exp(-round(sum(x) / len(x), 9))) for x in logits.values()])
    return p, np.array([float(labels[uid] == 0) for uid in logits])


@pytest.mark.parametrize("order", ["AB", "BA", "averaged"])
@pytest.mark.parametrize(("judge", "writer"), [("ja", None), ("jd", "alpha"), ("je", "gamma")])
def test_the_numbers_are_what_the_files_say(
    folder: Path, report: Report, judge: str, writer: str | None, order: str
) -> None:
    found = of(report, judge, writer, order)
    p, y = by_hand(folder, judge, writer, order)
    right, confidence = np.where(p == 0.5, 0.5, (p > 0.5) == (y == 1)), np.maximum(p, 1 - p)
    assert found.n == found.of == len(p) == 30
    assert found.metrics["brier"].value == pytest.approx(np.mean((p - y) ** 2))
    u = mann_whitney(p, y)
    assert found.metrics["auroc"].value == pytest.approx(u / ((y == 1).sum() * (y == 0).sum()))
    assert found.metrics["auroc_confidence"].value == pytest.approx(pairwise(confidence, right, 1 - right))
    assert found.metrics["selective@100"].value == pytest.approx(right.mean()) == pytest.approx(found.selective[-1][1])
    assert found.metrics["selective@50"].value == pytest.approx(shared_out(confidence, right, 15))
    assert found.metrics["selective@80"].value == pytest.approx(shared_out(confidence, right, 24))
    assert found.metrics["ece"].value == pytest.approx(
        sum(b.n / 30 * abs(b.accuracy - b.confidence) for b in found.bins)
    )
    assert sum(b.n for b in found.bins) == 30 and [b.confidence for b in found.bins] == sorted(
        b.confidence for b in found.bins
    )
    for name in ("brier", "auroc", "auroc_confidence", "selective@80"):
        m = found.metrics[name]
        assert m.low <= m.value <= m.high


def pairwise(x: Floats, positive: Floats, negative: Floats) -> float:
    """AUROC over all pairs, each as heavy as its weights say."""
    total = hit = 0.0
    for a, p in zip(x, positive, strict=True):
        for b, n in zip(x, negative, strict=True):
            total += p * n
            hit += p * n * (1.0 if a > b else 0.5 if a == b else 0.0)
    return hit / total


def shared_out(confidence: Floats, right: Floats, size: int) -> float:
    """Accuracy of the most confident `size`: the mean over all orders of what is level, by its expectation."""
    edge = sorted(confidence, reverse=True)[size - 1]
    sure, level = right[confidence > edge], right[confidence == edge]
    return float((sure.sum() + level.mean() * (size - len(sure))) / size)


probability = st.sampled_from([0.0, 0.1, 0.25, 0.4, 0.5, 0.5, 0.6, 0.9, 0.9, 1.0])
cases = st.lists(st.tuples(probability, st.booleans()), min_size=2, max_size=40)


@settings(deadline=None)
@given(cases)
def test_auroc_is_mann_whitneys_with_mid_ranks(rows: list[tuple[float, bool]]) -> None:
    p, y = np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows])
    if 0 < y.sum() < len(y):
        u = mann_whitney(p, y)
        assert auroc(p, y, 1 - y) == pytest.approx(u / (y.sum() * (1 - y).sum()))
    else:
        assert math.isnan(auroc(p, y, 1 - y))


@settings(deadline=None)
@given(cases)
def test_bins_and_coverage_do_not_go_by_the_order_of_the_rows(rows: list[tuple[float, bool]]) -> None:
    confidence = np.array([max(r[0], 1 - r[0]) for r in rows])
    right = np.array([float(r[1]) for r in rows])
    turned = np.arange(len(rows))[::-1]
    assert binned(confidence, right, levels(confidence))[1] == pytest.approx(
        binned(confidence[turned], right[turned], levels(confidence[turned]))[1]
    )
    assert len(set(zip(confidence, bin_of(levels(confidence)), strict=True))) == len(set(confidence)), (
        "equal ones are never parted"
    )
    for coverage in (0.05, 0.5, 0.8, 1.0):
        weight = most_confident(levels(confidence), coverage)
        assert weight.sum() == pytest.approx(coverage * len(rows))
        assert all(weight[i] >= weight[j] for i in turned for j in turned if confidence[i] > confidence[j])


def test_bins_have_equal_mass_where_nothing_is_level() -> None:
    confidence = np.random.default_rng(3).uniform(0.5, 1, 170)
    assert np.bincount(bin_of(levels(confidence))).tolist() == [17] * 10
    assert len(binned(confidence[:4], np.ones(4), levels(confidence[:4]))[0]) == 4, "no more bins than items"


@pytest.mark.parametrize("n", [12, 46, 170, 1250, 5000])
def test_the_floor_is_the_ece_of_a_perfect_judge(n: int) -> None:
    """By another simulation: labels one by one from the confidences, and the ECE as it is computed of a run."""
    rng = np.random.default_rng(n)
    confidence = 0.5 + 0.5 * rng.beta(3, 1.5, n).round(2 if n < 100 else 6)
    found = [binned(confidence, (rng.random(n) < confidence).astype(float), levels(confidence))[1] for _ in range(800)]
    mean, above = ece_floor(confidence, levels(confidence))
    assert mean == pytest.approx(np.mean(found), rel=0.04)
    assert above == pytest.approx(np.percentile(found, 95), rel=0.06)


def test_a_perfect_judge_is_beyond_the_95th_percentile_one_time_in_twenty() -> None:
    rng = np.random.default_rng(11)
    beyond = 0
    for _ in range(300):
        confidence = rng.uniform(0.5, 1, 170)
        right = (rng.random(170) < confidence).astype(float)
        beyond += binned(confidence, right, levels(confidence))[1] > ece_floor(confidence, levels(confidence))[1]
    assert 0.02 <= beyond / 300 <= 0.09


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_the_resampled_auroc_is_that_of_the_resampled_rows(seed: int) -> None:
    """Rows repeated as often as their cluster was drawn, and the AUROC of these."""
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, 6, 15)
    p, y = rng.choice([0.2, 0.4, 0.6, 0.8], 15), (rng.random(15) < 0.5).astype(float)
    draws = calibration._draws([cluster], 6)
    drawn = calibration._resampled(calibration.Contest(p, y, 1 - y), cluster, draws)
    for resample in range(40):
        rows = [i for i in range(15) for _ in range(int(draws.times[draws.row[cluster[i]], resample]))]
        expected = auroc(p[rows], y[rows], 1 - y[rows]) if rows else math.nan
        assert drawn[resample] == pytest.approx(expected, nan_ok=True)
    assert (draws.times.sum(axis=0) <= 6).all()


def test_placements_give_the_same_interval_where_there_are_many_items(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = crossed(tmp_path, items=200)
    exact = score(out).calibrations
    monkeypatch.setattr(calibration, "EXACT_UP_TO", 0)
    for a, b in zip(exact, score(out).calibrations, strict=True):
        for name in ("auroc", "auroc_confidence"):
            one, other = a.metrics[name], b.metrics[name]
            assert one.value == other.value
            assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.02)


def test_bundles_of_clusters_give_the_same_interval_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    p = 1 / (1 + np.exp(-rng.normal(0.5, 1.5, 12_000)))
    y = (rng.random(12_000) < p).astype(float)
    cluster = np.repeat(np.arange(6000), 2)
    cell: Any = None
    forecast = calibration.Forecast(cell, "AB", 12_000, np.arange(12_000), p, y)
    (bundled,) = calibration._with_intervals([forecast], cluster)
    monkeypatch.setattr(calibration, "BUNDLES", 10_000)
    (whole,) = calibration._with_intervals([forecast], cluster)
    for name, m in whole.items():
        assert bundled[name].value == m.value
        assert (bundled[name].low, bundled[name].high) == pytest.approx((m.low, m.high), abs=0.12 * (m.high - m.low))


def test_no_ece_without_its_floor_in_any_format(report: Report) -> None:
    (table,) = [t for t in tables([report]) if t.title.endswith("calibration")]
    assert table.headers[-2:] == ["ECE", "its floor"] and len(table.texts) == len(report.calibrations) == 36
    for row, c in zip(table.rows, report.calibrations, strict=True):
        assert row[-1].text == f"{c.ece_floor[0]:.3f} (95 %: {c.ece_floor[1]:.3f})"
        assert row[-2].bold == (c.metrics["ece"].value > c.ece_floor[1])
    metrics = [o["metric"] for o in report.objects()]
    assert metrics.count("calibration_ece[AB]") == metrics.count("calibration_ece_floor_mean[AB]") == 12
    lines = as_csv([report]).splitlines()
    for i, line in enumerate(lines):
        assert "calibration_ece[" not in line or "calibration_ece_floor_mean[" in lines[i + 1]


def judged(
    tmp_path: Path,
    reply: object,
    rows: list[dict[str, object]] | None = None,
    more: str = "",
    arms: str = "none",
    first: str = "",
) -> Report:
    """The report of one judge by tokens; `first` are further lines of the config, `more` further options of the judge."""
    write_jsonl(tmp_path / "rows.jsonl", rows or [pair(n) for n in range(12)])
    config = tmp_path / "config.yaml"
    judge = "{name: j, backend: openai, model: m, base_url: 'http://x/v1', verdict: direct" + more + "}"
    config.write_text(
        f"{first}benchmarks: [{{name: pairs, path: rows.jsonl}}]\narms: [{arms}]\nout: out\njudges: [{judge}]\n"
    )
    loaded = load_config(config)
    spec: JudgeSpec = loaded.judges[0]
    return score(run(loaded, judges={"j": mock_chat_judge(spec, reply)}).out)  # type: ignore[arg-type]


def test_a_judge_that_goes_by_the_place_says_nothing_once_the_orders_are_averaged(tmp_path: Path) -> None:
    report = judged(tmp_path, lambda request: probabilities(0.8))
    both = of(report, "j", None, "averaged")
    assert both.metrics["brier"].value == 0.25 and both.metrics["auroc"].value == 0.5
    assert both.metrics["selective@100"].value == both.metrics["selective@50"].value == 0.5
    assert not math.isnan(of(report, "j", None, "AB").metrics["auroc_confidence"].value)
    assert both.ece_floor == (0.0, 0.0) and both.metrics["ece"].value == 0.0


def test_a_judge_that_is_always_right_leaves_nothing_to_tell_apart(tmp_path: Path) -> None:
    report = judged(tmp_path, lambda request: probabilities(0.9 if asked_of(request)[1] else 0.1))
    found = of(report, "j", None, "averaged")
    assert found.metrics["auroc"].value == 1.0 and math.isnan(found.metrics["auroc_confidence"].value)
    assert found.metrics["ece"].value == pytest.approx(0.1)
    (table,) = [t for t in tables([report]) if t.title.endswith("calibration")]
    assert "AUROC of confidence" not in table.headers, "no row has one"


def test_where_a_probability_is_not_known_the_table_says_of_how_many(tmp_path: Path) -> None:
    """The second answer lies outside the top tokens for two pairs in one order."""

    def reply(request: ChatRequest) -> Reply:
        number, first, _ = asked_of(request)
        return "1" if number < 2 and first else by_chance("j")(request)

    report = judged(tmp_path, reply)
    n = {c.order: (c.n, c.of) for c in report.calibrations}
    assert n["averaged"] == (10, 12) and n["AB"][0] + n["BA"][0] == 22
    (table,) = [t for t in tables([report]) if t.title.endswith("calibration")]
    assert table.texts[-1][table.headers.index("items")] == "10 of 12" and any(
        "the surest answers" in note for note in table.notes
    )


def test_draws_are_averaged_as_log_odds(tmp_path: Path) -> None:
    """Two independent rubrics an item: surer with the one than with the other."""

    def reply(request: ChatRequest) -> Reply:
        p = 0.9 if "draw 0" in text_of(request.messages) else 0.6
        return probabilities(p if asked_of(request)[1] else 1 - p)

    rubrics = [
        {"benchmark": "pairs", "id": f"pair-{n}", "writer": "w", "text": f"draw {r}", "replicate": r}
        for n in range(12)
        for r in (0, 1)
    ]
    write_jsonl(tmp_path / "w.jsonl", rubrics)
    report = judged(tmp_path, reply, arms="none, transferred", first="rubrics: {w: w.jsonl}\n")
    logit = (math.log(9) + math.log(1.5)) / 2
    assert of(report, "j", "w", "AB").metrics["brier"].value == pytest.approx((1 / (1 + math.exp(logit))) ** 2)
    assert of(report, "j", None, "AB").metrics["brier"].value == pytest.approx(0.16)


def test_labels_that_prefer_nothing_stand_outside(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [pair(n, **({"label": "tie"} if n < 3 else {})) for n in range(8)]
    found = judged(tmp_path, by_chance("j"), rows).calibrations
    assert {c.n for c in found} == {c.of for c in found} == {5}


def test_a_single_item_has_its_numbers_and_no_spread(tmp_path: Path) -> None:
    report = judged(tmp_path, by_chance("j"), [pair(1)])
    found = report.calibrations[0]
    assert found.n == 1 and math.isnan(found.metrics["auroc"].value) and len(found.bins) == 1
    assert tables([report])


def test_three_candidates_have_no_calibration(tmp_path: Path) -> None:
    three = pair(1, candidates=["good answer number 1", "bad answer number 1, a", "bad answer number 1, b"])
    report = judged(tmp_path, lambda request: probabilities(0.7), [three], more=", grading: listwise")
    assert not report.calibrations
