"""Results of other programs as records: what a judge said elsewhere, on items that are known by their labels alone.

The media stay where they are, so nothing can be judged from such a folder; it can be scored, tabled and shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from evaluators.engine.journal import Journal, verdict_files
from evaluators.errors import UserError
from evaluators.grading import Asked, Grading
from evaluators.keys import canonical_order, digest, item_uid
from evaluators.parsing import Parsed, parse
from evaluators.records import SCHEMA, Answer, Candidate, Item, Label, Media, Order, Verdict, encode
from evaluators.rendering import pick_of
from harness_plugins import __version__
from harness_plugins.benchmarks.labels import read_label
from harness_plugins.benchmarks.sources import RowProblem, read_jsonl
from harness_plugins.benchmarks.spec import load_spec, names
from harness_plugins.manifest import write_manifest

BACKEND = "import"


@dataclass(frozen=True)
class Told:
    """What one file says of one item."""

    source_id: str
    label: Label
    """By stored index."""
    prompt: str
    replies: tuple[tuple[int, str | None], ...]
    """(stored index of the candidate shown first, the reply as it came); None where there is no reply."""
    where: str


@dataclass(frozen=True)
class _File:
    benchmark: str
    judge: str
    told: list[Told]


def import_results(
    form: str, files: Sequence[Path], out: Path, benchmark: str | None = None
) -> list[tuple[str, str, int, int]]:
    """Make a run folder of foreign results; returns (benchmark, judge, verdicts, of these without a reply).

    Args:
        form: `genai_bench` or `mmrb2`.
        benchmark: which one the files are of; by default their folders say so.

    Raises:
        UserError: a file or row that does not fit, naming it; or the folder holds verdicts already.
    """
    if out.is_dir() and any(f.stat().st_size for f in verdict_files(out)):
        raise UserError(f"{out}: holds verdicts already; import into another folder (--out)")
    if benchmark is not None and benchmark not in names():
        raise UserError(f"--benchmark {benchmark}: unknown; there are: {', '.join(names())}")
    read, answer_format, grading = _FORMS[form]
    if benchmark is not None and not benchmark.startswith(form):
        fit = ", ".join(n for n in names() if n.startswith(form))
        raise UserError(f"--benchmark {benchmark}: {form} results are of one of {fit}")
    found = [f for f in read(files, benchmark) if f.told]
    if not found:
        raise UserError(f"{', '.join(map(str, files))}: no verdicts in these files")
    for (name, judge), count in Counter((f.benchmark, f.judge) for f in found).items():
        if count > 1:
            raise UserError(f"{name}: {count} files are of a judge {judge!r}: name them apart")
    items = _items(found)
    with Journal(out / "items.jsonl") as journal:
        journal.append(b"".join(encode(i) for i in items.values()))
    summary = []
    with Journal(out / "verdicts.jsonl") as journal:
        for file in found:
            here = [(items[file.benchmark, t.source_id], t) for t in file.told]
            verdicts = [v for item, t in here for v in _verdicts(item, file.judge, t, answer_format, grading)]
            journal.append(b"".join(map(encode, verdicts)))
            missing = sum(r is None for t in file.told for _, r in t.replies)
            summary.append((file.benchmark, file.judge, len(verdicts), missing))
    write_manifest(out, _manifest(found, items, answer_format, grading))
    return summary


def _items(found: Sequence[_File]) -> dict[tuple[str, str], Item]:
    """One item for each id, whoever judged it; their labels must agree, and a prompt may stand in one file alone."""
    first: dict[tuple[str, str], Told] = {}
    for file in found:
        here: dict[str, str] = {}
        for told in file.told:
            if told.source_id in here:
                raise UserError(
                    f"{told.where}: the id {told.source_id!r} stands in {here[told.source_id]} as well: one row an item, remove one"
                )
            here[told.source_id] = told.where
            place = file.benchmark, told.source_id
            before = first.setdefault(place, told)
            if before.label != told.label:
                raise UserError(
                    f"{told.where}: another label than in {before.where}: the files are not of the same rows"
                )
            if told.prompt and not before.prompt:
                first[place] = replace(before, prompt=told.prompt)
            elif told.prompt not in ("", before.prompt or told.prompt):
                raise UserError(
                    f"{told.where}: another prompt than in {before.where}: the files are not of the same rows"
                )
    return {place: _item(place[0], n, told) for n, (place, told) in enumerate(first.items())}


def _item(benchmark: str, row: int, told: Told) -> Item:
    stored = [Candidate(media=(Media(f"{told.source_id}/{side}"),)) for side in ("first", "second")]
    uid = item_uid(benchmark, told.source_id, told.prompt, stored, None)
    order = canonical_order(uid, stored)
    label = told.label if told.label.preferred is None else Label(preferred=order.index(told.label.preferred))
    candidates = tuple(stored[i] for i in order)
    return Item(uid, benchmark, told.source_id, row, told.prompt, candidates, order, label, media_missing=True)


def _verdicts(item: Item, judge: str, told: Told, answer_format: str, grading: Grading) -> Iterator[Verdict]:
    for first, reply in told.replies:
        order: Order = "AB" if item.stored[0] == first else "BA"
        answer = Answer(reply or "", answer_format, model=judge, backend=BACKEND)
        parsed = parse(answer, Asked(grading)) if reply is not None else Parsed("unparsed", parser=f"{answer_format}/1")
        call = digest(BACKEND, item.uid, judge, order, reply)
        yield Verdict(
            key=digest(call, "none"),
            status=parsed.status,
            call=call,
            benchmark=item.benchmark,
            item=item.uid,
            judge=judge,
            arm="none",
            writer=None,
            order=order,
            choice=parsed.choice,
            pick=None if parsed.choice is None else pick_of(parsed.choice, order),
            both_bad=parsed.both_bad,
            parser=parsed.parser,
            answer=answer,
        )


def _manifest(
    found: Sequence[_File], items: dict[tuple[str, str], Item], answer_format: str, grading: Grading
) -> dict[str, Any]:
    orders = "both" if any(len(t.replies) > 1 for f in found for t in f.told) else "stored"
    benchmarks = {}
    for name in dict.fromkeys(f.benchmark for f in found):
        rows = sum(b == name for b, _ in items)
        benchmarks[name] = {"title": load_spec(name).title, "source": BACKEND, "rows": rows}
        benchmarks[name]["expected_rows"] = load_spec(name).dataset.rows
    judges = {}
    for judge in dict.fromkeys(f.judge for f in found):
        key: dict[str, Any] = {"name": judge, "backend": BACKEND, "model": judge, "verdict": "text"}
        key["answer_format"] = answer_format
        if grading.key():
            key["grading"] = grading.key()
        judges[judge] = {"key": key, "family": None, "base": None, "samples": 1, "orders": orders}
    return {
        "schema": SCHEMA,
        "versions": {"rubric_harness": __version__},
        "benchmarks": benchmarks,
        "judges": judges,
        "rubrics": {},
        "arms": ["none"],
        "orders": orders,
        "planned": [[f.benchmark, f.judge, "none", None] for f in found],
        "donors": {},
        "primary_contrast": ["transferred", "none"],
    }


# GenAI-Bench (TIGER-AI-Lab/GenAI-Bench, results/)

GENAI = {
    "image_generation": "genai_bench_generation",
    "image_edition": "genai_bench_edition",
    "video_generation": "genai_bench_video",
}


def _genai(files: Sequence[Path], benchmark: str | None) -> list[_File]:
    found = []
    for path in files:
        parts = path.absolute().parts
        name = benchmark or next((GENAI[p] for p in reversed(parts[:-1]) if p in GENAI), None)
        if name is None:
            raise UserError(
                f"{path}: no folder above it is called {', '.join(GENAI)}: put it into one, or give --benchmark"
            )
        label = load_spec(name).label
        told = []
        for where, row in _rows(path):
            vote = row.get("human_vote", row.get("vote_type"))
            if not isinstance(row.get("idx"), int | str) or vote is None:
                raise UserError(f"{where}: needs `idx`, `response` and `human_vote`; it has {', '.join(row)}")
            try:
                liked = read_label(label, {label.column: vote}.__getitem__, 2)
            except RowProblem as e:
                raise UserError(f"{where}: human_vote: {e}") from None
            prompt = str(row.get("instruct_prompt") or row.get("prompt") or "")
            response = row.get("response")
            told.append(
                Told(str(row["idx"]), liked, prompt, ((0, None if response is None else str(response)),), where)
            )
        found.append(_File(name, path.stem if path.stem != "pairwise" else path.absolute().parent.name, told))
    return found


# MMRB2 (facebookresearch/MMRB2, evaluate/)

_MMRB2 = ("t2i", "edit", "interleaved", "reasoning")
_FILES = {
    "task1_image": "t2i",
    "task2_edit": "edit",
    "task3_interleaved": "interleaved",
    "task4_reasoning": "reasoning",
}


def _mmrb2(files: Sequence[Path], benchmark: str | None) -> list[_File]:
    labels: dict[str, str] = {}
    predictions: list[tuple[Path, list[tuple[str, dict[str, Any]]]]] = []
    for path in files:
        whole = None if path.suffix == ".jsonl" else _json(path)
        if isinstance(whole, dict) and isinstance(whole.get("pairs"), list):
            pairs = [p for p in whole["pairs"] if isinstance(p, dict) and "id" in p and "chosen" in p]
            if len(pairs) < len(whole["pairs"]):
                raise UserError(f"{path}: each of its `pairs` must be an object with `id` and `chosen`")
            labels |= {str(p["id"]): str(p["chosen"]) for p in pairs}
        elif isinstance(whole, dict):
            predictions.append((path, [(f"{path}: {i}", {"id": i, **_official(p)}) for i, p in whole.items()]))
        else:
            predictions.append((path, list(_rows(path))))
    found = []
    for path, rows in predictions:
        name = benchmark or _mmrb2_name(path)
        found.append(_File(name, path.stem, [_pair(where, row, labels) for where, row in rows]))
    return found


def _mmrb2_name(path: Path) -> str:
    text = str(path.absolute())
    task = next((t for t in _MMRB2 if f"mmrb2_{t}" in text), None) or next(
        (t for f, t in _FILES.items() if f in text), None
    )
    if task is None:
        raise UserError(f"{path}: neither file nor folder names mmrb2_{'|'.join(_MMRB2)}: give --benchmark")
    return f"mmrb2_{task}"


def _official(prediction: Any) -> dict[str, Any]:
    """{"forward": [{"judgement": "A"}], ...} as {"forward": "A", ...}."""
    found = {}
    for way in ("forward", "reverse"):
        said = prediction.get(way) if isinstance(prediction, dict) else None
        one = (said[0] if said else None) if isinstance(said, list) else said
        found[way] = one.get("judgement") if isinstance(one, dict) else one
    return found


def _pair(where: str, row: dict[str, Any], labels: dict[str, str]) -> Told:
    chosen = str(row.get("chosen") or labels.get(str(row.get("id"))) or "").upper()
    if not isinstance(row.get("id"), int | str) or chosen not in ("A", "B"):
        raise UserError(
            f"{where}: needs `id` and `chosen` (A or B); give the benchmark's JSON with the labels beside it"
        )
    replies = []
    for way, first in (("forward", 0), ("reverse", 1)):
        said = row.get(way)
        if said is not None and str(said).upper() not in ("A", "B"):
            raise UserError(f"{where}: {way} is {said!r}; it must be A, B or null")
        replies.append((first, None if said is None else str(said).upper()))
    return Told(str(row["id"]), Label(preferred="AB".index(chosen)), "", tuple(replies), where)


# Files


def _json(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except ValueError as e:
        raise UserError(f"{path}: not valid JSON ({e})") from None


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((f"{path}: line {number}", row) for number, row in read_jsonl(path))


_FORMS: dict[str, tuple[Callable[[Sequence[Path], str | None], list[_File]], str, Grading]] = {
    "genai_bench": (_genai, "four_way", Grading(ties="good_bad")),
    "mmrb2": (_mmrb2, "better_response", Grading()),
}
"""What reads the files, the format of the replies, and how the judges were asked."""
