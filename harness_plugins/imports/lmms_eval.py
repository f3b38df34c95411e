"""Samples that lmms-eval's `--log_samples` wrote of its own tasks `vl_rewardbench`, `multimodal_rewardbench` and `multi_crit`.

A row holds neither the benchmark's row nor the messages that were sent, but the text of the prompt whole, the label, and the
row's score: question and responses are taken out of the prompt, and the score shows whether that was done correctly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from evaluators.backends.lmms import failure_in
from evaluators.errors import UserError
from evaluators.inputs.files import loads
from evaluators.records import Order
from harness_plugins.benchmarks.sources import Row
from harness_plugins.imports._results import (
    InputFile,
    ItemReplies,
    JudgeResults,
    Reader,
    Reply,
    Summary,
    rows_of,
    write,
)
from harness_plugins.scoring.official_parsers import lmms_eval_bracket, lmms_eval_judgment, lmms_eval_response

HELP = """\
  <time>_samples_<task>.jsonl of lmms-eval's own tasks vl_rewardbench, multimodal_rewardbench, multi_crit_open_ended and
  multi_crit_reasoning, or its whole output folder; the judge is called what the model's folder is. Tasks of ours (rt_...)
  have their records in the run folder of that command already.
    lmms-eval --tasks vl_rewardbench,multimodal_rewardbench,multi_crit ... --log_samples --output_path logs
    rubric-harness import lmms_eval logs --out results/runs/lmms
    rubric-harness score results/runs/lmms --protocol official-lmms_eval"""
FILES = ("*samples_vl_rewardbench.jsonl", "*samples_multimodal_rewardbench.jsonl", "*samples_multi_crit_*.jsonl")


class ShownRow(NamedTuple):
    row: Row
    """In the benchmark's own columns."""
    exchanged: bool
    """Whether the prompt showed its second response first."""


class PromptParts(NamedTuple):
    question: str
    first: str
    second: str


@dataclass(frozen=True)
class Task:
    benchmark: str
    metric: str
    answer_format: str
    parser: Callable[[str], int | None]
    rows: Callable[[Row, Any, dict[str, Any]], Iterator[ShownRow]]
    """From (sample, target, the metric's share): every way in which the prompt can be taken apart."""
    score: Callable[[dict[str, Any]], Any] = lambda share: share.get("score")
    """Whether the share says that the reply was right: 0 or 1."""
    holds: str = "question_id, category and a score of 0 or 1"
    """The share, in words."""
    preferred: Callable[[Row], int] = lambda row: int(row["human_ranking"].index(0))
    """The stored index of the better response of a row."""
    unread: str = "lmms-eval asked an LLM or tossed a coin, official-lmms_eval counts half"


def run(inputs: Sequence[InputFile], out: Path, benchmark: str | None) -> Summary:
    """Raises:
    UserError: a file or row that does not fit, naming it."""
    if benchmark is not None:
        raise UserError("--benchmark: lmms-eval's samples say what they are of; leave it out")
    return write(out, "lmms_eval", inputs, [_read(g) for g in inputs], "official-lmms_eval")


def _read(file: InputFile) -> JudgeResults:
    rows = list(rows_of(file.path))
    # The folder is ORGANISATION__MODEL: lmms-eval writes the / of a model's name so.
    judge = file.name or file.path.absolute().parent.name.rpartition("__")[2]
    if not rows:
        return JudgeResults("", judge, [], "")
    task = _task(*rows[0])
    reader, items, unread = Reader(task.benchmark), [], 0
    lines: dict[int, str] = {}
    for where, row in sorted(rows, key=lambda r: r[1]["doc_id"] if isinstance(r[1].get("doc_id"), int) else -1):
        number = row.get("doc_id")
        if task.metric not in row or not isinstance(number, int) or not isinstance(row.get("input"), str):
            raise UserError(
                f"{where}: a sample of {task.benchmark} has doc_id, target, filtered_resps, {task.metric} and input; this one has "
                f"{', '.join(list(row)[:12])}"
            )
        if number in lines:
            raise UserError(
                f"{where}: doc_id {number} is in {lines[number]} too: two runs wrote into one file; split it"
            )
        lines[number] = where
        reply, position = _reply(row), None
        if reply.failure is None:
            position = task.parser(reply.text or "")
            unread += position is None
        shown = _shown(task, row, where, position, answered=reply.failure is None)
        item = reader.item(shown.row, where)
        order: Order = "AB" if (item.stored[0] == 0) != shown.exchanged else "BA"
        items.append(ItemReplies(item, (replace(reply, order=order),), where))
    note = f"{unread} that its expression cannot read: {task.unread}"
    return JudgeResults(task.benchmark, judge, items, task.answer_format, notes=(note,) if unread else ())


def _task(where: str, row: Row) -> Task:
    task = next((t for t in TASKS if t.metric in row), None)
    if task is not None:
        return task
    if isinstance(answered := row.get("answered"), list) and len(answered) == 3:
        raise UserError(
            f"{where}: a sample of a task of ours, which holds neither rubrics nor groups nor media digests: score the run folder that "
            "the same command wrote (RUBRIC_HARNESS_OUT or --out; results/runs/hosted by default)"
        )
    raise UserError(
        f"{where}: no sample of {', '.join(t.benchmark for t in TASKS)} (no {' and no '.join(t.metric for t in TASKS)}; it has "
        f"{', '.join(list(row)[:12])}); figures of other tasks go through `import scores`"
    )


