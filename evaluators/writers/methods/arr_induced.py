"""ARR's induced writer: one rubric for all items, made from labelled seed pairs and verified on them (arXiv 2605.08354, sec. 3.2).

It writes nothing item by item: `evaluators.induction` is what makes its rubric, before anything is judged.
"""

from __future__ import annotations

from evaluators.writers.methods._numbered import VIOLATIONS as _NUMBERED

TEMPLATE = "arr_induced.jinja"
PARSER = "induction/1"
SEES = "nothing"
OPTIONS = ("criteria", "seeds", "rounds", "held_out")
NEEDS = {"seeds": ": labelled pairs, in the form of the benchmark `pairs`"}
SHARED = True
VIOLATIONS = {
    **_NUMBERED,
    "nothing_verified": "no criterion decided the pair that it was proposed from, in both orders",
}
