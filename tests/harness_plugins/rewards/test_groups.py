"""Completions of a policy, ranked by RPO's code: which are compared, and with what the judge is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from evaluators.errors import RunStopped, UserError
from evaluators.prompts.template import Case
from evaluators.testing.mock import MockJudge
from evaluators.testing.mock_server import MockServer
from harness_plugins.rewards import RPOReward, Score
from harness_plugins.rewards.groups import FlatBatch, Task, score_completions
from harness_plugins.rewards.trl import rubric_reward
from harness_plugins.rewards.verl import compute_rubric_score, compute_rubric_score_batch
from tests.harness_plugins.rewards.test_rpo import RANKS, SPEC, values


def longer(case: Case) -> str:
    first, second = case.shown()
    return "1" if len(first.text) > len(second.text) else "2"


def longest_first(case: Case) -> str:
    best_first = sorted(range(len(case.shown())), key=lambda n: -len(case.shown()[n].text))
    return f"<ranking>{' > '.join(str(n + 1) for n in best_first)}</ranking>"


def ranked(
    rows: Sequence[dict[str, Any]], completions: Sequence[str], judge: MockJudge | None = None, size: int | None = None
) -> list[Score]:
    async def call() -> list[Score]:
        async with RPOReward(judge or MockJudge(SPEC, longer), rubric="Is it complete?") as reward:
            return (await score_completions(reward, rows, completions, size)).scores

    return asyncio.run(call())


@pytest.mark.parametrize("judge", [MockJudge(SPEC, longer), MockJudge(RANKS, longest_first)], ids=["pairs", "listwise"])
def test_completions_of_one_prompt_are_ranked(judge: MockJudge) -> None:
    rows = [{"prompt": "a"}] * 3 + [{"prompt": "b"}] * 2
    assert values(ranked(rows, ["x", "xxx", "xx", "yy", "y"], judge)) == [-0.1, 1.0, 0.45, 1.0, -0.1]


def test_the_judge_sees_question_pictures_and_rubric(tmp_path: Path) -> None:
    cases: list[Case] = []

    def look(case: Case) -> str:
        cases.append(case)
        assert all(Path(m.files[0].path).exists() for m in case.item.media)
        return longer(case)

    red, photo = Image.new("RGB", (4, 4), (200, 0, 0)), tmp_path / "photo.png"
    red.save(photo)
    prompt = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What colour?"}]}]
    rows = [{"prompt": prompt, "images": [red, photo], "rubric": "1. Names the colour"}] * 2
    assert values(ranked(rows, ["red", "it is red"], MockJudge(SPEC, look))) == [-0.1, 1.0]
    assert {c.item.prompt for c in cases} == {"What colour?"} and {c.rubric.text for c in cases if c.rubric} == {
        "1. Names the colour"
    }
    assert [len(c.item.media) for c in cases] == [2, 2] and {c.order for c in cases} == {"AB", "BA"}
    rows = [{**row, "question": "Which colour is the square?"} for row in rows]
    ranked(rows, ["red", "it is red"], MockJudge(SPEC, look))
    assert cases[-1].item.prompt == "Which colour is the square?"


def test_other_pictures_or_another_group_are_not_compared() -> None:
    def row(level: int, **more: Any) -> dict[str, Any]:
        return {"prompt": "p", "image": Image.new("RGB", (2, 2), (level, 0, 0)), **more}

    apart = [row(1), row(2), row(1, group=7), row(1, group=[7])]
    assert [s.masked_because for s in ranked(apart, ["a", "bb", "ccc", "dddd"])] == ["alone"] * 4
    gaps = [row(1, group=float("nan")), row(1, group=None)]
    assert values(ranked(gaps, ["a", "bb"])) == [-0.1, 1.0], "a column with gaps says nothing there"
    assert values(ranked([row(1), row(1)], ["a", "bb"])) == [-0.1, 1.0], "equal pictures, each an object of its own"


def test_a_broken_picture_masks_its_group_alone() -> None:
    rows = [{"prompt": "p", "image": b"no picture"}] * 2 + [{"prompt": "q"}] * 2
    scores = ranked(rows, ["a", "bb", "a", "bb"])
    assert [s.masked_because for s in scores] == ["image", "image", "", ""]
    assert "an image of the prompt" in str(scores[0].error)


def test_equal_rows_are_two_groups_where_the_trainer_says_how_large_one_is() -> None:
    rows = [{"prompt": "p"}] * 4
    assert values(ranked(rows, ["a", "bb", "ccc", "dddd"], size=2)) == [-0.1, 1.0, -0.1, 1.0]
    assert values(ranked(rows, ["a", "bb", "ccc", "dddd"])) != [-0.1, 1.0, -0.1, 1.0]


@pytest.mark.parametrize("prompts", ["ppq", "ppp", "pqqp"])
def test_a_group_that_is_spread_over_processes_is_refused(prompts: str) -> None:
    with pytest.raises(UserError, match="are not 2 of one prompt: set the batch of a process"):
        ranked([{"prompt": p} for p in prompts], ["x"] * len(prompts), size=2)


def test_a_row_without_a_prompt_is_the_callers_mistake() -> None:
    with pytest.raises(UserError, match="needs the column `question`, or the trainer's prompt; there are: image"):
        ranked([{"image": b""}], ["x"])


def test_candidates_of_one_group_are_of_one_task() -> None:
    with pytest.raises(UserError, match="candidates 0 and 1 are of one group, and they differ in rubric"):
        FlatBatch([Task("p", (), "a"), Task("p", (), "b")], ["g", "g"])


class Logs:
    """TRL's two ways to log, as it passes them."""

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}
        self.columns: dict[str, list[Any]] = {}

    def passed(self) -> dict[str, Any]:
        return {"log_metric": self.metrics.__setitem__, "log_extra": self.columns.__setitem__}


