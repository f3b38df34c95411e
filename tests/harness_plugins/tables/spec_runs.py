"""Runs of every benchmark that paper tables have a column for, with judges and writers whose figures are known beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluators.errors import BackendError
from evaluators.messages import ChatRequest
from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockBackend, MockJudge, Reply
from harness_plugins import run
from harness_plugins.tables.paper import PaperTable, paper_table
from harness_plugins.tables.paper.rows import Row
from tests.conftest import png, write_jsonl, write_parquet
from tests.harness_plugins.benchmarks.test_image_benchmarks import editreward, hpdv3, mmrb2
from tests.harness_plugins.experiment.test_transfer import reader, written

TEN = [
    "arr_cardinality", "arr_cross_model", "arr_generation_edit", "arr_generation_t2i", "arr_position_bias", "arr_preference",
    "proxy_grm_ablation", "proxy_grm_aggregation", "proxy_grm_main", "proxy_grm_transfer",
]  # fmt: skip
URL = "http://unused.invalid/v1"
HOSTILE = '[x] *b* a_b & 50% $y$ {z} ~^\\ | <script>alert(1)</script> `c` \x1b[31m\u202e "q"'
SEVEN = [
    ("v", "open_generation/correctness_task"), ("v", "open_generation/preference_task"), ("v", "knowledge"),
    ("math", "reasoning"), ("code", "reasoning"), ("pairs", "safety"), ("v", "vqa"),
]  # fmt: skip


def right(case: Case) -> int:
    assert case.item.label.preferred is not None
    return 1 + case.order.index("AB"[case.item.label.preferred])


def biased(case: Case) -> Reply:
    """Right wherever the preferred image is first; last, on every second row, with one criterion on one row more, with
    five on all but row 1."""
    lines = case.rubric.text.count("\n") + 1 if case.rubric else 0
    if right(case) == 1:
        return "1"
    fixed = case.item.row % 2 == 0 or (lines == 1 and case.item.row == 3) or (lines == 5 and case.item.row != 1)
    return "2" if fixed else "1"


def broken(case: Case) -> Reply:
    return BackendError("rejected", "too long") if case.item.row == 0 and case.rubric else "1"


def questions(request: ChatRequest) -> str:
    """As many criteria as the prompt of the writer's spec asks for."""
    return "<rubric>\n" + "\n".join(f"{n}. C{n}: Is it {n}?" for n in range(1, 6)) + "\n</rubric>"


def one_question(request: ChatRequest) -> str:
    return "<rubric>\n1. C1: Is it 1?\n</rubric>"


def pair(n: int) -> tuple[str, str]:
    return f"good answer number {n}", f"bad answer number {n}, at greater length"


def judge(name: str, reply: Any, **more: str) -> MockJudge:
    return MockJudge(JudgeSpec(name=name, backend="openai", model=f"{name}-model", base_url=URL, **more), reply)  # type: ignore[arg-type]


def config(folder: Path, benchmarks: str, arms: str, judges: list[MockJudge], writers: str = "") -> Path:
    listed = "".join(
        f"  - {{name: {j.spec.name}, backend: openai, model: {j.spec.model}, base_url: '{URL}', family: {j.spec.family or 'f'}}}\n"
        for j in judges
    )
    path = folder / "c.yaml"
    path.write_text(f"benchmarks: [{benchmarks}]\narms: [{arms}]\nout: out\n{writers}judges:\n{listed}")
    return path


def made(base: Path) -> Iterator[dict[str, Path]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(base / "cache"))
        yield {"hpdv3": hpdv3_run(base / "hp"), "vl": text_run(base / "vl", "vl_rewardbench"),
               "two": text_run(base / "two", "multimodal_rewardbench", "mm_rlhf_rewardbench"),
               "mmrb2": image_run(base / "image"), "scores": scores(base / "scores")}  # fmt: skip


def hpdv3_run(folder: Path) -> Path:
    """24 rows; K = 1 by an unseen writer, K = 5 by the judge's kin; a judge that fails on a row."""
    (folder / "images").mkdir(parents=True)
    for n in range(48):
        (folder / "images" / f"{n}.png").write_bytes(png(n))
    write_jsonl(folder / "rows.jsonl", [hpdv3(2 * n, 2 * n + 1) | {"prompt": f"fox {n}"} for n in range(24)])
    writers = "writers:\n" + "".join(
        f"  - {{name: {name}, method: arr_zero_shot, criteria: {k}, backend: openai, model: {name}, base_url: '{URL}', family: {of}}}\n"
        for name, k, of in (("five", 5, "qwen"), ("one", 1, "other"))
    )
    judges = [judge("qwen", biased, family="qwen"), judge("broken", broken, family="third")]
    path = config(folder, "{name: hpdv3, path: rows.jsonl}", "none, transferred, leak", judges, writers)
    backends = {"five": MockBackend(questions), "one": MockBackend(one_question)}
    return run(path, judges={j.spec.name: j for j in judges}, writers=backends).out


