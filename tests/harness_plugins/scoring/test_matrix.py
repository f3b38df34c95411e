"""The matrix of writers and judges: every number again from the jsonl, by other code; what stands apart; what may be said."""

from __future__ import annotations

import itertools
import json
import math
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from evaluators.errors import UserError
from evaluators.messages import ChatRequest
from evaluators.testing.mock import Reply
from harness_plugins import score
from harness_plugins.config.run import load_config
from harness_plugins.scoring.cells import Contrast
from harness_plugins.scoring.matrix import Difference, Matrix, contrasts, mean
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.score import adjust
from harness_plugins.tables.run import tables
from harness_plugins.tables.run_formats import NUMBERS, TABLES
from tests.conftest import MakePairs, read_jsonl, write_jsonl
from tests.crossed import JUDGES, asked_of, by_chance, by_words, crossed, failing

pytestmark = pytest.mark.xdist_group("matrix")

Scores = dict[tuple[str, str], dict[str, float]]
"""(judge, writer or "none") -> item -> s_i."""


def of(folder: Path) -> tuple[Report, Matrix]:
    report = score(folder)
    (found,) = report.matrices
    return report, found


def by_hand(folder: Path) -> tuple[Scores, Scores, dict[str, str]]:
    """Scores, their content part, and the group of each item, straight from the files."""
    items = {i["uid"]: i for i in read_jsonl(folder / "items.jsonl")}
    right: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    odds: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for v in read_jsonl(folder / "verdicts.jsonl"):
        place = (v["judge"], v["writer"] or "none", v["item"])
        label = items[v["item"]]["label"]["preferred"]
        right[place].append(float(v["pick"] == label if v["status"] == "ok" else 0))
        if v.get("p"):
            first = math.log(v["p"]["first"] / (1 - v["p"]["first"]))
            shown_first = 0 if v["order"] == "AB" else 1
            odds[place].append(first if shown_first == label else -first)
    scores: Scores = defaultdict(dict)
    content: Scores = defaultdict(dict)
    for (judge, writer, item), hits in right.items():
        scores[judge, writer][item] = sum(hits) / len(hits)
        c = round(sum(odds[judge, writer, item]), 9)
        content[judge, writer][item] = 1.0 if c > 0 else 0.5 if c == 0 else 0.0
    return scores, content, {uid: i["group"] for uid, i in items.items()}


def enumerated(values: dict[str, float], group: dict[str, str]) -> float:
    """Two-sided p by every way to flip the signs of groups."""
    sums: dict[str, float] = defaultdict(float)
    for item, value in values.items():
        sums[group[item]] += value
    observed, flips = abs(sum(sums.values())), itertools.product((-1, 1), repeat=len(sums))
    hits = [abs(sum(s * v for s, v in zip(signs, sums.values(), strict=True))) >= observed - 1e-9 for signs in flips]
    return sum(hits) / len(hits)


def difference(scores: Scores, pairs: list[tuple[tuple[str, str], tuple[str, str]]]) -> dict[str, float]:
    """Item by item the mean over pairs of cells of the one minus the other."""
    items = scores[pairs[0][0]]
    return {i: sum(scores[a][i] - scores[b][i] for a, b in pairs) / len(pairs) for i in items}


def same(x: Contrast, scores: Scores, content: Scores, group: dict[str, str], pairs: Any) -> bool:
    values, of_content = difference(scores, pairs), difference(content, pairs)
    value, part = (sum(v.values()) / len(v) for v in (values, of_content))
    assert x.n == len(values) and x.content_n == len(values)
    assert x.value == pytest.approx(value) and x.total == pytest.approx(sum(values.values()))
    assert x.p == pytest.approx(enumerated(values, group))
    assert (x.content, x.order) == (pytest.approx(part), pytest.approx(value - part))
    assert x.low <= x.value <= x.high
    return True


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return crossed(tmp_path_factory.mktemp("crossed"), more="reference_writer: gamma\n")


@pytest.fixture(scope="module")
def scored(folder: Path) -> tuple[Report, Matrix]:
    return of(folder)


