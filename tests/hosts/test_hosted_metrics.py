"""What lmms-eval's table and results.json show of our tasks, in a program (`simple_evaluate`), with stock models and our own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from lmms_eval.baselines import load_baseline
from lmms_eval.evaluator import simple_evaluate
from lmms_eval.tasks import TaskManager
from lmms_eval.utils import make_table

from evaluators.errors import UserError
from evaluators.testing.mock_server import MockServer
from harness_plugins import score
from harness_plugins.benchmarks.loader import load_benchmark
from harness_plugins.hosts.folder import close_folders
from tests.conftest import png, read_jsonl, write_jsonl
from tests.hosts.conftest import CAREFUL

Results = dict[str, Any]
LEXICAL = "backend=baseline,model=lexical"


@pytest.fixture(scope="module")
def manager() -> TaskManager:
    return TaskManager(include_defaults=False)


@pytest.fixture
def evaluate(manager: TaskManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("RUBRIC_HARNESS_OUT", str(tmp_path / "run"))
    monkeypatch.setenv("RUBRIC_HARNESS_RUBRICS", str(CAREFUL))
    monkeypatch.setenv("OPENAI_API_KEY", "unused")

    def run(tasks: str, model: str = "rubric_judge", model_args: str = LEXICAL, **more: Any) -> Results:
        found: Results = simple_evaluate(
            model=model, model_args=model_args, tasks=tasks.split(","), task_manager=manager, bootstrap_iters=0, **more
        )
        json.loads(json.dumps(found["results"], default=str), parse_constant=lambda name: pytest.fail(f"a bare {name}"))
        return found

    yield run
    close_folders()


def printed(results: Results, task: str) -> dict[str, Any]:
    """The metrics of a task by name, lmms-eval's own errors left out."""
    values = {k.partition(",")[0]: v for k, v in results["results"][task].items() if k.endswith(",none")}
    return {k: v for k, v in values.items() if "_stderr" not in k}


def test_the_gain_stands_in_the_row_of_transfer(evaluate: Callable[..., Results], tmp_path: Path) -> None:
    results = evaluate("rt_demo_transfer,rt_demo_judge,rt_demo_shuffled")
    row = printed(results, "rt_demo_transfer")
    cell = next(c for c in score(tmp_path / "run").cells if c.arm == "transferred" and c.judge == "lexical")
    for reference in ("none", "shuffled"):
        contrast = cell.contrasts[reference]
        shown = [row[f"gain_over_{reference}{end}"] for end in ("", "_low", "_high")]
        assert shown == [contrast.value, contrast.low, contrast.high]
        assert f"gain_over_{reference}" in make_table(results)
    assert not any(name.startswith("gain") for name in printed(results, "rt_demo_judge"))


def test_without_its_reference_there_is_no_gain_until_there_is_one(evaluate: Callable[..., Results]) -> None:
    assert not any(n.startswith("gain") for n in printed(evaluate("rt_demo_transfer", limit=8), "rt_demo_transfer"))
    evaluate("rt_demo_judge", limit=8)
    row = printed(evaluate("rt_demo_transfer", limit=8), "rt_demo_transfer")
    assert {n for n in row if n.startswith("gain")} == {f"gain_over_none{end}" for end in ("", "_low", "_high")}


def test_where_no_item_came_out_differently_there_is_no_gain(evaluate: Callable[..., Results], tmp_path: Path) -> None:
    """`score` says "no answer": +0.0 with an interval of no width is none."""
    with MockServer(answer=lambda body: "I cannot say.").running() as server:
        model = f"model=m,base_url={server.url}"
        row = printed(evaluate("rt_demo_transfer,rt_demo_judge,rt_demo_shuffled", model_args=model), "rt_demo_transfer")
    assert row["unparsed"] == 1.0 and not any(name.startswith("gain_") for name in row)
    (cell,) = (c for c in score(tmp_path / "run").cells if c.arm == "transferred")
    assert not cell.contrasts["none"].differs


