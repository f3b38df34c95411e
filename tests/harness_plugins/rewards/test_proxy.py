"""The reward of Proxy-GRM: every payoff of the reference, and right where the reference is wrong."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from evaluators.errors import BackendError, UserError
from evaluators.messages import text_of
from evaluators.prompts.template import Case
from evaluators.records import Candidate, Item, Label
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge, mock_chat_judge
from evaluators.testing.mock_server import MockServer
from harness_plugins.rewards import AGGREGATIONS, ProxyReward, Reward, Sample, payoff

# The reference's use_fb 0 to 10, executed: (both right, answer alone, proxy alone, neither), format term apart.
REFERENCE = [
    (2, 0, 0, -2),
    (2, -2, -2, -2),
    (1, -1, -1, -1),
    (2.5, -0.5, 0, -2),
    (2.5, -0.5, -0.5, -2),
    (2.5, -0.5, -0.5, -3),
    (2, -0.5, 0, -2),
    (1.5, 0.5, -1, -1),
    (1.5, 0.5, -1.5, -1),
    (1.5, 0.5, -1.5, -2),
    (1, 0.5, -1, -1),
]

RUBRIC = "1. Word (100%): says good"
RIGHT = f"<rubric>{RUBRIC}<justify>Asked.</justify></rubric><eval>Both read.</eval><answer>1</answer>"
SPEC = JudgeSpec(name="proxy", backend="openai", model="m", base_url="http://unused.invalid/v1", retries=0)


def item(n: int = 0) -> Item:
    return Item(
        f"x:{n}", "x", str(n), n, f"question {n}", (Candidate("good"), Candidate("bad")), (0, 1), Label(preferred=0)
    )


def rewarded(completion: str, says: str | BackendError = "1", finish: str | None = "stop", **how: object) -> Reward:
    async def one() -> Reward:
        async with ProxyReward(MockJudge(SPEC, lambda case: says), **how) as reward:  # type: ignore[arg-type]
            return await reward.reward(Sample(item(), "AB", completion, finish))

    return asyncio.run(one())


def test_every_payoff_is_the_references() -> None:
    assert len(AGGREGATIONS) == len(REFERENCE) == 11
    for name, row in zip(AGGREGATIONS, REFERENCE, strict=True):
        assert tuple(payoff(name, a, p) for a, p in ((True, True), (True, False), (False, True), (False, False))) == row


@pytest.mark.parametrize(("aggregation", "row"), list(zip(AGGREGATIONS, REFERENCE, strict=True)))
def test_and_a_completion_earns_it(aggregation: str, row: tuple[float, ...]) -> None:
    wrong = RIGHT.replace("<answer>1", "<answer>2")
    earned = [rewarded(c, says, aggregation=aggregation).value for c in (RIGHT, wrong) for says in ("1", "2")]
    assert earned == [v + 0.5 for v in row], "with 0.5 for the form"


def test_a_rubric_is_never_replaced_by_what_stands_around_it() -> None:
    """Reference: without `</rubric>` the proxy was sent the whole output, evaluation and answer included."""
    asked: list[Case] = []

    def says(case: Case) -> str:
        asked.append(case)
        return "1"

    async def all_of_them() -> list[Reward]:
        broken = [RIGHT.replace("</rubric>", ""), RIGHT.replace("<rubric>", ""), RIGHT + RIGHT]
        async with ProxyReward(MockJudge(SPEC, says)) as reward:
            return await reward.score([Sample(item(), "AB", c) for c in (*broken, "Preamble. " + RIGHT)])

    *none, last = asyncio.run(all_of_them())
    assert [r.proxy for r in none] == ["wrong"] * 3 and last.proxy == "correct"
    assert [c.rubric.text for c in asked if c.rubric] == [RUBRIC], "nothing before, after, and no reasons"
    assert not any(r.well_formed for r in (*none, last))


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        ("Criteria weigh 10%, 40% and 50%, no verdict", "unparsed"),  # the reference found a 1 and no 2: right
        (RIGHT.replace("<answer>1", "<answer>10"), "unparsed"),  # the reference: right
        (RIGHT.replace("<answer>1", "<answer>banana"), "unparsed"),
        (RIGHT.replace("<answer>1", "<answer>2"), "wrong"),
        (RIGHT, "correct"),
    ],
)
def test_a_verdict_is_parsed_and_not_guessed(completion: str, answer: str) -> None:
    assert rewarded(completion).answer == answer


@pytest.mark.parametrize(
    ("completion", "good"),
    [
        (RIGHT, True),
        (RIGHT + " ", True),  # the reference's check failed on a trailing space
        (RIGHT.replace("<eval>", "\n  <eval>"), True),  # and on an indented <eval>
        (RIGHT.replace(RUBRIC, f"<rubric_item>{RUBRIC}</rubric_item>"), True),  # and on <rubric_item>
        (RIGHT.replace("<answer>1", "<answer>banana"), False),  # and passed this
        ("<think>x<summary>y</summary></think><answer>1</answer>", False),  # and this, with no rubric at all
        (RIGHT.replace("Both read.", ""), False),  # and an empty section
    ],
)
def test_the_form_is_looked_at_as_a_structure(completion: str, good: bool) -> None:
    assert rewarded(completion).well_formed == good


def test_failures_are_masked_and_the_proxys_own_silence_is_not() -> None:
    """The reference gave a failed proxy 0.0, between right and wrong, and counted it nowhere."""
    failed = rewarded(RIGHT, BackendError("server", "no"))
    assert (failed.value, failed.proxy, failed.answer) == (None, "error", "correct") and failed.error is not None
    assert rewarded(RIGHT, "I cannot say").proxy == "unparsed" and rewarded(RIGHT, "I cannot say").value == 0.5
    cut = rewarded("<rubric>1. Word (100%)", finish="length")
    assert cut.proxy == "wrong" and "truncated" in cut.violations


def test_the_ablation_without_a_proxy() -> None:
    async def one() -> Reward:
        async with ProxyReward(None) as reward:
            return await reward.reward(Sample(item(), "BA", RIGHT))

    found = asyncio.run(one())
    assert (found.value, found.proxy, found.answer) == (-0.5, None, "wrong"), "in BA the good one is second"


def test_the_proxy_is_asked_as_a_judge_is_in_evaluation() -> None:
    """One code path: the very messages of a `transferred` trial; the answer of the writer is in none of them."""
    judge = mock_chat_judge(SPEC, lambda request: "1")

    async def one() -> None:
        async with ProxyReward(judge) as reward:
            await reward.reward(Sample(item(), "AB", RIGHT))

    asyncio.run(one())
    (request,) = judge.backend.requests  # type: ignore[attr-defined]
    text = text_of(request.messages)
    assert RUBRIC in text and "Both read." not in text and "Asked." not in text
    assert request.messages == SPEC.template.render(Case(item(), "AB", reward_rubric()))


def reward_rubric() -> object:
    from evaluators.prompts.template import RubricText

    return RubricText(RUBRIC)


def test_none_is_lost_and_none_silently_zero() -> None:
    """64 at a time against a real endpoint of which one request in five fails."""

    async def many(url: str) -> tuple[list[Reward], Counter[str]]:
        spec = JudgeSpec(name="p", backend="openai", model="m", base_url=url, concurrency=64, retries=1, timeout_s=0.5)
        async with ProxyReward(spec) as reward:
            return await reward.score([Sample(item(n), "AB", RIGHT) for n in range(400)]), reward.tally.failures

    with MockServer(
        fail=0.2, faults=("server", "rate_limit", "reset", "html"), answer=lambda body: "<answer>1</answer>"
    ).running() as server:
        rewards, failures = asyncio.run(many(server.url))
    ended = Counter(r.proxy for r in rewards)
    assert len(rewards) == 400 and ended["correct"] + ended["error"] == 400 and ended["error"] < 60
    assert all((r.value is None) == (r.proxy == "error") for r in rewards) and failures.total() > 40
    assert {r.value for r in rewards if r.value is not None} == {2.5}


def test_what_cannot_be_rewarded_is_said() -> None:
    with pytest.raises(UserError, match=r"unknown aggregation 'best'; there are: sum"):
        ProxyReward(None, aggregation="best")  # type: ignore[arg-type]
    tie = Item("x:9", "x", "9", 9, "q", (Candidate("a"), Candidate("b")), (0, 1), Label(kind="tie"))

    async def one() -> None:
        await ProxyReward(None).score([Sample(item(), "AB", RIGHT), Sample(tie, "AB", RIGHT)])

    with pytest.raises(UserError, match="prefers no candidate"):
        asyncio.run(one())
