"""One model asked in several ways: each minus the first that the config names, item by item."""

from __future__ import annotations

from pathlib import Path

from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge, Reply
from harness_plugins import run, score
from harness_plugins.config.run import Config
from tests.conftest import MakePairs
from tests.harness_plugins.scoring.test_scoring import good_is


def test_ways_of_one_model_are_set_side_by_side(make_pairs: MakePairs, tmp_path: Path) -> None:
    def spec(name: str, model: str = "m", **more: str) -> JudgeSpec:
        return JudgeSpec(name=name, backend="openai", model=model, base_url="http://unused.invalid/v1", **more)  # type: ignore[arg-type]

    def scores(case: Case) -> Reply:
        return f"<score>{9 if case.shown()[0].text.startswith('good') else 1}</score>"

    specs = [spec("pairs"), spec("points", grading="pointwise"), spec("another", model="n")]
    replies = {"pairs": lambda case: "1", "points": scores, "another": good_is}
    config = Config(
        benchmarks=({"name": "pairs", "path": make_pairs(8, images=False)},), judges=tuple(specs), arms=("none",)
    )  # type: ignore[arg-type]
    run(config, out=tmp_path / "run", judges={s.name: MockJudge(s, replies[s.name]) for s in specs})  # type: ignore[arg-type]

    (of_model,) = score(tmp_path / "run").ways  # the other model was asked in one way alone
    assert of_model.model == "m"
    first, second = of_model.ways
    assert (first.judge, first.accuracy.value, first.difference) == ("pairs", 0.5, None)
    assert (second.judge, second.accuracy.value) == ("points", 1.0)
    assert second.difference is not None and (second.difference.value, second.difference.n) == (0.5, 8)
    (flat,) = of_model.objects("strict")
    assert (flat["judge"], flat["metric"], flat["value"]) == ("points", "gain_over_judge_pairs", 0.5)
