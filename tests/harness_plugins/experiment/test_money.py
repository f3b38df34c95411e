"""A limit on spending: it holds with 64 requests in flight, loses nothing, and goes on from where it stopped."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.engine.budget import LEARNT_FROM, Account, Budget, Rates, money, most_of_case, most_of_request
from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.messages import ChatRequest, Image
from evaluators.prompts.template import Case, RubricText
from evaluators.records import Answer, Candidate, Criterion, Item, Label, Media, MediaFile
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockBackend, mock_chat_judge
from evaluators.testing.mock_server import MockServer
from harness_plugins import run, score
from harness_plugins.cli import main
from harness_plugins.config.run import load_config
from harness_plugins.experiment.money import paid_in
from harness_plugins.experiment.run import write_rubrics
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.scoring.export import export
from harness_plugins.tables.run import tables
from harness_plugins.tables.show import show
from tests.conftest import MakePairs, read_jsonl
from tests.evaluators.induction.test_induction import Oracle
from tests.evaluators.induction.test_induction import prepared as prepared_seeds
from tests.harness_plugins.experiment.test_transfer import written
from tests.harness_plugins.scoring.test_costs import WRITER, Meter, good, judged, write_config

EACH = (100 * 1 + 20 * 4) / 1e6
"""What an answer of the mock server costs: 100 tokens read, 20 written."""
CONFIG = """
benchmarks: [{{name: pairs, path: rows.jsonl}}]
arms: [none, generic]
prices: prices.yaml
judges:
  - {{name: m, backend: openai, model: judge-model, base_url: "{url}", concurrency: 64, max_tokens: 100}}
  - {{name: free, backend: openai, model: own-model, base_url: "{url}", concurrency: 64}}
  - {{name: first, backend: baseline}}
