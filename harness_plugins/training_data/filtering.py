"""Which pairs are fit to train on: lengths and margins, by the config's `filters`."""

from __future__ import annotations

from collections.abc import Sequence

from harness_plugins.training_data.config import Filters
from harness_plugins.training_data.images import Images
from harness_plugins.training_data.reading import Dropped, Pair, Selection


def filtered(pairs: Sequence[Pair], filters: Filters) -> Selection:
    """The pairs that pass, and the others with the first reason why not."""
    passing, dropped = [], []
    for pair in pairs:
        fault = _fault(pair, filters)
        if fault is None:
            passing.append(pair)
        else:
            dropped.append(fault)
    return Selection(passing, dropped)


def _fault(pair: Pair, filters: Filters) -> Dropped | None:
    """The first reason why a pair does not pass; None where it does."""
    prompt = len(pair.item.prompt)
    lengths = [len(c.text) for c in pair.item.candidates if not c.media]  # of images none is long or short
    if not pair.item.prompt.strip():
        return pair.dropped("prompt_length", "no prompt")
    if not all(c.text.strip() or c.media for c in pair.item.candidates):
        return pair.dropped("response_length", "an empty response")
    if filters.prompt and not filters.prompt[0] <= prompt <= filters.prompt[1]:
        return pair.dropped("prompt_length", f"{prompt} characters")
    if filters.response and not all(filters.response[0] <= n <= filters.response[1] for n in lengths):
        return pair.dropped("response_length", _characters(lengths))
    if filters.length_ratio and len(lengths) == 2 and max(lengths) > filters.length_ratio * max(min(lengths), 1):
        return pair.dropped("length_ratio", _characters(lengths))
    if filters.min_margin is not None and pair.margin is not None and pair.margin < filters.min_margin:
        return pair.dropped("margin", f"{pair.margin:g}")
    texts = [" ".join(c.text.split()) for c in pair.item.candidates]
    if texts[0] == texts[1] and not any(c.media for c in pair.item.candidates):
        return pair.dropped("same_responses", "both say the same")
    return None


def _characters(lengths: Sequence[int]) -> str:
    return f"{' and '.join(map(str, lengths))} characters"


def readable(pairs: Sequence[Pair], images: Images) -> Selection:
    """The pairs whose images can be shown, and the others as bad rows."""
    showable, dropped = [], []
    for pair in pairs:
        faults = [
            (f.path, images[f.path].fault) for m in pair.item.all_media() for f in m.files if images[f.path].fault
        ]
        if faults:
            path, fault = faults[0]
            dropped.append(pair.dropped("bad_row", f"{path}: {fault}"))
        else:
            showable.append(pair)
    return Selection(showable, dropped)
