"""Layouts of preference data: a module here turns a row of its own columns into a row of the benchmark `pairs`.

Such a module holds
- `LICENCE` and `DATASET`: what the dataset's card says, and where it is on the Hub (no id: rows are local),
- `pair(row) -> dict`: the same row as `{"id", "prompt", "media", "candidates", "label", ...}`, media being paths or embedded
  images as they came, the preferred response first unless the row orders them; `margin` where the row says how clear it is.
  A row without an id gets one from its content.

It raises `RowProblem` where the row does not fit, and `NoPreference` where it fits and prefers neither. Adding a source is adding
such a module, here or in a package of your own (`evaluators.plugins`); those that begin with `_` are shared parts.
"""

from __future__ import annotations


class NoPreference(Exception):
    """A sound row that prefers neither of two: a tie, or a score of one response."""