def test_every_margin_is_what_the_files_say(folder: Path, scored: tuple[Report, Matrix]) -> None:
    _, m = scored
    numbers = by_hand(folder)
    assert (m.writers, m.judges) == (["alpha", "beta", "gamma"], ["ja", "jd", "je", "lexical"])
    over = {"alpha": ("jd", "je"), "beta": ("ja", "jd", "je"), "gamma": ("ja", "jd", "je")}
    assert {x.name: x.over for x in m.by_writer.margins} == over
    assert all(same(x.gain, *numbers, [((j, x.name), (j, "none")) for j in x.over]) for x in m.by_writer.margins)
    assert {x.name: x.over for x in m.by_judge.margins} == {
        "ja": ("beta", "gamma"),
        "jd": ("alpha", "beta", "gamma"),
        "je": ("alpha", "beta", "gamma"),
    }
    assert all(same(x.gain, *numbers, [((x.name, w), (x.name, "none")) for w in x.over]) for x in m.by_judge.margins)


def test_writers_are_ranked_over_the_judges_that_are_unseen_to_all(folder: Path, scored: tuple[Report, Matrix]) -> None:
    _, m = scored
    numbers = by_hand(folder)
    assert {x.over for x in m.by_writer.ranking} == {("jd", "je")}
    assert all(same(x.gain, *numbers, [((j, x.name), (j, "none")) for j in x.over]) for x in m.by_writer.ranking)
    values = [x.gain.value for x in m.by_writer.ranking]
    assert values == sorted(values, reverse=True)
    lead = m.by_writer.lead
    assert lead is not None and [lead.best, lead.next] == [x.name for x in m.by_writer.ranking[:2]]
    assert same(lead.gain, *numbers, [((j, lead.best), (j, lead.next)) for j in lead.over])
    scores, _, group = numbers
    pairs = itertools.combinations(m.writers, 2)
    p = [enumerated(difference(scores, [((j, a), (j, b)) for j in lead.over]), group) for a, b in pairs]
    assert lead.gain.p_holm in [pytest.approx(x) for x in multipletests(p, method="holm")[1]]
    assert lead.gain.p_holm >= lead.gain.p, "the two were picked by looking"


def test_the_reference_writer_is_what_the_others_are_set_against(folder: Path, scored: tuple[Report, Matrix]) -> None:
    _, m = scored
    numbers = by_hand(folder)
    assert {x.name: x.over for x in m.against} == {"alpha": ("jd", "je"), "beta": ("ja", "jd", "je")}
    for x in m.against:
        assert same(x.gain, *numbers, [((j, x.name), (j, "gamma")) for j in x.over])
    for (writer, judge), contrast in m.against_by_judge.items():
        assert judge == "lexical" or same(contrast, *numbers, [((judge, writer), (judge, "gamma"))])
    assert json.loads((folder / "manifest.json").read_text())["reference_writer"] == "gamma"


def test_each_family_is_corrected_by_itself(folder: Path, scored: tuple[Report, Matrix]) -> None:
    report, m = scored
    by_judge = [x for (w, j), x in m.against_by_judge.items() if j in ("jd", "je") or (w, j) == ("beta", "ja")]
    rankings = [[x.gain for x in r] for r in (m.by_writer.ranking, m.by_judge.ranking)]
    margins = [[x.gain for x in r] for r in (m.by_writer.margins, m.by_judge.margins, m.against)]
    for family in (*margins, *rankings, by_judge):
        assert [x.p_holm for x in family] == pytest.approx(multipletests([x.p for x in family], method="holm")[1])
    assert m.against_by_judge["alpha", "ja"].p_holm is None, "kin stand apart"
    alone = [x.gain.p_holm for x in m.by_writer.margins]
    again = score(folder)
    adjust([report, again])
    twice = multipletests([x.gain.p for r in (m, again.matrices[0]) for x in r.by_writer.margins], method="holm")[1]
    assert [x.gain.p_holm for x in m.by_writer.margins] == pytest.approx(twice[:3]) and alone != list(twice[:3])


