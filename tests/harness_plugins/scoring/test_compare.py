"""Two runs side by side: items, judges and writers matched, differences against brute force, and the answer in words."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluators.errors import UserError
from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge, Reply
from harness_plugins import run, score
from harness_plugins.cli import main
from harness_plugins.config.run import Config
from harness_plugins.scoring.compare import Comparison, Matched, compare
from harness_plugins.scoring.sentences import sentence
from harness_plugins.tables.compare import answer, tables
from tests.conftest import MakePairs, pair, png, read_jsonl, write_jsonl

ITEMS = 60


def spec(name: str = "qwen", **more: Any) -> JudgeSpec:
    return JudgeSpec(
        name=name, backend="openai", model=name, base_url="http://x/v1", **{"family": f"{name}-family", **more}
    )


def right(case: Case) -> int:
    return 1 if case.shown()[0].text.startswith("good") else 2


def knows(*rows: int) -> Callable[[Case], Reply]:
    """A judge that picks the first, but for rows whose rubric says how good it is, and of `rows` it always knows better."""

    def reply(case: Case) -> str:
        n = case.item.row
        if n in rows or (case.rubric and int(case.rubric.text.split()[0]) > n):
            return str(right(case))
        return "1"

    return reply


Judged = Callable[..., Path]


@pytest.fixture
def judged(tmp_path: Path, make_pairs: MakePairs) -> Judged:
    """Makes a run whose writer's rubrics serve the judge on the first `good` rows."""

    def make(
        folder: str,
        good: int,
        *specs: JudgeSpec,
        writer: str = "grm",
        reply: Callable[[Case], Reply] | None = None,
        **config: Any,
    ) -> Path:
        rows = config.pop("rows", None) or make_pairs(ITEMS, images=False)
        about = {"benchmark": "pairs", "writer": {"name": writer, "family": "grm-family"}}
        text = [about | {"id": r["id"], "text": f"{good} rows are served: {r['id']}"} for r in read_jsonl(rows)]
        (tmp_path / folder).mkdir()
        file = write_jsonl(tmp_path / folder / "w.jsonl", text)
        judges = specs or (spec(),)
        cfg = Config(
            benchmarks=({"name": "pairs", "path": rows},),  # type: ignore[arg-type]
            judges=judges,
            **{"arms": ("none", "transferred"), "rubrics": {writer: file}, **config},
        )
        run(cfg, out=tmp_path / folder / "run", judges={j.name: MockJudge(j, reply or knows()) for j in judges})
        return tmp_path / folder / "run"

    return make


def only(found: Comparison) -> Matched:
    assert len(found.matched) == 1
    return found.matched[0]


def test_better_worse_and_no_difference(judged: Judged) -> None:
    a, b, c = judged("a", 20), judged("b", 50), judged("c", 21)
    better = compare(a, b)
    m = only(better)
    assert m.writers == ("grm", "grm") and m.judges == ("qwen",) and (m.items, m.only, m.changed) == (ITEMS, (0, 0), 0)
    assert m.headline is not None and (m.headline.n, m.headline.total) == (ITEMS, 15.0), "30 items, half right before"
    row = next(r for r in m.rows if r.arm == "transferred")
    assert (row.a.k, row.b.k, row.a.n) == (40, 55, ITEMS) and row.relation == "unseen"
    assert (row.fixed, row.broken) == (30, 0) and row.transitions is not None
    assert row.transitions["first_slot"]["both_right"] == 30
    assert answer(better).startswith("Better: pairs, grm in B against A: +25.0 points [")
    assert answer(compare(b, a)).startswith("Worse: pairs, grm in B against A: -25.0 points [")
    assert answer(compare(a, c)).startswith("No difference shown: pairs, grm in B against A: +0.8 points [")


def test_against_itself_nothing_differs(judged: Judged) -> None:
    a, again = judged("a", 30), judged("again", 30)
    m = only(compare(a, again))
    assert m.headline is not None and (m.headline.value, m.headline.p) == (0.0, 1.0)
    assert m.drift is not None and m.drift.value == 0.0 and not m.drifted
    assert all(r.difference is not None and r.difference.value == 0.0 for r in m.rows)


def test_a_judge_that_changed_confounds(judged: Judged) -> None:
    """`none` itself is better in B; beyond it B's rubrics add less than A's do."""
    a, b = judged("a", 20), judged("b", 20, reply=knows(*range(40)))
    found = compare(a, b)
    m = only(found)
    assert m.drift is not None and m.drift.total == 20.0 and m.drifted
    assert m.headline is not None and m.headline.total == 10.0
    assert m.beyond_none is not None and m.beyond_none.total == -10.0
    told = answer(found)
    assert told.startswith(
        "Confounded: pairs: without any rubric the judges differ between the runs (`none`: qwen +33.3"
    )
    assert "Net of that: -16.7 points" in told and "As it stands: better: " in told


