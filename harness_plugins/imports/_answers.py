"""What the answer files of Proxy-GRM's and R1-Reward's scripts have in common: the benchmark's row, what the model wrote
(`critic`), and what the script took from it (`rewards`, the first for what was shown first).

The three benchmarks are distinguished by their columns. Rows become items of the benchmark itself, with the uids of a native run,
so that rubrics found in them are for those very items.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from evaluators.errors import UserError
from evaluators.records import Item
from harness_plugins.benchmarks.sources import Row
from harness_plugins.benchmarks.spec import load_spec
from harness_plugins.imports._results import InputFile, ItemReplies, JudgeResults, Reader, Reply, rows_of
from harness_plugins.scoring.protocols import PARSERS

VL, MM, RLHF = "vl_rewardbench", "multimodal_rewardbench", "mm_rlhf_rewardbench"
BENCHMARKS = (VL, MM, RLHF)

_VL_ID = re.compile(
    r"(hallucination|rlaif|rlhf|mathverse|mmmu|wildvision|vlfeedback|jailbreak|lrv|politics|svit)", re.I
)
_RLHF_FOLDERS = ("mcq", "long", "short", "safety", "video")
_CHUNK = re.compile(r"(.*)_chunk(\d+)_of_(\d+)")


class ScriptRewards(NamedTuple):
    """0 or 1 for each response, as shown."""

    first: int
    second: int


@dataclass(frozen=True)
class Layout:
    """How one project's files differ from the other's."""

    form: str
    arm: str
    columns: Callable[[str], tuple[str, ...]]
    """What a row of a benchmark must have."""
    reverse: Callable[[Row, str], bool]
    """Whether the preferred response was shown second."""
    rewards: Callable[[int | None], ScriptRewards]
    """What its scripts write for the position that they read."""


def read(inputs: Sequence[InputFile], benchmark: str | None, layout: Layout) -> list[JudgeResults]:
    """A judge's files of one benchmark as results; chunks of one file are put together.

    Raises:
        UserError: a file or row that does not fit, naming it.
    """
    files: dict[tuple[str, int], list[InputFile]] = {}
    for n, file in enumerate(inputs):
        chunk = _CHUNK.fullmatch(file.path.stem)
        name = file.name or (chunk[1] if chunk else file.path.stem)
        stem = f"{file.path.parent}/{chunk[1]}" if chunk else ""
        # Chunks of one file share a key. Any other file has its own number, so that two of one name are refused later.
        files.setdefault((f"{name}\0{stem}", -1 if chunk else n), []).append(file)
    return [_read(key.partition("\0")[0], chunks, benchmark, layout) for (key, _), chunks in files.items()]


def _read(judge: str, files: Sequence[InputFile], benchmark: str | None, layout: Layout) -> JudgeResults:
    items: list[ItemReplies] = []
    unlike: list[str] = []
    name, reader = benchmark or "", None
    for where, row in (r for g in files for r in rows_of(g.path)):
        if reader is None:
            name = benchmark or _benchmark(row, where, layout)
            reader, script = Reader(name), _script(name, layout)
        _check(row, where, name, layout)
        item = reader.item(_native(name, row, where), where)
        if "rewards" in row and tuple(row["rewards"]) != layout.rewards(script(row["critic"])):
            unlike.append(where)
        items.append(ItemReplies(item, (Reply(_shown(item, layout.reverse(row, where)), row["critic"]),), where))
    if unlike:
        raise UserError(
            f"{unlike[0]}: `rewards` is not what the script of {layout.form} reads from `critic` (so in {len(unlike)} of "
            f"{len(items)} rows): the file is from another script, or was edited. "
            "Remove `rewards` from its rows to have `critic` parsed again"
        )
    notes = _chunks(files)
    return JudgeResults(name, judge, items, layout.form, arm=layout.arm, notes=notes)


def _script(benchmark: str, layout: Layout) -> Callable[[str], int | None]:
    return PARSERS[load_spec(benchmark).protocols[f"official:{benchmark}-{layout.form}"].parser]


def _chunks(files: Sequence[InputFile]) -> tuple[str, ...]:
    """Says so where a file was written in chunks and some are not here."""
    matches = [m for m in (_CHUNK.fullmatch(g.path.stem) for g in files) if m]
    missing = sorted({n for m in matches for n in range(int(m[3]))} - {int(m[2]) for m in matches}) if matches else []
    return (f"chunks {', '.join(map(str, missing))} of {matches[0][3]} are missing",) if missing else ()


def _benchmark(row: Row, where: str, layout: Layout) -> str:
    """Which benchmark a file is of, by its first row."""
    if "Category" in row or "Output1" in row:
        return MM
    if {"id", "prompt", "chosen", "rejected"} <= set(row):
        medium = Path(str(row.get("image") or row.get("video") or ""))
        if medium.parent.name in _RLHF_FOLDERS:
            return RLHF
        if _VL_ID.match(str(row["id"])):
            return VL
        raise UserError(
            f"{where}: neither its id nor its media path says which benchmark it is of: give --benchmark "
            f"({', '.join(BENCHMARKS)})"
        )
    raise UserError(_expected(where, row, layout.form, layout.columns(VL)))


def _expected(where: str, row: Row, form: str, columns: Sequence[str]) -> str:
    missing = [c for c in columns if c not in row]
    fix = "give the file that its evaluation script wrote"
    if missing == ["reverse"]:
        fix = "if it is of R1-Reward's scripts, import it as r1_reward"
    elif missing == ["critic"] and "rewards" in row:
        fix = "a reward model that writes no text joins the tables by `import scores`"
    return (
        f"{where}: an answer of {form} has {', '.join(columns)}; this row lacks {', '.join(missing)} "
        f"(it has {', '.join(list(row)[:12]) or 'nothing'}): {fix}"
    )


def _check(row: Row, where: str, benchmark: str, layout: Layout) -> None:
    columns = layout.columns(benchmark)
    if any(c not in row for c in columns):
        raise UserError(_expected(where, row, layout.form, columns))
    if not isinstance(row["critic"], str):
        raise UserError(f"{where}: `critic` must be what the model wrote, a text, not {type(row['critic']).__name__}")
    rewards = row.get("rewards", [0, 0])
    if not (isinstance(rewards, list) and len(rewards) == 2 and all(r in (0, 1) for r in rewards)):
        raise UserError(f"{where}: `rewards` is {str(rewards)[:60]}; it must be two numbers of 0 and 1")


def _native(benchmark: str, row: Row, where: str) -> Row:
    """The row in the benchmark's own columns."""
    media = {c: row[c] for c in ("image", "video") if row.get(c)}
    if benchmark == VL:
        texts = [row["chosen"], row["rejected"]]
        return {"id": row["id"], "query": row["prompt"], "response": texts, "human_ranking": [0, 1], **media}
    if benchmark == RLHF:
        return {**{c: row[c] for c in ("id", "prompt", "chosen", "rejected")}, **media}
    columns = {
        "ID": row.get("ID", row.get("id")),
        "Category": row["Category"],
        "Image": row.get("Image", row.get("image")),
    }
    if "Output1" in row:
        preferred = row.get("chosen", row.get(str(row.get("Better"))))
        if preferred != row.get(str(row.get("Better"))):
            raise UserError(f"{where}: `chosen` is not the response that `Better` names: fix or remove the row")
        return {**columns, **{c: row.get(c) for c in ("Text", "Output1", "Output2", "Better")}}
    return {**columns, "Text": row["prompt"], "Output1": row["chosen"], "Output2": row["rejected"], "Better": "Output1"}


def _shown(item: Item, reverse: bool) -> Any:
    first = item.label.preferred if not reverse else 1 - (item.label.preferred or 0)
    return "AB" if first == 0 else "BA"
