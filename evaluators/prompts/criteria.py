"""The criteria in a rubric's text, as people and models write them: items, bullets, or lines with a weight in per cent."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from evaluators.records import Criterion

_WEIGHT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*(?:%|％|percent\b|per cent\b)", re.I)
_BULLET = re.compile(r"^\s*(?:\d{1,2}\s*[.):]|[-*•+]|\(\d{1,2}\)|#+)\s+")
_ITEM = re.compile(r"<rubric_item>(.*?)</rubric_item>", re.S)
_MARKUP = re.compile(r"[*_`#]+")

_OPENS = re.compile(r"[(\[](?:weight:? *)?$", re.IGNORECASE)
"""What stands before a weight in brackets."""


def criteria_of(text: str) -> tuple[Criterion, ...]:
    """The criteria of a rubric, one without a weight counting as the others do on average; none where no line reads as one."""
    return weighted(parse_criteria(text))


def weighted(criteria: Sequence[Criterion]) -> tuple[Criterion, ...]:
    """Criteria with weights: one without any (NaN) counts as the others do on average."""
    weights = [c.weight for c in criteria if not math.isnan(c.weight)]
    usual = sum(weights) / len(weights) if weights else 1.0
    return tuple(replace(c, weight=usual) if math.isnan(c.weight) else c for c in criteria)


def parse_criteria(rubric: str) -> tuple[Criterion, ...]:
    """One criterion for each <rubric_item>, else for each bullet at the left edge, else for each line with a weight; other
    lines continue the criterion before them."""
    chunks = [m.strip() for m in _ITEM.findall(rubric)]
    if not chunks:
        lines = [line for line in rubric.splitlines() if line.strip()]
        bullets = [len(line) - len(line.lstrip()) for line in lines if _BULLET.match(line)]
        edge = min(bullets, default=0)

        def opens(line: str) -> bool:
            if bullets:
                return bool(_BULLET.match(line)) and len(line) - len(line.lstrip()) <= edge
            return bool(_WEIGHT.search(line))

        for line in lines:
            if opens(line):
                chunks.append(line.strip())
            elif chunks:
                chunks[-1] += " " + line.strip()
    return tuple(_criterion(c) for c in chunks)


def _criterion(chunk: str) -> Criterion:
    """A criterion from its bullet, with its weight (NaN where it names none)."""
    plain = _MARKUP.sub("", _BULLET.sub("", chunk)).strip()
    weights = list(_WEIGHT.finditer(plain))
    # In brackets, or before the colon, or at the end; a percentage elsewhere is part of what is asked.
    weight = next((w for w in weights if _OPENS.search(plain[: w.start()])), None)
    weight = weight or next((w for w in weights if ":" not in plain[: w.start()]), None)
    weight = weight or next((w for w in weights if not plain[w.end() :].strip(" .)]")), None)
    unweighted = plain
    if weight is not None:
        prefix = _OPENS.sub("", plain[: weight.start()])
        unweighted = prefix.rstrip(" ([{-:,") + plain[weight.end() :].lstrip(" )]}")
    name, colon, description = unweighted.partition(":")
    if not colon or len(name) > 80:
        name, description = unweighted[:60], unweighted
    return Criterion(
        name.strip(" -–—.") or unweighted[:60].strip(), description.strip(), float(weight[1]) if weight else math.nan
    )
