"""Whether a judge's probabilities mean what they say: Brier, AUROC, selective accuracy, and ECE beside its floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness_plugins.scoring.report import Metric


@dataclass(frozen=True)
class Bin:
    """One of ten bins of equal mass by confidence, from least to most."""

    confidence: float
    accuracy: float
    n: int


@dataclass(frozen=True)
class Calibration:
    """One cell's probabilities, in one order or averaged over both on the scale of log-odds."""

    benchmark: str
    judge: str
    writer: str | None
    arm: str
    order: Literal["AB", "BA", "averaged"]
    n: int
    metrics: dict[str, Metric]
    """brier, auroc (of confidence telling right from wrong), ece, selective@80 and the like, with intervals over clusters."""
    ece_floor: tuple[float, float]
    """Mean and 95th percentile of the ECE that a perfectly calibrated judge would show with these confidences at this n."""
    bins: tuple[Bin, ...]
    selective: tuple[tuple[float, float], ...]
    """(coverage, accuracy) of the most confident items, from few to all."""