out: out
"""
PRICES = "currency: EUR\nmodels: {judge-model: {read: 1, written: 4}, own-model: {read: 0, written: 0}}\n"


def written_config(folder: Path, url: str) -> Path:
    (folder / "prices.yaml").write_text(PRICES)
    (folder / "run.yaml").write_text(CONFIG.format(url=url))
    return folder / "run.yaml"


@given(
    st.lists(st.tuples(st.floats(0.01, 3), st.floats(0, 1)), min_size=1, max_size=40),
    st.floats(0.5, 20),
    st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_spent_and_held_stay_within_the_limit(asked: list[tuple[float, float]], most: float, seed: int) -> None:
    """Whatever comes back in whatever order; and a request is refused only where it cannot fit any more."""
    budget, chance = Budget("EUR", most), random.Random(seed)

    async def one(amount: float, share: float) -> bool:
        if not await budget.hold(amount):
            assert budget.spent + amount > most
            return False
        assert budget.spent + budget.held <= most + 1e-9
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        budget.settle(amount, share * amount)
        return True

    async def all_of_them() -> list[bool]:
        return await asyncio.wait_for(asyncio.gather(*(one(a, s) for a, s in asked)), timeout=5)

    sent = asyncio.run(all_of_them())
    assert budget.held == 0 and budget.spent == pytest.approx(
        sum(a * s for (a, s), ok in zip(asked, sent, strict=True) if ok)
    )
    assert budget.reached == (not all(sent)) and budget.most_spent_and_held <= most + 1e-9


MODES: list[dict[str, object]] = [
    {},
    {"verdict": "direct"},
    {"verdict": "reasoned"},
    {"decision": "criteria"},
    {"decision": "criteria", "verdict": "direct"},
    {"grading": "pointwise"},
    {"grading": "listwise"},
]


@given(st.text(max_size=300), st.text(max_size=300), st.integers(0, 3), st.sampled_from(MODES))
@settings(max_examples=150, deadline=None)
def test_no_prompt_is_longer_than_what_is_held(text: str, rubric: str, images: int, mode: dict[str, object]) -> None:
    """A token is a byte at least, so a bound in bytes holds for every tokenizer."""
    spec = JudgeSpec.model_validate(
        {"name": "m", "backend": "openai", "model": "m", "base_url": "http://unused.invalid/v1", **mode}
    )
    media = tuple(Media(f"{n}", "image", (MediaFile(f"{n}.png"),)) for n in range(images))
    item = Item(
        "x:1", "x", "1", 0, text, (Candidate(text + "a"), Candidate(rubric)), (0, 1), Label(preferred=0), media=media
    )
    criteria = (Criterion("one", rubric), Criterion("two", text))
    case = Case(
        item, "AB", RubricText(rubric or "r", criteria), candidate=0 if mode.get("grading") == "pointwise" else None
    )
    read, wrote = most_of_case(spec, case)
    requests = mock_chat_judge(spec, lambda request: "1").requests(case)
    parts = [p for r in requests for m in r.messages for p in m.parts]
    tokens = sum(16384 if isinstance(p, Image) else len(p.text.encode("utf-8", "replace")) for p in parts)
    assert read >= tokens and wrote >= len(requests) * (1 if spec.verdict == "direct" else 4096)
    assert all(most_of_request(spec, r)[0] >= tokens / len(requests) - 1e4 * (len(requests) > 1) for r in requests)


def test_what_is_held_follows_what_is_read() -> None:
    """After some answers the bound on reading is twice the largest share seen; writing stays at max_tokens."""
    spec = JudgeSpec(name="m", backend="openai", model="m", base_url="http://unused.invalid/v1", max_tokens=50)
    item = Item("x:1", "x", "1", 0, "q" * 5000, (Candidate("a"), Candidate("b")), (0, 1), Label(preferred=0))
    case, account = Case(item, "AB"), Account(Budget("EUR", 1e9), Rates(1.0, 1.0, 1.0))
    read, wrote = most_of_case(spec, case)

    async def ask(tokens: int | None) -> float:
        held = await account.hold(spec, case)
        assert held is not None
        usage = None if tokens is None else {"prompt_tokens": tokens, "completion_tokens": 5}
        account.settle(held, Answer("1", "tag", usage=usage))
        return held.amount

    async def several() -> None:
        assert [await ask(n) for n in (None, *[700] * (LEARNT_FROM - 1), 900)] == [read + wrote] * (LEARNT_FROM + 1)
        assert await ask(10) == pytest.approx(2 * 900 + 50)
        spent = account.budget.spent
        assert await ask(None) == pytest.approx(2 * 900 + 50) == account.budget.spent - spent, (
            "what is not told counts as held"
        )

    asyncio.run(several())


def test_at_64_slots_it_never_spends_more(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Stopped and raised until all is there: each step within its limit, every answer kept, none asked twice."""
    make_pairs(150, images=False)
    with MockServer(latency_s=0.1).running() as server:
        config = written_config(tmp_path, server.url)
        limits = [0.02, 0.06, 0.09]
        for most in limits:
            with pytest.raises(RunStopped, match="to go: raise --max-cost") as caught:
                run(config, max_cost=most)
            lines = read_jsonl(tmp_path / "out" / "verdicts.jsonl")
            mine = [v for v in lines if v["judge"] == "m"]
            assert 0.8 * most < EACH * len(mine) <= most
            assert len([v for v in lines if v["judge"] == "free"]) == 600, "a model of price 0 is never stopped"
            assert server.asked == len(mine) + 600, "all that was asked is on record"
            assert f"{600 - len(mine)} verdicts to go" in str(caught.value)
        assert server.most_in_flight >= 64
        result = run(config, max_cost=0.2)
        budget = result.tally.budget
        assert result.complete and server.asked == 1200 and budget is not None
        assert budget.spent == pytest.approx(600 * EACH) and not budget.reached
        assert budget.most_spent_and_held <= 0.2


