"""What spoils a number stands above it, and no difference that it touches is a finding."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from evaluators.errors import BackendError
from evaluators.prompts.template import Case
from evaluators.records import Answer
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge, Reply
from harness_plugins import run, score
from harness_plugins.cli.wholeness import check
from harness_plugins.config.run import BenchmarkEntry, Config
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.sentences import sentence
from harness_plugins.tables.remarks import warnings
from harness_plugins.tables.render.to_markdown import markdown
from harness_plugins.tables.run import tables
from harness_plugins.tables.run_formats import as_csv, as_json
from tests.conftest import MakePairs, write_jsonl

SPEC = JudgeSpec(name="qwen", backend="openai", model="m", base_url="http://unused.invalid/v1")
N = 40


def right(case: Case) -> str:
    return "1" if case.shown()[0].text.startswith("good") else "2"


def judged(
    folder: Path,
    rows: Path,
    reply: Callable[[Case], Reply] = right,
    arms: Sequence[str] = ("none",),
    spec: JudgeSpec = SPEC,
    benchmark: dict[str, object] | None = None,
    **config: object,
) -> Report:
    entry = BenchmarkEntry.model_validate({"name": "pairs", "path": rows, **(benchmark or {})})
    cfg = Config(benchmarks=(entry,), judges=(spec,), arms=tuple(arms), **config)  # type: ignore[arg-type]
    run(cfg, out=folder, judges={spec.name: MockJudge(spec, reply)})
    return score(folder)


def written(folder: Path, texts: Callable[[int], str | None], name: str = "w.jsonl") -> Path:
    rows = [
        {"benchmark": "pairs", "row": n, "writer": "w", "text": text}
        for n in range(N)
        if (text := texts(n)) is not None
    ]
    return write_jsonl(folder / name, rows)


def rubric(n: int) -> str:
    return f"1. Look at detail {n}."


def contrast(report: Report, arm: str, reference: str = "none"):  # type: ignore[no-untyped-def]
    return next(c for c in report.cells if c.arm == arm and c.judge == "qwen").contrasts[reference]


def test_unread_answers_stand_above_the_table_by_judge_and_arm(make_pairs: MakePairs, tmp_path: Path) -> None:
    def reply(case: Case) -> Reply:
        if case.rubric is None and case.item.row < 10:
            return "I cannot say."
        if case.item.row == 39:
            return Answer("cut off", "tag", finish_reason="length", model="mock", backend="mock", backend_version="1")
        return right(case)

    report = judged(tmp_path / "r", make_pairs(N), reply, ("none", "generic"))
    above = warnings(report, "pairs")
    assert "qwen: answers without a verdict that can be read: none 25.0 % (20/80)." in above
    assert "qwen: answers cut by the token limit: none 2.5 % (2/80), generic 2.5 % (2/80)." in above
    text = markdown(tables([report], ["summary"]))
    assert text.index("20/80") < text.index("| judge"), "before the table"
    objects = json.loads(as_json([report]))
    assert [(o["caveat"], o["arm"], o["k"], o["n"]) for o in objects if o["metric"] == "caveat"] == [
        ("unparsed", "none", 20, 80),
        ("truncated", "none", 2, 80),
        ("truncated", "generic", 2, 80),
    ]


def test_a_gain_that_a_parser_makes_is_no_finding(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Half of the answers without a rubric cannot be read: what looks like +25 points is the parser's doing."""

    def reply(case: Case) -> Reply:
        return "no verdict" if case.rubric is None and case.item.row % 2 else right(case)

    report = judged(tmp_path / "r", make_pairs(N), reply, ("none", "generic"))
    gain = contrast(report, "generic")
    assert gain.value == 0.5 and gain.p < 0.001
    assert [(u.kind, u.share, u.reference_share) for u in gain.unequal] == [("unparsed", 0.0, 0.5)]
    assert not gain.clear
    text = markdown(tables([report]))
    assert "**+50.0" not in text
    assert "generic minus none is no finding: unparsed 0.0 % here, 50.0 % in none." in text


