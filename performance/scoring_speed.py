"""How long a million verdicts take to all metrics and tables, and how much memory: the whole command, start-up included.

    python performance/scoring_speed.py                     # 1,000,000 verdicts in each shape, then 10,000 of the first
    python performance/scoring_speed.py --verdicts 100000 --shape mixed --folder /somewhere/with/space

The folders are written by the project's own loader, grid, parser and records, as a run writes them; only the answers are made
up. Shapes:
  matrix  25,000 pairs with an image: 4 judges (2 by token, with probabilities), none, transferred and shuffled of two writers,
          one of which wrote a rubric an order and gave its own verdict
  items   125,000 pairs: 2 judges, none and transferred of one writer
  mixed   half pairs, half rankings of three: a listwise judge and two pointwise ones, none and transferred
For a million verdicts a shape writes about 1.5 GB. Peak memory is the largest resident size of the command's process.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from evaluators.engine.due import Cell, Grid
from evaluators.engine.journal import Journal
from evaluators.engine.runner import make_verdict
from evaluators.keys import digest
from evaluators.records import Answer, Item, Media, MediaFile, encode
from evaluators.replies.parsing import parse
from evaluators.specs import JudgeSpec
from harness_plugins.config.run import Config, load_config
from harness_plugins.experiment.run import prepare
from harness_plugins.folder.manifest import make_manifest
from harness_plugins.folder.run_folder import RunFolder

TEXT = """
the response names every object on picture and counts them right while other one guesses colour of a sign behind trees
which cannot be read at this size so its claim rests on nothing that is shown clear polite
"""
COMMON = TEXT.split()
WORDS = [
    *COMMON,
    *(
        a + b + c
        for a in ("ka", "lo", "mi", "tre", "su")
        for b in ("ran", "del", "vis", "por")
        for c in ("", "ing", "tion", "ly", "er", "al", "ed", "ness", "ive", "ous")
    ),
]
NAMES = ("accuracy", "colour", "count", "grounding")
WEIGHTS = list(accumulate([6.0] * len(COMMON) + [1.0] * (len(WORDS) - len(COMMON))))
URL = "http://127.0.0.1:8000/v1"


def judge(name: str, model: str, **more: str) -> dict[str, Any]:
    return {"name": name, "backend": "openai", "model": model, "base_url": URL, "family": name, **more}


SHAPES: dict[str, dict[str, Any]] = {
    "matrix": {
        "each": 40,
        "judges": [
            judge("qwen", "Qwen/Qwen2.5-VL-7B-Instruct"),
            judge("pixtral", "mistralai/Pixtral-12B"),
            judge("llava", "llava-hf/llava-1.5-7b-hf", verdict="direct"),
            judge("internvl", "OpenGVLab/InternVL3-8B", verdict="direct"),
        ],
        "arms": ["none", "transferred", "shuffled"],
        "writers": ["grm", "arr"],
    },
    "items": {
        "each": 8,
        "judges": [judge("qwen", "Qwen/Qwen2.5-VL-7B-Instruct"), judge("llava", "llava", verdict="direct")],
        "arms": ["none", "transferred"],
        "writers": ["arr"],
    },
    "mixed": {
        "each": 19,
        "judges": [
            judge("ranks", "Qwen/Qwen2.5-VL-7B-Instruct", grading="listwise"),
            judge("scores", "mistralai/Pixtral-12B", grading="pointwise"),
            judge("expects", "llava", grading="pointwise", verdict="direct"),
        ],
        "arms": ["none", "transferred"],
        "writers": ["arr"],
    },
}


def prose(draw: random.Random, words: int) -> str:
    return " ".join(draw.choices(WORDS, cum_weights=WEIGHTS, k=words))


def inputs(folder: Path, shape: str, items: int) -> Path:
    """Rows, rubric files and a config as a user has them."""
    draw = random.Random(1)
    rows = []
    for n in range(items):
        many = 3 if shape == "mixed" and n % 2 else 2
        label: Any = draw.randrange(2) if many == 2 else draw.sample(range(3), 3)
        texts = [prose(draw, draw.randrange(20, 60)) for _ in range(many)]
        row = {"id": f"row-{n}", "prompt": f"{prose(draw, 12)} ({n})?", "candidates": texts, "label": label}
        rows.append({**row, "category": ("charts", "scenes", "documents", "maps")[n % 4]})
    (folder / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    for name in SHAPES[shape]["writers"]:
        with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as file:
            for n in range(items):
                for rubric in rubrics(draw, name, n):
                    file.write(json.dumps(rubric) + "\n")
    config = {
        "benchmarks": [{"name": "pairs", "path": "rows.jsonl"}],
        "rubrics": {w: f"{w}.jsonl" for w in SHAPES[shape]["writers"]},
        **{k: SHAPES[shape][k] for k in ("arms", "judges")},
    }
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    return folder / "config.yaml"


def rubrics(draw: random.Random, name: str, row: int) -> Iterator[dict[str, Any]]:
    """One rubric an item; of `grm` one an order, with its own verdict."""
    for saw in ("AB", "BA") if name == "grm" else ("nothing",):
        criteria = [
            {"name": w, "description": prose(draw, 14), "weight": 1 + draw.randrange(5)}
            for w in ("accuracy", "colour", "count", "grounding")
        ]
        text = "\n".join(f"{k}. {c['name']} ({c['weight']}): {c['description']}" for k, c in enumerate(criteria, 1))
        writer = {"name": name, "family": name, "base": f"{name}-7b", "model": f"{name}-7b"}
        rubric = {"benchmark": "pairs", "row": row, "writer": writer, "text": text, "criteria": criteria, "saw": saw}
        yield rubric | ({"verdict": draw.choice((1, 2))} if name == "grm" else {})


def with_picture(item: Item) -> Item:
    """As if its image had been read: scoring looks at digests alone."""
    name = f"images/{item.row}.jpg"
    return replace(item, media=(Media(name, files=(MediaFile(name, 200_000, 1, digest(item.row)),)),))


def answer(draw: random.Random, spec: JudgeSpec, item: Item, cell: Cell) -> Answer:
    """Right more often than not, and more often with a rubric."""
    question = spec.question_for(cell.arm_input.case(item, cell.order, cell.candidate))
    best = item.label.preferred if item.label.preferred is not None else (item.label.ranks or (0,)).index(0)
    right = draw.random() < (0.72 if cell.arm == "transferred" else 0.66)
    picked = best if right else (best + 1) % len(item.candidates)
    position = cell.order.index("ABCDEFGHI"[picked]) + 1
    text, tops, more = "", None, ""
    if spec.grading == "pointwise":
        high = 5 + (cell.candidate == picked)
        tops = tuple((str(n), -0.4 - abs(n - high) - draw.random()) for n in range(1, 10))
        more = f"<score>{high + draw.randrange(-1, 2)}</score>"
    elif spec.grading == "listwise":
        others = [n for n in range(1, question.shown + 1) if n != position]
        more = f"<ranking>{' > '.join(map(str, [position, *others]))}</ranking>"
    else:
        p = 0.5 + 0.49 * draw.random()
        tops = ((str(position), -1 + p), (str(3 - position), -1 - p), ("The", -5.0), ("Answer", -6.5))
        more = f"<answer>{position}</answer>"
    direct = spec.verdict == "direct"
    if not direct:
        text = f"{prose(draw, draw.randrange(30, 70))}.\n{more}"
    return Answer(
        text,
        "token" if direct else spec.text_format(question),
        finish_reason="stop",
        top_logprobs=tops if direct else None,
        usage={"prompt_tokens": 900 + len(cell.arm) * 20, "completion_tokens": 1 if direct else len(text) // 5},
        latency_s=0.8,
        model=spec.model,
        backend="openai",
        backend_version="vllm 0.11",
        sampling=spec.sampling(),
    )


def make(folder: Path, shape: str, verdicts: int) -> int:
    """A run folder of about so many verdicts; returns how many."""
    draw = random.Random(2)
    config: Config = load_config(inputs(folder, shape, verdicts // SHAPES[shape]["each"]))
    prepared = prepare(config)
    prepared = replace(prepared, items={n: [with_picture(i) for i in some] for n, some in prepared.items.items()})
    grids: tuple[Grid, ...] = prepared.grids()
    run = folder / "run"
    RunFolder(run_folder(run)).write_manifest(make_manifest({}, config, prepared.benchmarks, grids))
    written = 0
    with Journal(run / "items.jsonl") as items, Journal(run / "rubrics.jsonl") as file:
        for item in prepared.chosen():
            items.append(encode(item))
        for rubric in (r for f in prepared.rubrics for r in f.rubrics):
            file.append(encode(rubric))
    with open(run / "verdicts.jsonl", "wb") as out:
        for grid in grids:
            rows = [(spec, grid.rows(spec)) for spec in config.judges]
            for item in grid.items:
                for spec, arms in rows:
                    for cell in grid.cells(item, spec, arms):
                        said = answer(draw, spec, item, cell)
                        question = spec.question_for(cell.arm_input.case(item, cell.order, cell.candidate))
                        now = "2026-03-11T12:00:00.000+00:00"
                        out.write(encode(make_verdict(item, cell, said, parse(said, question), error=None, time=now)))
                        written += 1
    return written


def run_folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def measure(run: Path, form: str) -> tuple[float, float, float]:
    """Seconds, seconds of CPU and peak MB of `rubric-harness table RUN --format FORM`."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "harness_plugins", "table", str(run), "--format", form]
    with open(run.parent / f"table.{form}", "wb") as out:
        process = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", type=int, default=1_000_000)
    parser.add_argument("--shape", choices=[*SHAPES, "all"], default="all")
    parser.add_argument("--folder", type=Path, help="keep the folders here and take those that are there")
    args = parser.parse_args()
    shapes = list(SHAPES) if args.shape == "all" else [args.shape]
    sizes = [(s, args.verdicts) for s in shapes] + ([(shapes[0], 10_000)] if args.verdicts > 10_000 else [])
    with tempfile.TemporaryDirectory(prefix="rubric-harness-") as name:
        for shape, verdicts in sizes:
            folder = (args.folder or Path(name)) / f"{shape}-{verdicts}"
            if not (folder / "written").exists():
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "written").write_text(str(make(folder, shape, verdicts)))
            count = int((folder / "written").read_text())
            for form in ("json", "md"):
                seconds, cpu, peak = measure(folder / "run", form)
                what = f"{shape:7} {count:9,} verdicts, table --format {form:4}"
                print(f"{what}: {seconds:6.1f} s ({cpu:5.1f} s CPU) {peak:6,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
