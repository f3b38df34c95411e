"""Metrics and statistics against figures worked out by hand or by brute force."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.errors import UserError
from evaluators.prompts.template import Case
from evaluators.records import Answer, Candidate, Item, Label
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge, Reply
from harness_plugins import run, score
from harness_plugins.cli import main
from harness_plugins.config.run import Config
from harness_plugins.scoring import protocols, statistics
from harness_plugins.scoring.caveats import warning
from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.report import Report
from tests.conftest import MakePairs, pair, write_jsonl

SPEC = JudgeSpec(name="mock", backend="openai", model="m", base_url="http://x/v1", family="judge-family")


def judged(
    folder: Path, rows: Path, reply: Callable[[Case], Reply], spec: JudgeSpec = SPEC, **config: object
) -> Report:
    """The report of a run in which a function is the judge."""
    cfg = Config(benchmarks=({"name": "pairs", "path": rows},), judges=(spec,), **{"arms": ("none",), **config})  # type: ignore[arg-type]
    run(cfg, out=folder, judges={spec.name: MockJudge(spec, reply)})
    return score(folder)


def cell_of(report: Report, arm: str = "none", writer: str | None = None) -> CellReport:
    return next(c for c in report.cells if (c.judge, c.arm, c.writer) == ("mock", arm, writer))


def good_is(case: Case) -> str:
    return "1" if case.shown()[0].text.startswith("good") else "2"


def numbers(cell: CellReport) -> dict[str, tuple[float, float]]:
    return {m.name: (m.k, m.n) for m in cell.metrics.values()}


def test_a_perfect_judge(make_pairs: MakePairs, tmp_path: Path) -> None:
    found = numbers(cell_of(judged(tmp_path / "r", make_pairs(8), good_is)))
    assert found["accuracy"] == found["strict_both"] == found["consistency"] == (8, 8)
    assert found["first_position_rate"] == (8, 16)
    assert found["longer_pick_rate"] == (0, 16), "the good answers are the shorter ones"
    assert found["accuracy_preferred_shorter"] == (8, 8)
    assert found["accuracy_preferred_longer"] == (0, 0)
    assert found["macro"] == (2, 2)


def test_a_judge_that_always_says_first_is_half_right_and_never_twice(make_pairs: MakePairs, tmp_path: Path) -> None:
    report = judged(tmp_path / "r", make_pairs(8), lambda case: "1", arms=("none", "generic"))
    found = numbers(cell_of(report))
    assert found["accuracy"] == (4, 8)
    assert found["strict_both"] == found["consistency"] == (0, 8)
    assert found["first_position_rate"] == (16, 16)
    transitions = cell_of(report, "generic").transitions
    assert transitions is not None
    assert transitions["first_slot"]["first_slot"] == 8
    assert sum(n for row in transitions.values() for n in row.values()) == 8


def test_what_is_no_choice_is_in_the_denominator_and_not_right(make_pairs: MakePairs, tmp_path: Path) -> None:
    def reply(case: Case) -> Reply:
        n = case.item.row
        if n == 0:
            return "no verdict"
        if n == 1:
            return "<answer>tie</answer>"
        if n == 2:
            return Answer("<answer>1</answer>", "tag", finish_reason="length")
        return Answer("", "tag", refusal="no") if n == 3 else good_is(case)

    cell = cell_of(judged(tmp_path / "r", make_pairs(8), reply))
    found = numbers(cell)
    assert cell.complete
    assert found["accuracy"] == (4, 8)
    assert found["parsed"] == (8, 16)
    assert [found[m] for m in ("unparsed", "tie", "truncated", "refused")] == [(2, 16)] * 4
    dropped = next(c for c in score(tmp_path / "r", "metric:pairs").cells if c.judge == "mock")
    assert dropped.metrics["accuracy"].value == 0.5


def test_items_whose_label_is_a_tie_stand_outside(tmp_path: Path) -> None:
    rows = write_jsonl(tmp_path / "rows.jsonl", [pair(0), pair(1, label="tie"), pair(2)])
    report = judged(tmp_path / "r", rows, good_is)
    assert numbers(cell_of(report))["accuracy"] == (2, 2)
    assert report.items["pairs"][2] == 1


def test_intention_to_treat(make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path) -> None:
    """Without a rubric an item keeps its `none` verdict; the subset with rubrics is shown apart."""

    def reply(case: Case) -> str:
        right = good_is(case)
        return right if case.rubric or case.item.row % 2 else str(3 - int(right))

    report = judged(tmp_path / "r", make_pairs(12), reply, arms=("none", "transferred"), rubrics={"w": rubrics(4)})
    cell = cell_of(report, "transferred", "w")
    assert numbers(cell_of(report))["accuracy"] == (6, 12)
    assert cell.complete, "no verdict is missing: items without a rubric are not asked again"
    assert numbers(cell)["accuracy"] == (8, 12), "rows 0 and 2 were mended"
    assert numbers(cell)["accuracy_with_rubric"] == (4, 4)
    (coverage,) = (c for c in report.caveats if c.kind == "coverage")
    assert [(s.k, s.n) for s in coverage.shares] == [(4, 12)]
    gain = cell.contrasts["none"]
    assert (gain.n, gain.total) == (12, 2)


def test_contrasts_use_items_that_are_complete_in_both(make_pairs: MakePairs, tmp_path: Path) -> None:
    from evaluators.errors import BackendError

    def reply(case: Case) -> Reply:
        if case.rubric and case.item.row == 0:
            return BackendError("rejected", "too long")
        return good_is(case)

    report = judged(tmp_path / "r", make_pairs(6), reply, arms=("none", "generic"))
    cell = cell_of(report, "generic")
    assert not cell.complete
    assert cell.contrasts["none"].n == 5
    assert "coverage differs" in cell.contrasts["none"].flags[0]


def test_direct_splits_the_gain_into_content_and_order(make_pairs: MakePairs, tmp_path: Path) -> None:
    """`none` leans to the first place; with a rubric the lean is gone. The content was right all along."""
    import math

    spec = SPEC.model_copy(update={"verdict": "direct"})

    def reply(case: Case) -> Answer:
        content = 0.5 if good_is(case) == "1" else -0.5
        odds = content + (0.0 if case.rubric else 2.0)
        first = 1 / (1 + math.exp(-odds))
        return Answer("1", "token", top_logprobs=(("1", math.log(first)), ("2", math.log(1 - first))))

    folder = tmp_path / "r"
    cfg = Config(benchmarks=({"name": "pairs", "path": make_pairs(6)},), judges=(spec,), arms=("none", "generic"))  # type: ignore[arg-type]

    class Direct(MockJudge):
        async def decide(self, case: Case, seed: str) -> Answer:
            return reply(case)

    run(cfg, out=folder, judges={"mock": Direct(spec, lambda case: "1")})
    cell = cell_of(score(folder), "generic")
    assert cell.contrasts["none"].value == pytest.approx(0.5)
    assert cell.contrasts["none"].content == pytest.approx(0.0)


@pytest.mark.parametrize(("orders", "trials"), [("AB", 6), ("BA", 6), ("hashed", 6), ("both", 12)])
def test_orders(make_pairs: MakePairs, tmp_path: Path, orders: str, trials: int) -> None:
    cell = cell_of(judged(tmp_path / "r", make_pairs(6), good_is, orders=orders))
    assert cell.trials == (trials, trials)
    assert numbers(cell)["accuracy"] == (6, 6)
    assert ("strict_both" in cell.metrics) == (orders == "both")


def test_samples_are_averaged(make_pairs: MakePairs, tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"samples": 4, "temperature": 0.7})
    calls: dict[tuple[str, str], int] = {}

    def reply(case: Case) -> str:
        n = calls[key] = calls.get(key := (case.item.uid, case.order), -1) + 1
        return good_is(case) if n < 3 else str(3 - int(good_is(case)))

    found = numbers(cell_of(judged(tmp_path / "r", make_pairs(4), reply, spec)))
    assert found["accuracy"] == (3, 4)
    assert found["forward"] == found["strict_both"] == (3, 4), "draw by draw, not by majority"


def test_relation_of_judge_and_writer(make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path) -> None:
    for n, (writer, expected) in enumerate(
        [
            ({"name": "w", "family": "other"}, "unseen"),
            ({"name": "w", "family": "judge-family"}, "same_family"),
            ({"name": "w"}, "undeclared"),
            ({"name": "w", "model": "m"}, "self"),
            ({"name": "w", "base": "m", "family": "other"}, "same_base"),
            ({"name": "w", "trained_with": ["m"], "family": "other"}, "training_proxy"),
        ]
    ):
        path = rubrics(3, writer=writer)
        report = judged(tmp_path / str(n), make_pairs(3), good_is, arms=("none", "transferred"), rubrics={"w": path})
        assert cell_of(report, "transferred", "w").relation == expected


def test_protocols_refuse_what_they_cannot_score(make_pairs: MakePairs, tmp_path: Path) -> None:
    rows = make_pairs(2)
    judged(tmp_path / "r", rows, good_is)
    with pytest.raises(UserError, match="pairs: not scored by 'official:vl_rewardbench': it has no such protocol"):
        score(tmp_path / "r", "official:vl_rewardbench")
    with pytest.raises(UserError, match="unknown protocol 'nonsense'"):
        score(tmp_path / "r", "nonsense")


def mmrb(tmp_path: Path, reply: Callable[[Case], Reply], *beside: object, **more: object) -> Path:
    rows = [
        {
            "ID": f"mathvista_{n}",
            "Image": None,
            "Text": f"Q{n}",
            "Output1": f"good {n}",
            "Output2": f"bad {n}",
            "Better": "Output1",
            "Category": "vqa",
        }
        for n in range(6)
    ]
    path = write_jsonl(tmp_path / "mmrb.jsonl", rows)
    prompt = tmp_path / "mt.jinja"
    prompt.write_text("{{ media }} {{ question }} {{ responses[0].text }} {{ responses[1].text }} {{ rubric }}")
    spec = SPEC.model_copy(update={"prompt": prompt, "answer_format": "double_bracket"})
    entry = {"name": "multimodal_rewardbench", "path": path}
    cfg = Config(benchmarks=(entry, *beside), judges=(spec,), **{"arms": ("none",), **more})  # type: ignore[arg-type]
    run(cfg, out=tmp_path / "r", judges={"mock": MockJudge(spec, reply)})
    return tmp_path / "r"


def test_an_official_protocol_uses_its_own_parser_and_order(tmp_path: Path) -> None:
    """`[[A]]` is looked for first, whatever comes last; a reply without either counts half; the stored order alone."""

    def reply(case: Case) -> str:
        return "nothing" if case.item.row == 0 else "At first [[A]].\nThe sign decides.\n[[B]]"

    folder = mmrb(tmp_path, reply)
    found = numbers(cell_of(score(folder, "official:multimodal_rewardbench")))
    assert found["accuracy"] == (5.5, 6), "A is Output1 in the stored order, and Output1 is preferred"
    assert numbers(cell_of(score(folder)))["accuracy"] == (2.5, 6), "ours takes the last verdict, in both orders"


def test_an_official_protocol_needs_its_order(tmp_path: Path) -> None:
    folder = mmrb(tmp_path, lambda case: "[[A]]", orders="AB")
    with pytest.raises(UserError, match="needs the stored order of every item; judge with `orders: both`"):
        score(folder, "official")


def items_of(groups: list[int]) -> list[Item]:
    return [
        Item(
            f"x:{n}",
            "x",
            str(n),
            n,
            f"q{n}",
            (Candidate(f"a{n}"), Candidate(f"b{n}")),
            (0, 1),
            Label(preferred=0),
            group=str(g),
        )
        for n, g in enumerate(groups)
    ]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_clusters_are_the_groups_where_nothing_else_ties(groups: list[int]) -> None:
    found = statistics.clusters(items_of(groups))
    for a, b in itertools.combinations(range(len(groups)), 2):
        assert (found[a] == found[b]) == (groups[a] == groups[b])


@settings(deadline=None)
@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=1, max_size=9))
def test_the_exact_sign_flip_is_the_enumeration(values: list[float]) -> None:
    flips = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True)))
        for signs in itertools.product((-1, 1), repeat=len(values))
    ]
    expected = sum(f >= abs(sum(values)) - 1e-9 for f in flips) / len(flips)
    assert statistics.sign_flip(np.array(values)[:, None])[0] == pytest.approx(expected)


def test_drawn_sign_flips_agree_with_the_exact_ones() -> None:
    rng = np.random.default_rng(1)
    values = rng.choice([-1.0, -0.5, 0.5, 1.0], size=18, p=[0.2, 0.2, 0.2, 0.4])
    exact = statistics.sign_flip(values[:, None])[0]
    drawn = statistics._drawn_flip(values[:, None], 20_000, 1)[0]
    assert drawn == pytest.approx(exact, abs=0.015)


def test_the_bootstrap_interval_covers_as_often_as_it_says() -> None:
    """300 experiments of 60 clusters of two equal items: 95 % intervals hold the truth about 95 % of the time."""
    rng = np.random.default_rng(7)
    held = 0
    for n in range(300):
        clusters = rng.random(60) < 0.7
        num, den = 2.0 * clusters[:, None], np.full((60, 1), 2.0)
        low, high = statistics.intervals(statistics.bootstrap(num, den, resamples=400, seed=n))
        held += low[0] <= 0.7 <= high[0]
    assert 0.90 <= held / 300 <= 0.98


def test_known_values_of_textbook_statistics() -> None:
    low, high = statistics.wilson(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert statistics.mcnemar(1, 9) == pytest.approx(0.021484375)
    assert statistics.mcnemar(0, 0) == 1.0
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_makes_a_p_smaller_and_keeps_their_order(p: list[float]) -> None:
    adjusted = statistics.holm(p)
    assert all(a >= b - 1e-12 for a, b in zip(adjusted, p, strict=True))
    ranked = [adjusted[i] for i in sorted(range(len(p)), key=lambda i: p[i])]
    assert ranked == sorted(ranked)
    assert max(adjusted) <= 1


def test_groups_give_acc_plus_and_a_limit_voids_it(tmp_path: Path) -> None:
    rows = write_jsonl(tmp_path / "rows.jsonl", [pair(n, group=f"g{n // 2}") for n in range(6)])

    def reply(case: Case) -> str:
        return "1" if case.item.row == 0 else good_is(case)

    found = numbers(cell_of(judged(tmp_path / "whole", rows, reply)))
    assert found["acc_plus_expected"] == (2.5, 3)
    assert found["acc_plus_strict"] == (2, 3)
    cfg = Config(benchmarks=({"name": "pairs", "path": rows, "limit": 5},), judges=(SPEC,), arms=("none",))  # type: ignore[arg-type]
    run(cfg, out=tmp_path / "cut", judges={"mock": MockJudge(SPEC, reply)})
    cell = cell_of(score(tmp_path / "cut"))
    assert "acc_plus_expected" not in cell.metrics
    assert cell.groups_void


def test_cells_that_mix_two_models_are_flagged(make_pairs: MakePairs, tmp_path: Path) -> None:
    def reply(case: Case) -> Answer:
        return Answer("<answer>1</answer>", "tag", model="v1" if case.item.row else "v2", backend="mock")

    report = judged(tmp_path / "r", make_pairs(4), reply)
    (caveat,) = [c for c in report.caveats if c.kind == "provenance"]
    assert warning(caveat) == "mock: different models, backends or samplings answered: none 2."


def test_a_baseline_is_the_same_run_or_computed(make_pairs: MakePairs, tmp_path: Path) -> None:
    computed = judged(tmp_path / "r", make_pairs(30), good_is)
    spec = JudgeSpec(name="random", backend="baseline")
    cfg = Config(benchmarks=({"name": "pairs", "path": make_pairs(30)},), judges=(spec,), arms=("none",))  # type: ignore[arg-type]
    run(cfg, out=tmp_path / "run")
    values = [
        next(c for c in r.cells if c.judge == "random").metrics["accuracy"].k
        for r in (computed, score(tmp_path / "run"))
    ]
    assert values[0] == values[1]


def test_every_arm_is_set_against_none_and_shuffled(
    make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path
) -> None:
    files = {n: rubrics(6, n) for n in ("one", "two")}
    report = judged(
        tmp_path / "r", make_pairs(6), good_is, arms=("none", "generic", "transferred", "shuffled"), rubrics=files
    )
    assert set(cell_of(report, "transferred", "one").contrasts) == {"none", "shuffled"}
    assert set(cell_of(report, "generic").contrasts) == {"none", "shuffled[one]", "shuffled[two]"}
    assert not cell_of(report).contrasts


def test_baselines_stand_in_every_table(make_pairs: MakePairs, tmp_path: Path) -> None:
    report = judged(tmp_path / "r", make_pairs(4), good_is)
    computed = {c.judge for c in report.cells if c.computed}
    assert computed == {"first", "random", "longest", "shortest"}


def test_a_contrast_with_an_incomplete_reference_is_no_headline(make_pairs: MakePairs, tmp_path: Path) -> None:
    from evaluators.errors import BackendError
    from harness_plugins.tables.render.to_markdown import markdown
    from harness_plugins.tables.run import tables

    def reply(case: Case) -> Reply:
        if case.rubric is None:
            return BackendError("rejected", "no") if case.item.row < 4 else str(3 - int(good_is(case)))
        return good_is(case)

    report = judged(tmp_path / "r", make_pairs(24), reply, arms=("none", "generic"))
    cell = cell_of(report, "generic")
    assert cell.complete
    assert not cell.contrasts["none"].complete
    assert not cell.contrasts["none"].clear
    assert sum(n for row in (cell.transitions or {}).values() for n in row.values()) == 20, "items complete in both"
    assert re.search(r"\| mock +\| generic \| incomplete: between [+-]\d", markdown(tables([report])))


def test_intention_to_treat_under_a_protocols_own_parser(tmp_path: Path) -> None:
    rubric = {"benchmark": "multimodal_rewardbench", "row": 0, "writer": "w", "text": "t"}
    path = write_jsonl(tmp_path / "w.jsonl", [rubric])
    folder = mmrb(tmp_path, lambda case: "[[A]] or rather [[B]]", arms=("none", "transferred"), rubrics={"w": path})
    report = score(folder, "official")
    assert numbers(cell_of(report))["accuracy"] == numbers(cell_of(report, "transferred", "w"))["accuracy"] == (6, 6)
    assert cell_of(report, "transferred", "w").contrasts["none"].value == 0
    names = {o["protocol"] for o in report.objects()}
    assert names == {"official:multimodal_rewardbench"}


@pytest.mark.parametrize(
    ("name", "benchmark", "protocol"),
    [
        ("official", "vl_rewardbench", "official:vl_rewardbench"),
        ("official-proxy_grm", "mm_rlhf_rewardbench", "official:mm_rlhf_rewardbench-proxy_grm"),
        ("official", "mm_rlhf_rewardbench", None),
        ("official", "pairs", None),
        ("official-without_ties", "mj_bench_quality", None),
        ("metric-without_ties", "mj_bench_quality", "metric:mj_bench_quality-without_ties"),
        ("official", "of_my_own", None),
    ],
)
def test_no_metric_stands_in_for_an_official_protocol(name: str, benchmark: str, protocol: str | None) -> None:
    resolved = protocols.resolve(name, benchmark)
    assert (resolved and resolved[0]) == protocol


def test_a_run_that_has_no_official_protocol_says_why(
    make_pairs: MakePairs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged(tmp_path / "r", make_pairs(4), good_is)
    for command in (["score"], ["table"], ["report"], ["score", "--json"]):
        assert main([*command, str(tmp_path / "r"), "--protocol", "official"]) == 2
        out, err = capsys.readouterr()
        assert "pairs: not scored by 'official': no official protocol is built in for it" in err
        assert "there are: strict, metric:pairs; metric:... takes our parsed choices" in err and not out
    assert {o["protocol"] for o in score(tmp_path / "r", "metric").objects()} == {"metric:pairs"}


def test_a_benchmark_that_is_left_out_is_told_beside_the_others(
    make_pairs: MakePairs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = mmrb(tmp_path, lambda case: "[[A]]", {"name": "pairs", "path": make_pairs(4)})
    assert main(["score", str(folder), "--protocol", "official"]) == 0
    assert "pairs: not scored by 'official'" in capsys.readouterr().out
    assert main(["compare", str(folder), str(folder), "--arm", "none", "--protocol", "official"]) == 2
    assert "pairs: not scored by 'official'" in capsys.readouterr().err
    told, *objects = score(folder, "official").objects()
    assert told["metric"] == "note" and told["text"].startswith("pairs: not scored by 'official'")
    assert {o["protocol"] for o in objects} == {"official:multimodal_rewardbench"}


def test_items_may_have_unequal_numbers_of_replicates(make_pairs: MakePairs, tmp_path: Path) -> None:
    rows = [{"benchmark": "pairs", "id": f"pair-{n}", "writer": "w", "text": f"t{n}"} for n in range(4)]
    rows.append(rows[0] | {"replicate": 1, "text": "another draw"})
    path = write_jsonl(tmp_path / "w.jsonl", rows)
    report = judged(tmp_path / "r", make_pairs(4), good_is, arms=("none", "transferred"), rubrics={"w": path})
    cell = cell_of(report, "transferred", "w")
    assert cell.trials == (10, 10)
    assert numbers(cell)["accuracy"] == numbers(cell)["strict_both"] == (4, 4)


def test_a_cell_that_was_never_reached_is_incomplete_not_absent(make_pairs: MakePairs, tmp_path: Path) -> None:
    from evaluators.errors import RunStopped

    def reply(case: Case) -> Reply:
        if case.rubric:
            raise KeyboardInterrupt
        return good_is(case)

    rows = make_pairs(40)
    with pytest.raises((KeyboardInterrupt, RunStopped)):
        judged(tmp_path / "r", rows, reply, SPEC.model_copy(update={"concurrency": 1}), arms=("none", "generic"))
    report = score(tmp_path / "r")
    assert cell_of(report).trials[1] == cell_of(report, "generic").trials[1] == 80
    assert not cell_of(report).complete


def test_a_folder_grows_without_hurting_what_it_holds(
    make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path
) -> None:
    """Another writer, another order: the cells of before stay what they were."""
    rows, one, two = make_pairs(5), rubrics(3, "one"), rubrics(5, "two")
    arms = ("none", "transferred", "shuffled")
    first = judged(tmp_path / "r", rows, good_is, arms=arms, rubrics={"one": one}, orders="AB")
    grown = judged(tmp_path / "r", rows, good_is, arms=arms, rubrics={"two": two}, orders="AB")
    for arm in ("transferred", "shuffled"):
        before, after = cell_of(first, arm, "one"), cell_of(grown, arm, "one")
        assert (after.trials, after.complete) == (before.trials, True)
    both = judged(tmp_path / "r", rows, good_is, arms=arms, rubrics={"two": two}, orders="both")
    assert cell_of(both).trials == (10, 10)
    with pytest.raises(UserError, match="a folder may only grow, to more orders or 'both'"):
        judged(tmp_path / "r", rows, good_is, arms=arms, rubrics={"two": two}, orders="AB")


def test_several_samples_split_content_and_order_without_probabilities(make_pairs: MakePairs, tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"samples": 3, "temperature": 0.7})

    def reply(case: Case) -> str:
        return good_is(case) if case.rubric else "1"

    cell = cell_of(judged(tmp_path / "r", make_pairs(4), reply, spec, arms=("none", "generic")), "generic")
    contrast = cell.contrasts["none"]
    assert contrast.value == pytest.approx(0.5)
    assert (contrast.content, contrast.order, contrast.content_n) == (pytest.approx(0.5), pytest.approx(0.0), 4)


def test_a_writer_is_declared_once(make_pairs: MakePairs, tmp_path: Path) -> None:
    rows = [
        {"benchmark": "pairs", "id": f"pair-{n}", "writer": {"name": "w", "model": m}, "text": "t"}
        for n, m in enumerate("ab")
    ]
    with pytest.raises(UserError, match="declared in two ways"):
        judged(
            tmp_path / "r",
            make_pairs(3),
            good_is,
            arms=("none", "transferred"),
            rubrics={"w": write_jsonl(tmp_path / "w.jsonl", rows)},
        )


def test_runs_shown_together_are_tested_together(
    make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path
) -> None:
    from harness_plugins.scoring.score import adjust

    reports = []
    for name in ("one", "two"):
        report = judged(tmp_path / name, make_pairs(8), lambda c: good_is(c) if c.rubric else "1",
                        arms=("none", "transferred"), rubrics={"w": rubrics(8)})  # fmt: skip
        reports.append(report)
    alone = cell_of(reports[0], "transferred", "w").contrasts["none"].p_holm
    adjust(reports)
    together = cell_of(reports[0], "transferred", "w").contrasts["none"].p_holm
    assert alone is not None
    assert together == pytest.approx(2 * alone)
