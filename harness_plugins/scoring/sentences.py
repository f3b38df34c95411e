"""A conclusion in words: the one place that makes them, for the terminal, the page, `compare`, JSON and other harnesses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from harness_plugins.scoring.caveats import differ
from harness_plugins.scoring.cells import Contrast
from harness_plugins.scoring.conclusions import Conclusion, Lead, Problem, Verdict


def signed(value: float) -> str:
    """A difference of shares in points: `+3.1`, and never `-0.0`.

    >>> signed(0.031), signed(-0.0004)
    ('+3.1', '+0.0')
    """
    return f"{round(100 * value, 1) + 0.0:+.1f}"


def points(contrast: Contrast) -> str:
    """`+3.1 points [1.0, 5.2]`."""
    return f"{signed(contrast.value)} points {bounds(contrast.low, contrast.high)}"


def bounds(low: float, high: float) -> str:
    if math.isnan(low) or math.isnan(high):
        return "[no interval]"
    below, above = (round(100 * v, 1) + 0.0 for v in (low, high))  # no -0.0
    return f"[{below:.1f}, {above:.1f}]"


def p_text(p: float) -> str:
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


def counted(n: int, noun: str) -> str:
    """`1 item`, `1,204 items`."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def listed(names: Sequence[str]) -> str:
    """`A, B and C`."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def sentence(c: Conclusion) -> str:
    """The verdict first, then whose rubrics, for which judges, and the numbers that it rests on.

    >>> sentence(conclusion)  # doctest: +SKIP
    'Helps by its content: the rubrics of arr on demo, for qwen, gpt and pixtral; positive in 3 of 3: +12.3 points [8.1, 16.4] over
    no rubric, ...'
    """
    whose = f"this rubric ({c.writer})" if c.shared else f"the rubrics of {c.writer}"
    start = f"{_head(c)}: {whose} on {c.benchmark}"
    if c.judges:
        start += f", for {listed(c.judges)}"
    if c.verdict == Verdict.CANNOT_SAY or c.gain is None:
        return f"{start}: {'; '.join([*reasons(c), *_bounds(c)])}."
    text = f"{start}; positive in {c.positive} of {len(c.judges)}: {points(c.gain)} over no rubric"
    holm = f", Holm over {c.family}" if c.family > 1 else ""
    if c.verdict == Verdict.BY_CONTENT:
        leads = [f"{points(x)} over {name}" for name, x in c.tested.items()]
        text += f", {listed(leads)} ({p_text(c.p_holm)}, the largest{holm})"
    else:
        text += f" ({p_text(c.gain.p_holm or c.gain.p)}{holm})"
    if c.verdict.helps and c.verdict != Verdict.BY_CONTENT:
        leads = [f"{points(x)} over {name}" for name, x in c.tested.items() if x.differs]
        text += f"; lead {listed(leads)}" if leads else ""
        text += "".join(
            f"; not one item came out differently from {name}" for name, x in c.tested.items() if not x.differs
        )
        text += "".join(f"; {untested(x)}" for x in c.untested)
    text += f"; {_items(c)}"
    if c.verdict == Verdict.NOT_SHOWN:
        text += f"; {_visible(c.gain)}"
    if c.at_large:
        text += f"; so it is for judges at large: {bounds(*c.over_judges['none'])} over {c.families} families"
    return f"{text}. {beside_advice(c)}".rstrip()


def _head(c: Conclusion) -> str:
    match c.verdict:
        case Verdict.NOT_SHOWN_TO_BE_MORE:
            return f"Helps; not shown to be more than {c.control}"
        case Verdict.NO_MORE:
            return f"Helps; no more than {c.control}"
    return c.verdict.capitalize()


def _items(c: Conclusion) -> str:
    assert c.gain is not None
    return f"{c.gain.n} items" if c.gain.n == c.of_items else f"{c.gain.n} of {c.of_items} items"


def _visible(contrast: Contrast) -> str:
    if math.isnan(contrast.detectable):
        return "one cluster of items can show nothing"
    return f"so many items can show about {100 * contrast.detectable:.1f} points"


def untested(lead: Lead) -> str:
    why = {
        "not declared": "is not among the config's `controls`",
        "not run": "was not run",
        "void": "is void: on most items it is the same text",
        "few items": f"has a rubric of its own for {lead.items} of {lead.of} items",
    }
    return f"{lead.control} {why[lead.state]}"


def beside_advice(c: Conclusion) -> str:
    """Whether the rubrics do more than the writer's bare verdict; empty where that was not judged."""
    gain = c.advice
    if gain is None:
        return ""
    if gain.unequal:
        return f"Nothing is said of the writer's bare verdict: {differ(gain)}."
    if not gain.differs:
        return "Not one item came out differently from the writer's bare verdict."
    if not gain.clear or not gain.value:
        return f"Not shown to differ from the writer's bare verdict: {points(gain)}, {p_text(gain.p)}."
    word = "More" if gain.value > 0 else "Less"
    interval = bounds(gain.low, gain.high) if gain.value > 0 else bounds(-gain.high, -gain.low)
    return f"{word} than the writer's bare verdict, by {100 * abs(gain.value):.1f} points {interval}, {p_text(gain.p)}."


def _bounds(c: Conclusion) -> list[str]:
    """Of a gain with answers missing: what it is if all of these went against it, or for it."""
    if c.gain is None or c.gain.bounds is None:
        return []
    low, high = (f"{100 * x:+.1f}" for x in c.gain.bounds)
    return [f"over no rubric it is between {low} and {high} points"]


def reasons(c: Conclusion) -> list[str]:
    """Why nothing can be said, each reason once."""
    return list(dict.fromkeys(_PROBLEMS[p.kind](p) for p in c.problems))


def _gap(answers: str) -> Callable[[Problem], str]:
    return lambda p: f"{answers} differ: {100 * p.here:.1f} % under transferred, {100 * p.there:.1f} % under {p.arm}"


_PROBLEMS: dict[str, Callable[[Problem], str]] = {
    "no model": lambda p: "no model judged, and baselines are no evidence of transfer",
    "no unseen judge": lambda p: (
        "no judge is known to be unseen by the writer: give both a `family` (`family: person` where a person wrote the rubrics)"
    ),
    "no protocol": lambda p: "the protocol does not score this benchmark",
    "not run": lambda p: f"the arm {p.arm} was not judged" + (f" by {p.judge}" if p.judge else ""),
    "incomplete": lambda p: f"incomplete: {p.judge}, {p.arm}: {p.here:.0f} of {p.there:.0f} answered",
    "no item": lambda p: "no item has an answer in every arm of every judge",
    "no spread": lambda p: "no answer: not one item came out differently with the rubrics than without",
    "unparsed": _gap("answers without a readable verdict"),
    "refused": _gap("refused answers"),
    "truncated": _gap("answers cut by the token limit"),
    "low_mass": _gap("answers of low mass"),
    "coverage": _gap("items with a rubric"),
    "provenance": lambda p: f"other models, backends or samplings answered than under {p.arm}",
    "rubrics": lambda p: f"a rubric for {p.here:.0f} of {p.there:.0f} items",
    "by ratio": lambda p: "the verdict changes with how answers of low mass are read",
    "repeat": lambda p: f"none asked again differs from itself: {100 * p.here:+.1f} points, {p_text(p.there)}",
}