def test_a_margin_has_the_standard_error_and_interval_of_its_mean(folder: Path, scored: tuple[Report, Matrix]) -> None:
    """What 2.8 standard errors are, by the sums of groups; what the bootstrap says, by another one."""
    _, m = scored
    scores, _, group = by_hand(folder)
    x = next(x for x in m.by_writer.margins if x.name == "beta")
    values = difference(scores, [((j, "beta"), (j, "none")) for j in x.over])
    sums: dict[str, float] = defaultdict(float)
    for item, value in values.items():
        sums[group[item]] += value - x.gain.value
    groups = len(sums)
    error = math.sqrt(sum(s * s for s in sums.values()) * groups / (groups - 1)) / len(values)
    assert x.gain.detectable == pytest.approx(2.8 * error)
    rng = np.random.default_rng(5)
    raw = np.array([sum(v for i, v in values.items() if group[i] == g) for g in sums])
    drawn = rng.choice(raw, size=(20_000, groups)).sum(axis=1) / len(values)
    assert (x.gain.low, x.gain.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.03)


def test_the_table_says_who_is_first_and_by_how_much(scored: tuple[Report, Matrix]) -> None:
    report, m = scored
    (table,) = [t for t in tables([report]) if "matrix" in t.title]
    rows = {r[0]: dict(zip(table.headers, r, strict=True)) for r in table.texts}
    assert list(rows) == ["alpha", "beta", "gamma", "over unseen writers", "over the same writers",
                          "alpha minus gamma", "beta minus gamma"]  # fmt: skip
    assert "(same_family)" in rows["alpha"]["ja"] and "(baseline)" in rows["beta"]["lexical"]
    assert rows["over unseen writers"]["lexical"] == "no unseen, complete cell"
    assert table.headers[-2:] == ["over unseen judges", "over the same judges"]
    assert m.by_writer.lead is not None
    lead, start = m.by_writer.lead, "Largest mean gain of a writer over jd, je: alpha, ahead of "
    first = next(n for n in table.notes if n.startswith(start))
    assert f"{lead.next} by {100 * lead.gain.value:+.1f} [" in first and "(Holm over all pairs); can show " in first
    assert any(
        n.startswith("alpha over jd, je (apart: ja same_family, lexical baseline): content") for n in table.notes
    )


def test_every_format_holds_the_margins(scored: tuple[Report, Matrix]) -> None:
    report, _ = scored
    found = {o["metric"]: o for o in report.objects()}
    names = {"matrix_writer_margin", "matrix_judge_margin", "matrix_writer_ranking", "matrix_gain_over_writer_gamma"}
    assert names < set(found) and "gain_over_writer_gamma" in found
    assert found["matrix_gain_over_writer_gamma"]["apart"] == [{"judge": "lexical", "why": "baseline"}]
    for write in NUMBERS.values():
        assert "alpha" in write([report])
    for write_tables in TABLES.values():
        assert "alpha" in write_tables(tables([report]))


def test_without_probabilities_content_and_order_are_not_told_apart(tmp_path: Path) -> None:
    report, m = of(crossed(tmp_path, 8, {j: by_words(j) for j in JUDGES}, verdict="text"))
    assert all(x.gain.content is None for x in (*m.by_writer.margins, *m.by_judge.margins))
    (table,) = [t for t in tables([report]) if "matrix" in t.title]
    assert sum("content and order are not identifiable in every cell of it" in n for n in table.notes) == 6
    assert not report.calibrations


def test_one_cell_without_probabilities_takes_the_split_from_its_margins_alone(tmp_path: Path) -> None:
    """`je` gives probabilities but without rubrics by alpha, where its answers are no single token."""

    def reply(request: ChatRequest) -> Reply:
        found = by_chance("je")(request)
        return "<answer>1</answer>" if asked_of(request)[2] == "alpha" else found

    _, m = of(crossed(tmp_path, 8, {"je": reply}))
    known = {x.name: x.gain.content is not None for x in (*m.by_writer.margins, *m.by_judge.margins)}
    assert known == {"alpha": False, "beta": True, "gamma": True, "ja": True, "jd": True, "je": False}


