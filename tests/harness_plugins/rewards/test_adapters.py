"""Rewards as trainers call them, without the trainers: TRL's keywords, verl's functions, rows of a training set."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.messages import ChatRequest
from evaluators.messages import Image as Shown
from evaluators.prompts.template import Case
from evaluators.records import Candidate, Item, Label, encode
from evaluators.rubrics.leaks import CLASSES
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge, mock_chat_judge
from evaluators.testing.mock_server import MockServer
from harness_plugins.rewards import ProxyReward
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.trl import proxy_grm_reward
from harness_plugins.rewards.verl import compute_score, compute_score_batch
from tests.conftest import png

SPEC = JudgeSpec(name="proxy", backend="openai", model="m", base_url="http://unused.invalid/v1", retries=0)
RIGHT = "<rubric>1. Word (100%): says good</rubric><eval>Both read.</eval><answer>1</answer>"
WRONG = RIGHT.replace("<answer>1", "<answer>2")
DOWN = BackendError("server", "down", http=500)


def says_one(case: Case) -> str:
    return "1"


def columns(count: int, **more: list[Any]) -> dict[str, list[Any]]:
    """What TRL hands over beside the completions, each column repeated for each completion."""
    return {
        "question": [f"question {n}" for n in range(count)],
        "response_1": ["good"] * count,
        "response_2": ["bad"] * count,
        "answer": [1] * count,
        **more,
    }


def call(reward: Any, completions: list[Any], given: dict[str, list[Any]], **more: Any) -> list[float | None]:
    """As GRPOTrainer does: keywords alone, with the prompts, the ids and the state."""
    prompts = [[{"role": "user", "content": "?"}]] * len(completions)
    found: list[float | None] = asyncio.run(
        reward(
            prompts=prompts,
            completions=completions,
            completion_ids=[[1]] * len(completions),
            **given,
            trainer_state=object(),
            **more,
        )
    )
    return found


def test_trl_gets_a_plain_async_function_with_a_name() -> None:
    reward = proxy_grm_reward(MockJudge(SPEC, says_one))
    assert inspect.iscoroutinefunction(reward) and reward.__name__ == "proxy_grm_reward"
    assert proxy_grm_reward(None, name="accuracy").__name__ == "accuracy"


def test_trl_is_told_rewards_masks_and_metrics() -> None:
    def says(case: Case) -> str | BackendError:
        return DOWN if case.item.prompt == "question 2" else "1"

    logged, table = defaultdict(list), {}
    chat = [[{"role": "assistant", "content": c}] for c in (RIGHT, WRONG, RIGHT, "nonsense")]
    found = call(
        proxy_grm_reward(MockJudge(SPEC, says)),
        chat,
        columns(4),
        log_metric=lambda name, value: logged[name].append(value),
        log_extra=lambda name, values: table.update({name: values}),
    )
    assert found == [2.5, 0.5, None, -2.0]
    assert logged == {
        "judge_fail_rate": [0.25], "answer_right": [0.5], "well_formed": [0.75], "proxy_right": [2 / 3], "proxy_cut_off": [0.0],
        "leak": [0.0], **{f"leak_{kind}": [0.0] for kind in CLASSES},
    }  # fmt: skip
    assert table["proxy_outcome"] == ["correct", "correct", "error", "wrong"]
    assert table["masked_because"] == ["", "", "server", ""]


def test_a_judge_stays_open_over_loops_and_is_opened_again_after_a_failure() -> None:
    """TRL keeps one loop, others make one a call; connections and models belong to neither."""
    opened: list[int] = []

    class Counting(MockJudge):
        async def open(self, media: Any) -> None:
            opened.append(1)
            if len(opened) == 1:
                raise UserError("not yet")

    reward = proxy_grm_reward(Counting(SPEC, says_one))
    with pytest.raises(UserError, match="not yet"):
        call(reward, [RIGHT], columns(1))
    for _ in range(3):
        assert call(reward, [RIGHT, RIGHT], columns(2)) == [2.5, 2.5]
    assert len(opened) == 2


def test_a_real_endpoint_over_many_loops() -> None:
    with MockServer(answer=lambda body: "<answer>1</answer>").running() as server:
        reward = proxy_grm_reward(SPEC.model_copy(update={"base_url": server.url}))
        assert [call(reward, [RIGHT] * 8, columns(8)) for _ in range(3)] == [[2.5] * 8] * 3


def test_a_reward_in_a_loop_of_its_own_can_be_closed_and_used_again() -> None:
    background = BackgroundLoop(ProxyReward(None))
    assert background.run_blocking(lambda reward: reward.score([])) == []
    background.close()
    background.close()
    assert background.run_blocking(lambda reward: reward.score([])) == []
    background.close()


def test_training_ends_where_nothing_is_rewarded_any_longer() -> None:
    reward = proxy_grm_reward(MockJudge(SPEC, lambda case: DOWN), patience=3)
    assert [call(reward, [RIGHT], columns(1)) for _ in range(2)] == [[None], [None]]
    with pytest.raises(RunStopped, match="no reward in 3 calls in a row: 1 server, such as: down"):
        call(reward, [RIGHT], columns(1))
    patient = proxy_grm_reward(MockJudge(SPEC, lambda case: DOWN), patience=None)
    assert [call(patient, [RIGHT], columns(1)) for _ in range(12)] == [[None]] * 12


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2), (9, 9, 9)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize("column", ["image", "images"])
def test_images_of_the_dataset_reach_the_proxy(column: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(7))
    pictures: list[Any] = [
        Image.new("RGB", (2, 2), (200, 0, 0)),
        str(tmp_path / "a.png"),
        {"bytes": jpeg(), "path": None},
        None,
    ]
    sent: list[list[bytes]] = []

    def says(request: ChatRequest) -> str:
        sent.append([Path(p.file.path).read_bytes() for p in request.messages[0].parts if isinstance(p, Shown)])
        return "1"

    given = columns(4, **{column: [[p] if column == "images" and p is not None else p for p in pictures]})
    assert call(proxy_grm_reward(mock_chat_judge(SPEC, says)), [RIGHT] * 4, given) == [2.5] * 4
    assert sorted(map(len, sent)) == [0, 1, 1, 1] and [png(7)] in sent and [jpeg()] in sent


def test_a_broken_image_is_masked() -> None:
    given = columns(2, image=[b"no image", png(1)])
    assert call(proxy_grm_reward(MockJudge(SPEC, says_one)), [RIGHT, RIGHT], given) == [None, 2.5]


def test_records_of_ours_in_one_column() -> None:
    item = Item("x:1", "x", "1", 0, "q", (Candidate("good"), Candidate("bad")), (0, 1), Label(preferred=0))
    given = {"item": [encode(item).decode()] * 2, "saw": ["AB", "BA"]}
    assert call(proxy_grm_reward(MockJudge(SPEC, says_one)), [RIGHT, RIGHT], given) == [2.5, -1.5], "in BA, 2 is right"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"question": ["q"], "answer": [1]}, "response_1, response_2 is missing; there are: answer, question"),
        (columns(1, answer=["A"]), "`answer` is 'A'; it is 1 or 2"),
        (columns(1, answer=[True]), "`answer` is True"),
        (columns(1, image=["https://example.com/a.png"]), "images are not fetched"),
        ({"item": ["{}"]}, "not the record of an item"),
    ],
)
def test_a_dataset_that_does_not_fit_is_said(given: dict[str, list[Any]], said: str) -> None:
    with pytest.raises(UserError, match=said):
        call(proxy_grm_reward(MockJudge(SPEC, says_one)), [RIGHT], given)


EXTRA = {"question": "q", "response_1": "good", "response_2": "bad", "index": 3, "num_turns": None}


def verl(completion: str, config: Any, truth: Any = 1, extra: dict[str, Any] = EXTRA, **how: Any) -> dict[str, Any]:
    return asyncio.run(compute_score("preference", completion, truth, extra, config=config, **how))


@pytest.fixture
def proxied() -> Any:
    with MockServer(answer=lambda body: "<answer>1</answer>", keep=True).running() as server:
        yield server, {"proxy": {"name": "p", "backend": "openai", "model": "m", "base_url": server.url, "retries": 0}}


def test_verl_gets_a_score_with_the_same_keys_each_time(proxied: Any, tmp_path: Path) -> None:
    server, config = proxied
    (tmp_path / "a.png").write_bytes(png(3))
    right = verl(RIGHT, config, extra={**EXTRA, "images": np.array([str(tmp_path / "a.png")], object)})
    assert right == {
        "score": 2.5, "judge_failed": 0.0, "acc": 1.0, "well_formed": 1.0, "answer": "correct", "proxy": "correct", "error": "",
        "proxy_crossed": "none", "leak": 0.0, "content_leak": 0.0, **{f"leak_{kind}": 0.0 for kind in CLASSES},
    }  # fmt: skip
    assert "data:image/png;base64," in json.dumps(server.bodies[0])
    wrong = verl("nonsense", config, truth="2")
    assert wrong["score"] == -2.0 and wrong.keys() == right.keys()
    path = tmp_path / "reward.yaml"
    path.write_text(json.dumps({"proxy_grm": {**config, "aggregation": "gate", "format_weight": 0}}))
    assert verl(RIGHT, str(path))["score"] == 1.0
    assert verl(RIGHT, {"proxy": None})["proxy"] == "none", "the ablation without a proxy"


def test_verl_has_no_mask_so_a_failure_is_what_one_says() -> None:
    with MockServer(status=500).running() as server:
        config = {"proxy": {"name": "p", "backend": "openai", "model": "m", "base_url": server.url, "retries": 0}}
        with pytest.raises(BackendError, match="on_failure` is raise"):
            verl(RIGHT, config)
        found = verl(RIGHT, config, on_failure=0.25)
        assert (found["score"], found["judge_failed"], found["error"]) == (0.25, 1.0, "server")
        with pytest.raises(UserError, match="compute_score_batch knows groups"):
            verl(RIGHT, config, on_failure="group_mean")
        for wrong in ("zero", float("nan")):
            with pytest.raises(UserError, match="it is `raise`, `group_mean`, or the number"):
                verl(RIGHT, config, on_failure=wrong)


def test_in_a_batch_a_failure_is_worth_the_mean_of_its_group() -> None:
    """Groups are the rows: the same question, responses and answer."""
    failing = RIGHT.replace("says good", "FAIL")

    def answer(body: dict[str, Any]) -> str:
        if "FAIL" in json.dumps(body):
            raise ValueError("the proxy breaks on this rubric")
        return "<answer>1</answer>"

    with MockServer(answer=answer).running() as server:
        config = {"proxy": {"name": "p", "backend": "openai", "model": "m", "base_url": server.url, "retries": 0}}
        texts = [RIGHT, failing, "nonsense", RIGHT, failing, failing]
        extras = [{**EXTRA, "question": q, "index": n} for n, q in enumerate("aabbbc")]
        scores = compute_score_batch(["d"] * 6, texts, [1] * 6, extras, config=config, on_failure="group_mean")
    assert [s["judge_failed"] for s in scores] == [0, 1, 0, 0, 1, 1]
    assert [s["score"] for s in scores] == [2.5, 2.5, -2.0, 2.5, 0.25, 0.0]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, "give `config`"),
        ({"proxy": {"name": "p", "backend": "openai", "modle": "m"}}, "unknown key 'modle'; did you mean 'model'"),
        ({"aggregation": "sum"}, "'proxy' is missing"),
        ("no/such.yaml", "cannot be read"),
    ],
)
def test_a_verl_config_that_does_not_fit_is_said(config: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        verl(RIGHT, config)


def test_options_go_to_the_reward_and_not_beside_one_that_has_its_own() -> None:
    copies = proxy_grm_reward(MockJudge(SPEC, says_one), crossed="both", leak_penalty=1.0)
    announced = RIGHT.replace("says good", "Response 1 is better")
    logged = defaultdict(list)
    found = call(copies, [RIGHT, announced], columns(2), log_metric=lambda name, value: logged[name].append(value))
    assert found == [0.5, -0.5], "a proxy that says 1 in both orders is right in one of them"
    assert (logged["leak"], logged["leak_verdict"], logged["proxy_right_both"]) == ([0.5], [0.5], [0.0])
    with pytest.raises(UserError, match="crossed: a ProxyReward has its own options"):
        proxy_grm_reward(ProxyReward(None), crossed="both")
