"""Where the code that Proxy-GRM released scores wrongly, and what ours gives. Its reward's defects: rewards/test_proxy.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.prompts.template import Case
from evaluators.records import Answer
from evaluators.replies.parsing import parse
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from harness_plugins import run, score
from harness_plugins.benchmarks.loader import load_benchmark
from harness_plugins.scoring.cells import CellReport
from tests.conftest import MakePairs, png, write_jsonl

SPEC = JudgeSpec(name="m", backend="openai", model="m", base_url="http://unused.invalid/v1")


def judged(folder: Path, say: object, more: str = "") -> CellReport:
    config = folder / "run.yaml"
    config.write_text(
        f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\narms: [none]\nout: out\n{more}"
        "judges: [{name: m, backend: openai, model: m, base_url: 'http://unused.invalid/v1'}]\n"
    )
    report = score(run(config, judges={"m": MockJudge(SPEC, say)}).out)  # type: ignore[arg-type]
    return next(c for c in report.cells if c.judge == "m")


def test_3_a_partial_run_goes_on_and_a_finished_one_stays(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Its scripts left a partial answers file alone and deleted a finished one."""
    make_pairs(6, images=False)
    judged(tmp_path, lambda case: "1")
    before = (tmp_path / "out" / "verdicts.jsonl").read_bytes()
    judged(tmp_path, lambda case: "2")
    assert (tmp_path / "out" / "verdicts.jsonl").read_bytes() == before


def test_4_both_orders_are_judged_and_the_same_every_time(make_pairs: MakePairs, tmp_path: Path) -> None:
    """One unseeded order: position bias entered as noise. Here it is a number beside an accuracy that it cannot move."""
    make_pairs(10, images=False)
    found = judged(tmp_path, lambda case: "1").metrics
    assert (
        found["accuracy"].value == 0.5
        and found["first_position_rate"].value == 1.0
        and found["strict_both"].value == 0.0
    )


def test_5_no_verdict_is_not_right_in_any_order(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Two of its scripts counted an unparsed answer as "2", right whenever the pair was reversed."""
    make_pairs(10, images=False)
    found = judged(tmp_path, lambda case: "Hard to say.").metrics
    assert found["accuracy"].value == 0.0 and found["unparsed"].value == 1.0 and found["answered"].value == 1.0


@pytest.mark.parametrize(
    ("text", "finish", "status", "choice"),
    [
        ("<answer>2</answer> first.\nWait.\n<answer>1</answer>", "stop", "ok", 1),  # all of its parsers read the first
        ("1. Accuracy (40%)\n2. Clarity (20%) ... Chatbot 2 hall", "length", "truncated", None),  # last digit: 2
        ("1. Accuracy (40%)\n2. Clarity (20%)", "stop", "unparsed", None),
        ("<answer>Response 1</answer>", "stop", "ok", 1),  # one reading; two of three dropped it
        ("<think><answer>1</answer></think><answer>2</answer>", "stop", "ok", 2),
        ("Answer 2 is better than Answer 1", "stop", "unparsed", None),  # 25: a substring test took either
    ],
)
def test_6_and_25_one_strict_parser_for_every_benchmark(
    text: str, finish: str, status: str, choice: int | None
) -> None:
    parsed = parse(Answer(text, "tag", finish_reason=finish))
    assert (parsed.status, parsed.choice) == (status, choice)


def test_10_upper_case_ids_are_hallucination_rows(tmp_path: Path) -> None:
    """301 of 749 rows counted as general: the ids are RLHF-V-... and RLAIF-V-..., and it looked for lower case."""
    (tmp_path / "x.png").write_bytes(png(1))
    ids = ("RLHF-V-1", "RLAIF-V-2", "hallucination_pair-3", "wildvision-4", "mathverse_5")
    rows = [{"id": i, "query": "q", "response": [f"a{i}", "b"], "image": "x.png", "human_ranking": [0, 1]} for i in ids]
    items = load_benchmark("vl_rewardbench", path=write_jsonl(tmp_path / "rows.jsonl", rows)).items
    assert [i.category for i in items] == ["hallucination"] * 3 + ["general", "reasoning"]
    assert [i.categories["case_sensitive"] for i in items[:2]] == ["general"] * 2, "theirs, by name, to compare with"


def test_11_macro_is_the_mean_of_the_categories_alone(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Its macro counted the group of all rows as one category more."""
    kinds = [("math_1", "reasoning"), ("pairs_1", "safety"), ("pairs_2", "safety"), ("mmmu_1", "knowledge")]
    (tmp_path / "a.png").write_bytes(png(1))
    rows = [
        {
            "ID": i,
            "Text": f"Q {i}?",
            "Image": "a.png",
            "Output1": "x",
            "Output2": "y",
            "Better": "Output2",
            "Category": c,
        }
        for i, c in kinds
    ]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    config = tmp_path / "run.yaml"
    config.write_text(
        "benchmarks: [{name: multimodal_rewardbench, path: rows.jsonl}]\narms: [none]\nout: out\n"
        "judges: [{name: m, backend: openai, model: m, base_url: 'http://unused.invalid/v1'}]\n"
    )

    def right_on_safety(case: Case) -> str:
        right = 1 if case.shown()[0].text == "y" else 2
        return str(right if case.item.category.startswith("safety") else 3 - right)

    report = score(run(config, judges={"m": MockJudge(SPEC, right_on_safety)}).out, "metric")
    found = next(c for c in report.cells if c.judge == "m").metrics
    assert found["accuracy"].value == 0.5 and found["macro"].value == pytest.approx(1 / 3)


def test_12_the_category_is_the_first_part_of_the_path_not_a_word_somewhere_in_it(tmp_path: Path) -> None:
    """A parent folder named "long" or "video" took every row."""
    folder = tmp_path / "long" / "video"
    for name in ("mcq/1.png", "safety/2.png"):
        (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "images" / name).write_bytes(png(1))
    base = {"prompt": "p", "chosen": "good", "rejected": "bad", "chosen_reason": "", "rejected_reason": ""}
    rows = [{**base, "id": "1", "image": "mcq/1.png"}, {**base, "id": "2", "image": "safety/2.png"}]
    write_jsonl(folder / "mm_reward_bench.jsonl", rows)
    items = load_benchmark("mm_rlhf_rewardbench", path=folder).items
    assert [i.category for i in items] == ["mcq", "safety"]


def test_24_the_preferred_response_is_as_often_second_as_first(make_pairs: MakePairs, tmp_path: Path) -> None:
    """The upstream runners showed the chosen response first every time: a judge that picks the first scored 100 %."""
    rows = [{"id": n, "prompt": f"q{n}", "candidates": [f"good {n}", f"bad {n}"], "label": 0} for n in range(12)]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    assert judged(tmp_path, lambda case: "1").metrics["accuracy"].value == 0.5
    stored = {case.item.stored for case in _cases(tmp_path)}
    assert stored == {(0, 1), (1, 0)}, "and in a single order, canonical places do not follow storage either"


def _cases(folder: Path) -> list[Case]:
    judge = MockJudge(SPEC, lambda case: "1")
    run(folder / "run.yaml", out=folder / "again", judges={"m": judge})
    return judge.cases
