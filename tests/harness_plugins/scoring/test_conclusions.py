"""The one rule that decides the words: every branch of it, on runs whose judges are right where the test says."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluators.errors import BackendError, UserError
from evaluators.prompts.template import Case
from evaluators.records import Answer
from evaluators.testing.mock import Reply
from harness_plugins import score
from harness_plugins.config.run import load_config
from harness_plugins.experiment.dry_run import dry_run
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.report.body import body_of
from harness_plugins.scoring.cells import Contrast
from harness_plugins.scoring.conclusions import Conclusion, Lead, conclude, decide
from harness_plugins.scoring.score import conclusions_of
from harness_plugins.scoring.sentences import sentence
from harness_plugins.tables.package_tables import NONE
from harness_plugins.tables.run import tables
from harness_plugins.tables.run_tables.conclusions import tables as conclusion_tables
from performance.false_words import FALSE, simulate
from tests.harness_plugins.scripted_judges import (
    BY_CONTENT,
    FEW,
    ITEMS,
    MORE,
    OTHERS,
    Right,
    arm_of,
    judge,
    judged,
    only,
    written,
)


@pytest.mark.parametrize(
    ("right", "words"),
    [
        (BY_CONTENT, "Helps by its content: the rubrics of w on pairs, for a and b; positive in 2 of 2: +30.0 points ["),
        (BY_CONTENT | {"shuffled": OTHERS}, "Helps; not shown to be more than shuffled: "),
        (BY_CONTENT | {"generic": OTHERS}, "Helps; not shown to be more than generic: "),
        (BY_CONTENT | {"shuffled": MORE}, "Helps; not shown to be more than shuffled: "),
        (BY_CONTENT | {"shuffled": MORE | {8, 9}}, "Helps; no more than shuffled: "),
        (BY_CONTENT | {"transferred": {0}}, "Worse: the rubrics of w on pairs, for a and b; positive in 0 of 2: -40.0 points ["),
        (BY_CONTENT | {"transferred": {0}, "shuffled": {0}}, "Worse: "),
        (BY_CONTENT | {"transferred": {0, 1, 2, 3, 5}}, "Not shown: the rubrics of w on pairs, for a and b; positive in 0 of 2: +0.0 "),
        (dict.fromkeys(BY_CONTENT, FEW), "Cannot say: the rubrics of w on pairs, for a and b: no answer: not one item came out "),
    ],
)  # fmt: skip
def test_the_verdict_is_what_all_differences_say_together(tmp_path: Path, right: Right, words: str) -> None:
    found = only(judged(tmp_path, {"a": judge(right), "b": judge(right)}))
    assert sentence(found).startswith(words)


def test_a_sentence_gives_every_number_that_the_verdict_rests_on(tmp_path: Path) -> None:
    found = only(judged(tmp_path, {"a": judge(BY_CONTENT), "b": judge(BY_CONTENT | {"transferred": FEW | {5}})}))
    assert (found.gain and found.gain.value, found.positive, found.family) == (0.2, 2, 1)
    gain = r"\+20\.0 points \[\d+\.\d, \d+\.\d\]"
    assert re.fullmatch(
        rf"Helps by its content: the rubrics of w on pairs, for a and b; positive in 2 of 2: {gain} over no rubric, {gain} over "
        rf"generic and {gain} over shuffled \(p < \.001, the largest\); 40 items\.",
        sentence(found),
    )
    not_shown = only(judged(tmp_path / "n", {"a": judge(BY_CONTENT | {"transferred": {0, 1, 2, 3, 5}})}))
    assert re.search(r"\(p = 1\.000\); 40 items; so many items can show about \d+\.\d points\.$", sentence(not_shown))


@pytest.mark.parametrize(
    ("more", "arms", "why"),
    [
        ("", "none, generic, transferred", "shuffled was not run"),
        ("", "none, shuffled, transferred", "generic was not run"),
        ("", "none, transferred", "generic was not run; shuffled was not run"),
        ("controls: [generic]\n", "none, generic, transferred", "shuffled is not among the config's `controls`"),
        ("controls: []\n", "none, generic, transferred, shuffled", "generic is not among the config's `controls`; shuffled is"),
    ],
)  # fmt: skip
def test_nobody_gains_by_leaving_a_control_out(tmp_path: Path, more: str, arms: str, why: str) -> None:
    """Out of the run or out of the declaration: what was not tested gets no word."""
    found = only(judged(tmp_path, {"a": judge(BY_CONTENT)}, more, arms))
    assert found.verdict == "helps; cause not tested" and why in sentence(found)


def test_one_rubric_for_all_items_needs_no_exchange(tmp_path: Path) -> None:
    shared = {"w": [{"item": None, "text": "Rubric of w for all"}]}
    right = {"none": FEW, "generic": FEW}

    def reply(case: Case) -> Reply:
        told = case.rubric is not None and "for all" in case.rubric.text
        return judge({"none": MORE, "generic": MORE} if told else right)(case)

    found = only(judged(tmp_path, {"a": reply}, "", "none, generic, transferred", shared))
    assert [x.control for x in found.leads] == ["generic"]
    assert sentence(found).startswith("Helps by its content: this rubric (w) on pairs, for a; positive in 1 of 1: ")


def test_a_control_of_the_same_text_is_void_and_one_for_few_items_no_test(tmp_path: Path) -> None:
    alike = {"w": [{"id": f"pair-{n}", "text": f"Rubric of w for {n % 3}"} for n in range(ITEMS)]}
    same = only(judged(tmp_path / "a", {"a": judge(BY_CONTENT)}, "", rubrics=alike))
    (void,) = (x for x in same.leads if x.control == "shuffled")
    assert void.state == "tested" or void.items < void.of, (
        "where some donors' texts are the item's own, these items are out"
    )
    one = {"w": [{"id": f"pair-{n}", "text": "Rubric of w for everything"} for n in range(ITEMS)]}
    right = dict.fromkeys(("none", "generic"), FEW)

    def reply(case: Case) -> Reply:
        told = case.rubric is not None and "everything" in case.rubric.text
        return judge(dict.fromkeys(right, MORE) if told else right)(case)

    found = only(judged(tmp_path / "b", {"a": reply}, "", rubrics=one))
    assert [(x.control, x.state) for x in found.untested] == [("shuffled", "void")]
    assert found.verdict == "helps; cause not tested" and "shuffled is void: on most items" in sentence(found)


def test_a_control_for_under_half_of_the_items_is_no_test_and_takes_no_items_away(tmp_path: Path) -> None:
    report = judged(tmp_path, {"a": judge(BY_CONTENT)})
    path = tmp_path / "out" / "manifest.json"
    manifest = json.loads(path.read_text())
    donors = manifest["donors"]["pairs"]["w"][0]
    for kept, state, n in ((15, "few items", ITEMS), (30, "tested", 30)):
        manifest["donors"]["pairs"]["w"] = [dict(list(donors.items())[:kept])]
        path.write_text(json.dumps(manifest))
        found = only(score(report.folder))
        assert [x.state for x in found.leads] == ["tested", state]
        assert found.gain is not None and found.gain.n == n
        assert found.verdict == ("helps by its content" if state == "tested" else "helps; cause not tested")
    assert "30 of 40 items." in sentence(found)


def unread(arm: str, numbers: set[int], right: Right = BY_CONTENT) -> Callable[[Case], Reply]:
    def reply(case: Case) -> Reply:
        number = int(case.item.prompt.split()[-1])
        return "neither" if arm_of(case, number) == arm and number in numbers else judge(right)(case)

    return reply


@pytest.mark.parametrize("arm", ["none", "transferred", "shuffled", "generic"])
def test_where_unread_answers_differ_nothing_is_said(tmp_path: Path, arm: str) -> None:
    """One of 40 items in both orders is 2.5 points."""
    found = only(judged(tmp_path, {"a": unread(arm, {3})}))
    assert sentence(found).startswith("Cannot say: ") and "answers without a readable verdict differ: " in sentence(
        found
    )


def answered(case: Case, model: str = "m", **how: Any) -> Answer:
    """The reply of a judge that BY_CONTENT describes, as a server's answer."""
    text = f"<answer>{judge(BY_CONTENT)(case)}</answer>"
    how = {"text": text, "model": model, "backend": "mock", "backend_version": "1"} | how
    return Answer(answer_format="tag", **how)


