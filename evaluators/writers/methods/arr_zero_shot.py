"""ARR's zero-shot writer: K binary criteria from the request and its media alone (arXiv 2605.08354, sec. 3).

The paper's default is five criteria an input. Its code has no such writer: there a rubric comes from labelled pairs only.
"""

from __future__ import annotations

from evaluators.writers.methods._numbered import PARSER, VIOLATIONS, parse

__all__ = ["OPTIONS", "PARSER", "SEES", "TEMPLATE", "VIOLATIONS", "parse"]

TEMPLATE = "arr.jinja"
SEES = "nothing"
OPTIONS = ("criteria",)
