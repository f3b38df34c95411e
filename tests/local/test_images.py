"""Eighty real pairs of images through transformers, in every grading by token and in words, killed and resumed.

The model is tiny and random: what is tested is the way from a JPEG to a verdict, not the score. One run of the real command
line, about forty seconds on two cores; images are shown at 28 x 28 x 16 pixels at most, and the model sees 16 tokens of each.
"""

from __future__ import annotations

import importlib.util
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

pytest.importorskip("torch", reason="needs torch and transformers; `make test-all` runs this")
pytest.importorskip("transformers")
if importlib.util.find_spec("vllm"):
    pytest.skip("runs once, where transformers is without vLLM: `make test-lmms`", allow_module_level=True)

from evaluators.messages import Image, Text
from evaluators.prompts.template import PROMPTS, Case
from evaluators.replies.digits import digit_of
from evaluators.specs import JudgeSpec
from harness_plugins import run, score
from harness_plugins.benchmarks.loader import load_benchmark
from tests.conftest import read_jsonl, real
from tests.local import tiny

pytestmark = pytest.mark.xdist_group("images")

PAIRS, ARMS, ORDERS = 80, ("none", "generic"), ("AB", "BA")
SIDE = 56
IMAGE_TOKENS = (SIDE // 14) ** 2
JUDGES: dict[str, dict[str, Any]] = {
    "pairs": {"verdict": "direct"},
    "points": {"verdict": "direct", "grading": "pointwise"},
    "ranks": {"verdict": "direct", "grading": "listwise"},
    "words": {"max_tokens": 4},
}
CALLS = len(JUDGES) * len(ARMS) * PAIRS * 2
"""Two orders of a pair, or its two candidates alone, which both orders share."""

Verdict = dict[str, Any]


@dataclass(frozen=True)
class Resumed:
    config: Path
    rows: Path
    model: Path
    kept: bytes
    """What stood in the journal before the second run, less a torn last line."""
    said: str
    """What the second run printed at its end."""

    @property
    def verdicts(self) -> Path:
        return self.config.parent / "out" / "verdicts.jsonl"

    @cached_property
    def by_judge(self) -> dict[str, list[Verdict]]:
        found = defaultdict(list)
        for verdict in read_jsonl(self.verdicts):
            found[verdict["judge"]].append(verdict)
        return dict(found)

    def spec(self, judge: str) -> JudgeSpec:
        judges = yaml.safe_load(self.config.read_text())["judges"]
        return JudgeSpec.model_validate(next(j for j in judges if j["name"] == judge))


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    rows = real("mj_bench_quality") / "pairs.jsonl"
    folder = tmp_path_factory.mktemp("images")
    model = tiny.llava(folder / "llava", side=SIDE, texts=[p.read_text() for p in sorted(PROMPTS.glob("*.jinja"))])
    shared = {
        "backend": "hf",
        "model": str(model),
        "max_pixels": 28 * 28 * 16,
        "model_args": {"dtype": "float32", "batch_size": 16},
    }
    judges = [{"name": name, **shared, **fields} for name, fields in JUDGES.items()]
    benchmark = {"name": "mj_bench_quality", "path": str(rows)}
    config = folder / "config.yaml"
    config.write_text(
        yaml.safe_dump({"benchmarks": [benchmark], "arms": list(ARMS), "judges": judges, "out": "out"}, sort_keys=False)
    )
    verdicts = folder / "out" / "verdicts.jsonl"
    _killed_while_scoring(config, verdicts, folder / "first.log")
    kept = _torn_between_two_that_share_a_call(verdicts)
    second = subprocess.run(_command(config), capture_output=True, text=True, timeout=400)
    assert second.returncode == 0, second.stderr[-3000:]
    return Resumed(config, rows, model, kept, second.stdout)


def _command(config: Path) -> list[str]:
    return [sys.executable, "-m", "harness_plugins", "run", str(config), "--quiet"]


def _killed_while_scoring(config: Path, verdicts: Path, log: Path) -> None:
    """One judge is through and the next one is at work."""
    with open(log, "wb") as out:
        process = subprocess.Popen(_command(config), stdout=out, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 300
    try:
        while not (verdicts.exists() and verdicts.read_bytes().count(b'"judge":"points"') >= 4):
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, "no scores within five minutes"
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL, "it must not end before it is killed"


def _torn_between_two_that_share_a_call(verdicts: Path) -> bytes:
    """Leaves one of two verdicts on a candidate, and a piece of the other: as a crash of the machine may.

    Returns the complete lines.
    """
    lines = [line for line in verdicts.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    scores = sum(b'"judge":"points"' in line for line in lines)
    whole = len(lines) - 1 - scores % 2
    with open(verdicts, "r+b") as f:
        f.truncate(sum(map(len, lines[:whole])) + len(lines[whole]) // 2)
        os.fsync(f.fileno())
    calls = [orjson.loads(line)["call"] for line in lines[whole - 1 : whole + 1]]
    assert calls[0] == calls[1]
    return b"".join(lines[:whole])


def test_nothing_is_lost_and_nothing_asked_twice(resumed: Resumed) -> None:
    assert resumed.verdicts.read_bytes().startswith(resumed.kept)
    before = [orjson.loads(line) for line in resumed.kept.splitlines()]
    assert Counter(v["judge"] for v in before)["pairs"] == PAIRS * 4
    written, asked = re.findall(r"(\d+) verdicts written .*, (\d+) calls made", resumed.said)[0]
    assert int(written) == CALLS + PAIRS * 4 - len(before)
    assert int(asked) == CALLS - len({v["call"] for v in before})
    keys = [v["key"] for verdicts in resumed.by_judge.values() for v in verdicts]
    assert len(keys) == len(set(keys)) == CALLS + PAIRS * 4


def test_every_cell_is_answered(resumed: Resumed) -> None:
    """Each pair in both orders by each judge and arm, and scored a candidate at a time by calls that both orders share."""
    assert list(resumed.by_judge) == list(JUDGES)
    for judge, verdicts in resumed.by_judge.items():
        alone = (0, 1) if judge == "points" else (None,)
        cells = Counter((v["arm"], v["order"], v["candidate"]) for v in verdicts)
        assert cells == {(arm, order, c): PAIRS for arm in ARMS for order in ORDERS for c in alone}
        assert len({v["item"] for v in verdicts}) == len({v["media"] for v in verdicts}) == PAIRS
        assert len({v["call"] for v in verdicts}) == CALLS // len(JUDGES)
        # A random model would write anything: its digits may have less mass than the floor.
        assert {v["status"] for v in verdicts} <= ({"truncated"} if judge == "words" else {"ok", "low_mass"})
    for verdict in resumed.by_judge["words"]:
        assert verdict["choice"] is verdict["pick"] is verdict["p"] is None, "cut off, a random text decides nothing"
        assert verdict["answer"]["usage"]["completion_tokens"] == 4


def test_each_verdict_is_what_its_probabilities_say(resumed: Resumed) -> None:
    for verdict in [*resumed.by_judge["pairs"], *resumed.by_judge["ranks"]]:
        p, order, mass = verdict["p"], verdict["order"], digits(verdict)
        assert p["mass"] == pytest.approx(mass[1] + mass[2]) and 0 < p["mass"] < 1
        assert p["first"] == pytest.approx(mass[1] / (mass[1] + mass[2]))
        assert verdict["choice"] == (1 if p["first"] > 0.5 else 2)
        assert "AB"[verdict["pick"]] == order[verdict["choice"] - 1]
    for verdict in resumed.by_judge["ranks"]:
        assert sorted(verdict["ranks"]) == [0, 1] and verdict["ranks"][verdict["pick"]] == 0
    assert not any(v["ranks"] for v in resumed.by_judge["pairs"])
    scores = defaultdict(set)
    for verdict in resumed.by_judge["points"]:
        mass = {n: m for n, m in digits(verdict).items() if n}
        assert len(mass) == 9 and verdict["p"] == {"first": None, "mass": pytest.approx(sum(mass.values()))}
        assert verdict["score"] == pytest.approx(sum(n * m for n, m in mass.items()) / sum(mass.values()), abs=1e-8)
        assert 1 < verdict["score"] < 9 and verdict["choice"] is None
        scores[verdict["call"]].add(verdict["score"])
    assert all(len(found) == 1 for found in scores.values()), "alone, whatever the order"


def digits(verdict: Verdict) -> dict[int, float]:
    """P of each digit, over all tokens that read as it."""
    mass: dict[int, float] = defaultdict(float)
    for token, logprob in verdict["answer"]["top_logprobs"]:
        if (digit := digit_of(token)) is not None:
            mass[int(digit)] += math.exp(logprob)
    return mass


def test_the_images_reach_the_model(resumed: Resumed) -> None:
    """Each prompt is as long as its text and its images; and where an image alone is another, so is the answer."""
    from transformers import AutoProcessor

    tokenizer = AutoProcessor.from_pretrained(resumed.model).tokenizer
    items = {i.uid: i for i in load_benchmark("mj_bench_quality", path=resumed.rows).items}
    for judge, verdicts in resumed.by_judge.items():
        spec = resumed.spec(judge)
        for verdict in verdicts:
            if verdict["arm"] != "none":
                continue
            case = Case(items[verdict["item"]], verdict["order"], candidate=verdict["candidate"])
            messages = spec.template.render(case, spec.verdict, spec.question_for(case))
            images = sum(isinstance(p, Image) for m in messages for p in m.parts)
            assert images == len(case.shown())
            content = [
                {
                    "role": m.role,
                    "content": [
                        {"type": "text", "text": p.text} if isinstance(p, Text) else {"type": "image"} for p in m.parts
                    ],
                }
                for m in messages
            ]
            text = tokenizer.apply_chat_template(content, tokenize=False, add_generation_prompt=True)
            expected = len(tokenizer(text)["input_ids"]) + images * (IMAGE_TOKENS - 1)
            assert verdict["answer"]["usage"]["prompt_tokens"] == expected
    for judge, what, value in (("points", "candidate", "score"), ("pairs", "order", "p"), ("ranks", "order", "p")):
        found: dict[Any, dict[Any, float]] = defaultdict(dict)
        for v in resumed.by_judge[judge]:
            found[v["item"], v["arm"]][v[what]] = v["score"] if value == "score" else v["p"]["first"]
        apart = [abs(a - b) for a, b in (both.values() for both in found.values())]
        assert len(apart) == PAIRS * 2
        assert sum(d > 1e-6 for d in apart) > 0.8 * len(apart), (
            "beyond rounding; the damage to a photograph may be small"
        )


def test_a_third_run_asks_nothing_and_all_can_be_scored(resumed: Resumed) -> None:
    before = resumed.verdicts.read_bytes()
    result = run(resumed.config)
    assert result.complete and result.tally.asked == result.tally.written == 0
    assert resumed.verdicts.read_bytes() == before
    cells = {(c.judge, c.arm): c for c in score(result.out, mass_floor=0).cells if c.judge in JUDGES}
    assert len(cells) == len(JUDGES) * len(ARMS) and all(c.complete for c in cells.values())
    for (judge, _), cell in cells.items():
        assert cell.metrics["truncated" if judge == "words" else "parsed"].value == 1
        assert 0 <= cell.metrics["accuracy"].value <= 1
