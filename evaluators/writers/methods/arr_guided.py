"""ARR with a guide: as `arr_zero_shot`, after exemplars that are in the prompt before the request (arXiv 2605.08354, sec. 3).

The paper shows each exemplar's preferred candidate first, which teaches an order beside the preference; here they alternate.
"""

from __future__ import annotations

from evaluators.writers.methods._numbered import PARSER, VIOLATIONS, parse

__all__ = ["NEEDS", "OPTIONS", "PARSER", "SEES", "TEMPLATE", "VIOLATIONS", "parse"]

TEMPLATE = "arr.jinja"
SEES = "nothing"
OPTIONS = ("criteria", "exemplars")
NEEDS = {"exemplars": " (labelled pairs with a rationale); without any, use arr_zero_shot"}