def test_arrows_point_where_better_is(evaluate: Callable[..., Results]) -> None:
    results = evaluate("rt_demo_judge,rt_demo_transfer", limit=8)
    better = results["higher_is_better"]["rt_demo_transfer"]
    up = {"accuracy", "strict_both", "metric_accuracy", "gain_over_none", "score", "answered"}
    neither = {"accuracy_low", "accuracy_high", "gain_over_none_low", "first_position_rate", "longer_pick_rate", "tie"}
    down = {"unparsed", "refused", "truncated", "low_mass"}
    assert {n: better[n] for n in up | neither | down} == {
        **dict.fromkeys(up, True),
        **dict.fromkeys(neither, None),
        **dict.fromkeys(down, False),
    }


def multi_crit_rows(count: int) -> list[dict[str, Any]]:
    """Prompts by two criteria each, which disagree in every second one. Figures over prompts need the whole benchmark."""
    return [
        {"question_id": f"q{n}", "prompt_id": f"p{n // 2}", "criterion": ("logic", "efficiency")[n % 2], "image": "i.png",
         "question": f"{n // 2}?", "pred_a": f"short {n // 2}", "pred_b": f"a longer text {n // 2}", "split": "reasoning",
         "preference": "model_b" if n % 4 == 1 else "model_a"} for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("count", [426, 20])
def test_multi_crit_has_its_own_metrics(
    evaluate: Callable[..., Results], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    (tmp_path / "i.png").write_bytes(png(1))
    write_jsonl(tmp_path / "crit.jsonl", multi_crit_rows(count))
    config = tmp_path / "data.yaml"
    config.write_text("benchmarks: [{name: multi_crit_reasoning, path: crit.jsonl}]\n")
    monkeypatch.setenv("RUBRIC_HARNESS_CONFIG", str(config))
    name = "rt_multi_crit_reasoning_judge"
    row = printed(evaluate(name, model_args="backend=baseline,model=shortest"), name)
    cell = next(c for c in score(tmp_path / "run", "metric").cells if c.judge == "shortest")
    own = {n.removeprefix("metric_"): v for n, v in row.items() if n.startswith("metric_")}
    assert own == pytest.approx({n: m.value for n, m in cell.metrics.items() if n not in ("parsed", "answered")})
    assert {"accuracy[logic]", "accuracy[efficiency]", "macro"} <= set(own)
    assert {n for n in own if n in ("pacc", "tos", "cmr")} == ({"pacc", "tos", "cmr"} if count == 426 else set())
    assert not any("acc_plus" in n for n in row), "that is MM-RLHF's"


def test_what_nobody_answered_has_no_value(evaluate: Callable[..., Results]) -> None:
    with MockServer(answer=lambda body: "I cannot say.").running() as server:
        row = printed(evaluate("rt_demo_judge", model_args=f"model=m,base_url={server.url}", limit=8), "rt_demo_judge")
    assert row["unparsed"] == 1.0 and row["accuracy"] == 0.0
    assert "first_position_rate" not in row and all(isinstance(v, float) for v in row.values())


@pytest.mark.parametrize("grading", ["pairwise", "pointwise"])
def test_every_row_has_a_score(
    evaluate: Callable[..., Results], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grading: str
) -> None:
    monkeypatch.setenv("RUBRIC_HARNESS_GRADING", grading)
    reply = {"pairwise": "<answer>1</answer>", "pointwise": "<score>4</score>"}[grading]
    with MockServer(answer=lambda body: reply).running() as server:
        results = evaluate("rt_demo_judge", model_args=f"model=m,base_url={server.url}", limit=16)
    scores = [s["score"] for s in results["samples"]["rt_demo_judge"]]
    assert all(isinstance(s, float) for s in scores)
    row = printed(results, "rt_demo_judge")
    assert sum(scores) / 16 == row["score"] == row["accuracy"]
    assert results["efficiency"]["by_task"]["rt_demo_judge"]["total_correct_score"] == sum(scores)
    rows = [{"doc_id": s["doc_id"], "score": s["score"]} for s in results["samples"]["rt_demo_judge"]]
    path = write_jsonl(tmp_path / "x_samples_rt_demo_judge.jsonl", rows)
    assert list(load_baseline(str(path), "rt_demo_judge")[0].values()) == scores


@pytest.mark.parametrize("model", ["openai", "rubric_judge"])
def test_settings_share_one_journal_and_file_each_reply_under_its_item(
    evaluate: Callable[..., Results], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """grm, arr and the rubrics read for transfer all write rubrics.jsonl."""
    monkeypatch.setenv("RUBRIC_HARNESS_JUDGE", "w")
    items = {i.uid: i for i in load_benchmark("demo").items}

    def writes(body: dict[str, Any]) -> str:
        shown = json.dumps(body["messages"])
        prompt = next(i.uid for i in items.values() if json.dumps(i.prompt)[1:-1] in shown)
        return (
            "<rubric>\n"
            + "\n".join(f"{n}. Point {n} of {prompt}" for n in range(1, 6))
            + "\n</rubric><answer>1</answer>"
        )

    with MockServer(answer=writes).running() as server:
        tasks = "rt_demo_grm,rt_demo_arr,rt_demo_transfer"
        named = "model_version" if model == "openai" else "model"
        results = evaluate(tasks, model=model, model_args=f"{named}=m,base_url={server.url}", limit=8)
    lines = [r for r in read_jsonl(tmp_path / "run" / "rubrics.jsonl") if r["writer"]["name"] == "w"]
    by_method = Counter(r["writer"]["method"] for r in lines)
    assert by_method == {"proxy_grm": 8, "arr_zero_shot": 8}
    arr = [r for r in lines if r["writer"]["method"] == "arr_zero_shot"]
    assert all(r["item"] in r["answer"]["text"] for r in arr), "each under the item that it was written for"
    assert printed(results, "rt_demo_arr")["score"] == printed(results, "rt_demo_arr")["valid"]


@pytest.mark.parametrize(
    "order", ["rt_demo_judge,rt_demo_transfer,rt_demo_shuffled", "rt_demo_shuffled,rt_demo_transfer"]
)
def test_stock_models_are_asked_once_about_items_without_a_rubric(
    evaluate: Callable[..., Results], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    some = tmp_path / "some.jsonl"
    some.write_text("".join(line + "\n" for line in CAREFUL.read_text().splitlines()[:30]))
    monkeypatch.setenv("RUBRIC_HARNESS_RUBRICS", str(some))
    monkeypatch.setenv("RUBRIC_HARNESS_JUDGE", "stock")
    with MockServer().running() as server:
        results = evaluate(order, model="openai", model_args=f"model_version=m,base_url={server.url}")
        settings = order.count("rt_")
        without = {"rt_demo_judge": 80}.get(order.split(",")[0], 20)
        assert server.asked == without + 60 * min(settings, 2)
    verdicts = read_jsonl(tmp_path / "run" / "verdicts-0.jsonl")
    assert len({v["key"] for v in verdicts}) == len(verdicts) == server.asked
    cells = {c.arm: c for c in score(tmp_path / "run").cells if c.judge == "stock"}
    for task, arm in (("rt_demo_transfer", "transferred"), ("rt_demo_shuffled", "shuffled")):
        row = printed(results, task)
        assert row["answered"] == 1.0 and len(results["samples"][task]) == 80
        if cells[arm].complete:
            assert row["accuracy"] == pytest.approx(cells[arm].metrics["accuracy"].value)


@pytest.mark.parametrize(
    ("task", "env", "words"),
    [
        ("rt_demo_judge", {}, "export RUBRIC_HARNESS_JUDGE=name-of-the-model"),
        ("rt_demo_grm", {}, "export RUBRIC_HARNESS_JUDGE=name-of-the-model"),
        ("rt_pairs_judge", {"RUBRIC_HARNESS_JUDGE": "m"}, "name your rows in a config"),
        ("rt_demo_judge", {"RUBRIC_HARNESS_JUDGE": "m", "RUBRIC_HARNESS_GRADING": "sideways"}, "RUBRIC_HARNESS_GRADING"),
        ("rt_demo_judge", {"RUBRIC_HARNESS_JUDGE": "m", "RUBRIC_HARNESS_CONFIG": "absent.yaml"}, "absent.yaml"),
        ("rt_demo_transfer", {"RUBRIC_HARNESS_JUDGE": "m", "RUBRIC_HARNESS_RUBRICS": "absent.jsonl"}, "absent.jsonl"),
        ("rt_demo_transfer", {"RUBRIC_HARNESS_JUDGE": "m", "RUBRIC_HARNESS_RUBRICS": ""}, "RUBRIC_HARNESS_RUBRICS is not set"),
    ],
)  # fmt: skip
def test_what_is_not_named_is_refused_before_the_first_request(
    evaluate: Callable[..., Results], monkeypatch: pytest.MonkeyPatch, task: str, env: dict[str, str], words: str
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with MockServer().running() as server:
        with pytest.raises(UserError, match=words) as refused:
            evaluate(task, model="openai", model_args=f"model_version=m,base_url={server.url}", limit=4)
        assert server.asked == 0 and len(str(refused.value).splitlines()) == 1


def test_a_rubric_file_of_two_writers_is_refused(
    evaluate: Callable[..., Results], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them was taken, and nobody told which."""
    row = {"benchmark": "demo", "text": "Be right."}
    path = write_jsonl(tmp_path / "two.jsonl", [row | {"row": n, "writer": f"w{n}"} for n in range(2)])
    monkeypatch.setenv("RUBRIC_HARNESS_RUBRICS", str(path))
    with pytest.raises(UserError, match="line 2: two writers"):
        evaluate("rt_demo_transfer")


def test_a_rubric_file_without_a_writer_goes_by_its_name(
    evaluate: Callable[..., Results], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"benchmark": "elsewhere", "writer": "another", "item": None, "text": "Be right."}
    rows = [other, {"benchmark": "demo", "item": None, "rubric": "Be right."}]
    monkeypatch.setenv("RUBRIC_HARNESS_RUBRICS", str(write_jsonl(tmp_path / "mine.jsonl", rows)))
    results = evaluate("rt_demo_transfer", limit=4)
    assert {s["answered"][2]["writer"] for s in results["samples"]["rt_demo_transfer"]} == {"mine"}


def test_beside_arr_a_limit_is_of_whole_items(
    evaluate: Callable[..., Results], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of `arr` is an item, so a limit of 8 asks it about twice as many as are judged: those are not to be judged."""
    monkeypatch.setenv("RUBRIC_HARNESS_JUDGE", "m")
    with MockServer(grm=True).running() as server:
        evaluate("rt_demo_arr,rt_demo_grm,rt_demo_judge", model_args=f"model=m,base_url={server.url}", limit=8)
    cells = [c for c in score(tmp_path / "run").cells if not c.baseline]
    assert {(c.judge, c.arm, c.trials) for c in cells} == {("m", "none", (8, 8)), ("m", "grm", (8, 8))}


def votes(count: int) -> list[dict[str, Any]]:
    kinds = ("leftvote", "rightvote", "tievote", "bothbad_vote")
    return [
        {"prompt": f"p{n}", "left_model": "l", "right_model": "r", "left_image": "1.png", "right_image": "2.png",
         "vote_type": kinds[n % 4]} for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("grading", ["good_bad", "ties", ""])
def test_ties_of_two_bad_ones_count_as_in_score(
    evaluate: Callable[..., Results], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grading: str
) -> None:
    for n in (1, 2):
        (tmp_path / f"{n}.png").write_bytes(png(n))
    write_jsonl(tmp_path / "votes.jsonl", votes(16))
    (tmp_path / "data.yaml").write_text("benchmarks: [{name: genai_bench_generation, path: votes.jsonl}]\n")
    monkeypatch.setenv("RUBRIC_HARNESS_CONFIG", str(tmp_path / "data.yaml"))
    monkeypatch.setenv("RUBRIC_HARNESS_GRADING", grading)
    said = ("1", "2", "tie", "both good", "both bad")
    answer = lambda body: f"<answer>{said[crc32(str(body).encode()) % 5]}</answer>"  # noqa: E731
    with MockServer(answer=answer).running() as server:
        name = "rt_genai_bench_generation_judge"
        results = evaluate(name, model_args=f"model=m,base_url={server.url}")
    row = printed(results, name)
    own, strict = ({n: m.value for n, m in next(c for c in score(tmp_path / "run", p).cells if not c.computed).metrics.items()}
                   for p in ("metric", "strict"))  # fmt: skip
    assert {n: row[f"metric_{n}"] for n in own if f"metric_{n}" in row} == pytest.approx({"accuracy": own["accuracy"]})
    assert row["accuracy"] == pytest.approx(strict["accuracy"]) and row["tie"] == pytest.approx(strict["tie"])
    outcomes = {s["answered"][1] for s in results["samples"][name]}
    assert ("both_bad" in outcomes) == (grading == "good_bad")