def test_a_judge_asked_otherwise_is_left_out(judged: Judged, capsys: pytest.CaptureFixture[str]) -> None:
    two = (spec(), spec("pixtral"))
    a, b = judged("a", 20, *two), judged("b", 50, spec(temperature=0.7), two[1])
    found = compare(a, b)
    assert only(found).judges == ("pixtral",)
    assert [(r.judge, r.differences) for r in found.not_comparable] == [
        ("qwen", (("sampling.temperature", "0.0", "0.7"),))
    ]
    table = next(t for t in tables(found) if t.title.startswith("Not comparable"))
    assert table.texts == [["qwen", "sampling.temperature", "0.0", "0.7"]]
    alone = judged("alone", 50, spec(temperature=0.7))
    assert main(["compare", str(a), str(alone)]) == 2
    assert "no judge was asked alike in both runs" in capsys.readouterr().err


def test_judges_together_are_the_mean_item_by_item(judged: Judged) -> None:
    """Kin of the writer stands apart: the headline is over the other two."""
    three = (spec(), spec("pixtral"), spec("kin", family="grm-family"))
    a, b = judged("a", 10, *three), judged("b", 40, *three)
    m = only(compare(a, b))
    assert m.judges == ("qwen", "pixtral") and m.headline is not None
    rows = {r.judge: r for r in m.rows if r.arm == "transferred"}
    assert rows["kin"].relation == "same_family"
    one = rows["qwen"].difference
    assert one is not None and one.p_holm is not None and m.headline.value == pytest.approx(one.value)
    assert one.p_holm == pytest.approx(min(1.0, 2 * one.p)), "Holm over the two judges of the headline"


def test_items_are_matched_and_the_rest_is_counted(judged: Judged, tmp_path: Path) -> None:
    """B has ten rows fewer, two of its own, and one whose label says the reverse."""
    rows = [pair(n) for n in range(ITEMS + 2) if n >= 10]
    rows[5]["label"] = 1 - rows[5]["label"]
    a, b = judged("a", 20), judged("b", 50, rows=write_jsonl(tmp_path / "other.jsonl", rows))
    m = only(compare(a, b))
    assert (m.items, m.only, m.changed) == (49, (10, 2), 1)
    assert m.headline is not None and m.headline.n == 49
    assert "10 only in A, 2 only in B, 1 whose texts" in " ".join(tables(compare(a, b))[0].notes)


def test_an_item_whose_image_changed_is_not_the_same(judged: Judged, make_pairs: MakePairs, tmp_path: Path) -> None:
    rows = make_pairs(ITEMS)
    a = judged("a", 20, rows=rows)
    (tmp_path / "images" / "3.png").write_bytes(png(999))
    m = only(compare(a, judged("b", 50, rows=rows)))
    assert (m.items, m.changed) == (ITEMS - 1, 1)


def test_an_incomplete_cell_is_no_headline(judged: Judged) -> None:
    from evaluators.errors import BackendError

    def fails(case: Case) -> Reply:
        return BackendError("rejected", "no") if case.rubric and case.item.row == 7 else knows()(case)

    a, b = judged("a", 20), judged("b", 50, reply=fails)
    found = compare(a, b)
    row = next(r for r in only(found).rows if r.arm == "transferred")
    assert not row.complete and only(found).headline is None
    assert answer(found).startswith(
        "No answer: pairs, grm in B against A: no judge has judged 'transferred' completely"
    )
    assert row.difference is not None and row.difference.n == ITEMS - 1


