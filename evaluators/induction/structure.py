"""Criteria in order for a judge: themes, the most telling first, each with tips, one for every criterion."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from evaluators.messages import ChatRequest
from evaluators.prompts.template import PROMPTS, Case, Template
from evaluators.records import Answer, Candidate, Criterion, Item, Label
from evaluators.replies.forms import after_reasoning
from evaluators.replies.parsing import undecided

_THEME = re.compile(r"#+\s*(\S.*?)\s*")
_TIP = re.compile(r"[-*]\s*\[(\d{1,3})\]\s*(\S.*?)\s*")


@dataclass(frozen=True)
class Structure:
    text: str
    """As a judge reads it; empty where no answer was usable, or it was not kept."""
    themes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Each theme with the numbers of its criteria, from 1."""
    note: str = ""
    """Why there is none, or why it was not kept."""


async def structure(criteria: Sequence[Criterion], modality: str, ask: Callable[..., Awaitable[Answer]]) -> Structure:
    """Ask for themes and tips; where the answer drops a criterion, adds one or breaks the form, there are none."""
    listed = "\n".join(
        f"{n}. {c.name}: {c.description}" if c.description else f"{n}. {c.name}" for n, c in enumerate(criteria, 1)
    )
    template = Template(PROMPTS / "arr_structure.jinja", needs=(), extra={"criteria": listed, "modality": modality})
    item = Item("criteria", "criteria", "0", 0, listed, (Candidate(), Candidate()), (0, 1), Label("tie"))
    case = Case(item, "AB", hidden=frozenset({"responses", "media"}))
    messages = template.render(case, criteria=listed, modality=modality)
    answer = await ask(ChatRequest(messages, answer_format="themes"), template.digest, listed, modality)
    return read_themes(answer, len(criteria))


def read_themes(answer: Answer, count: int) -> Structure:
    """The themes of an answer, every criterion under exactly one of them."""
    text = after_reasoning(answer.text)
    block = re.search(r"<themes>(.*?)</themes>", text or "", re.S)
    if undecided(answer) or block is None:
        return Structure("", note="no <themes> ... </themes> in the answer")
    themes: list[tuple[str, list[tuple[int, str]]]] = []
    for line in (x.strip() for x in block[1].splitlines() if x.strip()):
        if theme := _THEME.fullmatch(line):
            themes.append((theme[1], []))
        elif (tip := _TIP.fullmatch(line)) and themes:
            themes[-1][1].append((int(tip[1]), tip[2]))
        else:
            return Structure("", note=f"a line that is neither theme nor tip: {line[:60]!r}")
    themes = [t for t in themes if t[1]]
    numbers = sorted(n for _, tips in themes for n, _ in tips)
    if numbers != list(range(1, count + 1)):
        return Structure("", note=f"the tips are for criteria {numbers}, not for each of 1 to {count} once")
    shown = [
        "\n".join([f"{number}. {name}", *(f"   - {tip}" for _, tip in tips)])
        for number, (name, tips) in enumerate(themes, 1)
    ]
    return Structure("\n".join(shown), tuple((name, tuple(n for n, _ in tips)) for name, tips in themes))