def test_killed_and_run_again(make_pairs: MakePairs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder's total is what is limited: what a killed run spent is counted by the next."""
    make_pairs(150, images=False)
    verdicts, most = tmp_path / "out" / "verdicts.jsonl", 0.06

    def mine() -> int:
        return sum(b'"judge":"m"' in line for line in verdicts.read_bytes().splitlines()) if verdicts.exists() else 0

    with MockServer(latency_s=0.1).running() as server:
        arguments = ["run", str(written_config(tmp_path, server.url)), "--quiet", "--max-cost"]
        command = [sys.executable, "-m", "harness_plugins", *arguments, str(most)]
        killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while mine() < 64:
            assert killed.poll() is None
            time.sleep(0.01)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        before = mine()
        assert main([*arguments, str(most)]) == 3
        assert before < mine() and 0.8 * most < EACH * mine() <= most
        assert "of at most 0.0600 EUR spent" in capsys.readouterr().err
        asked = server.asked
        assert main([*arguments, str(most)]) == 3 and server.asked == asked, "and not a call more"
        assert main([*arguments, "1"]) == 0 and mine() == 600
    assert re.search(r"Spent: +0\.108 EUR, 0\.\d+ EUR of it now", capsys.readouterr().out)


class Unusable(MockServer):
    """Every reply is paid for: 1,000 tokens read, 1,000 written; in all but `good` of them there is nothing to read."""

    def __init__(self, usage: object = None, good: int = 0, **broken: Any) -> None:
        super().__init__()
        self.usage = {"prompt_tokens": 1000, "completion_tokens": 1000} if usage is None else usage
        self.good, self.broken = good, broken or {"choices": None}

    def _completion(self, body: dict[str, Any], text: str, finish: str) -> dict[str, Any]:
        reply = super()._completion(body, text, finish) | {"usage": self.usage}
        return reply if self.good and self.asked % self.good == 0 else reply | self.broken


DEAR = """
benchmarks: [{{name: pairs, path: rows.jsonl}}]
arms: [none]
prices: prices.yaml
judges: [{{name: m, backend: openai, model: m, base_url: "{url}", concurrency: 4, max_tokens: 1000, retries: {retries}}}]
out: out
"""


def dear_config(folder: Path, url: str, retries: int = 1) -> Path:
    """A config of a model that takes 1 for a thousand tokens."""
    (folder / "prices.yaml").write_text("currency: USD\nmodels: {m: {read: 1000, written: 1000}}\n")
    (folder / "run.yaml").write_text(DEAR.format(url=url, retries=retries))
    return folder / "run.yaml"


EMPTY = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ""}}]}


@pytest.mark.parametrize("broken", [{"choices": None}, {"choices": []}, EMPTY])
def test_replies_that_cannot_be_read_are_paid_for(
    make_pairs: MakePairs, tmp_path: Path, broken: dict[str, Any]
) -> None:
    """Each attempt is booked and asks the budget; what was spent so is known to the next run, and to the tables."""
    make_pairs(200, images=False)
    with Unusable(good=3, **broken).running() as server:
        config = dear_config(tmp_path, server.url, retries=2)
        for most in (30, 60):
            with pytest.raises(RunStopped, match="verdicts to go: raise --max-cost"):
                run(config, max_cost=most)
            assert most - 20 < 2 * server.asked <= most
    report = score(tmp_path / "out")
    (m,) = report.paid
    lines = read_jsonl(tmp_path / "out" / "verdicts.jsonl")
    answers = [v["answer"] for v in lines if v["answer"]]
    assert m.usage.calls == m.usage.known == server.asked and m.failed == server.asked - len(answers) > len(answers)
    assert m.usage.read == m.usage.written == 1000 * server.asked
    assert any(a["attempts"] > 1 and a["failed_replies"]["usage"] for a in answers)
    assert any(v["error"] and v["error"]["failed_replies"]["count"] for v in lines)


UNFINISHED: dict[str, Any] = {
    "index": 0,
    "finish_reason": "error",
    "message": {"role": "assistant", "content": "Draft: <answer>1"},
}


@pytest.mark.parametrize("choice", [UNFINISHED, UNFINISHED | {"error": {"code": 502, "message": "upstream"}}])
def test_an_unfinished_answer_that_tells_no_tokens_takes_what_was_held(
    make_pairs: MakePairs, tmp_path: Path, choice: dict[str, Any]
) -> None:
    make_pairs(40, images=False)
    with Unusable(usage="untold", choices=[choice]).running() as server:
        with pytest.raises(RunStopped, match="verdicts to go: raise --max-cost"):
            run(dear_config(tmp_path, server.url, retries=0), max_cost=20)
        assert 2 <= server.asked <= 20  # each held 1 for writing, and more for reading
    report = score(tmp_path / "out")
    assert report.paid[0].failed == server.asked


