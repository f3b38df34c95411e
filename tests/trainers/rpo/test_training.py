"""A training from beginning to end: killed and gone on with, refused where it is another, stopped by a judge that is gone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers")
pytest.importorskip("peft")

from evaluators.errors import RunStopped, UserError
from evaluators.testing.mock_server import MockServer
from harness_plugins.rpo import training
from harness_plugins.rpo.dry_run import estimated, timed
from harness_plugins.rpo.generation import generate, layout_of
from harness_plugins.rpo.prompts import read_prompts
from harness_plugins.rpo.recipe import Recipe
from harness_plugins.rpo.run_folder import RunFolder
from harness_plugins.rpo.training import compare, notes_on, train
from harness_plugins.rpo.win_rates import win_rates
from tests.serving import serving_in_thread

PROMPTS = [f"a drawing of thing {n}" for n in range(30)]


def recipe(folder: Path, **changes: Any) -> Recipe:
    """Six steps of three pairs, looked at twice."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prompts.txt").write_text("\n".join(PROMPTS))
    updates = {"steps": 6, "pairs": 3, "batch": 2, "learning_rate": 5e-3, **changes.pop("updates", {})}
    return Recipe.model_validate(
        {
            "generator": {"kind": "tiny_flux", "dtype": "float32", "side": 16, "checkpointing": False},
            "lora": {"rank": 4, "alpha": 8},
            "prompts": {"file": folder / "prompts.txt", "development": 4, "test": 3},
            "sampling": {"steps": 4, "kind": "flow_sde", "eta": 0.7},
            "updates": updates,
            "reward": {"judge": {"name": "brightest", "backend": "pixels"}},
            "evaluation": {"every": 3, "steps": 3},
            "save_every": 2,
            "out": folder / "run",
            **changes,
        }
    )


PROGRAM = """
import sys
from harness_plugins.rpo.recipe import Recipe
from harness_plugins.rpo.training import train
train(Recipe.model_validate_json(sys.argv[1]))
"""


def rows(run: Path, name: str) -> list[dict[str, Any]]:
    """Lines without times, in a fixed order."""
    lines = [json.loads(line) for line in (run / name).read_text().splitlines()]
    for line in lines:
        line.pop("seconds", None)
    return sorted(lines, key=lambda line: json.dumps(line, sort_keys=True))


def test_killed_in_the_middle_of_a_step_it_ends_in_the_same_bytes(tmp_path: Path) -> None:
    undisturbed, killed = recipe(tmp_path / "a"), recipe(tmp_path / "b")
    train(undisturbed, progress=False)
    program = [sys.executable, "-c", PROGRAM, killed.model_dump_json(exclude_none=True)]
    # No environment variable of this process's torch may differ: the bytes are compared.
    process = subprocess.Popen(program, env={**os.environ}, stderr=subprocess.DEVNULL)
    pairs = killed.out / "pairs-0.jsonl"
    while not (pairs.exists() and len(pairs.read_bytes().splitlines()) > 3 * 3):  # in its fourth step: two are saved
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    asked_before = len(pairs.read_bytes().splitlines())
    train(killed, progress=False)

    for step in ("000003", "000006"):
        for file in ("pytorch_lora_weights.safetensors", "optimizer.safetensors", "optimizer.json"):
            of_a, of_b = (r.out / "checkpoints" / step / file for r in (undisturbed, killed))
            assert of_a.read_bytes() == of_b.read_bytes()
    for name in ("pairs-0.jsonl", "steps.jsonl", "held_out.jsonl"):
        assert rows(undisturbed.out, name) == rows(killed.out, name)
    assert 9 < asked_before < 18  # and so no verdict was asked for twice: as many lines as pairs


def test_a_run_goes_on_for_more_steps_and_is_refused_under_another_recipe(tmp_path: Path) -> None:
    first = recipe(tmp_path)
    train(first, progress=False)
    longer = recipe(tmp_path, updates={"steps": 8})
    run = train(longer, progress=False).run
    assert [row.step for row in run.step_rows()] == list(range(8))

    (tmp_path / "rubric.txt").write_text("Prefer the brighter picture.")
    judge = {"name": "brightest", "backend": "pixels"}
    for changes, name in (
        ({"seed": 7}, "seed"),
        ({"updates": {"kl": 0.5}}, "updates.kl"),
        ({"reward": {"judge": judge, "rubric": tmp_path / "rubric.txt"}}, "reward.rubric"),
        ({"reward": {"judge": {"name": "darkest", "backend": "pixels"}}}, "reward.judge.name"),
    ):
        with pytest.raises(UserError, match=name):
            train(recipe(tmp_path, **changes), progress=False)


