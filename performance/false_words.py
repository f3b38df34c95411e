"""How often the rule of `scoring.conclusions` says "helps by its content" where it is not so, and how often where it is.

    python -m performance.false_words                        # 2,000 experiments a row, some minutes
    python -m performance.false_words --experiments 500

An experiment is a benchmark judged in both orders by three judges under `none`, `transferred`, `shuffled` and `generic`, with the
accuracy that its row states. Items of a cluster share their difficulty and what a rubric does to them; the judges share the items.
46 clusters are the 170 items of MM-RLHF-RewardBench in its groups; 150 and 600 are single items. A row says what is true:

- gain 0: no rubric does anything, or only the controls do harm. Skewed: the writer's rubrics help a little in most clusters and do
  much harm in one of five, nothing on the whole; the controls change an answer in ten, for better as often as for worse.
- as shuffled: `transferred` gains ten points, and so does another item's rubric of the same writer.
- 5, 10 beyond: it gains so many points more than either control.

Whoever leaves a control out of the run or out of the config is told that the cause was not tested: the columns "without".
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from harness_plugins.scoring import paired
from harness_plugins.scoring.conclusions import Conclusion, Lead, decide
from performance.size_of_tests import SIZES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLUSTERS = {46: SIZES["2 to 6 items (MM-RLHF)"], 150: [1] * 150, 600: [1] * 600}
NONE = 0.6
"""Accuracy without a rubric."""
TRUTHS = {
    "gain 0": {"transferred": 0.0, "shuffled": 0.0, "generic": 0.0},
    "gain 0, controls -10": {"transferred": 0.0, "shuffled": -0.1, "generic": -0.1},
    "gain 0, skewed": {},
    "as shuffled, +10": {"transferred": 0.1, "shuffled": 0.1, "generic": 0.0},
    "as both, +10": {"transferred": 0.1, "shuffled": 0.1, "generic": 0.1},
    "5 beyond": {"transferred": 0.1, "shuffled": 0.05, "generic": 0.05},
    "10 beyond": {"transferred": 0.1, "shuffled": 0.0, "generic": 0.0},
}
"""Points over `none` by arm."""
SKEWED = "gain 0, skewed"
FALSE = ("gain 0", "gain 0, controls -10", SKEWED, "as shuffled, +10", "as both, +10")
CONTROLS = ("shuffled", "generic")
JUDGES, AT_ONCE = 3, 100
SCALE = {
    "difficulty of a cluster": 0.7,
    "of an item": 1.0,
    "effect on a cluster": 0.7,
    "for one judge": 0.4,
    "noise": 1.0,
}
SPREAD = float(np.sqrt(np.sum(np.square(list(SCALE.values())))))
PLACE = 0.5
"""What being shown first is worth."""


@cache
def level(accuracy: float) -> float:
    """The mean odds at which an arm has an accuracy."""
    return float(brentq(lambda x: np.mean([norm.cdf((x + s * PLACE) / SPREAD) for s in (-1, 1)]) - accuracy, -9, 9))


def scores(rng: np.random.Generator, cluster: Ints, accuracies: Sequence[float]) -> Floats:
    """s_i in {0, 1/2, 1}: (arms, judges, items)."""
    clusters, items, arms = int(cluster.max()) + 1, len(cluster), len(accuracies)
    cluster_scale, item_scale, effect_scale, judge_scale, _ = SCALE.values()
    difficulty = cluster_scale * rng.standard_normal(clusters)[cluster] + item_scale * rng.standard_normal(items)
    effect = effect_scale * rng.standard_normal((arms, 1, clusters)) + judge_scale * rng.standard_normal(
        (arms, JUDGES, clusters)
    )
    odds = np.array([level(a) for a in accuracies])[:, None, None] + difficulty + effect[..., cluster]
    found = np.mean([odds + s * PLACE + rng.standard_normal(odds.shape) > 0 for s in (-1, 1)], axis=0)
    return np.asarray(found)


def skewed(rng: np.random.Generator, cluster: Ints) -> Floats:
    """As `scores`, of which `SKEWED` is true."""
    shape = (JUDGES, 2, len(cluster))
    none = rng.random(shape) < 0.5
    harmed, coin = (rng.random(int(cluster.max()) + 1) < 0.2)[cluster], rng.random(shape)
    transferred = np.where(none, ~(harmed & (coin < 0.5)), ~harmed & (coin < 0.125))
    controls = [np.where(rng.random(shape) < 0.1, ~none, none) for _ in CONTROLS]
    return np.array([none, transferred, *controls]).mean(axis=2)


def experiments(clusters: int, truth: str, count: int, seed: int = 1) -> Iterator[dict[str, Conclusion]]:
    """By the controls that were left out ("", "shuffled", ...) what is concluded; with the simulated scores as any run's."""
    cluster = np.repeat(np.arange(clusters), CLUSTERS[clusters])
    rng = np.random.default_rng(seed)
    accuracies = [NONE, *(NONE + TRUTHS[truth].get(a, 0.0) for a in ("transferred", *CONTROLS))]
    for start in range(0, count, AT_ONCE):
        differences: dict[tuple[int, str], Floats] = {}
        for n in range(min(AT_ONCE, count - start)):
            s = (skewed(rng, cluster) if truth == SKEWED else scores(rng, cluster, accuracies)).mean(axis=1)
            differences |= {(n, name): s[1] - s[arm] for name, arm in (("none", 0), ("shuffled", 2), ("generic", 3))}
        tested = paired.contrasts({k: np.where(np.abs(d) < 1e-12, 0, d) for k, d in differences.items()}, cluster)
        for n in range(min(AT_ONCE, count - start)):
            found = {}
            for left_out in (x for size in range(3) for x in itertools.combinations(CONTROLS, size)):
                leads = tuple(
                    Lead(c, "not run") if c in left_out else Lead(c, "tested", contrast=tested[n, c]) for c in CONTROLS
                )
                one = Conclusion("b", "w", judges=("a", "b", "c"), gain=tested[n, "none"], leads=leads)
                decide([one])
                found[" and ".join(left_out)] = one
            yield found


def simulate(clusters: int, truth: str, count: int) -> dict[str, Counter[str]]:
    """By the controls that were left out: how often each verdict was given."""
    found: dict[str, Counter[str]] = {}
    for concluded in experiments(clusters, truth, count):
        for left_out, c in concluded.items():
            found.setdefault(left_out, Counter())[c.verdict] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--experiments", type=int, default=2000, help="of each row; 2.5 per cent has an error of 0.35 at 2,000"
    )
    count = parser.parse_args().experiments
    verdicts = (
        "helps by its content",
        "helps; not shown to be more than a control",
        "helps; no more than a control",
        "not shown",
        "worse",
    )
    print(f"percent of {count} experiments")
    print("clusters | truth | by its content | not shown to be more | no more | not shown | worse | by its content without "
          "shuffled / generic / both")  # fmt: skip
    for clusters, truth in itertools.product(CLUSTERS, TRUTHS):
        found = simulate(clusters, truth, count)
        shares = [f"{100 * found[''][v] / count:.1f}" for v in verdicts]
        without = [f"{100 * n['helps by its content'] / count:.1f}" for left_out, n in found.items() if left_out]
        print(f"{clusters} | {truth} | " + " | ".join(shares) + f" | {' / '.join(without)}", flush=True)


if __name__ == "__main__":
    main()
