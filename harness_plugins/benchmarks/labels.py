"""What people preferred: a row's label by the benchmark's rule, as an index into the candidates as they are stored."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from evaluators.records import Label
from harness_plugins.benchmarks.sources import RowProblem
from harness_plugins.benchmarks.spec import LabelSpec

_RANKING = re.compile(r"\s*([A-Z])\s*([>=])\s*([A-Z])\s*")
_LETTERS = re.compile(r"\s*([A-Z])\s*vs\.?\s*([A-Z])\s*")


def read_label(spec: LabelSpec, value_of: Callable[[str], Any], count: int) -> Label:
    """The label of a row with `count` candidates, in stored order.

    Args:
        value_of: gives a column's value, or raises RowProblem where there is none.

    Raises:
        RowProblem: the value is none that the rule knows.
    """
    if spec.rule == "fixed":
        return Label(preferred=spec.index)
    value = value_of(spec.column)
    if spec.rule == "names":
        return _named(spec, value)
    if spec.rule == "comparison":
        return _compared(spec, value, value_of(spec.letters))
    if spec.rule == "index":
        return _indexed(spec, value, count)
    label = _ranked(value, count)
    if label is None:
        raise RowProblem(f"{spec.column!r} is {value!r}; it must rank the {count} candidates, 0 = best, with one best")
    return label


def _named(spec: LabelSpec, value: Any) -> Label:
    def plain(name: str) -> str:
        return name.casefold() if spec.any_case else name

    meanings = {plain(name): meant for name, meant in spec.names.items()}
    meant = meanings.get(plain(str(value))) if isinstance(value, str | int) else None
    if meant is None:
        raise RowProblem(f"{spec.column!r} is {value!r}; it must be one of {', '.join(spec.names)}")
    return Label(preferred=meant) if isinstance(meant, int) else Label(meant)


def _compared(spec: LabelSpec, value: Any, letters: Any) -> Label:
    pair, ranking = _LETTERS.fullmatch(str(letters)), _RANKING.fullmatch(str(value))
    if pair is None or pair[1] == pair[2]:
        raise RowProblem(f'{spec.letters!r} is {letters!r}; it must name the two candidates, such as "AvsB"')
    first, second = pair.groups()
    if ranking is None or {ranking[1], ranking[3]} != {first, second}:
        forms = ", ".join(f'"{form}"' for form in (f"{first}>{second}", f"{second}>{first}", f"{first}={second}"))
        raise RowProblem(f"{spec.column!r} is {value!r}; between the two of {letters!r} it must be one of {forms}")
    return Label("tie") if ranking[2] == "=" else Label(preferred=0 if ranking[1] == first else 1)


def _indexed(spec: LabelSpec, value: Any, count: int) -> Label:
    if value == "tie":
        return Label("tie")
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < count:
        return Label(preferred=value)
    if label := _ranked(value, count):
        return label
    indices = "0 or 1" if count == 2 else f"0 to {count - 1}"
    raise RowProblem(
        f'{spec.column!r} is {value!r}; it must be the index of the preferred candidate ({indices}) or "tie", '
        f"or a list of {count} ranks, 0 = best, with one best"
    )


def _ranked(value: Any, count: int) -> Label | None:
    """Ranks below the best may be shared. Of two candidates they say no more than which is preferred."""
    ranks = tuple(value) if isinstance(value, list | tuple) else ()
    sound = all(isinstance(r, int) and not isinstance(r, bool) and 0 <= r < count for r in ranks)
    if not sound or len(ranks) != count or ranks.count(0) != 1:
        return None
    best = ranks.index(0)
    return Label(preferred=best) if count == 2 else Label("ranks", preferred=best, ranks=ranks)
