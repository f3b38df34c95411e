"""Trackers, each by its own package and without a network: what was logged is read back."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from evaluators.errors import UserError
from evaluators.prompts.template import Case
from evaluators.testing.mock import Reply
from harness_plugins.cli import main
from harness_plugins.tables.model import Table, names, numbers
from harness_plugins.trackers import TRACKERS, Tracker, log_report, open_tracker
from tests.conftest import ROOT
from tests.harness_plugins.scripted_judges import BY_CONTENT, judge, judged


def logged(name: str, folder: Path, **settings: Any) -> None:
    """Two runs of the same name: the second goes on with the first."""
    table = Table("gains", "Gains", [*names("judge"), *numbers("gain")])
    table.add("qwen", "+3.1")
    for step in (1, 2):
        with open_tracker(name, project="tests", run="a run", folder=folder, settings=settings) as tracker:
            tracker.log({"transfer/gain": 1.5 * step}, step)
            tracker.tables([table], step)
            tracker.note("headline", "It **helps**.", step)


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs tensorboard; `make test-trainers` runs this")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logged("tensorboard", tmp_path, learning_rate=0.1)
    events = EventAccumulator(str(tmp_path / "tensorboard" / "tests" / "a run"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("transfer/gain")] == [(1, 1.5), (2, 3.0)]

    def text(tag: str) -> str:
        found: bytes = events.Tensors(f"{tag}/text_summary")[-1].tensor_proto.string_val[0]
        return found.decode()

    assert (
        "| qwen" in text("gains") and text("headline") == "It **helps**." and text("settings") == "- learning_rate: 0.1"
    )


def test_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="needs wandb; `make test-swift` runs this")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    logged("wandb", tmp_path)
    runs = list((tmp_path / "wandb").glob("offline-run-*"))
    assert len({run.name.rpartition("-")[2] for run in runs}) == 1, "one run, gone on with"
    tables = [json.loads(p.read_text()) for p in (tmp_path / "wandb").rglob("*.table.json")]
    assert {"columns": ["judge", "gain"], "data": [["qwen", "+3.1"]]}.items() <= tables[0].items()


def test_trackio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))  # read when it is imported
    trackio = pytest.importorskip("trackio", reason="needs trackio; `make test-swift` runs this")
    logged("trackio", tmp_path)
    (run,) = trackio.Api().runs("tests")
    assert run.name == "a run" and (tmp_path / "tests.db").exists()


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'wandb'"):
        open_tracker("wandbb", project="p", run="r", folder=tmp_path)


@pytest.mark.parametrize("name", TRACKERS)
def test_it_says_what_to_install(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (name, f"{name}.summary.writer.event_file_writer"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(UserError, match=f"pip install {name}"):
        open_tracker(name, project="p", run="r", folder=tmp_path)


class Recorder(Tracker):
    """What a tracker was sent."""

    def __init__(self) -> None:
        self.numbers: dict[str, float] = {}
        self.notes: dict[str, str] = {}
        self.shown: list[str] = []
        self.steps: set[int] = set()

    def log(self, numbers: Any, step: int) -> None:
        self.numbers |= numbers
        self.steps.add(step)

    def tables(self, tables: Any, step: int) -> None:
        self.shown += [table.id for table in tables]
        self.steps.add(step)

    def note(self, name: str, text: str, step: int) -> None:
        self.notes[name] = text
        self.steps.add(step)

    def close(self) -> None:
        pass


def test_a_run_is_sent_with_its_answer_its_warnings_and_its_tables(tmp_path: Path) -> None:
    def unread(case: Case) -> Reply:
        return "I cannot say." if case.item.prompt.endswith(" 0") else judge(BY_CONTENT)(case)

    report = judged(tmp_path, {"a": unread})
    tracker = Recorder()
    log_report(tracker, report)
    assert tracker.notes["headline"].splitlines()[0] == "w's rubrics help by their content."
    assert "answers without a verdict that can be read" in tracker.notes["warnings"]
    assert tracker.numbers["pairs/w/gain"] == pytest.approx(30.0) and tracker.numbers[
        "pairs/a/accuracy"
    ] == pytest.approx(47.5)
    assert tracker.shown == ["answer", "summary"] and tracker.steps == {sum(c.trials.answered for c in report.cells)}


def test_run_keeps_its_answer_in_a_tracker(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs tensorboard; `make test-trainers` runs this")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = ROOT / "examples" / "demo.yaml"
    assert (
        main(["run", str(config), "--out", str(tmp_path / "demo"), "--limit", "8", "--quiet", "--log", "tensorboard"])
        == 0
    )
    events = EventAccumulator(str(tmp_path / "demo" / "logs" / "tensorboard" / "rubric-harness" / "demo"))
    events.Reload()
    assert "demo/lexical/accuracy" in events.Tags()["scalars"] and "headline/text_summary" in events.Tags()["tensors"]


def test_a_tracker_that_is_not_there_costs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if find_spec("wandb"):
        pytest.skip("wandb is installed here")
    command = ["run", str(ROOT / "examples" / "demo.yaml"), "--out", str(tmp_path / "demo"), "--log", "wandb"]
    assert (
        main(command) == 2
        and "the tracker wandb is not installed (wandb): pip install wandb" in capsys.readouterr().err
    )
    assert not (tmp_path / "demo" / "verdicts.jsonl").exists()