REFUSED, CUT = {"text": "", "finish_reason": "content_filter"}, {"text": "cut", "finish_reason": "length"}


@pytest.mark.parametrize(
    ("none", "transferred", "kinds"),
    [
        (REFUSED, {}, {"refused"}),
        ({}, REFUSED, {"refused"}),
        (CUT, {"text": "neither"}, {"truncated", "unparsed"}),
        ({"model": "other"}, {}, {"provenance"}),
    ],
    ids=["refused", "refused with the rubric", "cut there, unread here", "another model"],
)
def test_what_makes_a_judges_difference_no_finding_leaves_no_word(
    tmp_path: Path, none: dict[str, str], transferred: dict[str, str], kinds: set[str]
) -> None:
    """One rule for both: the table says *no finding* of exactly what the sentence does not conclude from."""

    def reply(case: Case) -> Reply:
        number = int(case.item.prompt.split()[-1])
        how = {"none": none, "transferred": transferred}.get(arm_of(case, number), {})
        return answered(case, **(how if number < 4 or "model" in how else {}))

    report = judged(tmp_path, {"a": reply})
    found = only(report)
    assert found.verdict == "cannot say"
    assert kinds <= {p.kind for p in found.problems if p.arm == "none"}
    gain = next(c for c in report.cells if c.arm == "transferred").contrasts["none"]
    assert {u.kind for u in gain.unequal} == {p.kind for p in found.problems if p.arm == "none"}