def test_the_checkpoint_is_compared_on_the_test_prompts_and_again_by_name(tmp_path: Path) -> None:
    spec = recipe(tmp_path, audit={"judge": {"name": "darkest", "backend": "pixels"}}, updates={"steps": 3})
    trained = train(spec, progress=False)
    assert trained.picked is not None and trained.picked.step == 3
    ours, theirs = [r for r in win_rates(trained.run.held_out_rows()) if r.held_out == "test"]
    assert (ours.judge, theirs.judge, ours.prompts) == ("brightest", "darkest", 3)
    assert ours.value is not None and theirs.value is not None
    assert ours.value + theirs.value == pytest.approx(1)  # they want opposite things, and see the same pictures
    lines = (trained.run.path / "held_out.jsonl").read_text()
    assert compare(spec, "3", progress=False) == [ours, theirs]
    assert (trained.run.path / "held_out.jsonl").read_text() == lines, "nobody was asked again"
    with pytest.raises(UserError, match="there are 3; or say"):
        compare(spec, "5", progress=False)


def test_what_was_compared_stays_when_a_run_is_made_longer(tmp_path: Path) -> None:
    train(recipe(tmp_path, updates={"steps": 2}), progress=False)
    longer = train(recipe(tmp_path, updates={"steps": 5}), progress=False)
    assert [c.step for c in longer.run.checkpoints()] == [2, 3, 5]
    assert longer.picked is not None


def test_without_development_prompts_the_newest_is_reported(tmp_path: Path) -> None:
    prompts = {"file": tmp_path / "prompts.txt", "development": 0, "test": 3}
    trained = train(recipe(tmp_path, prompts=prompts, updates={"steps": 3}), progress=False)
    assert trained.picked is not None and trained.picked.step == 3
    assert [(r.step, r.held_out) for r in win_rates(trained.run.held_out_rows())] == [(3, "test")]


def test_a_reward_server_judges_and_its_words_are_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "reward.yaml").write_text("rpo: {judge: {name: brightest, backend: pixels}}")
    with serving_in_thread(tmp_path / "reward.yaml") as url:
        run = train(recipe(tmp_path, reward={"server": url}, updates={"steps": 3}), progress=False).run
    assert all(len(row.replies) == 2 for row in run.pair_rows().values())
    assert [row.updated for row in run.step_rows()] == [True] * 3
    assert "leads." in run.page.read_text()


def test_a_judge_that_decides_nothing_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "MOST_IDLE", 2)
    first = {"name": "first", "backend": "baseline", "model": "first"}  # in either order the first picture shown
    spec = recipe(tmp_path, reward={"judge": first})
    with pytest.raises(RunStopped, match=r"2 steps in a row had too few verdicts .* 0 of 3 pairs"):
        train(spec, progress=False)
    assert [row.outcomes for row in RunFolder(spec.out).step_rows()] == [{"disagree": 3}] * 2
    assert "Orders disagree" in RunFolder(spec.out).page.read_text()


def test_a_gradient_that_is_not_finite_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = recipe(tmp_path)
    monkeypatch.setattr("torch.nn.utils.clip_grad_norm_", lambda *_: float("nan"))
    with pytest.raises(RunStopped, match="the gradient is not finite: begin again in another `out`"):
        train(spec, progress=False)
    assert not RunFolder(spec.out).checkpoints() and not RunFolder(spec.out).step_rows()


def test_a_judge_that_is_gone_stops_the_run_and_the_same_call_goes_on(tmp_path: Path) -> None:
    def judged_by(url: str) -> Recipe:
        judge = {"name": "judge", "backend": "openai", "model": "m", "base_url": url, "retries": 0, "concurrency": 4}
        prompts = {"file": tmp_path / "prompts.txt", "development": 0, "test": 0}
        return recipe(tmp_path, reward={"judge": judge}, patience_s=0, prompts=prompts)

    with MockServer(answer=lambda body: "<answer>1</answer>").running() as server:
        spec = judged_by(server.url)
        train(spec.model_copy(update={"updates": spec.updates.model_copy(update={"steps": 2})}), progress=False)
    with pytest.raises(RunStopped, match=r"no answer on 3 of 3 pairs .*goes on here"):
        train(spec, progress=False)
    with MockServer().running() as server:
        run = train(judged_by(server.url), progress=False).run
    assert [row.step for row in run.step_rows()] == list(range(6))
    # The first judge always named the first picture shown: its orders disagreed, and nothing was learned from them.
    assert [row.outcomes for row in run.step_rows()[:2]] == [{"disagree": 3}] * 2
    assert not any(row.updated for row in run.step_rows()[:2])