def test_text_with_no_tokens_written_takes_what_was_held(make_pairs: MakePairs, tmp_path: Path) -> None:
    """A server could make its answers free, and switch the limit off."""
    make_pairs(40, images=False)
    text = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "<answer>1</answer>"}}
    with Unusable(usage={"prompt_tokens": 1, "completion_tokens": 0}, choices=[text]).running() as server:
        with pytest.raises(RunStopped, match="verdicts to go: raise --max-cost"):
            run(dear_config(tmp_path, server.url), max_cost=20)
        assert 2 <= server.asked <= 20


def test_what_was_spent_is_spent_in_a_public_export_too(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(20, images=False)
    with Unusable(good=2).running() as server:
        run(dear_config(tmp_path, server.url, retries=0))
    export(tmp_path / "out", tmp_path / "public")
    (mine,), (theirs,) = score(tmp_path / "out").paid, score(tmp_path / "public").paid
    assert mine.failed > 0 and mine == theirs


def test_a_reply_that_tells_no_tokens_counts_as_all_that_was_held(make_pairs: MakePairs, tmp_path: Path) -> None:
    """An error status and a web page are no reply of a model, and cost nothing."""
    make_pairs(200, images=False)
    with Unusable(usage={}).running() as server:
        config = dear_config(tmp_path, server.url, retries=0)
        with pytest.raises(RunStopped):
            run(config, max_cost=30)
        assert server.asked <= 6
        with pytest.raises(UserError, match="do not report their tokens"):
            run(config, max_cost=30)
    with MockServer(fail=0.9, faults=["server_error", "html"], seed=1).running() as server:
        config = dear_config(tmp_path, server.url, retries=0)
        result = run(config, out=tmp_path / "other", max_cost=200, limit=50)
        budget = result.tally.budget
        assert budget is not None and result.statuses["error"] > 50
        assert budget.spent == pytest.approx(0.12 * result.statuses["ok"])


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -100_000, "completion_tokens": 10},
        {"prompt_tokens": 100, "completion_tokens": -100_000},
        {"prompt_tokens": True, "completion_tokens": False},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": 10, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 10**9}},
        {"prompt_tokens": "few", "completion_tokens": "fewer"},
        {"prompt_tokens": 1e300, "completion_tokens": 1},
    ],
)
def test_no_usage_switches_the_limit_off(make_pairs: MakePairs, tmp_path: Path, usage: dict[str, object]) -> None:
    """What cannot be true is not told: it counts as all that was held."""
    make_pairs(200, images=False)
    with Unusable(usage, good=1).running() as server:
        with pytest.raises(RunStopped):
            run(dear_config(tmp_path, server.url), max_cost=30)
        assert 1 < server.asked <= 6
    (m,) = score(tmp_path / "out").paid
    assert m.usage.calls == server.asked and m.usage.known == 0