def test_as_many_unread_answers_on_both_sides_spoil_nothing(tmp_path: Path) -> None:
    def reply(case: Case) -> Reply:
        return "neither" if case.item.prompt.endswith("13") else judge(BY_CONTENT)(case)

    assert only(judged(tmp_path, {"a": reply})).verdict == "helps by its content"


def test_a_missing_answer_leaves_no_word(tmp_path: Path) -> None:
    def reply(case: Case) -> Reply:
        number = int(case.item.prompt.split()[-1])
        failed = number == 7 and case.order == "AB" and arm_of(case, number) == "shuffled"
        return BackendError("rejected", "no") if failed else judge(BY_CONTENT)(case)

    found = only(judged(tmp_path, {"a": judge(BY_CONTENT), "b": reply}))
    assert (
        sentence(found)
        == "Cannot say: the rubrics of w on pairs, for a and b: incomplete: b, shuffled: 79 of 80 answered."
    )


def test_a_missing_answer_leaves_bounds_and_no_score(tmp_path: Path) -> None:
    """In the table of conclusions as judge by judge, and in JSON: 79 of 80 answers are no gain of +28.2."""

    def reply(case: Case) -> Reply:
        number = int(case.item.prompt.split()[-1])
        failed = number == 7 and case.order == "AB" and arm_of(case, number) == "transferred"
        return BackendError("rejected", "no") if failed else judge(BY_CONTENT)(case)

    report = judged(tmp_path, {"a": reply, "b": judge(BY_CONTENT)})
    found = only(report)
    assert found.gain is not None and found.gain.bounds == (pytest.approx(0.3 - 0.5 / 40 / 2), pytest.approx(0.3))
    assert sentence(found).endswith("79 of 80 answered; over no rubric it is between +29.4 and +30.0 points.")
    (table,) = conclusion_tables(report)
    (row,) = table.texts
    assert row[3:6] == ["incomplete: between +29.4 and +30.0"] * 3
    for metric in ("mean_gain_over_none", "mean_lead_over_shuffled", "gain_over_none"):
        (line,) = (
            o for o in report.objects() if (o["metric"], o["arm"]) == (metric, "transferred") and o["judge"] != "b"
        )
        assert (line["value"], line["p"], line["complete"]) == (None, None, False) and line["bounds"][
            1
        ] == pytest.approx(0.3)


def test_a_folder_that_lost_items_says_nothing_of_rubrics(tmp_path: Path) -> None:
    """Its cells are incomplete, and what is left of them was chosen by whoever lost the rest."""
    folder = judged(tmp_path, {"a": judge(BY_CONTENT)}).folder
    path = folder / "items.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:30]))
    report = score(folder)
    found = only(report)
    assert "incomplete: a, transferred: 60 of 80 answered" in sentence(found)
    gain = next(c for c in report.cells if c.arm == "transferred").contrasts["none"]
    assert found.gain is not None and found.gain.bounds == gain.bounds
    assert gain.bounds == (pytest.approx((9 - 10) / 40), pytest.approx((9 + 10) / 40))