def test_an_incomplete_cell_is_shown_and_stays_out_of_the_margins(tmp_path: Path) -> None:
    out = crossed(tmp_path, 12, {"jd": failing("jd", "beta", range(3))}, more="reference_writer: beta\n")
    report, m = of(out)
    assert m.missing == {("beta", "jd"): "incomplete"} and ("beta", "jd") not in m.entries
    margins = {x.name: x for x in (*m.by_writer.margins, *m.by_judge.margins)}
    assert margins["beta"].over == ("ja", "je") and ("jd", "incomplete") in margins["beta"].apart
    assert margins["jd"].over == ("alpha", "gamma") and margins["jd"].gain.n == 12
    assert {x.over for x in m.by_writer.ranking} == {("je",)}
    assert ("alpha", "jd") not in m.against_by_judge
    assert [(x.name, x.over) for x in m.against] == [("alpha", ("je",)), ("gamma", ("ja", "je"))]
    assert ("jd", "incomplete") in m.against[0].apart
    (table,) = [t for t in tables([report]) if "matrix" in t.title]
    assert table.texts[1][2] == "incomplete" and table.texts[-1][2] == ""


def test_the_table_says_why_there_is_no_number(tmp_path: Path) -> None:
    """Not "incomplete" where all was answered, nor silence where the reference writer wrote nothing for this benchmark."""
    report, m = of(crossed(tmp_path, 4, more="primary_contrast: [transferred, shuffled]\n"))
    assert set(m.missing.values()) == {"shuffled not judged"}
    (table,) = [t for t in tables([report]) if "matrix" in t.title]
    assert {r[-1] for r in table.texts[:3]} == {"no unseen, complete cell"}
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"reference_writer": "elsewhere"}))
    items = tmp_path / "out" / "items.jsonl"
    rows = [json.loads(line) for line in items.read_text().splitlines()]
    write_jsonl(items, [r | {"label": {"kind": "tie", "preferred": None, "ranks": None}} for r in rows])
    report, m = of(tmp_path / "out")
    (table,) = [t for t in tables([report]) if "matrix" in t.title]
    assert any("reference writer elsewhere has no transferred cell here" in n for n in table.notes)
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"primary_contrast": ["transferred", "none"]}))
    assert set(of(tmp_path / "out")[1].missing.values()) == {"no labelled item"}


def test_one_cluster_is_said_to_show_nothing(tmp_path: Path) -> None:
    report, _ = of(crossed(tmp_path, 1))
    (table,) = [t for t in tables([report]) if "matrix" in t.title]
    (lead,) = [n for n in table.notes if n.startswith("Largest mean gain of a judge")]
    assert lead.endswith("can show nothing (one cluster).")


def test_what_is_not_declared_is_not_unseen(tmp_path: Path) -> None:
    report, m = of(crossed(tmp_path, 8, jd=None))
    assert [x.over for x in m.by_writer.margins] == [("je",), ("ja", "je"), ("ja", "je")]
    assert m.by_writer.margins[1].apart == (("jd", "undeclared"), ("lexical", "baseline"))
    assert m.entries["beta", "jd"].gain.primary, "in the family of cells all the same"
    (table,) = [t for t in tables([report]) if "matrix" in t.title]
    assert any("undeclared: declare `family`" in n for n in table.notes)


def test_without_a_manifest_the_verdicts_count_and_nothing_is_unseen(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "bare")
    (tmp_path / "bare" / "manifest.json").unlink()
    _, m = of(tmp_path / "bare")
    _, whole = of(folder)
    assert {k: e.gain.value for k, e in m.entries.items()} == {k: e.gain.value for k, e in whole.entries.items()}
    assert set(m.relations.values()) == {"undeclared", "baseline"} and not m.by_writer.margins


def test_where_no_judge_is_unseen_to_all_there_is_no_first(tmp_path: Path) -> None:
    """Each judge is kin to one writer, so no two writers are judged by all the same strangers."""
    report, m = of(crossed(tmp_path, 8, jd="fb", je="fc"))
    assert len(m.by_writer.margins) == 3 and not m.by_writer.ranking and m.by_writer.lead is None
    (table,) = [t for t in tables([report]) if "matrix" in t.title]
    assert (
        "Largest mean gain of a writer: cannot be said, as no judge is unseen to alpha, beta, gamma alike, and complete."
        in table.notes
    )
    report, m = of(crossed(tmp_path / "kin", 8, ja="x", jd="x", je="x", alpha="x", beta="x", gamma="x"))
    assert not m.by_writer.margins and not m.by_judge.margins and m.by_writer.lead is None
    (table,) = [t for t in tables([report]) if "matrix" in t.title]
    assert {r[-1] for r in table.texts[:3]} == {"no unseen, complete cell"}


