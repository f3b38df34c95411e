"""Runs in every state that the browser of items has to show, by mock judges whose answers follow from what they are asked."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluators.errors import BackendError
from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge, Reply
from harness_plugins import run
from tests.conftest import write_jsonl

URL = "http://unused.invalid/v1"
SKILL = {"mock-alpha": 0.55, "mock-beta": 0.45, "mock-gamma": 0.8}
GAIN = {"grm": 0.3, "plain": 0.05}


@dataclass
class State:
    """What a run is made of."""

    judges: Sequence[str] = tuple(SKILL)
    writers: Sequence[str] = ("grm", "plain")
    arms: Sequence[str] = ("none", "transferred", "shuffled", "repeat")
    benchmarks: Sequence[str] = ("{name: pairs, path: rows.jsonl}",)
    """The writers wrote for the first of them alone."""
    items: int = 12
    candidates: int = 2
    length: int = 1
    """How often each candidate says what it says."""
    labels: Sequence[Any] = (0, 1)
    more: str = ""
    """Lines of the config."""
    judge: dict[str, Any] = field(default_factory=dict)
    """Further fields of every judge."""
    reply: Callable[[str], Callable[[Case], Reply]] | None = None


def by_skill(name: str) -> Callable[[Case], Reply]:
    """Right more often with a rubric of `grm`; a few answers are no verdict, or never come."""

    def decide(case: Case) -> Reply:
        text = case.rubric.text if case.rubric else ""
        draw = random.Random(f"{name} {case.item.source_id} {case.order} {text}")
        right = 1 + case.order.index("ABC"[case.item.label.preferred or 0])
        skill = SKILL.get(name, 0.6) + next((gain for writer, gain in GAIN.items() if f"({writer})" in text), 0.0)
        luck = draw.random()
        if luck > 0.98:
            return BackendError("rejected", "no")
        if luck > 0.95:
            return "I cannot say."
        choice = right if draw.random() < skill else 1 + right % len(case.order)
        return (
            f"Response {choice} fits question {case.item.source_id} better than the other.\n<answer>{choice}</answer>"
        )

    return decide


def scores(name: str) -> Callable[[Case], Reply]:
    """Each response alone; the first two have the same score where there is no rubric."""
    return lambda case: (
        f"Scored by itself.\n<score>{9 - 3 * (case.candidate or 0) if case.rubric else 9 - (case.candidate or 0) // 2}</score>"
    )


def rankings(name: str) -> Callable[[Case], Reply]:
    return lambda case: (
        f"In the order of their fit.\n<ranking>{' > '.join(str(n + 1) for n in range(len(case.order)))}</ranking>"
    )


STATES = {
    "crossed": State(arms=("none", "transferred", "shuffled", "crossed", "advice", "generic", "repeat")),
    "no-rubrics": State(writers=(), arms=("none", "repeat")),
    "one-judge": State(judges=("mock-alpha",), writers=("grm",), arms=("none", "transferred")),
    "many": State(
        judges=[f"an-organisation-mock-{n}-7b-instruct" for n in range(8)],
        writers=[f"writer-{n}" for n in range(7)],
        items=6,
    ),
    "one-order": State(judges=("mock-alpha", "mock-beta"), more="orders: AB\n"),
    "ties": State(labels=("tie", 0), judges=("mock-alpha", "mock-gamma")),
    "scored-alone": State(
        candidates=3, judge={"grading": "pointwise"}, reply=scores, writers=("grm",), arms=("none", "transferred")
    ),
    "ranked": State(candidates=3, judge={"grading": "listwise"}, reply=rankings, writers=(), arms=("none",)),
    "two-benchmarks": State(
        benchmarks=("{name: pairs, path: rows.jsonl}", "{name: demo, limit: 6}"),
        judges=("mock-alpha", "mock-beta"),
        length=500,
    ),
    "several-answers": State(judges=("mock-alpha",), judge={"samples": 3, "temperature": 1.0}, writers=("grm",)),
}


def make_state(root: Path, state: State) -> Path:
    """The run folder."""
    root.mkdir(parents=True, exist_ok=True)
    kinds = ("best", "middling, and at some length", "worst of all")
    rows = [
        {
            "id": f"q-{n:02}",
            "prompt": f"Which answer to question {n} is the better one, and why would people say so?",
            "candidates": [
                " ".join([f"The {kind} answer to question {n}."] * state.length) for kind in kinds[: state.candidates]
            ],
            "label": state.labels[n % len(state.labels)],
            "category": ("charts", "scenes", "text")[n % 3],
        }
        for n in range(state.items)
    ]
    write_jsonl(root / "rows.jsonl", rows)
    for writer in state.writers:
        write_jsonl(root / f"{writer}.jsonl", list(rubrics(writer, state.items)))
    entries = "".join(
        f"  - {{name: {name}, backend: openai, model: {name}, base_url: '{URL}'"
        + "".join(f", {key}: {value}" for key, value in state.judge.items())
        + "}\n"
        for name in state.judges
    )
    lists = ", ".join(f"{writer}: {writer}.jsonl" for writer in state.writers)
    (root / "config.yaml").write_text(
        f"benchmarks: [{', '.join(state.benchmarks)}]\narms: [{', '.join(state.arms)}]\nout: run\n"
        + (f"rubrics: {{{lists}}}\n" if lists else "")
        + state.more
        + f"judges:\n{entries}"
    )
    specs = {
        name: JudgeSpec.model_validate(
            {"name": name, "backend": "openai", "model": name, "base_url": URL, **state.judge}
        )
        for name in state.judges
    }
    reply = state.reply or by_skill
    return run(root / "config.yaml", judges={name: MockJudge(spec, reply(name)) for name, spec in specs.items()}).out


def rubrics(writer: str, items: int) -> list[dict[str, Any]]:
    """Of `grm` two an item, one for each order, with a verdict of its own; of others one, written without the responses. The last
    item has none."""
    lines = []
    for n in range(items - 1):
        for saw in ("AB", "BA") if writer == "grm" else ("nothing",):
            leak = " Response 1 is better." if n % 4 == 0 and writer == "grm" else ""
            criteria = [
                {"name": "Fits", "description": f"Answers question {n}, as seen {saw}.{leak}", "weight": 60},
                {"name": "Short", "description": "No more words than needed.", "weight": 40},
            ]
            text = "\n".join(
                f"{k + 1}. {c['name']} ({c['weight']}%): {c['description']}" for k, c in enumerate(criteria)
            )
            line = {
                "benchmark": "pairs",
                "id": f"q-{n:02}",
                "writer": {"name": writer, "family": writer},
                "criteria": criteria,
            }
            seen = {"saw": saw, "verdict": 1 if saw == "AB" else 2} if saw != "nothing" else {"saw": saw}
            lines.append(line | seen | {"text": f"{text}\n({writer})"})
    return lines
