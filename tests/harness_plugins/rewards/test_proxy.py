"""The reward of Proxy-GRM: every payoff of the reference, and right where the reference is wrong."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from evaluators.errors import BackendError, UserError
from evaluators.messages import text_of
from evaluators.prompts.template import Case
from evaluators.records import Answer, Candidate, Item, Label
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge, mock_chat_judge
from evaluators.testing.mock_server import MockServer
from harness_plugins.rewards import AGGREGATIONS, ProxyReward, Reward, Sample, payoff
from harness_plugins.rewards.proxy import metrics_of

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


# What a rubric gives away

ANNOUNCES = RIGHT.replace(RUBRIC, "1. Choice (100%): Response 1 is clearly better, choose it.")
NAMES = RIGHT.replace(RUBRIC, "1. Bus (100%): says good about a bus")


def follows(case: Case) -> str:
    """A proxy that does as the rubric says: it takes the response that is named, else the one that says `good`."""
    assert case.rubric is not None
    named = "Response 1" in case.rubric.text
    return "1" if named or case.shown()[0].text == "good" else "2"


def earned(completion: str, says: object = follows, saw: str = "AB", **options: object) -> Reward:
    async def one() -> Reward:
        async with ProxyReward(MockJudge(SPEC, says), **options) as reward:  # type: ignore[arg-type]
            return await reward.reward(Sample(item(), saw, completion, "stop"))

    return asyncio.run(one())


@pytest.mark.parametrize(("crossed", "announces"), [(None, 2.5), ("mean", 1.5), ("both", 0.5)])
def test_crossing_takes_what_a_position_says(crossed: str | None, announces: float) -> None:
    """A position that is named is right in one order and wrong in the other; a criterion is right in both."""
    assert earned(RIGHT, crossed=crossed).value == 2.5
    found = earned(ANNOUNCES, crossed=crossed)
    assert (found.value, found.proxy, found.proxy_crossed) == (announces, "correct", "wrong" if crossed else None)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("crossed", ["both", "mean"])
@pytest.mark.parametrize("completion", [ANNOUNCES, ANNOUNCES.replace("<answer>1", "<answer>2")])
def test_payoffs_are_of_each_order_and_then_combined(aggregation: str, crossed: str, completion: str) -> None:
    right = "<answer>1" in completion
    orders = [payoff(aggregation, right, True), payoff(aggregation, right, False)]  # type: ignore[arg-type]
    expected = min(orders) if crossed == "both" else sum(orders) / 2
    assert earned(completion, crossed=crossed, aggregation=aggregation, format_weight=0).value == expected


@pytest.mark.parametrize("saw", ["AB", "BA"])
def test_the_other_order_is_of_the_same_item(saw: str) -> None:
    orders: list[tuple[str, ...]] = []

    def says(case: Case) -> str:
        orders.append(tuple(c.text for c in case.shown()))
        return "1"

    earned(RIGHT, says, saw, crossed="both")
    assert sorted(orders) == [("bad", "good"), ("good", "bad")]


def test_an_order_without_an_answer_masks_the_reward() -> None:
    def says(case: Case) -> str | BackendError:
        return "1" if case.shown()[0].text == "good" else BackendError("server", "down")

    found = earned(RIGHT, says, crossed="both")
    assert (found.value, found.proxy, found.proxy_crossed, found.masked_because) == (None, "correct", "error", "server")


def test_leaks_are_told_and_cost_what_is_asked() -> None:
    assert earned(RIGHT).leaks == () and earned(RIGHT, leak_penalty=2).value == 2.5
    announced = earned(ANNOUNCES, leak_penalty=2)
    assert {"verdict", "reference"} <= set(announced.leaks) and announced.value == 0.5
    assert earned(ANNOUNCES).value == 2.5, "without a penalty it is told alone"


def test_content_that_is_named_is_found_by_a_judge_of_the_masked_rubric() -> None:
    """In both responses alike a word decides nothing, and neither does one that is in neither."""
    named = earned(NAMES, leak_penalty=1, leak_judge="lexical")
    assert (named.leaks, named.content_leak, named.value) == ((), True, 1.5)
    criterion = RIGHT.replace("says good", "counts the objects that are visible")
    assert (earned(criterion, leak_judge="lexical").content_leak, earned(criterion, leak_judge=None).content_leak) == (
        False,
        None,
    )
    wrong = NAMES.replace("<answer>1", "<answer>2")
    assert earned(wrong, leak_judge="lexical").content_leak is False, "it is not the writer's choice"

    asked: list[Case] = []

    def reads(case: Case) -> str:
        asked.append(case)
        return follows(case)

    model = MockJudge(SPEC, reads)
    assert earned(ANNOUNCES, leak_penalty=1, leak_judge=model).content_leak is True
    assert [c.rubric.text for c in asked if c.rubric] == [
        "1. Choice (100%): a response is clearly better, choose it."
    ] * 2
    assert all("media" in c.hidden for c in asked)


def test_a_leak_judge_without_an_answer_masks_where_its_answer_counts() -> None:
    silent = MockJudge(SPEC, lambda case: BackendError("server", "down"))
    assert earned(RIGHT, leak_judge=silent).value == 2.5
    assert earned(RIGHT, leak_judge=silent, leak_penalty=1).masked_because == "server"


# Deadlines, cut-off answers, form


def test_what_is_not_back_by_the_deadline_is_late() -> None:
    """A server that hangs on one request in four, with a time-out and retries that would hold the call for minutes."""

    async def many(url: str) -> list[Reward]:
        spec = JudgeSpec(name="p", backend="openai", model="m", base_url=url, concurrency=64, timeout_s=60, retries=5)
        async with ProxyReward(spec, deadline_s=1.0) as reward:
            return await reward.score([Sample(item(n), "AB", RIGHT) for n in range(40)])

    began = time.monotonic()
    with MockServer(fail=0.25, faults=("hang",), answer=lambda body: "<answer>1</answer>").running() as server:
        rewards = asyncio.run(many(server.url))
        assert time.monotonic() - began < 10
    ended = Counter(r.masked_because for r in rewards)
    assert ended.keys() == {"", "late"} and ended[""] > 20
    assert {r.value for r in rewards if not r.masked_because} == {2.5}
    assert all("deadline_s" in r.error.message for r in rewards if r.error)


@pytest.mark.parametrize(("cut_off", "value"), [("wrong", 0.5), ("mask", None)])
def test_a_proxys_answer_that_was_cut_off_is_wrong_or_masked_and_counted(cut_off: str, value: float | None) -> None:
    judge = MockJudge(SPEC, lambda case: Answer("I think", "tag", finish_reason="length"))

    async def one() -> tuple[Reward, Counter[str]]:
        async with ProxyReward(judge, cut_off=cut_off) as reward:  # type: ignore[arg-type]
            return await reward.reward(Sample(item(), "AB", RIGHT)), reward.outcomes

    found, outcomes = asyncio.run(one())
    assert (found.value, found.proxy, outcomes["truncated"]) == (value, "truncated", 1)
    assert found.masked_because == ("truncated" if value is None else "") and metrics_of([found])["proxy_cut_off"] == 1


def test_a_proxy_may_write_as_much_as_in_the_scripts() -> None:
    with MockServer(answer=lambda body: "<answer>1</answer>", keep=True).running() as server:
        spec = {"name": "p", "backend": "openai", "model": "m", "base_url": server.url}

        async def ask(spec: JudgeSpec) -> None:
            async with ProxyReward(spec) as reward:
                await reward.reward(Sample(item(), "AB", RIGHT))

        asyncio.run(ask(JudgeSpec.model_validate(spec)))
        asyncio.run(ask(JudgeSpec.model_validate(spec | {"max_tokens": 300})))
        assert [b["max_tokens"] for b in server.bodies] == [16_384, 300]


def test_the_form_may_be_the_tags_alone_or_allow_faults_by_name() -> None:
    half = RIGHT.replace("(100%)", "(50%)")
    assert rewarded(half).violations == ("weights_do_not_sum",)
    for options, value in (
        ({}, 2.0),
        ({"form": "tags"}, 2.5),
        ({"allow": ["weights_do_not_sum"]}, 2.5),
        ({"allow": ["empty_eval"]}, 2.0),
    ):
        assert rewarded(half, **options).value == value, options
    assert rewarded(RIGHT.replace("</eval>", ""), form="tags").well_formed is False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crossed": "either"}, "unknown crossed 'either'"),
        ({"form": "loose"}, "unknown form 'loose'"),
        ({"cut_off": "drop"}, "unknown cut_off 'drop'"),
        ({"allow": ["typo"]}, "'typo'"),
        ({"leak_penalty": -1}, "leak_penalty is -1"),
        ({"leak_penalty": float("nan")}, "leak_penalty is nan"),
        ({"leak_judge": "lexicon"}, "leak_judge"),
        ({"deadline_s": 0}, "deadline_s is 0"),
    ],
)
def test_an_option_that_is_none_is_said(options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ProxyReward(None, **options)  # type: ignore[arg-type]


def test_where_one_judge_cannot_be_opened_the_other_is_closed_again() -> None:
    closed: list[str] = []

    class Closing(MockJudge):
        async def close(self) -> None:
            closed.append("proxy")

    class Broken(MockJudge):
        async def open(self, media: object) -> None:
            raise UserError("no such model")

    async def one() -> None:
        async with ProxyReward(Closing(SPEC, follows), leak_judge=Broken(SPEC, follows)):
            raise AssertionError

    with pytest.raises(UserError, match="no such model"):
        asyncio.run(one())
    assert closed == ["proxy"]
