"""Answer files of Proxy-GRM and R1-Reward: their own figures again, and rubrics that other judges can read."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins import run, score
from harness_plugins.cli import main
from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.official_parsers import OTHER, PARSERS
from tests.conftest import read_jsonl, real, write_jsonl
from tests.harness_plugins.scoring import official_rules

VL, MM, RLHF = "vl_rewardbench", "multimodal_rewardbench", "mm_rlhf_rewardbench"

RUBRIC = (
    "<rubric>\n1. Truth (60%): it is true\n2. Clarity (40%): it is clear\n<justify>It was asked.</justify>\n</rubric>\n"
)
WRITTEN = RUBRIC + "<eval>Both were read.</eval>\n<answer>{}</answer>"
CRITICS = (
    *[WRITTEN.format(1), WRITTEN.format(2)] * 3,
    WRITTEN.format("Response 1"),  # read on one benchmark alone
    WRITTEN.format("1/2"),
    WRITTEN.format("1.0"),
    "I cannot say.",
    "<answer>2</answer> wait <answer>1</answer>",
    "1. Accuracy (40%)\n2. Clarity (20%) is what Chatbot 1 ha",
    "<answer>1",
    "<think>2</think><answer> 2\n</answer>",
)
"""What the scripts read and what they guess, all of it."""

TOKENS = (
    "<answer>",
    "</answer>",
    "1",
    "2",
    "0",
    ".",
    " ",
    "\n",
    "x",
    "１",
    "[[A]]",
    "[[B]]",
    "Therefore",
    "OVERALL judgment",
)
TOKENS += ("Answer ", "1 is better", " is the slightly better", "*", "answer 2 is better")


@given(st.lists(st.sampled_from(TOKENS), max_size=12).map("".join))
def test_the_parsers_are_those_of_the_scripts(text: str) -> None:
    def position(rewards: list[int]) -> int | None:
        return {(1, 0): 1, (0, 1): 2}.get((rewards[0], rewards[1]))

    assert PARSERS["proxy_grm_loose"](text) == position(official_rules.proxy_grm(VL, text))
    assert PARSERS["proxy_grm_exact"](text) == position(official_rules.proxy_grm(MM, text))
    assert PARSERS["proxy_grm_line"](text) == position(official_rules.proxy_grm(RLHF, text))
    assert PARSERS["r1_reward"](text) == position(official_rules.r1_reward(VL, text))
    assert PARSERS["r1_reward_line"](text) == position(official_rules.r1_reward(RLHF, text))
    judgment = official_rules.lmms_judgment(text)
    assert PARSERS["lmms_eval_judgment"](text) == (OTHER if judgment is not None and judgment > 2 else judgment or (
        None if judgment is None else OTHER))  # fmt: skip
    assert PARSERS["lmms_eval_bracket"](text) == (1 if "[[A]]" in text else 2 if "[[B]]" in text else 1)


def rows_of(benchmark: str, count: int = 40) -> list[dict[str, Any]]:
    """Rows as Proxy-GRM's question files hold them."""
    found: list[dict[str, Any]] = []
    for n in range(count):
        row = {
            "prompt": f"question {n}?",
            "chosen": f"good {n}",
            "rejected": f"bad, at length {n}",
            "image": f"/d/{n}.png",
        }
        if benchmark == VL:
            names = ("RLHF-V-", "RLAIF-V-", "hallucination_pair-", "mathverse_", "mmmu_", "wildvision-")
            row["id"] = f"{names[n % 6]}{n}"
        elif benchmark == MM:
            kinds = (
                ("visitbench_", "open_generation/correctness_task"),
                ("nocaps_", "open_generation/preference_task"),
            )
            kinds += (("mmmu_", "knowledge"), ("mathvista_", "reasoning"), ("emma_", "reasoning"), ("pairs_", "safety"))
            name, category = (*kinds, ("vqa_", "vqa"))[n * n % 7]
            row |= {"id": f"{name}{n}", "Category": category}
        else:
            folder = ("mcq", "long", "short", "safety", "video")[n // 3 % 5]
            row |= {"id": f"group {n // 3}", "image": f"/d/{folder}/{n // 3}.png"}
            if folder == "video":
                row["video"] = row.pop("image").removesuffix(".png")
        found.append(row)
    return found


def answered(benchmark: str, rows: list[dict[str, Any]], seed: int = 1) -> list[dict[str, Any]]:
    """What Proxy-GRM's script writes for them."""
    draw = random.Random(seed)
    found = []
    for row in rows:
        critic, reverse = draw.choice(CRITICS), draw.random() < 0.5
        told = {
            "qs": "...",
            "rewards": official_rules.proxy_grm(benchmark, critic),
            "critic": critic,
            "reverse": reverse,
        }
        found.append({**row, **told})
    return found


def imported(tmp_path: Path, form: str, *files: str, out: str = "run") -> Path:
    assert main(["import", form, *files, "--out", str(tmp_path / out)]) == 0
    return tmp_path / out


def cell_of(folder: Path, protocol: str, judge: str, benchmark: str) -> CellReport:
    return next(c for c in score(folder, protocol).cells if (c.judge, c.benchmark) == (judge, benchmark))


def same(cell: CellReport, expected: dict[str, float]) -> None:
    assert {n: cell.metrics[n].value for n in expected} == pytest.approx(expected, abs=1e-12)


def whole(folder: Path, rows: int) -> None:
    """Acc+ is void on a part of the benchmark: say that these rows are all of it."""
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"expected_rows": 170', f'"expected_rows": {rows}'))


def test_proxy_grm_prints_these_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {b: answered(b, rows_of(b)) for b in (VL, MM, RLHF)}
    (tmp_path / "answers").mkdir()
    for benchmark, some in rows.items():
        write_jsonl(tmp_path / "answers" / f"{benchmark}.jsonl", some)
    folder = imported(tmp_path, "proxy_grm", f"proxy-grm={tmp_path / 'answers'}")
    out = capsys.readouterr().out
    assert "vl_rewardbench: proxy-grm: 40 verdicts" in out and "--protocol official-proxy_grm" in out
    whole(folder, 40)
    for benchmark, some in rows.items():
        cell = cell_of(folder, "official-proxy_grm", "proxy-grm", benchmark)
        assert cell.complete and cell.arm == "grm" and cell.metrics["accuracy"].n == 40
        same(cell, official_rules.RULES[benchmark](some))


def test_a_file_by_hand(tmp_path: Path) -> None:
    """Eight answers that say nothing: wrong on VL-RewardBench; on the others right where the preferred one came second."""
    for benchmark, right in ((VL, 0), (MM, 5), (RLHF, 5)):
        rows = [
            {**row, "critic": "No.", "reverse": n < 5, "rewards": [0, 0] if benchmark == VL else [0, 1]}
            for n, row in enumerate(rows_of(benchmark, 8))
        ]
        folder = imported(tmp_path, "proxy_grm", str(write_jsonl(tmp_path / "m.jsonl", rows)), out=benchmark)
        found = cell_of(folder, "official-proxy_grm", "m", benchmark).metrics["accuracy"]
        assert (found.k, found.n) == (right, 8)
        assert main(["table", str(folder)]) == 0, "a writer without one valid rubric has a card too"
        strict = cell_of(folder, "strict", "m", benchmark)
        assert (strict.metrics["accuracy"].k, strict.metrics["unparsed"].value) == (0, 1)


def test_real_rows(tmp_path: Path) -> None:
    """The real ids, paths and groups under the scripts' own category rules."""
    told = read_jsonl(real(VL) / "rows.jsonl")
    vl = [
        {
            "id": r["id"],
            "prompt": r["query"],
            "chosen": r["response"][0],
            "rejected": r["response"][1],
            "image": "i.jpg",
        }
        for r in told
    ]
    files = {VL: vl, RLHF: read_jsonl(real(RLHF) / "mm_reward_bench.jsonl")}
    for benchmark, questions in files.items():
        rows = answered(benchmark, questions)
        path = write_jsonl(tmp_path / f"{benchmark}.jsonl", rows)
        folder = imported(tmp_path, "proxy_grm", f"p={path}", out=benchmark)
        cell = cell_of(folder, "official-proxy_grm", "p", benchmark)
        same(cell, official_rules.RULES[benchmark](rows))
        assert cell.metrics["accuracy"].n == len(questions)
    assert cell.metrics["acc_plus_strict"].n == 46


def test_its_rubrics_are_for_other_judges(tmp_path: Path) -> None:
    """Uids are those of a native run: the rubrics of an import name its items, in the order in which they were written."""
    questions = rows_of(RLHF, 15)
    path = write_jsonl(tmp_path / "grm.jsonl", answered(RLHF, questions))
    folder = imported(tmp_path, "proxy_grm", str(path))
    records = read_jsonl(folder / "rubrics.jsonl")
    assert len(records) == 15 and {r["writer"]["method"] for r in records} == {"proxy_grm"}
    valid = [r for r in records if r["status"] == "valid"]
    assert {r["text"] for r in valid} == {"1. Truth (60%): it is true\n2. Clarity (40%): it is clear"}
    assert {r["justify"] for r in valid} == {"It was asked."} and {r["saw"] for r in records} == {"AB", "BA"}
    assert [c["weight"] for c in valid[0]["criteria"]] == [60, 40]
    assert all(r["violations"] for r in records if r["status"] == "invalid")
    native = write_jsonl(tmp_path / "rows.jsonl", [without("image")(without("video")(q)) for q in questions])
    config = tmp_path / "native.yaml"
    config.write_text(
        f"benchmarks: [{{name: {RLHF}, path: {native}, media: optional}}]\nrubrics: {{grm: run/rubrics.jsonl}}\n"
        "arms: [none, transferred]\njudges: [{name: lexical, backend: baseline}]\nout: native\n"
    )
    done = run(config)
    read = [v for v in read_jsonl(done.out / "verdicts.jsonl") if v["arm"] == "transferred"]
    assert {v["item"] for v in read} == {r["item"] for r in valid}


def r1_rows(benchmark: str) -> list[dict[str, Any]]:
    """What R1-Reward's script writes: the preferred one first, whichever Multimodal RewardBench stores first."""
    found = []
    for n, row in enumerate(rows_of(benchmark)):
        if benchmark == MM:
            better = f"Output{1 + n % 2}"
            texts = {better: row["chosen"], f"Output{2 - n % 2}": row["rejected"], "Better": better}
            row = {"ID": row["id"], "Text": row["prompt"], "Image": "i.png", "Category": row["Category"], **texts}
        critic = CRITICS[n % len(CRITICS)]
        found.append({**row, "rewards": official_rules.r1_reward(benchmark, critic), "critic": critic})
    return found


def test_r1_reward_prints_these_figures_from_its_chunks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {b: r1_rows(b) for b in (VL, MM, RLHF)}
    for benchmark, some in rows.items():
        (tmp_path / benchmark).mkdir()
        for chunk in range(4):
            write_jsonl(tmp_path / benchmark / f"r1_chunk{chunk}_of_4.jsonl", some[chunk * 10 : chunk * 10 + 10])
    folder = imported(tmp_path, "r1_reward", *(str(tmp_path / b) for b in rows))
    assert "missing" not in capsys.readouterr().out
    whole(folder, 40)
    for benchmark, some in rows.items():
        cell = cell_of(folder, "official-r1_reward", "r1", benchmark)
        expected = official_rules.RULES[benchmark](some)
        expected.pop("macro_with_all", None)  # of Proxy-GRM's script alone
        same(cell, expected)
        assert cell.arm == "none" and any("always shown first" in f for f in cell.flags)
    assert not (folder / "rubrics.jsonl").exists()
    (tmp_path / VL / "r1_chunk2_of_4.jsonl").unlink()
    imported(tmp_path, "r1_reward", str(tmp_path / VL), out="some")
    assert "chunks 2 of 4 are missing" in capsys.readouterr().out


def test_several_models_in_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An item that only one of two models answered leaves the other's row incomplete."""
    rows = rows_of(VL, 12)
    for name, some in (("a", rows), ("b", list(reversed(rows[:11])))):
        write_jsonl(tmp_path / f"{name}.jsonl", answered(VL, some, seed=len(some)))
    folder = imported(tmp_path, "proxy_grm", str(tmp_path / "a.jsonl"), f"other={tmp_path / 'b.jsonl'}")
    assert len(read_jsonl(folder / "items.jsonl")) == 12
    cells = {c.judge: c for c in score(folder, "official-proxy_grm").cells if c.arm == "grm"}
    assert cells["a"].trials == (12, 12) and cells["other"].trials == (11, 12)
    assert main(["show", str(folder), "--judge", "other", "--limit", "1"]) == 0
    assert main(["score", str(folder), "--protocol", "official"]) == 2
    assert "'official:vl_rewardbench-proxy_grm', which reads them" in capsys.readouterr().err


def without(column: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: {k: v for k, v in row.items() if k != column}


@pytest.mark.parametrize(
    ("form", "change", "mend"),
    [
        ("proxy_grm", without("critic"), "a reward model that writes no text joins the tables by `import scores`"),
        ("proxy_grm", without("reverse"), "line 1: an answer of proxy_grm has id,"),
        ("proxy_grm", without("reverse"), "import it as r1_reward"),
        ("proxy_grm", without("prompt"), "this row lacks prompt (it has"),
        ("proxy_grm", lambda r: {**r, "reverse": "no"}, "line 1: `reverse` is 'no'; it must be true or false"),
        ("proxy_grm", lambda r: {**r, "critic": ["a"]}, "`critic` must be what the model wrote, a text, not list"),
        ("proxy_grm", lambda r: {**r, "rewards": [0.3, 0.1]}, "must be two numbers of 0 and 1"),
        ("proxy_grm", lambda r: {**r, "rewards": [1, 1]}, "is not what the script of proxy_grm reads from `critic` (so in 4 of 4"),
        ("proxy_grm", lambda r: {**r, "id": "x-1"}, "give --benchmark"),
        ("proxy_grm", lambda r: {**r, "prompt": 7}, "line 1: 'query' must be a text, not int"),
        ("r1_reward", lambda r: r, "import it as proxy_grm"),
        ("lmms_eval", lambda r: r, "no sample of vl_rewardbench, multimodal_rewardbench, "),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(
    form: str, change: Callable[[dict[str, Any]], dict[str, Any]], mend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    path = write_jsonl(tmp_path / "m.jsonl", [change(r) for r in answered(VL, rows_of(VL, 4))])
    assert main(["import", form, str(path), "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert mend in error and str(path) in error
    assert not (tmp_path / "run").exists()


def test_rewards_left_out_are_read_anew(tmp_path: Path) -> None:
    rows = answered(RLHF, rows_of(RLHF, 9))
    path = write_jsonl(tmp_path / "m.jsonl", [without("rewards")(r) for r in rows])
    cell = cell_of(imported(tmp_path, "proxy_grm", str(path)), "official-proxy_grm", "m", RLHF)
    assert cell.metrics["accuracy"].value == official_rules.mm_rlhf_rewardbench(rows)["accuracy"]


def test_the_help_shows_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    from harness_plugins.plugins import IMPORTS

    with pytest.raises(SystemExit):
        main(["import", "--help"])
    shown = capsys.readouterr().out
    assert IMPORTS.names() == ["genai_bench", "lmms_eval", "mmrb2", "proxy_grm", "r1_reward", "scores"]
    assert all(f"rubric-harness import {name} " in shown for name in IMPORTS.names())