def text_run(folder: Path, *benchmarks: str, reply: Any = reader, pairs: int = 8) -> Path:
    """`pairs` is how many of VL-RewardBench there are."""
    folder.mkdir()
    for n in range(max(20, pairs)):
        (folder / f"{n}.png").write_bytes(png(n))
    rows: dict[str, list[dict[str, Any]]] = {
        "vl_rewardbench": [
            {"id": f"{'mmmu' if n % 2 else 'RLAIF'}-{n}", "query": f"question {n}", "response": list(pair(n)),
             "image": f"{n}.png", "human_ranking": [0, 1]}
            for n in range(pairs)
        ],
        "multimodal_rewardbench": [
            {"ID": f"{SEVEN[n // 2][0]}_{n}", "Text": f"question {n}", "Image": f"{n}.png", "Output1": pair(n)[0],
             "Output2": pair(n)[1], "Better": "Output1", "Category": SEVEN[n // 2][1]}
            for n in range(14)
        ],
        "mm_rlhf_rewardbench": [
            {"id": f"g{n // 2}", "prompt": f"question {n}", "chosen": pair(n)[0], "rejected": pair(n)[1], "chosen_reason": "",
             "rejected_reason": "", "image": f"long/{n}.png"}
            for n in range(4)
        ],
    }  # fmt: skip
    for name in benchmarks:
        write_jsonl(folder / f"{name}.jsonl", rows[name])
    (folder / "images" / "long").mkdir(parents=True)
    for n in range(4):
        (folder / "images" / "long" / f"{n}.png").write_bytes(png(n))
    writers = f"writers: [{{name: grm, backend: openai, model: w, base_url: '{URL}', family: g, trained_with: [proxy-sft]}}]\n"
    listed = ", ".join(f"{{name: {b}, path: {b}.jsonl}}" for b in benchmarks)
    path = config(folder, listed, "none, transferred, advice, shuffled", [judge("reader", reply)], writers)
    return run(path, judges={"reader": judge("reader", reply)}, writers={"grm": MockBackend(written)}).out


def image_run(folder: Path) -> Path:
    """MMRB2 and EditReward-Bench: three pairs of two edits, one of them a tie, and a group of three."""
    three = [editreward(11, 12, "B>A", "AvsB", "3pair", "9"), editreward(11, 13, "A>C", "AvsC", "3pair", "9"),
             editreward(12, 13, "B>C", "BvsC", "3pair", "9")]  # fmt: skip
    two = [editreward(1 + 2 * n, 2 + 2 * n, r, key=f"000{n}") for n, r in enumerate(("A>B", "B>A", "A=B"))]
    rows = {
        "mmrb2_t2i": [mmrb2(2 * n, 2 * n + 1, pair_id=f"t_{n}") for n in range(4)],
        "editreward_bench": [*two, *three],
    }
    rows["mmrb2_edit"] = [r | {"pair_id": f"e_{n}"} for n, r in enumerate(rows["mmrb2_t2i"])]
    for name, found in rows.items():
        write_parquet(folder / f"{name}.parquet", found)

    def reply(case: Case) -> str:
        return "1" if case.item.label.preferred is None or case.item.source_id.endswith("_0") else str(right(case))

    path = config(folder, ", ".join(f"{{name: {b}, path: {b}.parquet}}" for b in rows), "none", [judge("m", reply)])
    return run(path, judges={"m": judge("m", reply)}).out


def scores(folder: Path) -> Path:
    folder.mkdir()
    line = {
        "model": HOSTILE,
        "benchmark": "geneval",
        "metric": "score",
        "value": 0.93,
        "source": "our log, 3 May",
        "n": 553,
    }
    other = [
        ("dpg_bench", "score", 86.0),
        ("dpg_bench", "overall", 1.0),
        ("gedit_bench", "score", 7.9),
        ("pairs", "accuracy", 50.0),
    ]
    lines = [
        line,
        *(
            {"model": "FLUX", "method": "RPO", "benchmark": b, "metric": m, "value": v, "source": "x"}
            for b, m, v in other
        ),
    ]
    write_jsonl(folder / "scores.jsonl", lines)
    return folder


def table_of(name: str, runs: dict[str, Path]) -> PaperTable:
    texts = [runs["vl"], runs["two"]]
    fitting = {"arr_preference": [runs["hpdv3"], runs["mmrb2"]]}
    found = [runs["scores"]] if "generation" in name else texts if name.startswith("proxy") else [runs["hpdv3"]]
    return paper_table(name, fitting.get(name, found))


def row(table: PaperTable, model: str, arm: str = "", **more: object) -> Row:
    (found,) = (
        r for r in table.rows if (r.model, r.arm) == (model, arm) and all(getattr(r, k) == v for k, v in more.items())
    )
    return found


def texts(found: Row) -> list[str]:
    return [c.text for c in found.cells.values()]