def test_a_difference_of_a_point_is_let_pass(make_pairs: MakePairs, tmp_path: Path) -> None:
    def reply(case: Case) -> Reply:
        if case.rubric is None and case.item.row >= 20:
            return "2" if right(case) == "1" else "1"
        return "no verdict" if case.item.row == 0 and case.order == "AB" else right(case)

    gain = contrast(judged(tmp_path / "r", make_pairs(N), reply, ("none", "generic")), "generic")
    assert not gain.unequal and gain.clear


@pytest.mark.parametrize("reply", ["no verdict at all", "1"], ids=["nothing parsed", "the same pick everywhere"])
def test_no_spread_is_no_answer(make_pairs: MakePairs, tmp_path: Path, reply: str) -> None:
    report = judged(tmp_path / "r", make_pairs(N), lambda case: reply, ("none", "generic"))
    gain = contrast(report, "generic")
    assert not gain.differs and not gain.clear and gain.detectable != 0
    text = markdown(tables([report]))
    assert "no answer" in text
    assert " 0.0 points" not in text
    (found,) = [o for o in report.objects() if o["metric"] == "gain_over_none" and o["judge"] == "qwen"]
    assert found["differs"] is False and found["detectable"] is None


def test_a_missing_answer_leaves_bounds_and_no_score(make_pairs: MakePairs, tmp_path: Path) -> None:
    def reply(case: Case) -> Reply:
        if case.rubric is not None and case.item.row == 0 and case.order == "AB":
            return BackendError("rejected", "no")
        return right(case) if case.rubric is not None or case.item.row >= 8 else "tie"

    report = judged(tmp_path / "r", make_pairs(N), reply, ("none", "generic"))
    gain = contrast(report, "generic")
    assert not gain.complete
    low, high = gain.bounds
    assert (low, high) == (pytest.approx((8 - 0.5) / N), pytest.approx(8 / N))
    assert "incomplete: between +18.8 and +20.0" in markdown(tables([report], ["summary"]))


def test_items_judged_without_their_media_are_named(make_pairs: MakePairs, tmp_path: Path) -> None:
    rows = make_pairs(8)
    for picture in tmp_path.rglob("*.png"):
        picture.unlink()
    report = judged(tmp_path / "r", rows, benchmark={"media": "optional"})
    assert warnings(report, "pairs")[0].startswith("all items were judged without their media")


def test_a_judge_of_text_alone_is_named(make_pairs: MakePairs, tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"media": "none"})
    (above,) = warnings(judged(tmp_path / "r", make_pairs(8), spec=spec), "pairs")
    assert above.startswith("qwen: all items were judged without their media (`media: none`)")


@pytest.mark.parametrize("orders", ["AB", "hashed", 1])
def test_a_limit_one_order_and_rubrics_for_a_part_are_named(
    make_pairs: MakePairs, tmp_path: Path, orders: str | int
) -> None:
    path = written(tmp_path, lambda n: rubric(n) if n < 3 else None)
    report = judged(
        tmp_path / "r",
        make_pairs(N),
        arms=("none", "transferred"),
        rubrics={"w": path},
        benchmark={"limit": 6},
        orders=orders,
    )
    above = warnings(report, "pairs")
    assert above[0] == "6 of 40 rows were judged: these are not the benchmark's numbers."
    assert any(w.startswith(f"qwen: judged in one order alone (`orders: {orders}`)") for w in above)
    assert any("items with a rubric" in w and "transferred by w 50.0 % (3/6)" in w for w in above)


def test_a_clean_run_has_nothing_above_it(make_pairs: MakePairs, tmp_path: Path) -> None:
    assert judged(tmp_path / "r", make_pairs(8), arms=("none", "generic")).caveats == []


