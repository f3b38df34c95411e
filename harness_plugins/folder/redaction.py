"""What of a record may be shown to everybody: verdicts, hashes and numbers, and short names; no text, path, address or secret.

Every function takes what is known to be harmless and leaves the rest out, so that a new field is private until it is named here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from evaluators.keys import content_of, digest
from evaluators.records import (
    SCHEMA,
    Candidate,
    FailedReplies,
    Item,
    ItemFacts,
    Media,
    MediaFile,
    Rubric,
    RubricFacts,
    Writer,
)
from evaluators.rubrics.leaks import leak_classes
from harness_plugins.folder.manifest_model import PUBLIC

VERSION = 1
"""Of the export, in its manifest."""
NAME_LENGTH, LABEL_LENGTH = 128, 64

_PLAIN = re.compile(r"[A-Za-z0-9_.:/#+-]{0,80}")
_ID = re.compile(r"[A-Za-z0-9_.:-]{0,64}")
_FILE = re.compile(r"\.[A-Za-z]\w{1,7}$")
_PATH = re.compile(r"(?:^|[\s='\"(\[{<,;|@])(?:/|~|[A-Za-z]:[/\\]|\.{1,2}/)|\\|://|:/")
_TOKEN = re.compile(r"sha256[:-][0-9a-f]{32}")
_SECRET = re.compile(r"key|token|secret|passw|auth|credential|cookie", re.I)
REMOVED = "removed"


def hashed(text: str) -> str:
    """Stands for a text that may not be shown: equal texts, equal tokens; the token of a token is itself."""
    return text if _TOKEN.fullmatch(text) else f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


@lru_cache(maxsize=4096)
def name(text: str, longest: int = NAME_LENGTH) -> str:
    """A name of a model, judge, writer or category: as it is, unless it is long, unprintable, a path or an address."""
    fits = len(text) <= longest and text.isprintable() and not _PATH.search(text)
    return text if fits else hashed(text)


def ident(text: str) -> str:
    """A dataset's id of a row or group: as it is where it is one short word that is not a path and no file's name."""
    return text if _ID.fullmatch(text) and not _FILE.search(text) else hashed(text)


@lru_cache(maxsize=4096)
def word(text: str) -> str:
    """A setting's value: as it is where it is one word that is not a path."""
    return text if _PLAIN.fullmatch(text) and not _PATH.search(text) else hashed(text)