def test_a_judge_that_was_named_and_not_asked_is_missed(tmp_path: Path) -> None:
    replies = {"a": judge(BY_CONTENT), "b": judge(BY_CONTENT | {"transferred": {0}})}
    found = only(judged(tmp_path, replies, only={"judge": ["a"]}))
    assert "transferred was not judged by b" in sentence(found), "else one could stop after the judge that gains"
    assert sentence(only(judged(tmp_path, replies))).startswith(
        "Not shown: the rubrics of w on pairs, for a and b; positive in 1 of 2"
    )


def test_rubrics_for_a_part_of_the_items_are_no_answer(tmp_path: Path) -> None:
    found = only(judged(tmp_path, {"a": judge(BY_CONTENT)}, rubrics={"w": written("w", range(30))}))
    assert sentence(found) == "Cannot say: the rubrics of w on pairs, for a: a rubric for 30 of 40 items."


def test_a_judge_that_differs_from_itself_makes_nothing_sayable(tmp_path: Path) -> None:
    def moody(again: set[int]) -> Callable[[Case], Reply]:
        seen: set[tuple[str, str]] = set()

        def reply(case: Case) -> Reply:
            place = (case.item.uid, case.order)
            second = case.rubric is None and place in seen
            seen.add(place) if case.rubric is None else None
            return judge(BY_CONTENT | {"none": again} if second else BY_CONTENT)(case)

        return reply

    arms = "none, generic, transferred, shuffled, repeat"
    found = only(judged(tmp_path / "a", {"a": moody(MORE)}, arms=arms))
    assert "none asked again differs from itself: +30.0 points, p < .001" in sentence(found)
    found = only(judged(tmp_path / "b", {"a": moody(FEW | {9})}, arms=arms))
    assert found.repeat is not None and found.repeat.p > 0.01
    assert found.verdict == "helps by its content", "repeat decides nothing"


@pytest.mark.parametrize(
    ("advice", "words"),
    [
        (MORE | {8, 9}, "Less than the writer's bare verdict, by 20.0 points ["),
        (FEW, "More than the writer's bare verdict, by 30.0 points ["),
        (OTHERS, "Not shown to differ from the writer's bare verdict: +0.0 points ["),
    ],
)
def test_advice_is_no_rubric_and_has_a_sentence_of_its_own(tmp_path: Path, advice: set[int], words: str) -> None:
    rubrics = {
        "w": [
            {**r, "saw": saw, "verdict": 1, "replicate": 0} for r in written("w") for saw in ("AB", "BA")
        ]
    }  # fmt: skip
    arms = "none, generic, transferred, shuffled, advice"
    found = only(judged(tmp_path, {"a": judge(BY_CONTENT | {"advice": advice})}, arms=arms, rubrics=rubrics))
    assert found.verdict == "helps by its content" and f". {words}" in sentence(found)
    with pytest.raises(UserError, match=r"controls.*'advice' is not a control; the controls are: generic, shuffled"):
        judged(tmp_path, {"a": judge(BY_CONTENT)}, "controls: [advice]\n")


def test_no_word_on_advice_whose_answers_cannot_be_read(tmp_path: Path) -> None:
    rubrics = {"w": [{**r, "saw": saw, "verdict": 1, "replicate": 0} for r in written("w") for saw in ("AB", "BA")]}
    arms = "none, generic, transferred, shuffled, advice"
    right = BY_CONTENT | {"advice": FEW}
    found = only(judged(tmp_path, {"a": unread("advice", {3}, right)}, arms=arms, rubrics=rubrics))
    assert sentence(found).endswith(
        " Nothing is said of the writer's bare verdict: unparsed 0.0 % here, 2.5 % in advice."
    )


def test_a_benchmark_without_the_protocol_is_not_said_to_be_unjudged(tmp_path: Path) -> None:
    report = judged(tmp_path, {"a": judge(BY_CONTENT)})
    (found,) = conclusions_of(report.data, "official")
    assert sentence(found) == "Cannot say: the rubrics of w on pairs: the protocol does not score this benchmark."


def test_who_is_no_kin_must_be_known(tmp_path: Path) -> None:
    folder = judged(tmp_path, {"a": judge(BY_CONTENT)}).folder
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["judges"]["a"]["family"] = None
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "no judge is known to be unseen by the writer" in sentence(only(score(folder)))


