"""Tokens as a server counts them, read with distrust: a number that cannot be true would switch a limit on spending off.

>>> read_usage({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 8}})
{'prompt_tokens': 10, 'completion_tokens': 5, 'cached_tokens': 8}
>>> read_usage({"prompt_tokens": "10", "completion_tokens": 5.0})  # as some servers write them
{'prompt_tokens': 10, 'completion_tokens': 5}
>>> read_usage({"prompt_tokens": 21, "completion_tokens": 0, "total_tokens": 81})  # reasoning stands in the total alone
{'prompt_tokens': 21, 'completion_tokens': 60}
>>> read_usage({"prompt_tokens": -1000, "completion_tokens": 5}) is None
True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from evaluators.records import FailedReplies

MOST_TOKENS = 10_000_000
"""No reply takes more: a context of ten million tokens is the largest that any model has."""


def read_usage(value: object) -> dict[str, int] | None:
    """`prompt_tokens`, `completion_tokens` and `cached_tokens` of a reply's `usage`; what it does not report is absent.

    None where it reports nothing, and where it cannot be true: a part is negative, a fraction, a boolean, no number or above
    `MOST_TOKENS`; nothing was read, though no request is empty (servers that do not count say 0); more came from the cache
    than was read.
    """
    if not isinstance(value, dict):
        return None
    details = value.get("prompt_tokens_details")
    cached = value.get("cached_tokens")
    if cached is None and isinstance(details, dict):
        cached = details.get("cached_tokens")
    usage: dict[str, int] = {}
    for name in ("prompt_tokens", "completion_tokens", "cached_tokens"):
        number = cached if name == "cached_tokens" else value.get(name)
        if number is None:
            continue
        tokens = _count(number)
        if tokens is None:
            return None
        usage[name] = tokens
    read = usage.get("prompt_tokens")
    if read == 0 or (read is not None and usage.get("cached_tokens", 0) > read):
        return None
    total = _count(value.get("total_tokens"))
    if read is not None and total is not None and total - read > usage.get("completion_tokens", 0):
        usage = usage | {"completion_tokens": total - read}
    return usage or None


def sum_usage(usages: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The tokens of several replies together, part by part.

    >>> sum_usage([{"prompt_tokens": 3, "completion_tokens": 1}, {"prompt_tokens": 4, "completion_tokens": 2}])
    {'prompt_tokens': 7, 'completion_tokens': 3}
    """
    total: dict[str, int] = {}
    for usage in usages:
        for name, tokens in usage.items():
            total[name] = total.get(name, 0) + tokens
    return total


def tells_both(usage: Mapping[str, int] | None) -> bool:
    """Whether a usage reports what was read and what was written, and neither lowers the price."""
    return usage is not None and min(usage.get("prompt_tokens", -1), usage.get("completion_tokens", -1)) >= 0


def failed_replies(usages: Sequence[Mapping[str, int] | None]) -> FailedReplies | None:
    """What a record says of replies that failed; None where there were none.

    Args:
        usages: what each of them reported.
    """
    full_usages = [u for u in usages if u is not None and tells_both(u)]
    return FailedReplies(len(usages), len(full_usages), sum_usage(full_usages)) if usages else None


def both(first: FailedReplies | None, second: FailedReplies | None) -> FailedReplies | None:
    """The failed replies of two together."""
    if first is None or second is None:
        return first or second
    return FailedReplies(first.count + second.count, first.told + second.told, sum_usage([first.usage, second.usage]))


def _count(value: object) -> int | None:
    """A whole number of tokens, 0 to `MOST_TOKENS`; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        value = int(value)
    if isinstance(value, float) and value.is_integer():  # neither infinite nor NaN
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= MOST_TOKENS else None
