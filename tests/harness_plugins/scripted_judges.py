"""Runs of judges that are right where a test says: what may be said of them is known in advance."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from evaluators.prompts.template import Case
from evaluators.testing.mock import MockJudge, Reply
from harness_plugins import run, score
from harness_plugins.config.run import load_config
from harness_plugins.scoring.conclusions import Conclusion
from harness_plugins.scoring.report import Report
from tests.conftest import pair, write_jsonl

ITEMS = 40
FEW = {0, 1, 2, 3, 4}
MORE = FEW | {5, 6, 7}
OTHERS = FEW | {5, 6, 8}
"""As many as MORE, on other items."""
Right = Mapping[str, set[int]]
"""By arm the last digits of the items that a judge gets right."""


def arm_of(case: Case, number: int) -> str:
    if case.advice:
        return "advice"
    if case.rubric is None:
        return "none"
    told = re.search(r"Rubric of \w+ for (\d+)", case.rubric.text)
    return "generic" if told is None else "transferred" if int(told[1]) == number else "shuffled"


def judge(right: Right) -> Callable[[Case], Reply]:
    def reply(case: Case) -> Reply:
        number = int(case.item.prompt.split()[-1])
        good = 1 + case.order.index("AB"[case.item.label.preferred or 0])
        return str(good if number % 10 in right[arm_of(case, number)] else 3 - good)

    return reply


def judged(
    folder: Path,
    replies: Mapping[str, Callable[[Case], Reply]],
    more: str = "",
    arms: str = "none, generic, transferred, shuffled",
    rubrics: Mapping[str, list[dict[str, Any]]] | None = None,
    **how: Any,
) -> Report:
    """A run of as many judges, each of a family of its own, over rubrics that name their item."""
    folder.mkdir(exist_ok=True)
    write_jsonl(folder / "rows.jsonl", [pair(n) for n in range(ITEMS)])
    files = rubrics or {"w": written("w")}
    for name, rows in files.items():
        writer = {"name": name, "model": f"m-{name}", "family": f"f-{name}"}
        write_jsonl(folder / f"{name}.jsonl", [{"benchmark": "pairs", "writer": writer, **r} for r in rows])
    path = folder / "config.yaml"
    listed = "".join(
        f"  - {{name: {n}, backend: openai, model: m-{n}, base_url: 'http://x/v1', family: f-{n}}}\n" for n in replies
    )
    path.write_text(
        f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\narms: [{arms}]\nout: out\n"
        f"rubrics: {{{', '.join(f'{n}: {n}.jsonl' for n in files)}}}\n{more}judges:\n{listed}"
    )
    config = load_config(path)
    specs = {j.name: j for j in config.judges}
    return score(run(config, judges={n: MockJudge(specs[n], r) for n, r in replies.items()}, **how).out)


def written(writer: str, numbers: range = range(ITEMS)) -> list[dict[str, Any]]:
    return [{"id": f"pair-{n}", "text": f"Rubric of {writer} for {n}"} for n in numbers]


def only(report: Report) -> Conclusion:
    (found,) = report.conclusions
    return found


BY_CONTENT: Right = {"none": FEW, "generic": FEW, "shuffled": FEW, "transferred": MORE}