def test_the_config_fixes_the_family_whatever_was_run_or_is_shown(tmp_path: Path) -> None:
    rubrics = {w: written(w) for w in ("w", "v", "u")}
    report = judged(tmp_path, {"a": judge(BY_CONTENT)}, rubrics=rubrics, only={"writer": ["w"]})
    found = {c.writer: c for c in report.conclusions}
    assert list(found) == ["w", "v", "u"] and {c.family for c in found.values()} == {3}
    assert found["w"].p_holm == pytest.approx(min(1.0, 3 * found["w"].p)) and "Holm over 3" in sentence(found["w"])
    assert sentence(found["v"]) == (
        "Cannot say: the rubrics of v on pairs: the arm transferred was not judged by a; no judge is known to be unseen by the writer: "
        "give both a `family` (`family: person` where a person wrote the rubrics)."
    )
    again = judged(tmp_path, {"a": judge(BY_CONTENT)}, rubrics={"w": written("w")})
    assert len(again.conclusions) == 3, "a config with fewer writers makes the family of its folder no smaller"


def test_a_margin_is_declared_before_the_answers(tmp_path: Path) -> None:
    right = BY_CONTENT | {"shuffled": OTHERS}
    wide = only(judged(tmp_path / "a", {"a": judge(right)}, "equivalence_margin: 30\n"))
    assert wide.verdict == "helps; no more than a control" and wide.control == "shuffled"
    judged(tmp_path / "b", {"a": judge(right)})
    later = only(judged(tmp_path / "b", {"a": judge(right)}, "equivalence_margin: 30\n"))
    assert later.verdict == "helps; not shown to be more than a control"
    assert RunFolder(tmp_path / "b" / "out").manifest()["declared"]["equivalence_margin"] == 2.0


def test_judges_at_large_from_five_families_on(tmp_path: Path) -> None:
    replies = {n: judge(BY_CONTENT | {"transferred": FEW | {5, 6, 7 + (n in "ace")}}) for n in "abcde"}
    found = only(judged(tmp_path / "five", replies))
    by_judge = np.array([0.3] * 5)
    assert found.families == 5 and found.over_judges["none"] == pytest.approx((by_judge.mean(),) * 2, abs=1e-6)
    assert found.at_large and "so it is for judges at large: [30.0, 30.0] over 5 families" in sentence(found)
    four = only(judged(tmp_path / "four", {n: replies[n] for n in "abcd"}))
    assert not four.over_judges and "at large" not in sentence(four)
    mixed = replies | {"d": judge(BY_CONTENT | {"transferred": {0}}), "e": judge(BY_CONTENT | {"transferred": FEW})}
    spread = only(judged(tmp_path / "mixed", mixed))
    assert spread.over_judges["none"][0] < 0 and not spread.at_large and "at large" not in sentence(spread)


def test_the_same_words_everywhere(tmp_path: Path) -> None:
    report = judged(tmp_path, {"a": judge(BY_CONTENT | {"shuffled": OTHERS})})
    said = sentence(only(report))
    table = next(t for t in tables([report]) if "whether the rubrics help" in t.title)
    assert table.notes[0] == said and table.texts[0][-1] == "helps; not shown to be more than a control"
    assert said in body_of(report.data, report, {}, NONE).folds[0].paragraphs
    (line,) = (o for o in report.objects() if o["metric"] == "conclusion")
    assert (line["verdict"], line["control"], line["sentence"]) == (only(report).verdict, "shuffled", said)
    leads = {o["metric"]: o["value"] for o in report.objects() if o["metric"].startswith("mean_")}
    assert leads == {
        "mean_gain_over_none": 0.3,
        "mean_lead_over_generic": 0.3,
        "mean_lead_over_shuffled": 0.0,
        "mean_generic_minus_none": 0.0,
        "mean_shuffled_minus_none": 0.3,
    }
    assert not any("**" in x for t in tables([report]) for row in t.texts for x in row)


def test_a_folder_that_declares_nothing_is_read_as_its_cells_say(tmp_path: Path) -> None:
    report = judged(tmp_path, {"a": judge(BY_CONTENT)})
    path = tmp_path / "out" / "manifest.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "declared"}))
    assert sentence(only(score(report.folder))) == sentence(only(report))


def contrast(value: float, p: float, high: float = 0.5) -> Contrast:
    return Contrast("x", 100, 100 * value, value, value - 0.1, high, p, 0.1)


