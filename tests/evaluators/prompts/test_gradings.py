"""Pairwise, listwise and pointwise judging, holistic and by criterion, by text and by token: what is asked, read and scored."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.errors import UserError
from evaluators.messages import ChatRequest, text_of
from evaluators.prompts.grading import Grading, Question
from evaluators.prompts.template import Case
from evaluators.records import Answer, Criterion
from evaluators.replies.parsing import Parsed, parse
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge, Reply, mock_chat_judge
from harness_plugins import run, score
from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.report import Report
from harness_plugins.tables.run import tables
from tests.conftest import MakePairs, read_jsonl, write_jsonl

CRITERIA = (Criterion("clear", weight=3), Criterion("short", weight=1), Criterion("kind", weight=1))


def question_of(kind: str = "pairwise", shown: int = 2, criteria: tuple[Criterion, ...] = (), **more: Any) -> Question:
    return Question(Grading(kind, "criteria" if criteria else "holistic", **more), shown, criteria)  # type: ignore[arg-type]


def read(text: str, question: Question) -> Parsed:
    return parse(Answer(text, question.answer_format, finish_reason="stop"), question)


def tokens(question: Question, **mass: float) -> Parsed:
    tops = tuple((k[1:], math.log(p)) for k, p in mass.items())
    return parse(Answer("", "token", finish_reason="length", top_logprobs=tops), question)


# What is read


@given(st.permutations([1, 2, 3, 4]))
def test_a_ranking_is_a_strict_permutation(order: list[int]) -> None:
    found = read(f"so <ranking>{' > '.join(map(str, order))}</ranking>", question_of("listwise", 4))
    assert found.status == "ok" and found.choice == order[0]
    assert found.ranks is not None and [found.ranks[n - 1] for n in order] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "inside", ["1 > 2", "1 > 2 > 2", "1 > 2 > 4", "1 > 2 = 3", "1, 2, 3", "", "A > B > C", "3 > 2 > 1 > 1"]
)
def test_no_other_ranking_counts(inside: str) -> None:
    assert read(f"<ranking>{inside}</ranking>", question_of("listwise", 3)).status == "unparsed"


@given(st.integers(-5, 20), st.integers(0, 3), st.integers(1, 9))
def test_a_score_is_an_integer_in_range(score: int, low: int, width: int) -> None:
    found = read(f"<score>{score}</score>", question_of("pointwise", 1, scale=(low, low + width)))
    inside = low <= score <= low + width
    assert (found.status, found.score) == (("ok", float(score)) if inside else ("unparsed", None))


@pytest.mark.parametrize(
    "text", ["<score>4.5</score>", "<score>4/5</score>", "4", "<score></score>", "<think><score>4</score>"]
)
def test_no_other_score_counts(text: str) -> None:
    assert read(text, question_of("pointwise", 1)).status == "unparsed"


def test_verdicts_on_criteria_are_weighed() -> None:
    """Weights 3, 1, 1: the first outweighs the others; what cannot be assessed weighs nothing."""
    question = question_of(criteria=CRITERIA)
    assert read("<verdicts>\n1: 1\n2: 2\n3: 2\n</verdicts>", question).choice == 1
    assert read("<verdicts>\n1: n/a\n2: 2\n3: tie\n</verdicts>", question).choice == 2
    nothing = read("<verdicts>\n1: n/a\n2: n/a\n3: n/a\n</verdicts>", question)
    assert nothing.status == "tie" and [v.choice for v in nothing.criteria] == [None] * 3
    assert (
        read("<verdicts>\n1: 1\n2: 2\n3: tie\n</verdicts> no: <verdicts>\n1:2\n2:1\n3:1\n</verdicts>", question).choice
        == 2
    )


@pytest.mark.parametrize(
    "lines",
    ["1: 1\n2: 2", "1: 1\n2: 2\n2: 1", "1: 1\n2: 3\n3: 1", "1: 1\n2: 2\n3: 1\n4: 1", "all: 1", "1: 1 2: 2 3: 1"],
)
def test_every_criterion_once(lines: str) -> None:
    assert read(f"<verdicts>\n{lines}\n</verdicts>", question_of(criteria=CRITERIA)).status == "unparsed"


def test_scores_on_criteria_are_averaged_by_weight() -> None:
    question = question_of("pointwise", 1, CRITERIA)
    assert read("<scores>\n1: 9\n2: 1\n3: 4\n</scores>", question).score == pytest.approx((27 + 1 + 4) / 5)
    assert read("<scores>\n1: n/a\n2: 1\n3: 4\n</scores>", question).score == 2.5
    assert read("<scores>\n1: 10\n2: 1\n3: 4\n</scores>", question).status == "unparsed"
    assert read("<scores>\n1: tie\n2: 1\n3: 4\n</scores>", question).status == "unparsed"


@given(st.text())
def test_any_text_parses_to_something(text: str) -> None:
    for question in (
        question_of("listwise", 3),
        question_of("pointwise", 1),
        question_of(criteria=CRITERIA),
        question_of("pointwise", 1, CRITERIA),
    ):
        assert read(text, question).status in ("ok", "unparsed", "tie")


def test_expected_score_over_the_scale() -> None:
    found = tokens(question_of("pointwise", 1), _3=0.25, _5=0.5, _x=0.25)
    assert found.score == pytest.approx((3 * 0.25 + 5 * 0.5) / 0.75)
    assert found.p is not None and found.p.mass == pytest.approx(0.75)
    assert tokens(question_of("pointwise", 1), _3=0.25, _5=0.5, _x=0.2).status == "unparsed", (
        "a 9 may have as much as 0.05"
    )
    assert tokens(question_of("pointwise", 1), _x=0.9).status == "unparsed"
    assert tokens(question_of("pointwise", 1, scale=(1, 5)), _8=0.9).status == "unparsed", "8 is no score of this scale"


def test_a_token_ranks_all_or_none() -> None:
    assert tokens(question_of("listwise", 3), _2=0.5, _1=0.1, _3=0.2).ranks == (2, 0, 1)
    first = tokens(question_of("listwise", 3), _2=0.5, _1=0.1)
    assert (first.choice, first.ranks) == (2, None), "3 has at most 0.1: the best is known, and no ranking"
    assert tokens(question_of("listwise", 3), _2=0.3, _1=0.3).status == "unparsed", "3 may have as much"


def test_ties_only_where_they_are_allowed() -> None:
    """A 3 is a tie to a judge that may say so, and nothing to one that may not."""
    assert tokens(question_of(ties="allowed"), _1=0.2, _2=0.1, _3=0.6).status == "tie"
    assert tokens(question_of(), _1=0.2, _2=0.1, _3=0.6).choice == 1
    assert tokens(question_of(ties="good_bad"), _1=0.2, _2=0.1, _4=0.6).both_bad
    assert read("<answer>both bad</answer>", question_of(ties="good_bad")).both_bad
    assert not read("<answer>both good</answer>", question_of(ties="good_bad")).both_bad


def test_each_criterion_by_a_token_of_its_own() -> None:
    def top(**mass: float) -> tuple[tuple[str, float], ...]:
        return tuple((k[1:], math.log(p)) for k, p in mass.items())

    each = (top(_1=0.1, _2=0.3), top(_1=0.4, _2=0.2, _3=0.1), top(_0=0.9, _1=0.01, _2=0.01))
    found = parse(Answer("", "tokens", each=each), question_of(criteria=CRITERIA))
    assert [v.p for v in found.criteria] == [0.25, pytest.approx(2 / 3), None]
    assert found.choice == 2, "3 x -0.5 + 1 x 0.33 + nothing"
    assert parse(Answer("", "tokens", each=each[:2]), question_of(criteria=CRITERIA)).status == "unparsed"


# What is asked and what comes of it

JUDGE = {"backend": "openai", "model": "m", "base_url": "http://unused.invalid/v1"}


def goodness(text: str) -> int:
    """What the scripted judges see: `good` answers are good."""
    return 8 if text.startswith("good") else 3


def ranks_by_sight(case: Case) -> str:
    shown = [goodness(c.text) for c in case.shown()]
    order = sorted(range(len(shown)), key=lambda n: -shown[n])
    return f"<ranking>{' > '.join(str(n + 1) for n in order)}</ranking>"


def scores_by_sight(case: Case) -> str:
    (only,) = case.shown()
    return f"<score>{goodness(only.text)}</score>"


def judged(
    folder: Path, rows: Path, replies: dict[str, tuple[dict[str, Any], Callable[[Case], Reply]]], extra: str = ""
) -> Report:
    specs = {n: JudgeSpec.model_validate({**JUDGE, "name": n, **more}) for n, (more, _) in replies.items()}
    listed = ", ".join(
        str({k: v for k, v in s.model_dump(mode="json").items() if k in s.model_fields_set}).replace("None", "null")
        for s in specs.values()
    )
    config = folder / "config.yaml"
    config.write_text(
        f"benchmarks: [{{name: pairs, path: {rows.name}}}]\njudges: [{listed}]\nout: out\n{extra or 'arms: [none]'}\n"
    )
    return score(run(config, judges={n: MockJudge(specs[n], reply) for n, (_, reply) in replies.items()}).out)


def cell(report: Report, judge: str, arm: str = "none") -> CellReport:
    return next(c for c in report.cells if (c.judge, c.arm) == (judge, arm))


def test_three_gradings_of_pairs_agree_where_the_judge_does(make_pairs: MakePairs, tmp_path: Path) -> None:
    report = judged(
        tmp_path,
        make_pairs(6, images=False),
        {
            "rank": ({"grading": "listwise"}, ranks_by_sight),
            "points": ({"grading": "pointwise"}, scores_by_sight),
            "flat": ({"grading": "pointwise", "scale": [1, 5]}, lambda case: "<score>4</score>"),
            "primacy": ({"grading": "listwise"}, lambda case: "<ranking>1 > 2</ranking>"),
        },
    )
    assert cell(report, "rank").metrics["accuracy"].value == cell(report, "points").metrics["accuracy"].value == 1
    assert cell(report, "flat").metrics["accuracy"].value == 0 and cell(report, "flat").metrics["tie"].value == 1
    assert cell(report, "primacy").metrics["accuracy"].value == 0.5
    assert cell(report, "primacy").metrics["position_bias"].value == 1
    assert cell(report, "primacy").metrics["primacy_flips"].value == 1
    verdicts = [v for v in read_jsonl(tmp_path / "out" / "verdicts.jsonl") if v["judge"] == "points"]
    assert len(verdicts) == 24, "two candidates in two orders: alone, so"
    assert len({v["call"] for v in verdicts}) == 12, "each was asked about once"
    assert {v["score"] for v in verdicts} == {8.0, 3.0}
    assert cell(report, "points").grading == "pointwise 1-9" and cell(report, "rank").grading == "listwise"


@pytest.mark.parametrize("known", [{"judges": {}}, None])
def test_scores_are_no_picks_where_nobody_says_how_they_were_asked(
    known: dict[str, Any] | None, make_pairs: MakePairs, tmp_path: Path
) -> None:
    """Else every score would count as a pick of the first candidate, and the cell as complete."""
    judged(tmp_path, make_pairs(4, images=False), {"points": ({"grading": "pointwise"}, scores_by_sight)})
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | known)) if known else manifest.unlink()
    with pytest.raises(UserError, match="has pointwise verdicts of 'points' and no manifest"):
        score(tmp_path / "out")


def test_a_pointwise_judge_sees_one_candidate(make_pairs: MakePairs, tmp_path: Path) -> None:
    spec = JudgeSpec.model_validate({**JUDGE, "name": "p", "grading": "pointwise"})
    judge = mock_chat_judge(spec, lambda request: "<score>5</score>")
    config = tmp_path / "c.yaml"
    make_pairs(4, images=False)
    judges = "{name: p, backend: openai, model: m, base_url: 'http://unused.invalid/v1', grading: pointwise}"
    config.write_text(f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\njudges: [{judges}]\narms: [none]\nout: out\n")
    run(config, judges={"p": judge})
    sent = [text_of(r.messages) for r in judge.backend.requests]  # type: ignore[attr-defined]
    assert len(sent) == 8
    assert all(len(re.findall(r"(?:good|bad) answer number", text)) == 1 for text in sent)


def test_by_criterion_beside_holistic_is_a_table(
    make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path
) -> None:
    """One model, asked both ways: the table says which way is better, item by item."""
    criteria = [{"name": "true", "weight": 2}, {"name": "long", "weight": 1}]
    rubrics(8, text="1. true: is it right?\n2. long: is it long?", criteria=criteria)

    def by_criterion(case: Case) -> str:
        if case.rubric is None:
            return "1"
        good = 1 if case.shown()[0].text.startswith("good") else 2
        return f"<verdicts>\n1: {good}\n2: {3 - good}\n</verdicts>"

    report = judged(
        tmp_path,
        make_pairs(8, images=False),
        {"whole": ({}, lambda case: "1"), "parts": ({"decision": "criteria"}, by_criterion)},
        "arms: [none, transferred]\nrubrics: {w: writer.jsonl}",
    )
    assert cell(report, "parts", "transferred").metrics["accuracy"].value == 1
    table = next(t for t in tables([report]) if "several ways" in t.title)
    rows = [r for r in table.texts if r[2] == "transferred"]
    assert [r[3] for r in rows] == ["whole", "parts (pairwise by criterion)"]
    assert rows[1][6].replace("*", "").startswith("+50.0")
    one = next(
        v
        for v in read_jsonl(tmp_path / "out" / "verdicts.jsonl")
        if v["judge"] == "parts" and v["arm"] == "transferred"
    )
    assert [c["name"] for c in one["criteria"]] == ["true", "long"] and one["answer"]["answer_format"] == "verdicts"


def test_three_candidates_in_all_their_orders(tmp_path: Path) -> None:
    """A strict ranking of three, each first once; a judge that always ranks as shown is right a third of the time."""
    texts = ["good middle", "bad one", "worst of all"]
    rows = [
        {"id": str(n), "prompt": f"q{n}", "candidates": [texts[i] + f" {n}" for i in p], "label": list(p)}
        for n, p in enumerate(permutations(range(3)))
    ]
    worth = {"good": 3, "bad": 2, "worst": 1}

    def fair(case: Case) -> str:
        values = [worth[c.text.split()[0]] for c in case.shown()]
        order = sorted(range(3), key=lambda n: -values[n])
        return f"<ranking>{' > '.join(str(n + 1) for n in order)}</ranking>"

    def points(case: Case) -> str:
        return f"<score>{worth[case.shown()[0].text.split()[0]]}</score>"

    report = judged(
        tmp_path,
        write_jsonl(tmp_path / "rows.jsonl", rows),
        {
            "fair": ({"grading": "listwise"}, fair),
            "as_shown": ({"grading": "listwise"}, lambda case: "<ranking>1 > 2 > 3</ranking>"),
            "points": ({"grading": "pointwise"}, points),
        },
    )
    fair_cell, blind = cell(report, "fair").metrics, cell(report, "as_shown").metrics
    assert fair_cell["accuracy"].value == fair_cell["pair_accuracy"].value == fair_cell["kendall_tau"].value == 1
    assert cell(report, "points").metrics["kendall_tau"].value == 1
    assert blind["accuracy"].value == pytest.approx(1 / 3) and blind["first_position_rate"].value == 1
    assert blind["primacy_flips"].value == 1 and blind["position_bias"].value == 1
    assert abs(blind["kendall_tau"].value) < 0.34
    orders = {v["order"] for v in read_jsonl(tmp_path / "out" / "verdicts.jsonl") if v["judge"] == "fair"}
    assert orders == {"ABC", "BCA", "CAB"}


def test_who_compares_two_cannot_judge_three(tmp_path: Path) -> None:
    rows = [{"id": "1", "prompt": "q", "candidates": ["a", "b", "c"], "label": 0}]
    with pytest.raises(UserError, match="row 0 has 3 candidates and judge 'm' compares two: set `grading: listwise`"):
        judged(tmp_path, write_jsonl(tmp_path / "rows.jsonl", rows), {"m": ({}, lambda case: "1")})


@pytest.mark.parametrize(
    ("fields", "mend"),
    [
        ({"grading": "pointwise", "scale": [5, 1]}, "scale must be"),
        ({"scale": [1, 5]}, "scale belongs to `grading: pointwise`"),
        ({"grading": "pointwise", "verdict": "direct", "scale": [1, 10]}, "scores have one digit"),
        ({"grading": "listwise", "ties": "allowed"}, "a ranking is strict"),
        ({"grading": "listwise", "decision": "criteria"}, "use grading pairwise or pointwise"),
        ({"grading": "listwise", "verdict": "reasoned"}, "use text or direct"),
        ({"grading": "pointwise", "prompt": "p.jinja", "answer_format": "plain"}, "answer_format belongs to"),
    ],
)
def test_what_does_not_go_together_is_refused(fields: dict[str, Any], mend: str) -> None:
    with pytest.raises(ValueError, match=re.escape(mend)):
        JudgeSpec.model_validate({**JUDGE, "name": "m", **fields})


def test_the_plain_comparison_keeps_its_key() -> None:
    plain = JudgeSpec.model_validate({**JUDGE, "name": "m"})
    assert "grading" not in plain.key_fields()
    ways = [
        {"grading": "listwise"},
        {"grading": "pointwise"},
        {"ties": "allowed"},
        {"decision": "criteria"},
        {"ties": "good_bad"},
    ]
    ways += [{"grading": "pointwise", "scale": [1, 5]}, {"grading": "pointwise", "decision": "criteria"}]
    digests = {JudgeSpec.model_validate({**JUDGE, "name": "m", **w}).digest for w in ways} | {plain.digest}
    assert len(digests) == len(ways) + 1


def test_criteria_by_token_are_asked_one_by_one(
    make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path
) -> None:
    """Each call shows one criterion alone, after everything that the calls share."""
    rubrics(2, criteria=[{"name": "true"}, {"name": "brief"}])
    make_pairs(2, images=False)

    def reply(request: ChatRequest) -> Answer:
        first_good = text_of(request.messages).index("good answer") < text_of(request.messages).index("bad answer")
        first = 0.7 if first_good else 0.2
        return Answer(
            "", "token", top_logprobs=(("1", math.log(first)), ("2", math.log(0.9 - first))), usage={"prompt_tokens": 5}
        )

    fields = {**JUDGE, "name": "m", "decision": "criteria", "verdict": "direct"}
    judge = mock_chat_judge(JudgeSpec.model_validate(fields), reply)
    config = tmp_path / "c.yaml"
    config.write_text(
        f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\njudges: [{fields}]\narms: [transferred]\n"
        "rubrics: {w: writer.jsonl}\nout: out\n"
    )
    report = score(run(config, judges={"m": judge}).out)
    sent = [text_of(r.messages) for r in judge.backend.requests]  # type: ignore[attr-defined]
    assert len(sent) == 8 and all(("true" in t) != ("brief" in t) for t in sent)
    found = next(c for c in report.cells if c.judge == "m")
    assert found.metrics["accuracy"].value == 1 and found.tokens[0] == 10


# After hostile readings


def three(count: int = 6) -> list[dict[str, Any]]:
    """Rows with three candidates, the good one anywhere."""
    texts = ["good middle", "bad one", "worst of all"]
    orders = list(permutations(range(3)))
    return [
        {
            "id": str(n),
            "prompt": f"q{n}",
            "candidates": [f"{texts[i]} {n}" for i in orders[n % 6]],
            "label": list(orders[n % 6]),
        }
        for n in range(count)
    ]


def ranked(case: Case) -> str:
    worth = {"good": 3, "bad": 2, "worst": 1}
    values = [worth[c.text.split()[0]] for c in case.shown()]
    order = sorted(range(len(values)), key=lambda n: -values[n])
    return f"<ranking>{' > '.join(str(n + 1) for n in order)}</ranking>"


def test_a_panel_of_three_candidates_counts_the_third(tmp_path: Path) -> None:
    """Judges that are always right are right together, whichever candidate it is."""
    rows = write_jsonl(tmp_path / "rows.jsonl", three())
    report = judged(tmp_path, rows, {n: ({"grading": "listwise"}, ranked) for n in ("a", "b", "c")})
    (panel,) = report.panels
    assert panel.vote.value == 1 and panel.kappa["a", "b"] == (1.0, 18)


def test_probes_name_the_right_position_among_three(tmp_path: Path) -> None:
    """A judge that obeys its rubric is always right under leak, and never under anti."""

    def obeys(case: Case) -> str:
        named = int(re.findall(r"Response (\d)", case.rubric.text)[0]) if case.rubric else 1
        rest = [n for n in (1, 2, 3) if n != named]
        return f"<ranking>{named} > {rest[0]} > {rest[1]}</ranking>"

    rows = write_jsonl(tmp_path / "rows.jsonl", three())
    report = judged(tmp_path, rows, {"m": ({"grading": "listwise"}, obeys)}, "arms: [none, leak, anti]")
    assert cell(report, "m", "leak").metrics["accuracy"].value == 1
    assert cell(report, "m", "anti").metrics["accuracy"].value == 0


def test_a_judge_that_is_never_right_is_not_debiased(tmp_path: Path) -> None:
    def worst_or_bad(case: Case) -> str:
        order = ranked(case)[9:-10].split(" > ")
        first = order[1 + (case.order == "ABC")]
        return f"<ranking>{' > '.join([first, *(n for n in order if n != first)])}</ranking>"

    report = judged(
        tmp_path, write_jsonl(tmp_path / "rows.jsonl", three()), {"m": ({"grading": "listwise"}, worst_or_bad)}
    )
    metrics = cell(report, "m").metrics
    assert metrics["accuracy"].value == 0 and metrics["debiased_accuracy"].value <= 1 / 3


@pytest.mark.parametrize("weights", [(1e300, 1e300), (1e-10, 1e-10), (float("nan"), 1.0), (float("inf"), 1.0)])
def test_weights_of_any_size_decide_and_absurd_ones_are_refused(weights: tuple[float, float]) -> None:
    from evaluators.records import RecordError, decode

    try:
        kept = tuple(decode(Criterion, {"name": "c", "weight": w}) for w in weights)
    except RecordError:
        assert not all(abs(w) <= 1e6 for w in weights)
        return
    assert read("<verdicts>\n1: 1\n2: 1\n</verdicts>", question_of(criteria=kept)).choice == 1


def test_a_negative_weight_counts_against() -> None:
    question = question_of(criteria=(Criterion("good"), Criterion("gore", weight=-2)))
    assert read("<verdicts>\n1: 1\n2: 1\n</verdicts>", question).choice == 2
    points = question_of("pointwise", 1, (Criterion("good"), Criterion("gore", weight=-1)))
    high, low = (read(f"<scores>\n1: 9\n2: {n}\n</scores>", points).score for n in (1, 9))
    assert high is not None and low is not None and high > low


def test_letters_that_only_look_like_ours_are_no_verdict() -> None:
    for text in ("<answer>t\u0131e</answer>", "<\u017fcore>4</\u017fcore>", "<score>\u0664</score>"):
        assert read(text, question_of()).status == read(text, question_of("pointwise", 1)).status == "unparsed"


def test_criteria_are_read_off_a_text_that_lists_none(
    make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path
) -> None:
    rubrics(2, text="1. True (70%): is it right?\n2. Brief (30%): is it short?")
    make_pairs(2, images=False)
    spec = JudgeSpec.model_validate({**JUDGE, "name": "m", "decision": "criteria"})
    judge = mock_chat_judge(spec, lambda request: "<verdicts>\n1: 1\n2: 2\n</verdicts>")
    config = tmp_path / "c.yaml"
    config.write_text(
        "benchmarks: [{name: pairs, path: rows.jsonl}]\n"
        f"judges: [{ {**JUDGE, 'name': 'm', 'decision': 'criteria'} }]\n"
        "arms: [transferred]\nrubrics: {w: writer.jsonl}\nout: out\n"
    )
    run(config, judges={"m": judge})
    verdict = read_jsonl(tmp_path / "out" / "verdicts.jsonl")[0]
    assert [(c["name"], c["weight"], c["choice"]) for c in verdict["criteria"]] == [
        ("True", 70.0, 1),
        ("Brief", 30.0, 2),
    ]
    assert verdict["choice"] == 1


def test_a_word_that_is_no_grading_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """As harnesses take it from the environment."""
    from harness_plugins.hosts.rows import load_rows

    monkeypatch.setenv("RUBRIC_HARNESS_GRADING", "pointwise,1-5")
    rows = load_rows("demo", "judge")
    assert str(rows.grading) == "pointwise 1-5" and len(rows.rows) == 160 and rows.rows[0].candidate == 0
    for words, mend in (
        ("sideways", "unknown grading 'sideways'"),
        ("pointwise,ties", "ties are an option of"),
        ("5-1", "scale must be"),
    ):
        monkeypatch.setenv("RUBRIC_HARNESS_GRADING", words)
        with pytest.raises(UserError, match=mend):
            load_rows("demo", "judge")