def settings(value: Any) -> Any:
    """Sampling and the like: numbers as they are, single words, hashes of all other texts, nothing under a secret's name."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return word(value)
    if isinstance(value, list | tuple):
        return [settings(v) for v in value]
    if isinstance(value, Mapping):
        return {
            # Numbers stay, as max_tokens has a secret's name too.
            word(str(k)): REMOVED if _SECRET.search(str(k)) and not isinstance(v, bool | int | float) else settings(v)
            for k, v in value.items()
        }
    return REMOVED


def _optional(text: Any) -> str | None:
    return name(text) if isinstance(text, str) else None


def _number(value: Any) -> float | int | None:
    return value if isinstance(value, bool | int | float) else None


def public_item(item: Item) -> Item:
    """An item without texts; of its media the digests alone."""
    return replace(
        item,
        uid=name(item.uid),
        benchmark=name(item.benchmark),
        source_id=ident(item.source_id),
        prompt="",
        candidates=tuple(Candidate("", _media(c.media)) for c in item.candidates),
        media=_media(item.media),
        category=name(item.category, LABEL_LENGTH),
        categories={name(k): name(v, LABEL_LENGTH) for k, v in item.categories.items()},
        group=None if item.group is None else ident(item.group),
        criterion=None if item.criterion is None else _criterion_name(item),
        revision=_optional(item.revision),
        public=ItemFacts(content_of(item), item.lengths()),
    )


def _criterion_name(item: Item) -> str:
    """What scoring groups by, the part before the description: as it is where it is a category too. No colon, which would cut it."""
    criterion = (item.criterion or "").split(":")[0]
    return (
        name(criterion, LABEL_LENGTH).replace(":", "-")
        if criterion in item.categories.values()
        else ident(criterion).replace(":", "-")
    )


def _media(media: Iterable[Media]) -> tuple[Media, ...]:
    return tuple(Media(hashed(m.name), m.kind, tuple(MediaFile("", sha256=f.sha256) for f in m.files)) for m in media)


def public_rubric(rubric: Rubric, of: Iterable[Item]) -> dict[str, Any]:
    """A rubric's record without texts.

    Args:
        of: the items that it is for.
    """
    w = rubric.writer
    return {
        "benchmark": name(rubric.benchmark),
        "item": _optional(rubric.item),
        "writer": Writer(
            name(w.name),
            name(w.method),
            _optional(w.model),
            _optional(w.base),
            _optional(w.family),
            tuple(map(name, w.trained_with)),
            None if w.prompt_digest is None else word(w.prompt_digest),
            settings(w.sampling),
        ),
        "text": "",
        "replicate": rubric.replicate,
        "saw": rubric.saw,
        "verdict": rubric.verdict,
        "status": rubric.status,
        "violations": [word(v) for v in rubric.violations],
        "uid": name(rubric.uid),
        "answer": None if rubric.answer is None else public_answer(_fields(rubric.answer)),
        "error": None if rubric.error is None else _failure(_fields(rubric.error)),
        "time": _time(rubric.time),
        "public": rubric.public or _facts(rubric, of),
    }


def _facts(rubric: Rubric, of: Iterable[Item]) -> RubricFacts:
    leaks = leak_classes(rubric.text)
    quotes = [i.uid for i in of if "quote" in leak_classes(rubric.text, [c.text for c in i.candidates])]
    words = len(rubric.text.split())
    return RubricFacts(
        len(rubric.criteria), words, len(rubric.text), leaks, tuple(map(name, quotes)), digest(rubric.text)
    )


def _fields(record: Any) -> dict[str, Any]:
    return {f: getattr(record, f) for f in record.__dataclass_fields__}


def public_answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer without its words: what served it, tokens and time. Log-probabilities leave their number behind (what a request
    cost is counted by it); the probabilities themselves are in the verdict's `p`."""
    usage, answer_format = answer.get("usage"), answer.get("answer_format")
    return {
        "text": "",
        "answer_format": name(answer_format) if isinstance(answer_format, str) else "",
        "finish_reason": word(answer["finish_reason"]) if isinstance(answer.get("finish_reason"), str) else None,
        "top_logprobs": None if answer.get("top_logprobs") is None else [],
        "masked": bool(answer.get("masked")),
        "each": [[] for _ in answer.get("each") or ()],
        "usage": _tokens(usage) if isinstance(usage, Mapping) else None,
        "latency_s": _number(answer.get("latency_s")),
        "attempts": _number(answer.get("attempts", 1)),
        "failed_replies": _failed_replies(answer.get("failed_replies")),
        "model": _optional(answer.get("model")),
        "backend": _optional(answer.get("backend")) or "",
        "backend_version": _optional(answer.get("backend_version")),
        "fingerprint": _optional(answer.get("fingerprint")),
        "sampling": settings(answer.get("sampling") or {}),
    }


def _failure(error: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": word(str(error.get("kind"))),
        "message": "",
        "http": _number(error.get("http")),
        "failed_replies": _failed_replies(error.get("failed_replies")),
    }


def _failed_replies(value: Any) -> dict[str, Any] | None:
    """What replies that failed took: numbers alone."""
    if isinstance(value, FailedReplies):
        value = _fields(value)
    if not isinstance(value, Mapping):
        return None
    usage = value.get("usage")
    return {
        "count": _number(value.get("count")),
        "told": _number(value.get("told")),
        "usage": _tokens(usage) if isinstance(usage, Mapping) else {},
    }


def _tokens(usage: Mapping[str, Any]) -> dict[str, int]:
    return {word(k): v for k, v in usage.items() if isinstance(v, int)}


def _time(value: Any) -> str | None:
    return word(value) if isinstance(value, str) else None


_TEXTS = (
    "key",
    "status",
    "call",
    "benchmark",
    "item",
    "judge",
    "arm",
    "writer",
    "order",
    "rubric",
    "donor",
    "media",
    "parser",
)
_NUMBERS = ("sample", "replicate", "edited", "choice", "pick", "both_bad", "candidate", "score", "forms")
_ABSENT = {"sample", "replicate", "both_bad", "parser", "forms"}
"""Left out where a line lacks them: null is not a value that they may have."""