def test_all_that_share_the_first_place_are_named(tmp_path: Path) -> None:
    same = {j: (lambda request: "1" if asked_of(request)[1] else "2") for j in JUDGES}
    report, m = of(crossed(tmp_path, 8, replies=same, verdict="text"))
    assert m.by_writer.lead is not None and m.by_writer.lead.level == ("alpha", "beta", "gamma")
    (table,) = [t for t in tables([report]) if "matrix" in t.title]
    assert "Largest mean gain of a writer over jd, je: alpha, beta and gamma alike." in table.notes


def test_margins_are_means_over_items_that_all_their_cells_hold() -> None:
    """Under protocols that drop answers, cells have different items."""
    nan = np.full(4, np.nan)
    one = Difference(np.array([1.0, 0.5, -0.5, np.nan]), nan)
    other = Difference(np.array([np.nan, 0.5, 0.0, 1.0]), nan)
    both = mean([one, other])
    assert both.value[1:3].tolist() == [0.5, -0.25] and np.isnan(both.value[[0, 3]]).all()
    (x,) = contrasts({"none": both}, np.arange(4)).values()
    assert (x.n, x.total, x.value, x.content) == (2, 0.25, 0.125, None)


def test_one_writer_and_one_judge_are_no_matrix(
    make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path
) -> None:
    from tests.harness_plugins.scoring.test_scoring import good_is, judged

    files = {"one": rubrics(4, "one")}
    report = judged(tmp_path / "r", make_pairs(4), good_is, arms=("none", "transferred"), rubrics=files)
    assert not report.matrices
    files["two"] = rubrics(4, "two")
    report = judged(tmp_path / "two", make_pairs(4), good_is, arms=("none", "transferred"), rubrics=files)
    assert len(report.matrices) == 1
    contrast = {"arms": ("none", "generic", "transferred"), "primary_contrast": ("generic", "none")}
    assert not judged(tmp_path / "g", make_pairs(4), good_is, rubrics=files, **contrast).matrices


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            "rubrics: {one: w.jsonl}\n",
            "line 4: reference_writer: unknown writer 'x'; there are: one",
        ),
        ("", "there are none"),
    ],
)
def test_a_reference_writer_must_be_one_of_the_config(tmp_path: Path, more: str, message: str) -> None:
    (tmp_path / "w.jsonl").write_text("")
    path = tmp_path / "config.yaml"
    path.write_text(
        "benchmarks: [{name: demo}]\narms: [none]\njudges: [{name: first, backend: baseline}]\nreference_writer: x\n"
        + more
    )
    with pytest.raises(UserError, match=message):
        load_config(path)


def test_a_margin_without_spread_is_no_answer_and_can_show_nothing(tmp_path: Path) -> None:
    from tests.harness_plugins.scoring.test_conclusions import BY_CONTENT, FEW, judge, judged, written

    alike = judge(dict.fromkeys(BY_CONTENT, FEW))
    report = judged(tmp_path, {"a": alike, "b": alike}, rubrics={w: written(w) for w in ("w", "v")})
    (table,) = (t for t in tables([report]) if "the matrix" in t.title)
    assert {x for row in table.texts for x in row[1:]} == {"no answer", ""}
    assert any("w over a, b" in n and n.endswith("can show nothing (no item differs).") for n in table.notes)
    lines = [o for o in report.objects() if o["metric"].startswith("matrix_")]
    assert lines and {(o["detectable"], o["differs"]) for o in lines} == {(None, False)}


def test_nobody_is_first_by_answers_that_cannot_be_read(tmp_path: Path) -> None:
    from tests.harness_plugins.scoring.test_conclusions import judged, unread, written

    replies = {"a": unread("transferred", {1, 2, 3}), "b": unread("transferred", set())}
    report = judged(tmp_path, replies, rubrics={w: written(w) for w in ("w", "v")})
    (matrix,) = report.matrices
    assert matrix.by_writer.ranking and matrix.by_writer.lead is None and matrix.by_judge.lead is None
    (table,) = (t for t in tables([report]) if "the matrix" in t.title)
    assert any(
        "Largest mean gain of a judge: cannot be said" in n and "w with a (unparsed 7.5 %" in n for n in table.notes
    )