def concluded(writer: str, gain: Contrast, *leads: Contrast) -> Conclusion:
    names = ("generic", "shuffled")
    tested = tuple(Lead(n, "tested", 100, 100, x) for n, x in zip(names, leads, strict=False))
    return Conclusion("b", writer, judges=("j",), gain=gain, leads=tested, of_items=100)


def test_the_largest_p_decides_and_holm_runs_over_all() -> None:
    strong = concluded("s", contrast(0.3, 0.001), contrast(0.2, 0.01), contrast(0.2, 0.02))
    decide([strong])
    assert strong.p == strong.p_holm == 0.02 and strong.verdict == "helps by its content"
    weak = concluded("w", contrast(0.1, 0.4), contrast(0.1, 0.4), contrast(0.1, 0.5))
    nothing = conclude(declared_of(("b", "n")), {})[0]
    decide([strong, weak, nothing])
    assert (
        strong.p_holm == pytest.approx(0.06) and strong.gain is not None and strong.gain.p_holm == pytest.approx(0.003)
    )
    assert strong.verdict == "helps; not shown to be more than a control" and strong.control == "shuffled"
    assert weak.verdict == "not shown" and nothing.verdict == "cannot say" and nothing.p == 1.0


def declared_of(*members: tuple[str, str]) -> Any:
    from harness_plugins.scoring.conclusions import Declared

    return Declared(dict.fromkeys(members, ()))


def test_low_mass_must_not_change_the_words() -> None:
    one = concluded("w", contrast(0.3, 0.001), contrast(0.2, 0.01), contrast(0.2, 0.02))
    one.by_ratio = concluded("w", contrast(0.3, 0.001), contrast(0.2, 0.01), contrast(0.01, 0.8))
    (found,) = conclude(declared_of(("b", "w")), {("b", "w"): one})
    assert found.verdict == "cannot say" and "with how answers of low mass are read" in sentence(found)
    one.problems, one.by_ratio = (), concluded("w", contrast(0.2, 0.001), contrast(0.2, 0.01), contrast(0.1, 0.03))
    assert conclude(declared_of(("b", "w")), {("b", "w"): one})[0].verdict == "helps by its content"


def test_a_dry_run_says_what_could_be_shown_and_what_would_not_be_tested(tmp_path: Path) -> None:
    report = judged(tmp_path / "a", {"a": judge(BY_CONTENT | {"shuffled": OTHERS}), "b": judge(BY_CONTENT)})
    path = tmp_path / "a" / "config.yaml"
    planned = dry_run(load_config(path), path, out=tmp_path / "new")
    assert re.search(
        r"Can show, pairs: a gain, or a lead over a control, of about 16\.6 points .*40 clusters, 2 unseen judges",
        planned,
    )
    assert "Not tested" not in planned
    (found,) = report.conclusions
    sizes = [x.detectable for x in (found.gain, *found.tested.values()) if x is not None]
    told = "a gain of {:.1f}, a lead over generic of {:.1f}, a lead over shuffled of {:.1f}".format(
        *(100 * x for x in sizes)
    )
    assert f"Can show, pairs, w, as answered so far: {told} points" in dry_run(load_config(path), path)
    path.write_text(path.read_text().replace("generic, transferred, shuffled", "transferred"))
    assert "Not tested, pairs, w: generic and shuffled must be among `arms` and `controls`" in dry_run(
        load_config(path), path
    )


@pytest.mark.parametrize("truth", FALSE)
def test_false_words_are_rare(truth: str) -> None:
    """The same at full length is `python -m benchmarks.false_words`, with its figures in docs/statistics.md."""
    found = simulate(46, truth, 300)
    assert found[""]["helps by its content"] <= 17, "3 % of 300 are 9; more than 17 of them come once in 100"
    assert not any(n["helps by its content"] for left_out, n in found.items() if left_out)


@pytest.mark.long
def test_what_is_true_is_said_and_what_is_not_is_not() -> None:
    for clusters, truth in itertools.product((46, 150, 600), FALSE):
        assert simulate(clusters, truth, 2000)[""]["helps by its content"] <= 0.03 * 2000, (clusters, truth)
    assert simulate(600, "10 beyond", 300)[""]["helps by its content"] > 0.95 * 300
