"""What runs took and what decisions cost: against what the mock models really gave, and recomputed line by line from the jsonl."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.errors import BackendError
from evaluators.messages import ChatRequest, text_of
from evaluators.records import Answer
from evaluators.testing.mock import MockBackend, mock_chat_judge
from harness_plugins import run, score
from harness_plugins.config.prices import load_prices
from harness_plugins.config.run import load_config
from harness_plugins.experiment.run import write_rubrics
from harness_plugins.folder.usage import Paid
from harness_plugins.scoring.cells import Metric
from harness_plugins.scoring.costs import CostPoint, _on_frontier
from harness_plugins.scoring.report import Report
from harness_plugins.tables.run import tables
from tests.conftest import MakePairs, read_jsonl
from tests.evaluators.induction.test_induction import Oracle
from tests.evaluators.induction.test_induction import prepared as prepared_seeds
from tests.harness_plugins.experiment.test_transfer import written

URL = "http://unused.invalid/v1"
PRICES = """
currency: EUR
models:
  judge-model: {read: 1, cached: 0.25, written: 4, parameters_b: 8}
  writer-model: {read: 2, written: 8, parameters_b: 70}
"""


@dataclass
class Meter:
    """Answers as told, with tokens drawn anew each time, and keeps what it gave."""

    reply: Callable[[ChatRequest], str]
    silent: int = 0
    """Of so many answers one does not tell its tokens (0: all do)."""
    given: list[dict[str, int] | None] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(3))

    def __call__(self, request: ChatRequest) -> Answer:
        read = self.chance.randrange(400, 900)
        tokens = {"prompt_tokens": read, "completion_tokens": self.chance.randrange(20, 90)}
        usage = None if self.silent and len(self.given) % self.silent == 0 else {**tokens, "cached_tokens": read // 3}
        self.given.append(usage)
        text = self.reply(request)
        text = f"So.\n<answer>{text}</answer>" if text in ("1", "2") else text
        tops = (("1", -0.2), ("2", -2.0)) if request.top_logprobs else None
        return Answer(text, request.answer_format, finish_reason="stop", top_logprobs=tops, usage=usage, model="served")

    def total(self, name: str) -> int:
        return sum(u[name] for u in self.given if u)


def good(request: ChatRequest) -> str:
    text = text_of(request.messages)
    return "1" if text.index("good answer number") < text.index("bad answer number") else "2"


def write_config(folder: Path, arms: str, judge: str = "", more: str = "") -> Path:
    (folder / "prices.yaml").write_text(PRICES)
    path = folder / "run.yaml"
    path.write_text(
        f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\narms: [{arms}]\nout: out\n"
        f"judges:\n  - {{name: m, backend: openai, model: judge-model, base_url: '{URL}', retries: 0{judge}}}\n{more}"
    )
    return path


WRITER = f"writers: [{{name: grm, backend: openai, model: writer-model, base_url: '{URL}', retries: 0}}]\nprices: prices.yaml\n"


def judged(config: Path, reply: Callable[[ChatRequest], Any], writer: Meter | None = None, **more: Any) -> Path:
    spec = load_config(config).judges[0]
    backends = {"grm": MockBackend(writer)} if writer else {}
    return run(config, judges={spec.name: mock_chat_judge(spec, reply)}, writers=backends, **more).out


def paid(report: Report, name: str) -> Paid:
    return next(p for p in report.paid if p.name == name)


def point(report: Report, arm: str, votes: int | None = None) -> CostPoint:
    return next(p for p in report.costs if (p.arm, p.votes) == (arm, votes))


def test_what_was_paid_is_what_was_given(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Shared calls once, answers that were asked again as well, nothing for failures and for copies."""
    make_pairs(6, images=False)
    turns = itertools.count()

    def sometimes(request: ChatRequest) -> str:
        if next(turns) % 7 == 3:
            raise BackendError("server", "down")
        return "no verdict" if len(meter.given) % 5 == 0 else good(request)

    meter, writer = Meter(sometimes), Meter(written)
    config = write_config(tmp_path, "none, generic, transferred, shuffled, repeat", more=WRITER)
    for _ in range(3):
        judged(config, lambda request: meter(request), writer)
    judged(config, lambda request: meter(request), writer, redo=["unparsed"])
    answered = [u for u in meter.given if u]
    # A failure is raised after its tokens were drawn: take those that became answers off the record.
    lines = read_jsonl(tmp_path / "out" / "verdicts.jsonl")
    kept = [json.dumps(v["answer"]["usage"], sort_keys=True) for v in lines if v["answer"]]
    answered = [u for u in answered if json.dumps(u, sort_keys=True) in kept]
    assert any(v["status"] == "unparsed" for v in lines) and any(v["status"] == "error" for v in lines)
    report = score(tmp_path / "out")
    m = paid(report, "m")
    assert m.usage.calls == m.usage.known == len(answered) and m.model == "judge-model"
    assert m.usage.read == sum(u["prompt_tokens"] for u in answered)
    assert m.usage.cached == sum(u["cached_tokens"] for u in answered)
    assert m.usage.written == sum(u["completion_tokens"] for u in answered)
    w = paid(report, "grm")
    assert (w.role, w.usage.calls, w.outputs) == ("writer", 12, 12)
    assert (w.usage.read, w.usage.written) == (writer.total("prompt_tokens"), writer.total("completion_tokens"))
    assert report.prices is not None, "the manifest has what the models cost"
    rates = report.prices.rates("judge-model")
    assert rates is not None
    expected = sum(
        (u["prompt_tokens"] - u["cached_tokens"] + u["cached_tokens"] / 4 + 4 * u["completion_tokens"])
        for u in answered
    )
    assert m.money(rates) == pytest.approx(expected / 1e6)


