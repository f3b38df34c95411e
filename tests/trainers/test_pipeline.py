"""The whole Proxy-GRM pipeline on CPU, by the recipes' own code: data, Proxy-SFT, cold start, GRPO by the trained proxy, evaluation.

Models are tiny and learn the scripted teacher's answer by heart, so that every stage has something to read; what they decide is noise.
"""

from __future__ import annotations

import importlib
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs TRL; `make test-trainers` runs this")
pytest.importorskip("datasets")

from evaluators.testing.mock_server import MockServer
from harness_plugins.cli import main
from tests.conftest import ROOT, read_jsonl

pytestmark = pytest.mark.heavy


@pytest.fixture
def recipes(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """The scripts in examples/, as modules."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    return importlib.import_module("train_sft"), importlib.import_module("train_grpo")


def distilled(folder: Path) -> Path:
    """The sets that `rubric-harness data` makes of the bundled pairs, by a served teacher."""
    with MockServer(grm=True).running() as teacher:
        written = (ROOT / "examples" / "data_tiny.yaml").read_text().replace("http://127.0.0.1:8765/v1", teacher.url)
        (folder / "data.yaml").write_text(written.replace("../tasks", str(ROOT / "tasks")))
        assert main(["data", str(folder / "data.yaml"), "--out", str(folder / "data")]) == 0
    return folder / "data" / "trl"


EVALUATION = """
benchmarks: [{{name: demo, limit: 6}}]
writers: [{{name: grm, method: proxy_grm, backend: hf, model: {grm}, max_tokens: 96, model_args: {{dtype: float32}}}}]
arms: [none, transferred]
judges: [{{name: judge, backend: hf, model: {judge}, max_tokens: 32, model_args: {{dtype: float32}}}}]
out: {out}
"""


def test_from_pairs_to_an_evaluated_grm(
    recipes: tuple[Any, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sft, grpo = recipes
    data = distilled(tmp_path)
    assert Counter({p.stem: len(read_jsonl(p)) for p in data.glob("*.jsonl")}) == {
        "proxy_sft": 4,
        "proxy_rl": 4,
        "grm_sft": 8,
        "grm_rl": 8,
    }
    random = sft.tiny_model(data, tmp_path / "random")

    for part in ("proxy_sft", "grm_sft"):
        losses = [
            e["loss"]
            for e in sft.train(data / f"{part}.jsonl", random, tmp_path / part, sft.TINY_PIXELS, **sft.TINY)
            if "loss" in e
        ]
        assert losses[-1] < losses[0] / 10, part

    proxy_rl = grpo.train(
        data / "proxy_rl.jsonl",
        str(tmp_path / "proxy_sft"),
        grpo.reward_of("proxy_rl"),
        tmp_path / "proxy_rl",
        sft.TINY_PIXELS,
        **{**grpo.TINY, "max_steps": 2},
    )
    steps = [e for e in proxy_rl if "reward" in e]
    assert [e["reward"] for e in steps] == pytest.approx([2 * e["answer_right"] - 1 for e in steps])

    reward = grpo.reward_of("grm_rl", {"proxy": grpo.tiny_proxy(tmp_path / "proxy_rl")})
    grm_rl = grpo.train(
        data / "grm_rl.jsonl", str(tmp_path / "grm_sft"), reward, tmp_path / "grm_rl", sft.TINY_PIXELS, **grpo.TINY
    )
    steps = [e for e in grm_rl if "reward" in e]
    assert len(steps) == grpo.TINY["max_steps"] and all(math.isfinite(e["loss"]) for e in steps)
    assert all(e["judge_fail_rate"] == 0 and -2 <= e["reward"] <= 2.5 for e in steps)
    assert max(e["well_formed"] for e in steps) > 0.5 and "proxy_right" in steps[0]

    run = EVALUATION.format(grm=tmp_path / "grm_rl", judge=tmp_path / "proxy_rl", out=tmp_path / "run")
    (tmp_path / "run.yaml").write_text(run)
    assert main(["run", str(tmp_path / "run.yaml")]) == 0
    rubrics = read_jsonl(tmp_path / "run" / "rubrics.jsonl")
    assert sum(r["status"] == "valid" for r in rubrics) >= len(rubrics) / 2 > 0
    verdicts = read_jsonl(tmp_path / "run" / "verdicts.jsonl")
    assert {v["arm"] for v in verdicts} == {"none", "transferred"} and not [
        v for v in verdicts if v["status"] == "error"
    ]
    capsys.readouterr()
    assert main(["score", str(tmp_path / "run")]) == 0
    assert "transferred" in capsys.readouterr().out