def test_two_writers_of_one_run(
    judged: Judged, rubrics: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    other = rubrics(ITEMS, "other", text="40 rows are served, this is {n}")
    folder = judged("a", 20, rubrics={"other": other, "grm": other.parent / "a" / "w.jsonl"})
    found = compare(folder, folder, writer_a="grm", writer_b="other")
    m = only(found)
    assert m.headline is not None and m.headline.total == 10.0 and m.drift is None
    assert "The headline is over judges whose relation to the writers is not declared." in m.notes
    assert answer(found).startswith("Better: pairs, other (B) against grm (A)")
    assert main(["compare", str(folder), str(folder), "--writer-a", "grm", "--writer-b", "grm"]) == 2
    assert "say whose rubrics to compare" in capsys.readouterr().err
    assert main(["compare", str(folder), str(folder), "--writer-b", "nobody"]) == 2
    assert "unknown writer 'nobody'" in capsys.readouterr().err


def test_writers_of_other_names_are_paired_where_there_is_one_each(judged: Judged) -> None:
    assert only(compare(judged("a", 20, writer="old"), judged("b", 50, writer="new"))).writers == ("old", "new")


def test_nothing_in_common_is_said(judged: Judged, tmp_path: Path) -> None:
    a = judged("a", 20)
    with pytest.raises(UserError, match="share no judge by name"):
        compare(a, judged("b", 20, spec("someone")))
    rows = write_jsonl(tmp_path / "other.jsonl", [pair(n, prompt=f"another question {n}") for n in range(ITEMS)])
    with pytest.raises(UserError, match="the runs share no item"):
        compare(a, judged("c", 20, rows=rows))
    with pytest.raises(UserError, match="no run folder"):
        compare(a, tmp_path)
    (a / "manifest.json").unlink()
    with pytest.raises(UserError, match=r"has no manifest.json, which alone says how its judges were asked"):
        compare(a, tmp_path / "c" / "run")


def test_every_format_tells_the_same(judged: Judged, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [str(judged("a", 20)), str(judged("b", 50))]
    out = {}
    for form in ("md", "json", "csv", "latex"):
        assert main(["compare", *folders, "--format", form]) == 0
        out[form] = capsys.readouterr().out
    first, *own = out["md"].splitlines()[:3]
    assert first.startswith("Better: ") and out["latex"].startswith(f"% {first}")
    assert json.loads(out["json"])["answer"] == [first, *own]
    assert [line[:31] for line in own] == ["A: Helps; cause not tested: the", "B: Helps; cause not tested: the"]
    concluded = [o for o in json.loads(out["json"])["conclusions"] if o["metric"] == "conclusion"]
    assert [(o["run"], o["verdict"]) for o in concluded] == [(r, "helps; cause not tested") for r in "ab"]
    numbers = {
        (o["judge"], o["arm"], o["metric"]): o
        for o in json.loads(out["json"])["numbers"]
        if isinstance(o["judge"], str)
    }
    assert numbers["qwen", "transferred", "b_minus_a"]["value"] == 0.25
    row = next(
        r for r in csv.DictReader(io.StringIO(out["csv"])) if (r["arm"], r["metric"]) == ("transferred", "b_minus_a")
    )
    assert (row["a"], row["fixed"], float(row["value"])) == (str(40 / 60), "30.0", 0.25)
    lines = list(csv.DictReader(io.StringIO(out["csv"])))
    assert [r["text"] for r in lines if r["metric"] == "answer"] == [first, *own]
    assert [(r["run"], r["verdict"]) for r in lines if r["metric"] == "conclusion"] == [
        (r, "helps; cause not tested") for r in "AB"
    ]
    assert "| A   | grm" in out["md"] and "| B   | grm" in out["md"], "rubric cards side by side"


def test_what_a_parser_makes_is_no_finding(judged: Judged) -> None:
    """A's answers to the rubric cannot be read on 40 of 60 items: B is not better by that."""

    def reply(case: Case) -> Reply:
        return "neither" if case.rubric and case.item.row >= 20 else str(right(case))

    found = compare(judged("a", 20, reply=reply), judged("b", 20, reply=lambda case: str(right(case))))
    (m,) = found.matched
    assert m.headline is not None and m.headline.value > 0.5 and not m.headline.clear
    first = answer(found).splitlines()[0]
    assert first.startswith("No finding: pairs, grm in B against A: +66.7 points [")
    assert first.endswith(": unparsed 0.0 % here, 66.7 % in A.")
    table = tables(found)[0]
    assert "qwen: B minus A is no finding: unparsed 0.0 % here, 66.7 % in A." in table.notes


def test_no_column_is_empty(judged: Judged) -> None:
    """Two writers of one run have one `none`, so that there is nothing in its columns."""
    found = compare(judged("a", 20, arms=("transferred",)), judged("b", 50, arms=("transferred",)))
    for table in tables(found):
        assert all(any(row[n] for row in table.texts) for n in range(len(table.headers))), table.title


@pytest.mark.parametrize("protocol", ["strict", "metric"])
def test_what_is_said_of_a_run_is_what_score_says_of_it(judged: Judged, protocol: str) -> None:
    """A protocol of the benchmark's own as well: it drops answers that decide nothing, which are 40 of A's."""

    def reply(case: Case) -> Reply:
        return "neither" if not case.rubric and case.item.row >= 40 else knows()(case)

    folders = judged("a", 20, reply=reply), judged("b", 50)
    (m,) = compare(*folders, protocol=protocol).matched
    said = [sentence(c) for c in m.conclusions if c is not None]
    assert said == [sentence(c) for f in folders for c in score(f, protocol).conclusions]
    assert said[0].startswith("Cannot say: ") and said[1].startswith("Helps; cause not tested: ")