def test_trl_gets_masks_and_metrics() -> None:
    def unsure(case: Case) -> str:
        return "1" if "tie" in case.shown()[0].text + case.shown()[1].text else longer(case)  # the first in both orders

    reward = rubric_reward(MockJudge(SPEC, unsure), rubric="Is it complete?", num_generations=2)
    logs = Logs()
    completions = [[{"role": "assistant", "content": t}] for t in ("a", "bb", "tie", "tie again")]
    prompts = [[{"role": "user", "content": "p"}]] * 2 + [[{"role": "user", "content": "q"}]] * 2
    assert asyncio.run(_call(reward, completions=completions, prompts=prompts, **logs.passed())) == [
        -0.1,
        1.0,
        None,
        None,
    ]
    assert logs.metrics["judge_fail_rate"] == 0.5 == logs.metrics["pairs_disagree"] == logs.metrics["pairs_decided"]
    assert logs.columns["masked_because"] == ["", "", "disagree", "disagree"]
    with pytest.raises(UserError, match="num_generations is 1"):
        rubric_reward(MockJudge(SPEC, longer), num_generations=1)
    with pytest.raises(UserError, match="rubric: a RPOReward has its own options"):
        rubric_reward(RPOReward(SPEC), rubric="r")


async def _call(reward: Any, **arguments: Any) -> Any:
    return await reward(**arguments)


def test_trl_stops_where_nothing_is_rewarded_any_more() -> None:
    reward = rubric_reward(MockJudge(SPEC, lambda case: "1"), patience=2)
    call = {"completions": ["a", "bb"], "prompts": ["p", "p"]}
    assert asyncio.run(_call(reward, **call)) == [None, None]
    with pytest.raises(RunStopped):
        asyncio.run(_call(reward, **call))


def answer(body: dict[str, Any]) -> str:
    """For the response that says `good`, whichever it is; a broken judge where one says FAIL."""
    text = json.dumps(body)
    if "FAIL" in text:
        raise ValueError("the judge breaks")
    return f"<answer>{1 if text.rindex('good') < text.rindex('bad') else 2}</answer>"


def verl(
    completions: Sequence[str], config: Any, indices: Sequence[int] = (3, 3, 3, 3), **options: Any
) -> list[dict[str, Any]]:
    async def call() -> list[dict[str, Any]]:
        calls = (
            compute_rubric_score("d", text, None, {"question": "q", "index": index}, config=config, **options)
            for text, index in zip(completions, indices, strict=False)
        )
        return await asyncio.gather(*calls)

    return asyncio.run(call())


def test_verl_asks_for_one_and_gets_it_when_its_group_is_complete() -> None:
    with MockServer(answer=answer).running() as server:
        judge = {"name": "j", "backend": "openai", "model": "m", "base_url": server.url, "retries": 0}
        config = {"judge": judge, "disagreement": "mask"}
        results = verl(["a good one", "a bad one"], config, group_size=2)
        assert [r["score"] for r in results] == [1.0, -0.1]
        assert results[0]["pairs_decided"] == 1.0 and results[0]["error"] == ""
        results = verl(["a good one", "FAIL"], config, group_size=2)
        assert [(r["score"], r["judge_failed"], r["error"]) for r in results] == [(0.0, 1.0, "server")] * 2
        with pytest.raises(UserError, match=r"1 of 2 completions .* reward\.num_workers=1"):
            verl(["a good one"], config, group_size=2, wait_s=0.05)
        with pytest.raises(UserError, match="group_size is 1"):
            verl(["a good one"], config, group_size=1)
        results = verl(["good a", "good b", "bad c", "bad d"], config, indices=(0, 1, 0, 1), group_size="2")
        assert [r["score"] for r in results] == [1.0, 1.0, -0.1, -0.1], "rows of equal content are two groups"
        infos = [{"question": "q"}] * 2 + [{"question": "r"}] * 2
        batch = compute_rubric_score_batch("dddd", ["bad", "good", "FAIL", "good"], [None] * 4, infos, config=config)
        assert [r["score"] for r in batch] == [-0.1, 1.0, 0.0, 0.0]
        lonely = compute_rubric_score_batch(
            "ddd", ["bad", "good", "good"], [None] * 3, [*infos[:2], infos[2]], config=config
        )
        assert [r.keys() for r in lonely] == [lonely[0].keys()] * 3, "verl makes a column of each"
        assert (lonely[2]["score"], lonely[2]["error"]) == (0.0, "alone")