def test_one_answer_is_told_from_another(make_pairs: MakePairs, tmp_path: Path) -> None:
    """A copy of an answer under another key was not paid for; another answer to the same call was, also if it is as long."""
    make_pairs(2, images=False)
    meter = Meter(good)
    verdicts = (
        judged(write_config(tmp_path, "none"), lambda request: replace(meter(request), latency_s=0.5))
        / "verdicts.jsonl"
    )
    line = read_jsonl(verdicts)[0]
    other = {**line, "key": "0" * 64, "arm": "generic", "answer": {**line["answer"], "latency_s": 0.6}}
    with open(verdicts, "a") as f:
        for added, calls in (({**line, "key": "1" * 64, "arm": "repeat"}, 4), (other, 5), (line, 6)):
            f.write(json.dumps(added) + "\n")
            f.flush()
            assert paid(score(tmp_path / "out"), "m").usage.calls == calls


def alone(lines: list[dict[str, Any]], arm: str) -> tuple[float, float, int]:
    """Tokens read, written and calls of a cell's distinct calls, from the last line of each key."""
    last = {v["key"]: v for v in lines if v["arm"] == arm and v["answer"]}
    calls = {v["call"]: v["answer"]["usage"] for v in last.values()}
    told = [u for u in calls.values() if u]
    share = len(calls) / len(told)
    return share * sum(u["prompt_tokens"] for u in told), share * sum(u["completion_tokens"] for u in told), len(calls)


