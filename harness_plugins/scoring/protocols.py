"""Protocols: how answers are scored, never how they are asked. Any of them can be put on a finished run.

`strict` is ours. `metric:X` takes our strictly parsed choices and applies the rest of X; `official:X` also applies X's
own parser, and so only to answers in X's format. `official` alone means each benchmark's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evaluators.errors import UserError
from evaluators.inputs.names import unknown
from evaluators.prompts.template import pick_of
from harness_plugins.benchmarks.spec import BenchmarkSpec, ProtocolSpec, load_spec, names
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.scoring import official_parsers
from harness_plugins.scoring.arrays import (
    ABSENT,
    ANY_TIE,
    BOTH_BAD,
    ERROR,
    TIE,
    UNPARSED,
    BenchmarkData,
    CellData,
    Codes,
)


class NamedProtocol(NamedTuple):
    """What a protocol does, under its full name."""

    name: str
    spec: ProtocolSpec

    @property
    def strict(self) -> bool:
        """It is ours, which has metrics of every kind; others have accuracy and what they declare."""
        return self.name == "strict"

    @property
    def by_group(self) -> bool:
        """Acc+ is among its metrics."""
        return bool({"groups", "groups_by_category"} & set(self.spec.aggregates))


STRICT = ProtocolSpec(
    about="both orders; ties, unparsed, refused and truncated answers are in the denominator and not right",
    aggregates=("micro", "macro", "groups"),
)


def spec_of(benchmark: str) -> BenchmarkSpec | None:
    """The benchmark's declaration, where this installation has it: a run folder may come from elsewhere."""
    return load_spec(benchmark) if benchmark in names() else None


def resolve(name: str, benchmark: str) -> NamedProtocol | None:
    """The protocol that `name` means for a benchmark; None where it has none of that name. `official-proxy_grm` is each
    benchmark's `official:<benchmark>-proxy_grm`; no `metric:` replaces an `official:`.

    Raises:
        UserError: no benchmark has such a protocol.
    """
    if name == "strict":
        return NamedProtocol("strict", STRICT)
    spec = spec_of(benchmark)
    specs = spec.protocols if spec else {}
    kind, dash, of = name.partition("-")
    if kind in ("official", "metric"):
        full = f"{kind}:{benchmark}{dash}{of}"
        return NamedProtocol(full, specs[full]) if full in specs else None
    if name in specs:
        return NamedProtocol(name, specs[name])
    protocol_names = ["strict", "official", "metric", *(p for b in names() for p in load_spec(b).protocols)]
    if name not in protocol_names:
        raise UserError(f"{unknown('protocol', name, protocol_names)} (`rubric-harness tasks` says what each is)")
    return None


def absent(name: str, benchmark: str) -> str:
    """Why a benchmark is not scored by the protocol that `name` means, and by which it can be."""
    spec = spec_of(benchmark)
    if spec is None:
        return f"{benchmark}: not scored by {name!r}: this installation has no such benchmark; `strict` is for all"
    kinds = {p.partition(":")[0] for p in spec.protocols}
    no_official = name.partition("-")[0] == "official" and "official" not in kinds
    why = "no official protocol is built in for it" if no_official else "it has no such protocol"
    metric_note = "; metric:... takes our parsed choices and applies the rest" if "metric" in kinds else ""
    return (
        f"{benchmark}: not scored by {name!r}: {why}; there are: {', '.join(('strict', *spec.protocols))}{metric_note}"
    )


def check(protocol: NamedProtocol, benchmark: BenchmarkData, cell: CellData) -> None:
    """Refuse where the protocol's samples, orders or answers are missing.

    Raises:
        UserError: saying what is missing.
    """
    name, spec = protocol
    who = f"{name}: judge {cell.key.judge!r}, arm {cell.key.arm!r}"
    if spec.answer_format and cell.formats != (spec.answer_format,):
        raise UserError(
            f"{who}: its own parser reads answers in the format {spec.answer_format!r}; these are "
            f"{', '.join(cell.formats) or 'unknown'}; {_instead(name, benchmark.name, cell)}"
        )
    if cell.outcome.shape[2] < spec.samples:
        raise UserError(
            f"{who}: needs {spec.samples} samples, the run has {cell.outcome.shape[2]}; "
            f"{_readers(benchmark.name, cell) or 'set the judge option `samples`'}"
        )
    judged = cell.expected.any(axis=(1, 2))
    stored = cell.expected[np.arange(len(benchmark.items)), stored_order(benchmark)].any(axis=1)
    if spec.orders == "stored" and (judged & ~stored).any():
        raise UserError(f"{who}: needs the stored order of every item; judge with `orders: both`")


