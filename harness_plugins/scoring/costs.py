"""What a decision costs, beside how good it is: arms and votes on one axis of tokens or money (decision 15)."""

from __future__ import annotations

from dataclasses import dataclass

from harness_plugins.scoring.report import Metric


@dataclass(frozen=True)
class CostPoint:
    """One way to decide an item: an arm with all its orders, or a vote of k samples without a rubric."""

    benchmark: str
    judge: str
    writer: str | None
    arm: str
    votes: int | None
    """k of vote@k; None for the arm as judged."""
    calls: float
    """The judge's, an item."""
    read: float
    written: float
    """The judge's tokens, an item."""
    writer_read: float
    writer_written: float
    """The rubric's share, C_writer / m: its tokens over all decisions that it serves."""
    money: float | None
    """An item, both shares together; None without prices."""
    accuracy: Metric
    frontier: bool
    """No other point of this judge is at least as accurate for less."""