def test_a_control_of_the_same_text_is_void(make_pairs: MakePairs, tmp_path: Path) -> None:
    """A rubric a row, and all of them alike: another item's is the item's own."""
    path = written(tmp_path, lambda n: "1. Be right.")
    report = judged(tmp_path / "r", make_pairs(N), arms=("none", "transferred", "shuffled"), rubrics={"w": path})
    transferred = next(c for c in report.cells if c.arm == "transferred" and c.judge == "qwen")
    assert "shuffled" not in transferred.contrasts
    assert any("not a control here" in flag for flag in transferred.flags)


def test_minus_shuffled_is_over_the_items_that_have_a_donor(make_pairs: MakePairs, tmp_path: Path) -> None:
    """The gain is on items without a donor alone: it is no lead over shuffled."""
    path = written(tmp_path, lambda n: rubric(n) if n >= 20 else "1. The same for twenty.")

    def reply(case: Case) -> Reply:
        return right(case) if case.rubric is not None or case.item.row >= 20 else "tie"

    report = judged(tmp_path / "r", make_pairs(N), reply, ("none", "transferred", "shuffled"), rubrics={"w": path})
    lead = contrast(report, "transferred", "shuffled")
    assert lead.of == N and 0 < lead.n <= N
    assert lead.value == 0.0


def test_judges_that_read_no_rubric_stand_in_no_carry_over_row(make_pairs: MakePairs, tmp_path: Path) -> None:
    path = written(tmp_path, rubric)
    rows = make_pairs(N)
    judges = tuple(JudgeSpec(name=n, backend="baseline") for n in ("random", "longest", "lexical"))
    cfg = Config(
        benchmarks=({"name": "pairs", "path": rows},),  # type: ignore[arg-type]
        judges=judges,
        arms=("none", "transferred"),
        rubrics={"w": path},
    )
    run(cfg, out=tmp_path / "r")
    assert {t.judge for t in score(tmp_path / "r").transfers} == {"lexical"}


def test_notes_are_about_what_the_table_holds(make_pairs: MakePairs, tmp_path: Path) -> None:
    path = written(tmp_path, rubric)
    report = judged(tmp_path / "r", make_pairs(N), arms=("none", "transferred"), rubrics={"w": path})
    text = markdown(tables([report]))
    for absent in ("minus shuffled", "writer alone", "content gain:", "headline:", "position leak"):
        assert absent not in text
    assert text.count("gain, leak-free: over none") == 1


def test_check_says_what_spoils_the_numbers_of_a_whole_folder(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Coverage and warnings, as every table has them: they do not make the folder less whole."""
    path = written(tmp_path, lambda n: rubric(n) if n < 3 else None)
    judged(
        tmp_path / "r",
        make_pairs(N),
        lambda case: "no verdict" if case.item.row == 0 else right(case),
        ("none", "transferred"),
        rubrics={"w": path},
    )
    lines, whole = check(tmp_path / "r")
    text = "\n".join(lines)
    assert whole and "pairs, qwen: answers without a verdict that can be read: none 2.5 % (2/80)" in text
    assert "pairs, qwen: items with a rubric" in text and "transferred by w 7.5 % (3/40)" in text


def test_csv_says_what_spoils_its_numbers_and_what_follows(make_pairs: MakePairs, tmp_path: Path) -> None:
    path = written(tmp_path, rubric)
    report = judged(
        tmp_path / "r", make_pairs(N), arms=("none", "transferred"), rubrics={"w": path}, benchmark={"limit": 6}
    )
    lines = list(csv.DictReader(io.StringIO(as_csv([report]))))
    assert (lines[0]["metric"], lines[0]["caveat"]) == ("caveat", "limit")
    assert lines[0]["text"] == warnings(report, "pairs")[0]
    (line,) = (x for x in lines if x["metric"] == "conclusion")
    assert (line["verdict"], line["text"]) == ("cannot say", sentence(report.conclusions[0]))
