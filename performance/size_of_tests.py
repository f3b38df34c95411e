"""How often each test of the tables calls a difference that is none, and how often its interval holds the truth, by simulation.

    python performance/size_of_tests.py                        # 20,000 experiments a row, some minutes
    python performance/size_of_tests.py --experiments 4000

An experiment is a benchmark of 46 clusters, judged in both orders, in which no arm is better than another: nominal 5 % should come
out at 5 %. Items of a cluster share their difficulty and what a rubric does to them; judges of a margin share the items.

- alike: each arm does as much good as harm, by the same distribution.
- skewed: a rubric helps one cluster in five much and harms the others a little, so that nothing is gained on the whole. Signs of
  clusters are then no coin flips, and no test on 46 clusters is exact.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from harness_plugins.scoring import statistics
from harness_plugins.scoring.cells import Contrast
from harness_plugins.scoring.matrix import Difference, apart_from, contrasts, mean

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLUSTERS = 46
SIZES = {
    "one item each": [1] * CLUSTERS,
    "2 to 6 items (MM-RLHF)": [2] * 11 + [3] * 13 + [4] * 6 + [5] * 11 + [6] * 5,
    "1 to 10 items": [1] * 14 + [2] * 9 + [3] * 7 + [4] * 5 + [5] * 3 + [6] * 2 + [7] * 2 + [8] + [9] + [10] * 2,
}
"""Items of each cluster. Those of MM-RLHF-RewardBench are as they are: 170 items."""
AT_ONCE = 250


def scores(rng: np.random.Generator, cluster: Ints, arms: int, judges: int, skewed: bool, count: int) -> Floats:
    """s_i in {0, 1/2, 1}: (arms, judges, items, experiments). The first arm is `none`; all have the same expectation."""
    items = len(cluster)

    def shared(scale: float, *shape: int) -> Floats:
        return scale * rng.standard_normal((*shape, CLUSTERS, count))[..., cluster, :]

    if skewed:  # in a cluster that a rubric helps it mends half of what is wrong; elsewhere it breaks an eighth of what is right
        right = rng.random((judges, 2, items, count)) < 0.5
        helped = (rng.random((arms, 1, 1, CLUSTERS, count)) < 0.2)[:, :, :, cluster, :]
        coin = rng.random((arms, judges, 2, items, count))
        after = np.where(right, helped | (coin >= 0.125), helped & (coin < 0.5))
        after[0] = right
        answer: Floats = after.mean(axis=2)
        return answer
    difficulty = shared(0.7) + rng.standard_normal((items, count))
    effect = shared(0.7, arms, 1) + shared(0.4, arms, judges)
    odds = 0.4 + difficulty + effect
    return np.mean([odds + s * 0.5 + rng.standard_normal(odds.shape) > 0 for s in (-1, 1)], axis=0)


def differences(s: Floats, arm: int, reference: int, over: int) -> list[Difference]:
    """Each experiment's d_i of an arm over a reference, as a mean over so many judges."""
    _, _, items, count = s.shape
    unknown = np.full(items, np.nan)
    return [
        mean([Difference(s[arm, j, :, e] - s[reference, j, :, e], unknown) for j in range(over)]) for e in range(count)
    ]


def tested(differences: list[Difference], cluster: Ints) -> list[Contrast]:
    return list(contrasts(dict(enumerate(differences)), cluster).values())


def simulate(sizes: list[int], skewed: bool, experiments: int, seed: int = 1) -> dict[str, float]:
    """The share of experiments in which each test says that there is something."""
    cluster = np.repeat(np.arange(CLUSTERS), sizes)
    rng = np.random.default_rng(seed)
    hits: dict[str, list[bool]] = {}
    for _ in range(0, experiments, AT_ONCE):
        s = scores(rng, cluster, 4, 3, skewed, AT_ONCE)
        for name, said in _said(s, cluster):
            hits.setdefault(name, []).extend(said)
    return {name: float(np.mean(said)) for name, said in hits.items()}


def _said(s: Floats, cluster: Ints) -> Iterator[tuple[str, list[bool]]]:
    def below(found: list[Contrast]) -> list[bool]:
        return [x.p < 0.05 for x in found]

    cell = tested(differences(s, 1, 0, 1), cluster)
    margin = tested(differences(s, 1, 0, 3), cluster)
    against = tested(differences(s, 2, 1, 3), cluster)
    yield "sign-flip, one cell", below(cell)
    yield "sign-flip, margin over 3 judges", below(margin)
    yield "sign-flip, against the reference writer", below(against)
    yield "bootstrap interval of a cell misses 0", [not x.low <= 0 <= x.high for x in cell]
    yield "bootstrap interval of a margin misses 0", [not x.low <= 0 <= x.high for x in margin]
    if len(cluster) == CLUSTERS:
        strict = s[:2, 0] == 1
        yield (
            "McNemar on strict-both, one cell",
            [
                statistics.mcnemar(int((b & ~a).sum()), int((a & ~b).sum())) < 0.05
                for a, b in zip(*strict.transpose(0, 2, 1), strict=True)
            ],
        )
    rows = [differences(s, arm, 0, 3) for arm in (1, 2, 3)]
    writers = list(zip(margin, *(tested(row, cluster) for row in rows[1:]), strict=True))
    holm = [statistics.holm([x.p for x in w]) for w in writers]
    yield "Holm over 3 writers' margins, any", [min(p) < 0.05 for p in holm]
    pairs = [[apart_from(a, b) for a, b in zip(rows[i], rows[2], strict=True)] for i in (0, 1)]
    found = zip(against, *(tested(row, cluster) for row in pairs), strict=True)
    yield (
        "Holm over the pairs of a ranking, any",
        [min(statistics.holm([x.p for x in three])) < 0.05 for three in found],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--experiments", type=int, default=20_000, help="of each row; the error of a row is 0.15 points at 20,000"
    )
    experiments = parser.parse_args().experiments
    columns = [(name, sizes, skewed) for name, sizes in SIZES.items() for skewed in (False, True)]
    found = [simulate(sizes, skewed, experiments) for _, sizes, skewed in columns]
    heads = [f"{name}, {'skewed' if skewed else 'alike'}" for name, _, skewed in columns]
    print(f"percent of {experiments} experiments without a difference, on {CLUSTERS} clusters")
    for i, head in enumerate(heads):
        print(f"  {chr(65 + i)}: {head}, {sum(columns[i][1])} items")
    print(f"{'':42}" + "".join(f"{chr(65 + i):>7}" for i in range(len(heads))))
    for name in found[0]:
        print(f"{name:42}" + "".join(f"{100 * f[name]:7.2f}" if name in f else f"{'':7}" for f in found))


if __name__ == "__main__":
    main()
