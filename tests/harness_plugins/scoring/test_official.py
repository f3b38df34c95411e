"""Official metrics of benchmarks with ties, groups and criteria, on small rows whose scores can be counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from harness_plugins import run, score
from harness_plugins.scoring.cells import CellReport
from tests.conftest import png, write_jsonl

SPEC = {"name": "m", "backend": "openai", "model": "m", "base_url": "http://unused.invalid/v1"}


def judged(
    tmp_path: Path, benchmark: str, rows: list[dict[str, Any]], reply: Callable[[Case], str], protocol: str, **more: Any
) -> CellReport:
    for name in {v for r in rows for v in r.values() if isinstance(v, str) and v.endswith(".png")}:
        (tmp_path / name).write_bytes(png(sum(map(ord, name))))
    write_jsonl(tmp_path / "rows.jsonl", rows)
    spec = JudgeSpec.model_validate({**SPEC, **more})
    config = tmp_path / "c.yaml"
    config.write_text(
        f"benchmarks: [{{name: {benchmark}, path: rows.jsonl}}]\njudges: [{ ({**SPEC, **more}) }]\narms: [none]\nout: out\n"
    )
    report = score(run(config, judges={"m": MockJudge(spec, reply)}).out, protocol)
    return next(c for c in report.cells if c.judge == "m")


def shown(case: Case) -> list[str]:
    return [c.media[0].name for c in case.shown()]


def edit_row(group: str, kind: str, pair: str, ranking: str) -> dict[str, Any]:
    one, other = pair
    return {
        "id": f"{group}_{one}vs{other}", "dataset": kind, "comparison_type": f"{one}vs{other}", "ranking": ranking,
        "instruction": f"make it blue, {group}", "source_image": f"{group}.png",
        "candidate_1": f"{group}{one}.png", "candidate_2": f"{group}{other}.png",
    }  # fmt: skip


def test_editreward_bench_counts_groups_with_every_pair_right(tmp_path: Path) -> None:
    """A judge that prefers the earlier letter and never ties: it is right on one group of three, wrong on a pair of the other."""
    rows = [
        *(edit_row("g1", "3pair", p, f"{p[0]}>{p[1]}") for p in ("AB", "AC", "BC")),
        *(edit_row("g2", "3pair", p, r) for p, r in (("AB", "A>B"), ("AC", "C>A"), ("BC", "B>C"))),
        edit_row("g3", "2pair", "AB", "A=B"),
        edit_row("g4", "2pair", "AB", "A>B"),
    ]

    def earlier(case: Case) -> str:
        first, second = shown(case)
        return "1" if first < second else "2"

    cell = judged(tmp_path, "editreward_bench", rows, earlier, "metric")
    numbers = {n: (m.k, m.n) for n, m in cell.metrics.items()}
    assert numbers["acc_plus[3pair]"] == (1, 2) and numbers["acc_plus[2pair]"] == (1, 2)
    assert numbers["acc_plus_strict"] == (2, 4) and numbers["accuracy[2pair]"] == (1, 2)
    assert any("ties are forbidden to this judge" in f for f in cell.flags)


def test_a_judge_that_may_tie_is_right_on_ties(tmp_path: Path) -> None:
    rows = [edit_row("g3", "2pair", "AB", "A=B"), edit_row("g4", "2pair", "AB", "A>B")]
    cell = judged(tmp_path, "editreward_bench", rows, lambda case: "<answer>tie</answer>", "metric", ties="allowed")
    assert cell.metrics["accuracy"].value == 0.5 and not cell.flags and cell.grading == "pairwise, ties"


@pytest.mark.parametrize(
    ("ties", "reply", "right"),
    [
        ("good_bad", "both good", {"tievote"}),
        ("good_bad", "both bad", {"bothbad_vote"}),
        ("allowed", "tie", {"tievote", "bothbad_vote"}),
    ],
)
def test_four_way_labels(ties: str, reply: str, right: set[str], tmp_path: Path) -> None:
    """A tie that does not say of which kind counts for both kinds, as the official parser has it."""
    rows = [
        {
            "prompt": v,
            "left_model": "l",
            "right_model": "r",
            "left_image": f"{v}1.png",
            "right_image": f"{v}2.png",
            "vote_type": v,
        }
        for v in ("leftvote", "rightvote", "tievote", "bothbad_vote")
    ]
    cell = judged(
        tmp_path, "genai_bench_generation", rows, lambda case: f"<answer>{reply}</answer>", "metric", ties=ties
    )
    assert (cell.metrics["accuracy"].k, cell.metrics["accuracy"].n) == (len(right), 4)
    assert cell.metrics["parsed"].value == 1


def test_editscore_bench_is_a_mean_over_task_types_by_dimension(tmp_path: Path) -> None:
    kinds = [("color_alter", 2), ("color_alter", 2), ("motion_change", 1)]
    rows = [
        {"key": [f"{n}a", f"{n}b"], "instruction": f"do {n}", "input_image": f"in{n}.png", "output_images": [f"x{n}.png", f"y{n}.png"],
         "task_type": kind, "dimension": d}
        for n, (kind, _) in enumerate(kinds) for d in ("overall", "consistency")
    ]  # fmt: skip
    for n in range(3):
        (tmp_path / f"x{n}.png").write_bytes(png(n))
        (tmp_path / f"y{n}.png").write_bytes(png(n + 50))

    def reply(case: Case) -> str:
        """Right (the x image) on `overall` but for item 0; always wrong on `consistency`."""
        place = 1 + [s.startswith("x") for s in shown(case)].index(True)
        fair = (case.item.criterion or "").startswith("overall") and "do 0" not in case.item.prompt
        return str(place if fair else 3 - place)

    cell = judged(tmp_path, "editscore_bench", rows, reply, "metric")
    assert cell.metrics["macro[overall]"].value == pytest.approx((1 / 2 + 1) / 2)
    assert cell.metrics["macro[consistency]"].value == 0


def crit_row(prompt: str, criterion: str, preference: str) -> dict[str, Any]:
    return {
        "image": "i.png", "question_id": f"{prompt}__{criterion}", "question": prompt,
        "pred_a": f"{prompt}: answer of a", "pred_b": f"{prompt}: of b",
        "criterion": criterion, "preference": preference, "prompt_id": prompt,
    }  # fmt: skip


def test_multi_crit_conflicts(tmp_path: Path) -> None:
    """p1: people disagree by criterion and the judge follows; p2: they disagree and the judge does not; p3: no conflict."""
    rows = [
        crit_row("p1", "clarity", "model_a"), crit_row("p1", "completeness", "model_b"), crit_row("p1", "hallucination", "model_b"),
        crit_row("p2", "clarity", "model_a"), crit_row("p2", "completeness", "model_b"),
        crit_row("p3", "clarity", "model_a"), crit_row("p3", "completeness", "model_a"),
    ]  # fmt: skip
    (tmp_path / "i.png").write_bytes(png(1))

    def reply(case: Case) -> str:
        likes_b = case.item.prompt == "p1" and not (case.item.criterion or "").startswith("clarity")
        wanted = "of b" if likes_b else "of a"
        return str(1 + [wanted in c.text for c in case.shown()].index(True))

    assert "pacc" not in judged(tmp_path, "multi_crit_open_ended", rows, reply, "metric").metrics, (
        "7 of 1,000 rows: void"
    )
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"expected_rows": 1000', '"expected_rows": 7'))
    cell = next(c for c in score(tmp_path / "out", "metric").cells if c.judge == "m")
    numbers = {n: (m.k, m.n) for n, m in cell.metrics.items()}
    assert numbers["pacc"] == (2, 3), "p1 and p3"
    assert numbers["tos"] == (1, 2), "of p1 and p2, told apart in p1"
    assert numbers["cmr"] == (2, 3), "two conflicting pairs in p1, both right; one in p2"
    assert numbers["accuracy"] == (6, 7)
