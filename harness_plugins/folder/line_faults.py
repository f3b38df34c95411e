"""Why a line of a run folder is not a record that can be counted, though it is JSON with the right fields."""

from __future__ import annotations

from operator import itemgetter
from types import NoneType
from typing import Any

from evaluators.records import MOST, STATUSES, Item, rotations


def item_fault(item: Item) -> str:
    """Why an item's fields do not go together; empty where they do."""
    count, label = len(item.candidates), item.label
    if not 2 <= count <= MOST:
        return f"candidates: {count}, not 2 to {MOST}"
    if sorted(item.stored) != list(range(count)):
        return "stored: not the places of the candidates"
    if label.preferred not in (None, *range(count)) or (label.kind == "preferred" and label.preferred is None):
        return "label: prefers none of the candidates"
    if label.ranks is not None and len(label.ranks) != count:
        return "label: not a rank for each candidate"
    return ""


_NAMES = itemgetter("key", "call", "benchmark", "item", "judge", "arm", "writer")
_STATUSES = frozenset(STATUSES)
_ORDERS = frozenset(order for n in range(2, MOST + 1) for order in rotations(n))
_TEXT, _COUNT = (str, NoneType), (int, NoneType)


def verdict_fault(value: dict[str, Any]) -> str:
    """Why an object is not a verdict that can be counted; empty where it is one."""
    try:
        key, call, benchmark, item, judge, arm, writer = _NAMES(value)
        status, get = value["status"], value.get
        if status not in _STATUSES or value["order"] not in _ORDERS:
            return "status or order: unknown"
        if not len(key) == len(call) == 64:
            return "key or call: no digest"
    except KeyError as e:
        return f"{e.args[0]}: field required"
    except TypeError:
        return "key, call, status or order: no text"
    texts = type(key) is type(call) is type(benchmark) is type(item) is type(judge) is type(arm) is str
    if not texts or type(writer) not in _TEXT:
        return "key, call, benchmark, item, judge, arm or writer: no text"
    sample, replicate = get("sample", 0), get("replicate", 0)
    if (
        not type(sample) is type(replicate) is int
        or type(get("candidate")) not in _COUNT
        or sample < 0
        or replicate < 0
    ):
        return "sample, replicate or candidate: no whole number"
    pick = get("pick")
    chosen = get("score") is not None if pick is None else type(pick) is int and 0 <= pick < MOST
    if chosen != (status == "ok") and status != "low_mass":
        return f"pick or score: does not go with the status {status!r}"
    answer = get("answer")
    if answer is not None and not (type(answer) is dict and type(answer.get("answer_format")) is str):
        return "answer: no answer of a model"
    return ""
