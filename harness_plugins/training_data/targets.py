"""What a model in training is to say, from the teacher's answer: as a Proxy-GRM writes, and as a judge answers."""

from __future__ import annotations

from evaluators.records import Answer, Rubric
from evaluators.replies.forms import after_reasoning
from evaluators.replies.parsing import parse
from evaluators.writers.methods import proxy_grm


def grm_target(rubric: Rubric) -> str:
    """The teacher's answer after its reasoning: as it came where its form has no fault, else put together from its sections."""
    text = after_reasoning(rubric.answer.text) if rubric.answer and not rubric.violations else None
    if text:
        return text.strip()
    justify = f"\n<justify>\n{rubric.justify}\n</justify>" if rubric.justify else ""
    sections = f"<rubric>\n{rubric.text}{justify}\n</rubric>\n<eval>\n{rubric.evaluation}\n</eval>"
    return f"{sections}\n<answer>{rubric.verdict}</answer>"


def proxy_target(rubric: Rubric, think: bool) -> str:
    """The teacher's evaluation and verdict: reasons (inside <think> as Proxy-GRM's proxy has them, or plain), then the tag."""
    reasons = f"<think>\n{rubric.evaluation}\n</think>" if think else rubric.evaluation
    return f"{reasons}\n<answer>{rubric.verdict}</answer>"


def readable(rubric: Rubric, think: bool) -> bool:
    """Whether both targets say the teacher's verdict to the parsers that will read such answers."""
    written = proxy_grm.parse(Answer(grm_target(rubric), "proxy_grm"), blind=False)
    judged = parse(Answer(proxy_target(rubric, think), "tag"))
    return written.verdict == rubric.verdict == judged.choice and bool(written.rubric)