def public_verdict(line: Mapping[str, Any]) -> dict[str, Any]:
    """A verdict line without texts. It may be one that was made by hand, with fields missing."""
    shown: dict[str, Any] = {f: _optional(line.get(f)) for f in _TEXTS}
    shown |= {f: _number(line.get(f)) for f in _NUMBERS}
    shown = {k: v for k, v in shown.items() if v is not None or k not in _ABSENT}
    for field in ("p", "answer", "error", "ranks"):
        shown[field] = None
    p, ranks, answer, error = line.get("p"), line.get("ranks"), line.get("answer"), line.get("error")
    if isinstance(p, Mapping):
        shown["p"] = {"first": _number(p.get("first")), "mass": _number(p.get("mass"))}
    if isinstance(ranks, list):
        shown["ranks"] = [_number(r) for r in ranks]
    if isinstance(answer, Mapping):
        shown["answer"] = public_answer(answer)
    if isinstance(error, Mapping):
        shown["error"] = _failure(error)
    criteria = line.get("criteria")
    shown["criteria"] = (
        [_criterion(c) for c in criteria if isinstance(c, Mapping)] if isinstance(criteria, list) else []
    )
    shown["time"] = _time(line.get("time"))
    return shown


def _criterion(criterion: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "", **{f: _number(criterion.get(f)) for f in ("weight", "choice", "p", "score", "mass")}}


def public_manifest(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest without paths, addresses and texts; what a folder's manifest lacks, it lacks too, but for what a reader needs."""
    parts = {
        "schema": settings,
        "created": _time,
        "updated": _time,
        "versions": settings,
        "benchmarks": lambda v: {name(b): _benchmark(facts) for b, facts in v.items()},
        "judges": lambda v: {name(n): _judge(judge) for n, judge in v.items()},
        "rubrics": lambda v: {name(n): None for n in v},
        "arms": _names,
        "orders": settings,
        "shuffles": settings,
        "planned": _names,
        "package_arms": _names,
        "donors": _names,
        "declared": _names,
        "primary_contrast": _names,
        "reference_writer": _names,
        "prices": _names,
        "imported": lambda v: {
            "format": word(v["format"]),
            "files": [{"sha256": word(f["sha256"])} for f in v["files"]],
        },
        "seed": settings,
    }
    least = {"schema": SCHEMA, "judges": {}}
    return {
        **least,
        **{k: shown(manifest[k]) for k, shown in parts.items() if k in manifest},
        PUBLIC: {"version": VERSION},
    }


def _names(value: Any) -> Any:
    """Lists and mappings of names, whatever their depth; numbers stay."""
    if isinstance(value, str):
        return name(value)
    if isinstance(value, Mapping):
        return {name(k): _names(v) for k, v in value.items()}
    return [_names(v) for v in value] if isinstance(value, list) else _number(value)


def _benchmark(facts: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        k: settings(facts[k])
        for k in ("revision", "rows", "expected_rows", "rows_sha256", "limit", "media", "items")
        if k in facts
    }
    source = str(facts.get("source") or "")
    public = re.fullmatch(r"[\w.-]+(/[\w.-]+)?", source) and not _FILE.search(source) and not source.startswith(".")
    title = facts.get("title")
    return {"title": name(title, LABEL_LENGTH) if title else None, "source": source if public else None, **shown}


def _judge(judge: Mapping[str, Any]) -> dict[str, Any]:
    key = {k: settings(v) for k, v in judge["key"].items()}
    key |= {
        k: name(judge["key"][k]) for k in ("name", "model", "answer_format") if isinstance(judge["key"].get(k), str)
    }
    extra = judge["key"].get("extra_body")
    if isinstance(extra, Mapping):  # whatever a server takes: anything may be deeper in it
        key["extra_body"] = settings({k: v for k, v in extra.items() if not isinstance(v, list | Mapping)})
    shown = {"key": key, "family": _optional(judge.get("family")), "base": _optional(judge.get("base"))}
    return shown | {k: settings(judge[k]) for k in ("samples", "orders", "concurrency") if k in judge}
