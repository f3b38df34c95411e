"""How a judge is related to the writer of a rubric: *unseen* is a fact derived from what both declare, never assumed."""

from __future__ import annotations

from typing import Literal

from evaluators.records import Writer

PERSON = "person"
"""The family of a writer that is no model."""

Relation = Literal["self", "training_proxy", "same_base", "same_family", "unseen", "undeclared"]


def relation(writer: Writer, *, model: str, base: str | None, family: str | None) -> Relation:
    """The nearest relation that holds; `unseen` needs both families declared (and different), or a writer that is a person.

    Example:
        >>> relation(Writer("me", family="person"), model="Qwen/Qwen3-VL-8B-Instruct", base=None, family=None)
        'unseen'

    Args:
        writer: who wrote the rubric, with whatever it declares.
        model, base, family: the judge's. A judge whose `base` is not given is taken to be its own base.
    """
    judge = {model, base} - {None}
    if writer.model is not None and writer.model == model:
        return "self"
    if judge & set(writer.trained_with):
        return "training_proxy"
    if judge & ({writer.model, writer.base} - {None}):
        return "same_base"
    if writer.family == PERSON:  # of no model's family, whatever the judge's is
        return "unseen"
    if family is None or writer.family is None:
        return "undeclared"
    return "same_family" if family == writer.family else "unseen"