def _reply(row: Row) -> Reply:
    """The reply that lmms-eval scored, and the reasoning that it had cut off."""
    filtered, raw = (_only(row.get(c)) for c in ("filtered_resps", "resps"))
    text = filtered if isinstance(filtered, str) else ""
    if error := failure_in(text):
        return Reply("AB", None, failure=error.message)
    reasoning = raw.removesuffix(text).strip() if isinstance(raw, str) and raw != text else None
    return Reply("AB", text, reasoning)


def _only(value: Any) -> Any:
    """What lmms-eval makes a bare value of, where an earlier version left a list of one."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value


def _shown(task: Task, row: Row, where: str, position: int | None, *, answered: bool) -> ShownRow:
    """The reading of the prompt that explains the score of a reply that was read as `position`."""
    share = row[task.metric]
    score = task.score(share) if isinstance(share, dict) and isinstance(share.get("question_id"), str) else None
    if score not in (0, 1):
        raise UserError(f"{where}: {task.metric} must hold {task.holds}, not {str(share)[:80]}")
    readings = list(task.rows(row, row.get("target"), share))
    if not readings:
        raise UserError(
            f"{where}: its prompt is not that of lmms-eval's {task.benchmark} (0.7.3), so question and responses cannot be separated"
        )
    for shown in readings:
        right = 1 + (task.preferred(shown.row) != int(shown.exchanged))
        if not answered or position is None or (position == right) == bool(score):
            return shown
    raise UserError(
        f"{where}: its score is {score} where lmms-eval's rule gives {1 - int(score)}: the file is of another "
        "version or was edited; fix or remove the row"
    )


def _vl_rows(row: Row, target: Any, share: dict[str, Any]) -> Iterator[ShownRow]:
    if isinstance(target, str):
        try:
            target = loads(target)
        except ValueError:
            return
    if target not in ([0, 1], [1, 0]):
        return
    head, opening, tail = row["input"].partition("\n\nQuestion: ")
    body, closing, _ = tail.rpartition("\n\nPlease evaluate both answers based on")
    if not (head and opening and closing):
        return
    for query, first, second in _split(body, "\n\nAnswer 1: ", "\n\nAnswer 2: "):
        # lmms-eval (0.7.3) shows the second answer first where the lengths of both add up to an odd number.
        exchanged = (len(first) + len(second)) % 2 == 1
        stored = [second, first] if exchanged else [first, second]
        row = {"id": share["question_id"], "query": query, "response": stored, "human_ranking": target}
        yield ShownRow(row, exchanged)


_MM = (
    "[User Question]\n",
    "\n\n[The Start of Assistant A's Answer]\n",
    "\n[The End of Assistant A's Answer]\n\n[The Start of Assistant B's Answer]\n",
    "\n[The End of Assistant B's Answer]",
)


def _mm_rows(row: Row, target: Any, share: dict[str, Any]) -> Iterator[ShownRow]:
    _, opening, body = row["input"].partition(_MM[0])
    if not opening or not body.endswith(_MM[3]) or target not in ("Output1", "Output2"):
        return
    for question, first, second in _split(body.removesuffix(_MM[3]), _MM[1], _MM[2]):
        texts = {"Text": question, "Output1": first, "Output2": second}
        native = {"ID": share["question_id"], **texts, "Better": target, "Category": share.get("category")}
        yield ShownRow(native, False)


def _crit_rows(row: Row, target: Any, share: dict[str, Any]) -> Iterator[ShownRow]:
    _, opening, tail = row["input"].partition("\n[Question]: ")
    body, closing, _ = tail.rpartition("\n\nFirst, provide a detailed justification for your evaluation.")
    if not (opening and closing) or target not in ("model_a", "model_b"):
        return
    for question, first, second in _split(body, "\n[Response 1]: ", "\n[Response 2]: "):
        texts = {"question": question, "pred_a": first, "pred_b": second, "preference": target}
        yield ShownRow({**{c: share.get(c) for c in ("question_id", "prompt_id", "criterion")}, **texts}, False)


def _split(body: str, first: str, second: str) -> Iterator[PromptParts]:
    """All ways to cut a text at one mark and a later other (a dozen of them at most: a text may hold the marks itself)."""
    ways = 0
    for opening in re.finditer(re.escape(first), body):
        for middle in re.finditer(re.escape(second), body[opening.end() :]):
            yield PromptParts(
                body[: opening.start()],
                body[opening.end() : opening.end() + middle.start()],
                body[opening.end() + middle.end() :],
            )
            ways += 1
            if ways == 12:
                return


TASKS = (
    Task("vl_rewardbench", "vlreward_score", "answer_is_better", lmms_eval_judgment, _vl_rows),
    Task(
        "multimodal_rewardbench",
        "multimodal_rewardbench_accuracy",
        "double_bracket",
        lmms_eval_bracket,
        _mm_rows,
        preferred=lambda row: int(row["Better"] == "Output2"),
    ),
    *(
        Task(
            benchmark,
            criterion,
            "response_is_better",
            lmms_eval_response,
            _crit_rows,
            score=lambda share: share.get("answer_match"),
            holds="question_id, prompt_id, criterion and an answer_match of true or false",
            preferred=lambda row: int(row["preference"] == "model_b"),
            unread="lmms-eval asked an LLM, official-lmms_eval counts them wrong",
        )
        # Each split is known by a criterion that the other lacks: a sample holds one share a criterion.
        for benchmark, criterion in (("multi_crit_open_ended", "completeness"), ("multi_crit_reasoning", "logic"))
    ),
)