def test_what_a_decision_costs(make_pairs: MakePairs, tmp_path: Path) -> None:
    """By item, with the writer's share, in tokens and in money at full price; by hand from the lines."""
    make_pairs(8, images=False)
    writer = Meter(written)
    config = write_config(tmp_path, "none, transferred, advice", more=WRITER)
    lines = read_jsonl(judged(config, Meter(good), writer) / "verdicts.jsonl")
    report = score(tmp_path / "out")
    for arm in ("none", "transferred", "advice"):
        read, wrote, calls = alone(lines, arm)
        p = point(report, arm)
        assert (p.calls, p.read, p.written) == pytest.approx((calls / 8, read / 8, wrote / 8)) and calls == 16
        share = (0, 0) if arm == "none" else (writer.total("prompt_tokens") / 8, writer.total("completion_tokens") / 8)
        assert (p.writer_read, p.writer_written) == pytest.approx(share)
        expected = (read + 4 * wrote) / 8 + 2 * share[0] + 8 * share[1]
        assert p.axis == "money" and p.money == p.cost == pytest.approx(expected / 1e6)
    sized = tmp_path / "sizes.yaml"
    sized.write_text("currency: EUR\nmodels: {judge-model: {parameters_b: 8}, writer-model: {parameters_b: 70}}\n")
    p = point(score(tmp_path / "out", prices=load_prices(sized)), "transferred")
    assert p.axis == "compute" and p.money is None
    assert p.cost == pytest.approx(8 * (p.read + p.written) + 70 * (p.writer_read + p.writer_written))


def test_two_judges_share_what_a_rubric_cost(make_pairs: MakePairs, tmp_path: Path) -> None:
    """The share is by calls; samples and replicates are repeats, and do not make it cheaper."""
    make_pairs(4, images=False)
    writer = Meter(written)
    other = f"  - {{name: n, backend: openai, model: judge-model, base_url: '{URL}', verdict: direct}}\n"
    config = write_config(
        tmp_path,
        "none, transferred",
        ", samples: 3, temperature: 0.7",
        other + WRITER.replace("retries: 0", "retries: 0, replicates: 2, temperature: 0.5"),
    )
    specs = load_config(config).judges
    judges = {s.name: mock_chat_judge(s, Meter(good if s.name == "m" else lambda request: "x")) for s in specs}
    report = score(run(config, judges=judges, writers={"grm": MockBackend(writer)}).out)
    found = [p for p in report.costs if p.arm == "transferred" and p.votes is None]
    assert [p.judge for p in found] == ["m", "n"] and len(writer.given) == 16
    for p in found:  # a rubric in each order and replicate: half of what one replicate took, for each of two judges
        assert p.writer_read == pytest.approx(writer.total("prompt_tokens") / 2 / 2 / 4)
    assert point(report, "none", 6).read == pytest.approx(3 * point(report, "none").read)


def test_rubrics_from_a_file_were_paid_for_elsewhere(make_pairs: MakePairs, tmp_path: Path) -> None:
    """They are in no spending of this folder, and their share is known all the same."""
    make_pairs(3, images=False)
    writer = Meter(written)
    first = judged(write_config(tmp_path, "none, transferred", more=WRITER), Meter(good), writer)
    more = f"rubrics: {{grm: {first}/rubrics.jsonl}}\nprices: prices.yaml\n"
    judged(write_config(tmp_path, "none, transferred", more=more), Meter(good), out=tmp_path / "second")
    one, other = score(first), score(tmp_path / "second")
    assert [p.name for p in one.paid] == ["m", "grm"] and [p.name for p in other.paid] == ["m"]
    assert point(other, "transferred").writer_read == point(one, "transferred").writer_read > 0
    assert point(other, "transferred").axis == "money"