@pytest.mark.long  # half a minute, most of it waiting
def test_a_judge_that_is_away_for_twenty_seconds_loses_nothing(tmp_path: Path) -> None:
    with MockServer().running() as server:
        url = server.url
    port = int(re.findall(r":(\d+)", url)[0])
    judge = {"name": "judge", "backend": "openai", "model": "m", "base_url": url, "retries": 0}
    spec = recipe(tmp_path, reward={"judge": judge}, patience_s=120, updates={"steps": 2})
    thread = threading.Thread(target=train, args=(spec,), kwargs={"progress": False})
    thread.start()
    time.sleep(20)
    assert thread.is_alive() and not RunFolder(spec.out).checkpoints()
    with MockServer().running(port):
        thread.join(timeout=120)
    assert [sum(row.outcomes.values()) for row in RunFolder(spec.out).step_rows()] == [3, 3]
    assert not any("error" in row.outcomes for row in RunFolder(spec.out).step_rows())


def test_the_dry_run_says_what_a_step_takes(tmp_path: Path) -> None:
    spec = recipe(tmp_path, updates={"steps": 12, "pairs": 6, "batch": 3})
    spec = spec.model_copy(update={"sampling": spec.sampling.model_copy(update={"steps": 8})})
    sets = read_prompts(spec.prompts, False)
    # Other work on the machine slows down what is measured first or last: the nearest of three is compared.
    off = []
    for n in range(3):
        estimate = estimated(spec, sets, timed(spec, sets, spec.reward.open()), gpus=1)
        run = train(spec.model_copy(update={"out": tmp_path / f"run-{n}"}), progress=False).run
        seconds = sorted(sum(v for k, v in r.seconds.items() if k != "save") for r in run.step_rows())
        off.append(abs(estimate.step_s / seconds[len(seconds) // 2] - 1))
        if off[-1] < 0.35:
            break
    assert min(off) < 0.35, off


def test_pictures_for_a_benchmark_lie_where_its_scripts_look(tmp_path: Path) -> None:
    spec = recipe(tmp_path, updates={"steps": 3})
    train(spec, progress=False)
    prompts = tmp_path / "geneval.jsonl"
    prompts.write_text('{"tag": "colors", "prompt": "a red dog"}\n{"tag": "colors", "prompt": "a blue cup"}\n')
    out = tmp_path / "pictures"
    generated = generate(spec, prompts, layout_of("geneval", "", 2), out, checkpoint="newest", progress=False)
    assert generated.new == 4
    assert json.loads((out / "00001/metadata.jsonl").read_text())["prompt"] == "a blue cup"
    assert sorted(p.name for p in (out / "00001/samples").iterdir()) == ["0000.png", "0001.png"]
    again = generate(spec, prompts, layout_of("geneval", "", 2), out, checkpoint="newest", progress=False)
    assert (again.new, again.existing) == (0, 4)
    with pytest.raises(UserError, match="another checkpoint, adapter"):
        generate(spec, prompts, layout_of("geneval", "", 2), out, checkpoint="base", progress=False)

    prompts.write_text('{"tag": "colors", "prompt": "a green dog"}\n')
    with pytest.raises(UserError, match="another --prompts"):
        generate(spec, prompts, layout_of("geneval", "", 2), out, checkpoint="newest", progress=False)
    with pytest.raises(UserError, match=r"lora.targets: nothing: the network has no such layers"):
        train(recipe(tmp_path / "other", lora={"targets": ["nothing"]}), progress=False)

    hostile = tmp_path / "hostile.jsonl"
    hostile.write_text('{"prompt": "p", "id": "../../out"}\n')
    generate(spec, hostile, layout_of("", "{id}.png", None), tmp_path / "mine", checkpoint="base", progress=False)
    assert [p.name for p in (tmp_path / "mine").glob("*.png")] == ["__.._out.png"]
    with pytest.raises(UserError, match="line 1: has no column 'name'"):
        generate(spec, hostile, layout_of("", "{name}.png", None), tmp_path / "x", checkpoint="base", progress=False)


def test_what_may_surprise_is_said_first(tmp_path: Path) -> None:
    assert notes_on(recipe(tmp_path)) == [
        "One update from each set of pairs: the ratio is 1, and `clip` does nothing.",
        "No `audit` judge: the judge that trains is the only one to say whether it was worth it.",
    ]
    paper = recipe(tmp_path, updates={"per_rollout": 2, "advantage": "paper"})
    assert [note[:16] for note in notes_on(paper)] == ["advantage: paper", "No `audit` judge"]


def test_a_finished_run_is_read_as_it_is(tmp_path: Path) -> None:
    spec = recipe(tmp_path, updates={"steps": 3})
    train(spec, progress=False)
    before = {p: p.read_bytes() for p in spec.out.rglob("*") if p.is_file() and p.suffix not in (".html",)}
    train(spec, progress=False)
    assert {p: p.read_bytes() for p in before} == before
    assert RunFolder(spec.out).newest() is not None