def _readers(benchmark: str, cell: CellData) -> str:
    """The protocols whose parsers read a cell's answers, as a request to use one."""
    spec = spec_of(benchmark)
    specs = spec.protocols if spec else {}
    fit = [
        repr(n) for n, p in specs.items() if p.answer_format and cell.formats == (p.answer_format,) and p.samples == 1
    ]
    return f"use {' or '.join(fit)}, which reads them" if fit else ""


def _instead(name: str, benchmark: str, cell: CellData) -> str:
    """What to do where answers have another format than the protocol's parser reads."""
    spec, metric = spec_of(benchmark), name.replace("official:", "metric:")
    if spec is None or metric not in spec.protocols:
        metric = f"metric:{benchmark}"
    return _readers(benchmark, cell) or (
        f"use {metric!r}, which takes our parsed choice, or judge with a prompt of your own (`prompt:` and `answer_format:`)"
    )


def stored_order(benchmark: BenchmarkData) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """For each item 0 if AB shows the candidates as the dataset stores them, 1 if BA does (of more, the order that begins as
    the dataset does)."""
    return np.array([i.stored.index(0) for i in benchmark.items], dtype=np.int64)


def _double_bracket_first(text: str) -> int | None:
    if "[[A]]" in text:
        return 1
    return 2 if "[[B]]" in text else None


_ANCHOR = re.compile(r"Overall Judgment|Therefore")
_NAMED = re.compile(r"Answer\s*(\d+)\s*is\s*(?:the\s*)?(?:slightly\s*)?better")


def _overall_judgment(text: str) -> int | None:
    # The official `(?:Overall Judgment|Therefore)\s*.*\s*-*\s*Answer\s*(\d+)...` takes hours on hostile text; it finds the last
    # such phrase behind the first anchor, which is what this does.
    plain = re.sub(r"\s+", " ", text.replace("*", ""))
    anchor = _ANCHOR.search(plain)
    numbers = _NAMED.findall(plain, anchor.end()) if anchor else []
    return int(numbers[-1]) if numbers and numbers[-1] in ("1", "2") else None


_WHOLE = {"[[A>B]]": 1, "[[A>>B]]": 1, "[[B>A]]": 2, "[[B>>A]]": 2, "[[A=B=Good]]": TIE, "[[A=B=Bad]]": BOTH_BAD}
_WHOLE |= {"[[A=B]]": ANY_TIE}


def _four_way_whole(text: str) -> int | None:
    for line in text.split("\n"):  # as `\[\[.*\]\]` finds it, in linear time
        start, end = line.find("[["), line.rfind("]]")
        if start >= 0 and start + 2 <= end:
            return _WHOLE.get(line[start : end + 2])
    return None


PARSERS: dict[str, Callable[[str], int | None]] = {
    # facebookresearch/multimodal_rewardbench, scripts/2_get_accuracy.py: [[A]] is looked for first.
    "double_bracket_first": _double_bracket_first,
    # vl-rewardbench/VL_RewardBench, inference_hf.py: one regular expression over the text without line breaks and stars.
    "overall_judgment": _overall_judgment,
    # TIGER-AI-Lab/GenAI-Bench: from the first [[ of a line to its last ]], which must be a label as a whole.
    "four_way_whole": _four_way_whole,
    **official_parsers.PARSERS,
}


def reparsed(run: Path, protocol: ProtocolSpec, benchmark: BenchmarkData, cell: CellData) -> Codes:
    """The cell's outcomes as the protocol's own parser reads them; our outcomes where it has none."""
    if not protocol.parser:
        return cell.outcome
    parser = PARSERS[protocol.parser]
    outcome = cell.outcome.copy()
    index_by_uid = {i.uid: n for n, i in enumerate(benchmark.items)}
    for uid, order, sample, replicate, text in RunFolder(run).answer_texts(*cell.key):
        if uid not in index_by_uid:
            continue
        draw = cell.draw(sample, replicate)
        if draw is None:
            continue
        index = (index_by_uid[uid], 0 if order == "AB" else 1, draw)
        if outcome[index] not in (ERROR, ABSENT):
            choice = parser(text)
            if choice is None or choice >= TIE:
                outcome[index] = UNPARSED if choice is None else choice
            else:  # a position that no candidate has is a pick that is never right
                outcome[index] = pick_of(choice, order) if choice <= len(order) else choice - 1
    return outcome