def test_an_item_without_a_rubric_costs_what_none_costs(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(4, images=False)

    def half(request: ChatRequest) -> str:
        return (
            written(request)
            if any(f"question {n}" in text_of(request.messages) for n in (0, 1))
            else "I would rather not."
        )

    writer = Meter(half)
    lines = read_jsonl(
        judged(write_config(tmp_path, "none, transferred", more=WRITER), Meter(good), writer) / "verdicts.jsonl"
    )
    p, none = point(score(tmp_path / "out"), "transferred"), alone(lines, "none")
    assert p.read == pytest.approx((alone(lines, "transferred")[0] + none[0] / 2) / 4) and p.calls == 2
    assert p.writer_read == pytest.approx(writer.total("prompt_tokens") / 4), (
        "what came of no rubric was paid for as well"
    )


def test_unknown_is_not_zero(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(10, images=False)
    meter = Meter(good, silent=4)
    lines = read_jsonl(judged(write_config(tmp_path, "none", more="prices: prices.yaml\n"), meter) / "verdicts.jsonl")
    report = score(tmp_path / "out")
    p, m = point(report, "none"), paid(report, "m")
    assert (p.with_usage, p.all_calls) == (15, 20) and p.read == pytest.approx(alone(lines, "none")[0] / 10)
    assert m.usage.read == meter.total("prompt_tokens"), "spending counts what is told, and says so"
    text = "\n".join(n for t in tables([report]) for n in t.notes)
    assert (
        "Tokens are known for 75 % (15 of 20) of the calls" in text and "tokens are known for 75 % (15 of 20)" in text
    )
    (row,) = next(t for t in tables([report]) if "what it took" in t.title).texts
    assert row[7].startswith("at least ") and row[6] == "75 % (15 of 20)"
    nothing = judged(write_config(tmp_path, "none, repeat"), lambda request: good(request), out=tmp_path / "silent")
    report = score(nothing)
    assert math.isnan(point(report, "none").read) and math.isnan(report.cells[0].tokens[0])
    assert paid(report, "m").usage.known == 0 and not point(report, "none").frontier


def test_without_a_manifest_a_model_is_named_as_it_was_served(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(4, images=False)
    out = judged(write_config(tmp_path, "none"), Meter(good))
    before = point(score(out), "none")
    (out / "manifest.json").unlink()
    report = score(out)
    assert paid(report, "m").model == "served" and report.prices is None
    assert point(report, "none") == replace(before, model="served")


@pytest.mark.parametrize(
    ("judge", "calls", "requests"),
    [
        (", verdict: reasoned", 8, 16),
        (", grading: pointwise", 8, 8),
        (", decision: criteria, verdict: direct", 8, 16),
    ],
)
def test_calls_and_requests(
    make_pairs: MakePairs, rubrics: Callable[..., Path], tmp_path: Path, judge: str, calls: int, requests: int
) -> None:
    """`reasoned` takes two requests, criteria by token one each; scoring alone, both orders share theirs."""
    make_pairs(4, images=False)
    rubrics(4, criteria=[{"name": "true"}, {"name": "brief"}])
    meter = Meter(lambda request: "7" if "pointwise" in judge else good(request))
    if "pointwise" in judge:
        meter.reply = lambda request: "So.\n<score>7</score>"
    judged(write_config(tmp_path, "transferred", judge, "rubrics: {w: writer.jsonl}\n"), meter)
    report = score(tmp_path / "out")
    m, p = paid(report, "m"), point(report, "transferred")
    assert (m.usage.calls, m.usage.requests, len(meter.given)) == (calls, requests, requests)
    assert m.usage.read == meter.total("prompt_tokens") and p.calls == requests / 4
    assert p.read == pytest.approx(meter.total("prompt_tokens") / 4) and math.isnan(p.writer_read)


def test_an_induced_rubric_is_shared_by_all_items(tmp_path: Path) -> None:
    config, oracle = prepared_seeds(tmp_path), Oracle()
    meter = Meter(lambda request: oracle(request))
    judge, held = Meter(lambda request: oracle(request)), load_config(config)
    write_rubrics(config, writers={"arr": MockBackend(meter)})
    run(config, judges={"j": mock_chat_judge(held.judges[0], judge)}, writers={"arr": MockBackend(meter)})
    report = score(tmp_path / "out")
    w, p = paid(report, "arr"), point(report, "transferred")
    assert (w.role, w.usage.calls, w.usage.read) == ("induction", len(meter.given), meter.total("prompt_tokens"))
    assert p.writer_written == pytest.approx(meter.total("completion_tokens") / 30) and p.model == "m"


metric = st.builds(lambda v: Metric("accuracy", v, 1, v, v, v), st.sampled_from([0.25, 0.5, 0.75, 1.0]))
points = st.builds(
    CostPoint,
    **{f: st.just("x") for f in ("benchmark", "judge", "writer")},  # type: ignore[arg-type]
    arm=st.sampled_from(["none", "transferred", "leak"]),
    **{f: st.just(1.0) for f in ("calls", "read", "written", "writer_read", "writer_written")},  # type: ignore[arg-type]
    votes=st.integers(2, 9),
    money=st.none(),
    accuracy=metric,
    frontier=st.just(False),
    cost=st.sampled_from([1.0, 2.0, 3.0, math.nan]),
)


@given(st.lists(points, max_size=8))
def test_the_frontier(found: list[CostPoint]) -> None:
    """Sorted by cost, the best accuracy for the money only rises, and the frontier is where it does."""
    fair = [p for p in found if p.arm != "leak" and not math.isnan(p.cost)]
    for p in _on_frontier(found):
        cheaper = [o.accuracy.value for o in fair if o.cost < p.cost]
        as_dear = [o.accuracy.value for o in fair if o.cost == p.cost]
        best = max(as_dear, default=0) == p.accuracy.value > max(cheaper, default=0)
        assert p.frontier == (best and p.arm != "leak" and not math.isnan(p.cost))


@pytest.mark.parametrize("samples", [4, 2])
def test_votes_that_cost_as_much(make_pairs: MakePairs, tmp_path: Path, samples: int) -> None:
    """The arm costs five calls of `none`: between vote@4 and vote@6, each compared with it item by item."""
    make_pairs(12, images=False)
    turn = itertools.count()

    def mostly(request: ChatRequest) -> str:
        return good(request) if next(turn) % 5 else "2" if good(request) == "1" else "1"

    def fixed(reply: Callable[[ChatRequest], str], read: int, written: int) -> Callable[[ChatRequest], Answer]:
        return lambda request: replace(
            Meter(reply)(request), usage={"prompt_tokens": read, "completion_tokens": written}
        )

    config = write_config(tmp_path, "none, transferred", f", samples: {samples}, temperature: 0.7", WRITER)
    config.write_text(config.read_text().replace("prices: prices.yaml\n", ""))
    spec = load_config(config).judges[0]
    judge, writer = mock_chat_judge(spec, fixed(mostly, 90, 10)), MockBackend(fixed(written, 100, 50))
    report = score(run(config, judges={"m": judge}, writers={"grm": writer}).out)
    arm = point(report, "transferred")
    assert (arm.cost, point(report, "none").cost, arm.axis) == (500, 200, "tokens")
    (equal,) = report.equal_costs
    assert equal.below is not None and equal.above is not None and not equal.writer_unknown
    assert (equal.below.votes, equal.below.cost, equal.above.votes, equal.above.cost) == (4, 400, 6, 600)
    none = next(c for c in report.cells if c.arm == "none" and c.judge == "m")
    transferred = next(c for c in report.cells if c.arm == "transferred" and c.judge == "m")
    assert equal.below.accuracy == pytest.approx(none.metrics["vote@4"].value)
    contrast = equal.below.difference
    assert contrast is not None and contrast.n == 12 and contrast.reference == "vote@4"
    assert contrast.value == pytest.approx(transferred.metrics["accuracy"].value - none.metrics["vote@4"].value)
    table = next(t for t in tables([report]) if "votes that cost as much" in t.title)
    assert table.texts[0][5].startswith("vote@4 for 400 k tokens: ") and table.texts[0][4] == "500 k tokens"
    assert table.texts[0][7] == ("vote@6 for 600 k tokens: 4 samples were taken" if samples == 2 else table.texts[0][7])
    assert math.isnan(equal.above.accuracy) == (equal.above.difference is None) == (samples == 2)