def test_a_stored_usage_that_cannot_be_true_lowers_nothing(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Folders written before usage was checked, or by hand."""
    make_pairs(5, images=False)
    with Unusable(good=1).running() as server:
        config = dear_config(tmp_path, server.url)
        run(config, max_cost=100)
        path = tmp_path / "out" / "verdicts.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        told = b'"usage":{"prompt_tokens":1000,"completion_tokens":1000}'
        wrong = b'"usage":{"prompt_tokens":-900000,"completion_tokens":1000}'
        assert told in lines[0]
        path.write_bytes(b"".join([lines[0].replace(told, wrong), *lines[1:]]))
        (m,) = score(tmp_path / "out").paid
        assert (m.usage.calls, m.usage.known, m.usage.read) == (10, 9, 9000)
        make_pairs(5, images=False)
        budget = run(config, max_cost=100).tally.budget
        assert budget is not None and budget.spent == 20, (
            "the one that does not tell counts as the dearest of the others"
        )


def test_a_decision_of_several_calls_is_paid_for_as_far_as_it_came(make_pairs: MakePairs, tmp_path: Path) -> None:
    """`reasoned`: the second call fails each time, the first is answered anew each time, and all of them count."""
    make_pairs(3, images=False)
    config = dear_config(tmp_path, "http://unused.invalid/v1", retries=2)
    config.write_text(config.read_text().replace("retries: 2", "retries: 2, verdict: reasoned"))
    usage, calls = {"prompt_tokens": 1000, "completion_tokens": 1000}, Counter[str]()

    def reply(request: ChatRequest) -> Answer | BackendError:
        calls["second" if request.continues else "first"] += 1
        if request.continues:
            return BackendError("server", "down")
        return Answer("So.\n<answer>1</answer>", "tag", finish_reason="stop", usage=usage)

    result = run(config, judges={"m": mock_chat_judge(load_config(config).judges[0], reply)})
    budget = result.tally.budget
    assert result.statuses == {"error": 6} and calls == {"first": 18, "second": 18}
    assert budget is not None and budget.spent == 36
    (m,) = score(tmp_path / "out").paid
    assert (m.usage.read, m.failed) == (18_000, 18)


def test_a_failed_redo_is_paid_for_and_leaves_what_was_answered(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(3, images=False)
    with Unusable(good=1).running() as server:
        config = dear_config(tmp_path, server.url, retries=0)
        run(config)
        server.good = 0
        again = run(config, redo=["ok"])
        assert again.statuses == {"error": 6} and server.asked == 12
        budget = run(config).tally.budget
        assert server.asked == 12 and budget is not None and budget.spent == 24
    report = score(tmp_path / "out")
    assert report.cells[0].complete and report.paid[0].failed == 6
    assert "error" not in "".join(show(tmp_path / "out")), "what was answered is what is shown"


def test_writers_pay_for_replies_that_came_to_nothing(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(40, images=False)
    with Unusable(good=2).running() as server:
        config = dear_config(tmp_path, server.url, retries=0)
        config.write_text(
            config.read_text().replace("[none]", "[transferred]")
            + f"writers: [{{name: w, backend: openai, model: m, base_url: '{server.url}', concurrency: 4, retries: 0, "
            + "max_tokens: 1000}]\n"
        )
        for most in (40, 80):
            with pytest.raises(RunStopped, match="rubrics and then the verdicts"):
                run(config, max_cost=most)
            assert most - 25 < 2 * server.asked <= most
    (w,) = score(tmp_path / "out").paid
    assert (w.role, w.usage.calls, w.usage.read) == ("writer", server.asked, 1000 * server.asked) and w.failed > 0


def test_an_induction_pays_for_replies_that_came_to_nothing(tmp_path: Path) -> None:
    config = prepared_seeds(tmp_path)
    (tmp_path / "prices.yaml").write_text("currency: EUR\nmodels: {m: {read: 1000, written: 1000}}\n")
    failing = BackendError("finish_reason", "cut", usage={"prompt_tokens": 1000, "completion_tokens": 0})
    backend, asked = MockBackend(lambda request: failing), 0
    for _ in range(2):
        with pytest.raises(RunStopped):
            write_rubrics(config, writers={"arr": backend}, prices=tmp_path / "prices.yaml", max_cost=1000)
        lines = read_jsonl(tmp_path / "out" / "induction-arr.jsonl")
        assert asked < len(lines) and all(v["answer"] is None and v["error"]["failed_replies"]["told"] for v in lines)
        asked = len(lines)
    (paid,) = paid_in(RunFolder(tmp_path / "out"), {})
    assert (paid.role, paid.usage.read, paid.failed, paid.outputs) == ("induction", 1000 * asked, asked, 0)


@pytest.mark.parametrize("more", [[], ["--max-cost", "1"], ["--dry-run"], ["--dry-run", "--max-cost", "1"]])
def test_a_model_that_the_price_file_does_not_list_is_refused(
    make_pairs: MakePairs, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    """In a run as in a dry run: never a cost of 0.00 for a judge of which nobody knows the price."""
    make_pairs(2, images=False)
    with MockServer().running() as server:
        config = written_config(tmp_path, server.url)
        (tmp_path / "prices.yaml").write_text("currency: EUR\nmodels: {own-model: {read: 0, written: 0}}\n")
        assert main(["run", str(config), "--quiet", *more]) == 2
        said = capsys.readouterr()
        assert "no price for 'judge-model' (m): add" in said.err and "0.00" not in said.out
        assert server.asked == 0
        assert main(["run", str(config), "--quiet", *more, "--only", "judge=free"]) == 0


def test_a_model_of_which_the_size_alone_is_known(
    make_pairs: MakePairs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may run without a limit; its money is named as not known."""
    make_pairs(2, images=False)
    with MockServer().running() as server:
        config = written_config(tmp_path, server.url)
        (tmp_path / "prices.yaml").write_text(
            "currency: EUR\nmodels: {own-model: {parameters_b: 7}, judge-model: {parameters_b: 8}}\n"
        )
        assert main(["run", str(config), "--quiet", "--dry-run"]) == 0
        said = capsys.readouterr().out
        assert "Cost of judge-model, own-model: not known" in said and "for reading" not in said
        assert main(["run", str(config), "--quiet"]) == 0
        said = capsys.readouterr().out
        assert "at least 0.00 EUR" in said and "no price in money for judge-model, own-model" in said
        assert main(["run", str(config), "--quiet", "--max-cost", "1"]) == 2


@pytest.mark.parametrize("limit", ["null", "-1", "'100'", "true", "0"])
def test_a_limit_needs_one_on_what_is_written(
    limit: str, make_pairs: MakePairs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`extra_body` may take max_tokens away: then no money can be held, and a dry run says that nothing limits the cost."""
    make_pairs(2)
    config = written_config(tmp_path, "http://unused.invalid/v1")
    config.write_text(config.read_text().replace("max_tokens: 100", f"extra_body: {{max_tokens: {limit}}}"))
    for more in ([], ["--dry-run"]):
        assert main(["run", str(config), "--quiet", "--max-cost", "1", *more]) == 2
        assert "needs a limit on what is written, and its extra_body sets max_tokens" in capsys.readouterr().err
    assert main(["run", str(config), "--dry-run"]) == 0
    assert "without a limit for writing" in capsys.readouterr().out
    assert not (tmp_path / "out" / "verdicts.jsonl").exists()


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_limit_without_prices_is_refused(
    make_pairs: MakePairs, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    make_pairs(2, images=False)
    config = written_config(tmp_path, "http://unused.invalid/v1")
    config.write_text(config.read_text().replace("prices: prices.yaml\n", ""))
    assert main(["run", str(config), "--quiet", "--max-cost", "1", *more]) == 2
    assert "max_cost needs prices" in capsys.readouterr().err


def test_a_model_without_a_price_is_refused_before_any_call(
    make_pairs: MakePairs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_pairs(2, images=False)
    with MockServer().running() as server:
        config = written_config(tmp_path, server.url)
        (tmp_path / "prices.yaml").write_text("currency: EUR\nmodels: {own-model: {parameters_b: 7}}\n")
        config.write_text(
            config.read_text().replace("[none, generic]", "[transferred]")
            + f"writers: [{{name: w, backend: openai, model: writing-model, base_url: '{server.url}'}}]\n"
        )
        for command in ("run", "rubrics"):
            assert main([command, str(config), "--max-cost", "1", "--quiet"]) == 2
            said = capsys.readouterr().err
            for model, who in (("judge-model", "m"), ("own-model", "free"), ("writing-model", "w")):
                if command == "run" or model == "writing-model":
                    assert f"no price for '{model}' ({who}): add `'{model}': {{read: ..., written: ...}}`" in said
            assert "first" not in said, "a baseline asks no model"
        assert server.asked == 0 and not (tmp_path / "out").exists()
        config.write_text(config.read_text().replace("prices: prices.yaml\n", ""))
        assert main(["run", str(config), "--max-cost", "1", "--quiet"]) == 2
        assert "max_cost needs prices: give --prices FILE" in capsys.readouterr().err
        assert server.asked == 0


@pytest.mark.parametrize("amount", ["0", "-1", "nan", "inf", "5USD"])
def test_an_amount_is_a_number_above_zero(amount: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "x.yaml", "--max-cost", amount])
    assert "must be an amount above 0" in capsys.readouterr().err


def test_writers_stop_and_go_on(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Nothing is judged with half the rubrics; what was written counts in the next run."""
    make_pairs(30, images=False)
    config, writer = write_config(tmp_path, "none, transferred", more=WRITER), Meter(written)
    with pytest.raises(RunStopped, match="rubrics and then the verdicts to go"):
        judged(config, Meter(good), writer, max_cost=0.08)
    assert 0 < len(writer.given) < 60 and not read_jsonl(tmp_path / "out" / "verdicts.jsonl")
    assert len(read_jsonl(tmp_path / "out" / "rubrics.jsonl")) == len(writer.given)
    judge = Meter(good)
    judged(config, judge, writer, max_cost=10)
    assert len(writer.given) == 60 and len(judge.given) == 120
    with pytest.raises(RunStopped):
        judged(config, judge, writer, max_cost=0.01, redo=["ok"])
    assert len(judge.given) == 120, "what the rubrics cost is part of it"


def test_an_induction_stops_and_goes_on(tmp_path: Path) -> None:
    config, oracle = prepared_seeds(tmp_path), Oracle()
    (tmp_path / "prices.yaml").write_text("currency: EUR\nmodels: {m: {read: 1, written: 1}}\n")
    meter = Meter(lambda request: oracle(request))
    with pytest.raises(RunStopped, match="the rest of the induction by 'arr'"):
        write_rubrics(config, writers={"arr": MockBackend(meter)}, prices=tmp_path / "prices.yaml", max_cost=0.15)
    first = len(meter.given)
    assert first == len(read_jsonl(tmp_path / "out" / "induction-arr.jsonl")) > 20
    assert 0.08 < (meter.total("prompt_tokens") + meter.total("completion_tokens")) / 1e6 <= 0.15
    write_rubrics(config, writers={"arr": MockBackend(meter)}, max_cost=10)
    assert len(meter.given) == len(read_jsonl(tmp_path / "out" / "induction-arr.jsonl")) > first
    assert load_config(config).max_cost is None


def test_answers_that_tell_no_tokens(make_pairs: MakePairs, tmp_path: Path) -> None:
    """They count as all that was held; and a folder of which nobody knows what it cost takes no limit."""
    make_pairs(10, images=False)
    config = write_config(tmp_path, "none", more="prices: prices.yaml\n")
    with pytest.raises(RunStopped):
        judged(config, Meter(good, silent=1), max_cost=0.1)
    assert 0 < len(read_jsonl(tmp_path / "out" / "verdicts.jsonl")) < 20
    with pytest.raises(UserError, match=r"answers of judge 'm' do not report their tokens.*leave max_cost out"):
        judged(config, Meter(good, silent=1), max_cost=0.1)
    judged(config, Meter(good, silent=1))
    assert len(read_jsonl(tmp_path / "out" / "verdicts.jsonl")) == 20


def test_a_dry_run_says_what_it_would_cost(
    make_pairs: MakePairs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_pairs(4, images=False)
    config = written_config(tmp_path, "http://unused.invalid/v1")
    assert main(["run", str(config), "--dry-run", "--max-cost", "2"]) == 0
    said = capsys.readouterr().out
    tokens = sum(int(n.replace(",", "")) for n in re.findall(r"^pairs +m .* ([\d,]+)$", said, re.M))
    reading, writing = re.findall(r"about (\S+) EUR for reading, and at most (\S+) EUR for writing", said)[0]
    assert float(reading) == pytest.approx(tokens / 1e6, rel=0.01) and float(writing) == pytest.approx(
        16 * 100 * 4 / 1e6
    )
    assert "0.00 EUR of max_cost 2.00 EUR." in said


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.00 X"),
        (0.00001234, "0.0000123 X"),
        (0.0123, "0.0123 X"),
        (0.5, "0.500 X"),
        (1.005, "1.00 X"),
        (1234.5, "1,234.50 X"),
    ],
)
def test_money(amount: float, text: str) -> None:
    assert money(amount, "X") == text


def test_judges_without_a_limit_show_what_they_spend(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(3, images=False)
    meter: Callable[..., Answer] = Meter(good)
    config = load_config(write_config(tmp_path, "none", more="prices: prices.yaml\n"))
    result = run(config, judges={"m": mock_chat_judge(config.judges[0], meter)})
    budget = result.tally.budget
    assert budget is not None and budget.limit is None and 0 < budget.spent < 0.01 and budget.before == 0


def test_baselines_cost_nothing(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        "benchmarks: [{name: demo, limit: 4}]\narms: [none]\njudges: [{name: first, backend: baseline}]\nout: out\n"
    )
    report = score(run(config).out)
    assert not report.paid and not report.costs and not any("what it took" in t.title for t in tables([report]))
