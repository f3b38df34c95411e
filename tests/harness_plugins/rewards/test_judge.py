"""A judge as rewards ask it: a decision, or a typed failure that stands in the tally."""

from __future__ import annotations

import asyncio

import pytest

from evaluators.errors import BackendError
from evaluators.prompts.template import Case
from evaluators.records import Answer, Candidate, Item, Label
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge, Reply
from harness_plugins.rewards.judge import RewardJudge, is_judge
from harness_plugins.rewards.rpo import RPOReward

SPEC = JudgeSpec(name="j", backend="openai", model="m", base_url="http://unused.invalid/v1", retries=1)
CASE = Case(Item("x:1", "x", "1", 1, "What?", (Candidate("a"), Candidate("b")), (0, 1), Label(preferred=0)), "AB")


def decided(judge: RewardJudge) -> tuple[str, int | None]:
    async def one() -> tuple[str, int | None]:
        await judge.open()
        try:
            _, parsed = await judge.decide(CASE, "seed")
            return parsed.status, parsed.choice
        finally:
            await judge.close()

    return asyncio.run(one())


@pytest.mark.parametrize(("reply", "decision"), [("2", ("ok", 2)), ("I cannot say.", ("unparsed", None))])
def test_a_decision(reply: str, decision: tuple[str, int | None]) -> None:
    assert decided(RewardJudge(MockJudge(SPEC, lambda case: reply))) == decision


def test_a_failure_is_retried_and_then_counted() -> None:
    replies: list[Reply] = [BackendError("bad_json", "no JSON"), BackendError("bad_json", "still none")]
    judge = RewardJudge(MockJudge(SPEC, lambda case: replies.pop(0)))
    with pytest.raises(BackendError, match="still none"):
        decided(judge)
    assert (judge.tally.asked, judge.tally.failures["bad_json"]) == (2, 2)
    assert judge.tally.unanswered == {"bad_json": 1} and judge.tally.examples == {"bad_json": "still none"}


def test_a_spec_will_do() -> None:
    judge = RewardJudge(JudgeSpec(name="longest", backend="baseline", model="longest"))
    assert decided(judge) == ("ok", 1) and judge.spec.name == "longest"


def test_a_judge_is_told_from_a_reward_that_has_one() -> None:
    assert is_judge(SPEC) and is_judge(MockJudge(SPEC, lambda case: "1"))
    assert not is_judge(RPOReward(judge=SPEC))


@pytest.mark.parametrize(("rank", "lines"), [("0", 1), ("3", 0)])
def test_the_requests_of_all_ranks_are_said_once(
    rank: str, lines: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("RANK", rank)
    decided(RewardJudge(MockJudge(SPEC.model_copy(update={"concurrency": 64}), lambda case: "1")))
    assert caplog.text.count("j: 8 processes ask it, each with up to 64 requests at a time: 512 in all") == lines


def test_a_deadline_ends_a_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(MockJudge):
        async def decide(self, case: Case, seed: str) -> Answer:
            await asyncio.sleep(60)
            raise AssertionError

    async def one() -> RewardJudge:
        judge = RewardJudge(Hanging(SPEC, lambda case: "1"))
        await judge.open()
        with pytest.raises(BackendError, match="deadline_s") as late:
            await judge.decide(CASE, "seed", asyncio.get_running_loop().time() + 0.05)
        assert late.value.kind == "late"
        await judge.close()
        return judge

    judge = asyncio.run(one())
    assert judge.tally.unanswered == {"late": 1} and judge.tally.in_flight == 0
