"""A crossed run for tests: three writers, three judges that give probabilities, of families that are declared, and `lexical`."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evaluators.errors import BackendError
from evaluators.messages import ChatRequest, text_of
from evaluators.records import Answer
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import Reply, mock_chat_judge
from harness_plugins import run
from harness_plugins.config.run import load_config
from tests.conftest import pair, write_jsonl

WRITERS = {"alpha": "fa", "beta": "fb", "gamma": "fc"}
JUDGES = {"ja": "fa", "jd": "fd", "je": "fe"}
"""Each with its family: `ja` is kin to `alpha`, all other cells are unseen."""
SKILL = {"none": 0.2, "alpha": 1.5, "beta": 0.6, "gamma": 0.2}
"""Mean log-odds of the preferred response by what the judge reads."""


def asked_of(request: ChatRequest) -> tuple[int, bool, str]:
    """The pair's number, whether the good response is shown first, and whose rubric is read."""
    text = text_of(request.messages)
    number = int(re.findall(r"question (\d+)", text)[-1])
    first = text.index(f"good answer number {number}") < text.index(f"bad answer number {number},")
    found = re.search(r"Rubric of (\w+)", text)
    return number, first, found[1] if found else "none"


def by_chance(judge: str) -> Callable[[ChatRequest], Reply]:
    """Probabilities from a seed of judge, pair, order and writer, with a leaning towards the first shown."""

    def reply(request: ChatRequest) -> Reply:
        number, first, writer = asked_of(request)
        rng = random.Random(f"{judge} {number} {first} {writer}")
        logit = (rng.gauss(SKILL[writer], 1.5) * (1 if first else -1)) + 0.4
        p = 1 / (1 + math.exp(-round(logit, 1)))  # rounded: some confidences are level
        return probabilities(p)

    return reply


def by_words(judge: str) -> Callable[[ChatRequest], Reply]:
    """Right more often with better rubrics, in words alone; at times the first shown, whatever it is, or no verdict."""

    def reply(request: ChatRequest) -> Reply:
        number, first, writer = asked_of(request)
        turn = number * 7 + ord(judge[-1])
        if turn % 9 == 0:
            return "neither"
        right = turn % 10 < 5 + 3 * SKILL[writer]
        return "1" if turn % 4 == 0 else str(1 if first == right else 2)

    return reply


def probabilities(p: float) -> Answer:
    return Answer("1" if p > 0.5 else "2", "token", top_logprobs=(("1", math.log(p)), ("2", math.log(1 - p))))


def crossed(
    folder: Path,
    items: int = 24,
    replies: dict[str, Callable[[ChatRequest], Reply]] | None = None,
    verdict: str = "direct",
    more: str = "",
    categories: tuple[str, ...] = (),
    **given: Any,
) -> Path:
    """Judge, and return the run folder. Two pairs make a group, so that clusters are not items.

    Args:
        replies: by judge, where it is not `by_chance`.
        more: further lines of the config.
        categories: of the items, in turn.
        given: families by name of a writer or judge; None for one that is not declared.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_jsonl(folder / "rows.jsonl", [pair(n, group=f"g{n // 2}", **_category(n, categories)) for n in range(items)])
    for name, family in WRITERS.items():
        writer = {"name": name, "model": f"m-{name}", "family": given.get(name, family)}
        write_jsonl(
            folder / f"{name}.jsonl",
            [
                {"benchmark": "pairs", "id": f"pair-{n}", "writer": writer, "text": f"Rubric of {name}: good."}
                for n in range(items)
            ],
        )
    specs = {
        name: JudgeSpec(
            name=name,
            backend="openai",
            model=f"m-{name}",
            base_url="http://x/v1",
            family=given.get(name, family),
            verdict=verdict,
        )
        for name, family in JUDGES.items()
    }
    config = folder / "config.yaml"
    judges = "".join(
        f"  - {{name: {n}, backend: openai, model: m-{n}, base_url: 'http://x/v1', verdict: {verdict}"
        + (f", family: {s.family}" if s.family else "")
        + "}\n"
        for n, s in specs.items()
    )
    config.write_text(
        "benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none, transferred]\nout: out\n"
        f"rubrics: {{{', '.join(f'{n}: {n}.jsonl' for n in WRITERS)}}}\n{more}"
        f"judges:\n{judges}  - {{name: lexical, backend: baseline}}\n"
    )
    loaded = load_config(config)
    mocks = {n: mock_chat_judge(s, (replies or {}).get(n, by_chance(n))) for n, s in specs.items()}
    return run(loaded, judges=mocks).out


def _category(number: int, categories: tuple[str, ...]) -> dict[str, str]:
    return {"category": categories[number % len(categories)]} if categories else {}


def failing(judge: str, writer: str, numbers: range) -> Callable[[ChatRequest], Reply]:
    """`by_chance`, but for some pairs with one writer's rubrics, which are never answered."""

    def reply(request: ChatRequest) -> Reply:
        number, _, read = asked_of(request)
        return BackendError("rejected", "no") if read == writer and number in numbers else by_chance(judge)(request)

    return reply
