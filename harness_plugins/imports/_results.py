"""What all formats of verdicts share: what a file says of an item, and the run folder that is made of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from evaluators.engine.runner import derived
from evaluators.errors import UserError
from evaluators.inputs.files import read_jsonl
from evaluators.inputs.names import unknown
from evaluators.keys import digest
from evaluators.prompts.grading import Grading, Question
from evaluators.records import SCHEMA, Answer, Failure, Item, Order, Rubric, Verdict, Writer, encode
from evaluators.replies.parsing import VERSION, Parsed, parse
from evaluators.writers.base import Draw, taken
from evaluators.writers.methods import proxy_grm
from harness_plugins._version import __version__
from harness_plugins.benchmarks.loader import RowReader
from harness_plugins.benchmarks.media import MediaFinder, MediaProblem
from harness_plugins.benchmarks.sources import Row, RowProblem
from harness_plugins.benchmarks.spec import MediaSpec, load_spec
from harness_plugins.folder.run_folder import RunFolder

BACKEND = "import"
GRM = "grm"
"""The arm of a judge that wrote a rubric and decided by it."""

Orders = Literal["given", "stored", "both"]


@dataclass(frozen=True)
class InputFile:
    """A file to import."""

    path: Path
    name: str | None = None
    """What its judge is to be called."""


@dataclass(frozen=True)
class Summary:
    """The result of an import, for a person."""

    lines: tuple[str, ...]
    protocol: str | None = None
    """What scores it as its authors do; None where there is nothing to score."""


@dataclass(frozen=True)
class Reply:
    order: Order
    text: str | None
    """As it came; None where there is none."""
    reasoning: str | None = None
    failure: str | None = None
    """Why it was never answered."""


@dataclass(frozen=True)
class ItemReplies:
    """What one file says of one item."""

    item: Item
    replies: tuple[Reply, ...]
    where: str
    """File and line, for messages."""


@dataclass
class JudgeResults:
    """What one judge said of one benchmark."""

    benchmark: str
    judge: str
    items: list[ItemReplies]
    answer_format: str
    grading: Grading = field(default_factory=Grading)
    arm: str = "none"
    """`grm`: the replies hold rubrics."""
    orders: Orders = "given"
    notes: tuple[str, ...] = ()


class _Unseen(MediaFinder):
    """Finds nothing: the media of an imported row are its names."""

    def __init__(self) -> None:
        pass

    def find(self, value: Any, media_spec: MediaSpec) -> list[Any]:
        if value in (None, ""):
            return []
        raise MediaProblem("not looked for", missing=True)


class Reader:
    """Rows in a benchmark's own columns as items, with the uids that a native run gives them."""

    def __init__(self, benchmark: str) -> None:
        self._reader = RowReader(load_spec(benchmark), _Unseen(), True, None)
        self._seen: Counter[str] = Counter()

    def item(self, row: Row, where: str) -> Item:
        """The item, its media by name alone (the last two parts of a path).

        Raises:
            UserError: the row does not fit, naming it.
        """
        try:
            item = self._reader.item(row, 0)
        except RowProblem as e:
            raise UserError(f"{where}: {e}") from None
        self._seen[item.uid] += 1
        repeat = "" if self._seen[item.uid] == 1 else f"#{self._seen[item.uid]}"
        media = tuple(replace(m, name="/".join(Path(m.name).parts[-2:])) for m in item.media)
        return replace(item, uid=item.uid + repeat, media=media, media_missing=True)


class FileRow(NamedTuple):
    where: str
    """File and line, for messages."""
    row: Row


def rows_of(path: Path) -> Iterator[FileRow]:
    """The rows of a jsonl file."""
    return (FileRow(f"{path}: line {number}", row) for number, row in read_jsonl(path))


def check_benchmark(form: str, benchmark: str | None, fit: Sequence[str]) -> None:
    """Raises:
    UserError: a benchmark was named that results of this format never belong to."""
    if benchmark is not None and benchmark not in fit:
        raise UserError(f"--benchmark, {form} results: {unknown('benchmark', benchmark, fit)}")


def parts(judges: Sequence[JudgeResults]) -> list[JudgeResults]:
    """Those that say something.

    Raises:
        UserError: none does, or two are of one judge and benchmark.
    """
    nonempty = [r for r in judges if r.items]
    for (benchmark, judge), count in Counter((r.benchmark, r.judge) for r in nonempty).items():
        if count > 1:
            raise UserError(f"{benchmark}: {count} files are of a judge {judge!r}: name them apart (NAME=FILE)")
    return nonempty


def write(out: Path, form: str, inputs: Sequence[InputFile], judges: Sequence[JudgeResults], protocol: str) -> Summary:
    """Make the run folder: items, verdicts, rubrics where there are some, and last the manifest.

    Raises:
        UserError: nothing to write, or files that are not of the same rows.
    """
    result_sets = parts(judges)
    if not result_sets:
        raise UserError(f"{', '.join(str(g.path) for g in inputs)}: no verdicts in these files")
    items = _items(result_sets)
    folder = RunFolder(out)
    with folder.locked():
        lines = _write(folder, result_sets, items)
        folder.write_manifest(_manifest(result_sets, items, imported(form, inputs)))
    return Summary(tuple(lines), protocol)


