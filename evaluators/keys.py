"""Digests and names: item uids, the canonical order, and the keys under which verdicts are filed.

A key is made of the digests of what a verdict depends on, never of the rendered prompt, so that a resume opens no
image and renders nothing. URL, concurrency, timeout, retries and limits are not part of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import orjson

from evaluators.records import Candidate, Item, Media, Rubric

KEY_VERSION = "rubric-harness/key/1"


def digest(*parts: object) -> str:
    """sha256 (64 hex) over the parts as one JSON list: no two different lists of parts share a byte string."""
    # A config may write its mappings in any order, which must make no other key.
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def candidate_content(candidate: Candidate) -> list[Any]:
    """What makes a candidate this candidate: its text and the names of its media."""
    return [candidate.text, [m.name for m in candidate.media]]


def item_uid(
    benchmark: str, source_id: str, prompt: str, candidates: Sequence[Candidate], criterion: str | None
) -> str:
    """`benchmark:16hex` over source id, prompt, candidates and criterion.

    The candidates enter sorted, so that storing a pair the other way round, another revision, another row number or a
    re-encoded image give the same uid; but a candidate that is an embedded image has no name other than its content.
    Source ids alone are not unique (25 are used twice in VL-RewardBench).
    """
    contents = sorted(orjson.dumps(candidate_content(c)).decode() for c in candidates)
    return f"{benchmark}:{digest(source_id, prompt, contents, criterion)[:16]}"


def canonical_order(uid: str, candidates: Sequence[Candidate]) -> tuple[int, ...]:
    """The stored indices in canonical order: sorted by a hash of item and content, so neither storage nor label shows.

    Equal candidates keep their stored order.
    """
    return tuple(sorted(range(len(candidates)), key=lambda i: (digest(uid, candidate_content(candidates[i])), i)))


def media_digest(media: Iterable[Media]) -> str:
    """One digest over the bytes of all media, in order; missing media count as such."""
    return digest([[m.kind, [f.sha256 for f in m.files]] for m in media])


def call_digest(item: str, judge: str, order: str, rubric: object, sample: int, *, repeat_id: str) -> str:
    """The request itself: two cells with equal calls are asked once.

    Args:
        item: a digest of uid and media.
        repeat_id: tells asking again from asking once.
    """
    return digest(KEY_VERSION, item, judge, order, rubric, sample, repeat_id)


def verdict_key(call: str, arm: str, writer: str | None, replicate: int) -> str:
    """The cell: its call (item, media, judge with grading and template, rubric text, order, sample) and its place."""
    return digest(call, arm, writer, replicate)


_NOT_CONTENT = ("uid", "answer", "error", "time", "public")
_LATER = ("justify", "evaluation")
"""Fields that rubrics got later: empty ones are left out, so that uids of earlier files hold."""


def rubric_uid(rubric: Rubric) -> str:
    """`rubric:16hex` over what the rubric says, for which item and by whom; not over how its answer came."""
    fields = orjson.loads(orjson.dumps(replace(rubric, answer=None)))  # a tenth of asdict's time
    return (
        "rubric:" + digest({k: v for k, v in fields.items() if k not in _NOT_CONTENT and (v or k not in _LATER)})[:16]
    )


_NO_WORD = {n: " " for n in range(128) if not re.match(r"\w", chr(n))}


def normalised(text: str) -> str:
    """Letters and digits only, lower case, single spaces: what makes two questions the same question."""
    if text.isascii():  # the same, in a third of the time
        return " ".join(text.lower().translate(_NO_WORD).split())
    return re.sub(r"\W+", " ", text.lower()).strip()


def content_of(item: Item) -> str:
    """Digest of an item's normalised texts: what makes two items the same question with the same answers."""
    if item.public is not None:
        return item.public.content
    return digest(normalised(item.prompt), sorted(normalised(c.text) for c in item.candidates))