def _write(folder: RunFolder, result_sets: Sequence[JudgeResults], items: Mapping[tuple[str, str], Item]) -> list[str]:
    """Write items, verdicts and rubrics; returns notes about them."""
    lines: list[str] = []
    rubrics: list[bytes] = []
    with folder.journal("items") as journal:
        journal.append(b"".join(encode(i) for i in items.values()))
    with folder.journal("verdicts") as journal:
        for results in result_sets:
            verdicts = [
                v
                for judged in results.items
                for v in _verdicts(results, items[results.benchmark, judged.item.uid], judged)
            ]
            journal.append(b"".join(map(encode, verdicts)))
            lines.append(_counted(results, verdicts))
            if results.arm == GRM:
                written = [
                    r
                    for judged in results.items
                    for r in _rubrics(results, items[results.benchmark, judged.item.uid], judged)
                ]
                rubrics += map(encode, written)
                valid = sum(r.status == "valid" for r in written)
                lines.append(
                    f"{results.benchmark}: {results.judge}: {valid} rubrics, none in {len(written) - valid} replies"
                )
            lines += [f"{results.benchmark}: {results.judge}: {note}" for note in results.notes]
    if rubrics:
        with folder.journal("rubrics") as journal:
            journal.append(b"".join(rubrics))
    return lines


def imported(form: str, inputs: Sequence[InputFile]) -> dict[str, Any]:
    """Which files a folder was made of, for its manifest: names without folders, and digests of their content."""
    files = [{"name": g.path.name, "sha256": hashlib.sha256(g.path.read_bytes()).hexdigest()} for g in inputs]
    return {"format": form, "files": files}


def _items(result_sets: Sequence[JudgeResults]) -> dict[tuple[str, str], Item]:
    """One item for each uid, for all judges; their labels must agree. Rows are numbered as they come."""
    first: dict[tuple[str, str], ItemReplies] = {}
    for results in result_sets:
        for judged in results.items:
            previous = first.setdefault((results.benchmark, judged.item.uid), judged)
            if previous.item.label != judged.item.label:
                raise UserError(
                    f"{judged.where}: another label than in {previous.where}: the files are not of the same rows"
                )
    number: Counter[str] = Counter()
    items = {}
    for (benchmark, uid), judged in first.items():
        items[benchmark, uid] = replace(judged.item, row=number[benchmark])
        number[benchmark] += 1
    return items


def _answer(results: JudgeResults, reply: Reply) -> Answer:
    return Answer(
        reply.text or "", results.answer_format, reasoning=reply.reasoning, model=results.judge, backend=BACKEND
    )


def _verdicts(results: JudgeResults, item: Item, judged: ItemReplies) -> Iterator[Verdict]:
    for reply in judged.replies:
        answer = _answer(results, reply)
        parsed = Parsed("unparsed", parser=f"{results.answer_format}/{VERSION}")
        if reply.failure is not None:
            parsed = Parsed("error")
        elif reply.text is not None:
            parsed = parse(answer, Question(results.grading))
        call = digest(BACKEND, item.uid, results.judge, reply.order, reply.text)
        yield Verdict(
            key=digest(call, results.arm),
            call=call,
            benchmark=item.benchmark,
            item=item.uid,
            judge=results.judge,
            arm=results.arm,
            writer=None,
            order=reply.order,
            answer=answer if reply.failure is None else None,
            error=None if reply.failure is None else Failure("backend", reply.failure),
            **derived(parsed, reply.order),
        )


def _rubrics(results: JudgeResults, item: Item, judged: ItemReplies) -> Iterator[Rubric]:
    writer = Writer(results.judge, method=results.answer_format, model=results.judge)
    for reply in judged.replies:
        answer = _answer(results, reply)
        yield taken(proxy_grm.parse(answer, blind=False), writer, Draw(item, reply.order), answer)


def _counted(results: JudgeResults, verdicts: Sequence[Verdict]) -> str:
    missing = sum(r.text is None for judged in results.items for r in judged.replies)
    errors = sum(v.status == "error" for v in verdicts)
    text = f"{results.benchmark}: {results.judge}: {len(verdicts)} verdicts"
    text += f", {missing} without a verdict" if missing > errors else ""
    return text + (f", {errors} never answered (errors are not scored: the table stays incomplete)" if errors else "")


def _manifest(
    result_sets: Sequence[JudgeResults], items: dict[tuple[str, str], Item], imported: dict[str, Any]
) -> dict[str, Any]:
    benchmarks = {}
    for name in dict.fromkeys(r.benchmark for r in result_sets):
        rows, spec = sum(b == name for b, _ in items), load_spec(name)
        benchmarks[name] = {
            "title": spec.title,
            "source": BACKEND,
            "rows": rows,
            "expected_rows": spec.dataset.rows,
            "items": rows,
        }
    judges: dict[str, dict[str, Any]] = {}
    for results in result_sets:
        formats = dict.fromkeys(r.answer_format for r in result_sets if r.judge == results.judge)
        key: dict[str, Any] = {"name": results.judge, "backend": BACKEND, "model": results.judge, "verdict": "text"}
        key["answer_format"] = ", ".join(formats)
        if results.grading.key():
            key["grading"] = results.grading.key()
        judges.setdefault(
            results.judge, {"key": key, "family": None, "base": None, "samples": 1, "orders": results.orders}
        )
    return {
        "schema": SCHEMA,
        "versions": {"rubric_harness": __version__},
        "imported": imported,
        "benchmarks": benchmarks,
        "judges": judges,
        "rubrics": {},
        "arms": list(dict.fromkeys(r.arm for r in result_sets)),
        "orders": "stored" if all(r.orders == "stored" for r in result_sets) else "both",
        "planned": [[r.benchmark, r.judge, r.arm, None] for r in result_sets],
        "donors": {},
        "primary_contrast": ["transferred", "none"],
    }
