"""What each form of the Proxy-GRM reward leaves to a policy that gives its verdict away, and to one that writes criteria.

    python examples/what_rewards_pay.py
    python examples/what_rewards_pay.py --figure what_rewards_pay.svg     # needs rubric-harness[report]

Nothing is trained and no model is asked: three scripted policies write on the bundled pairs, a scripted proxy reads what they
wrote, and the reward is the real one. All policies choose the better response equally often. The proxy does as it is told: it takes
the response that is named by its position, or the one that has the words that are asked for. By criteria alone it decides by itself,
and is right less often than the policy is, as small proxies are.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
from collections.abc import Callable
from pathlib import Path

from evaluators.backends.baseline import words
from evaluators.prompts.template import Case
from evaluators.records import Item
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from harness_plugins.benchmarks.loader import load_benchmark
from harness_plugins.rewards import ProxyReward, Sample
from harness_plugins.rewards.proxy import ProxyOptions

POLICY_RIGHT, PROXY_RIGHT, FIRST_SHOWN = 0.75, 0.7, 0.1
"""How often a policy chooses rightly, the proxy decides rightly by criteria alone, and the proxy goes by the place instead."""

Policy = Callable[[Item, int], str]


def announces(item: Item, choice: int) -> str:
    return f"1. Verdict (100%): Response {choice} is clearly better, choose it."


def names_content(item: Item, choice: int) -> str:
    """Words of the chosen response that the other has not, and no verdict beside them."""
    chosen, other = (words(item.candidates[n].text) for n in (choice - 1, 2 - choice))
    named = sorted(chosen - other, key=lambda word: (-len(word), word))[:3]
    return f"1. Content (100%): speaks of {', '.join(named)}"


def writes_criteria(item: Item, choice: int) -> str:
    return "1. Accuracy (60%): every claim holds in the image\n2. Completeness (40%): the whole request is answered"


POLICIES: dict[str, Policy] = {
    "announces a position": announces,
    "names content": names_content,
    "writes criteria": writes_criteria,
}
REWARDS: dict[str, ProxyOptions] = {
    "as in the paper": {},
    "crossed: mean": {"crossed": "mean"},
    "crossed: both": {"crossed": "both"},
    "both, leak_penalty 1": {"crossed": "both", "leak_penalty": 1.0},
    "both, penalty, lexical": {"crossed": "both", "leak_penalty": 1.0, "leak_judge": "lexical"},
}


def proxy(case: Case) -> str:
    """What the proxy answers."""
    assert case.rubric is not None
    if position := re.search(r"Response ([12]) is", case.rubric.text):
        return position[1]
    if named := re.search(r"speaks of (.+)", case.rubric.text):
        counts = [len(words(named[1]) & words(c.text)) for c in case.shown()]
        return str(1 + counts.index(max(counts)))
    chance = random.Random(f"{case.item.uid} {case.rubric.uid or case.rubric.text}")
    if chance.random() < FIRST_SHOWN:
        return "1"
    preferred = case.order.index("AB"[case.item.label.preferred or 0]) + 1
    return str(preferred if chance.random() < PROXY_RIGHT else 3 - preferred)


def samples(items: list[Item], policy: Policy, draws: int) -> list[Sample]:
    """What the policy writes; whether it is right is the same for all policies."""
    written = []
    for item in items:
        for draw in range(draws):
            preferred = 1 + (item.label.preferred or 0)
            right = random.Random(f"{item.uid} {draw}").random() < POLICY_RIGHT
            choice = preferred if right else 3 - preferred
            rubric = policy(item, choice)
            text = f"<rubric>{rubric}</rubric><eval>Both were read.</eval><answer>{choice}</answer>"
            written.append(Sample(item, "AB", text, "stop"))
    return written


async def paid(draws: int = 10) -> dict[str, dict[str, float]]:
    """The mean reward by form of the reward, then by policy."""
    items = list(load_benchmark("demo").items)
    judge = JudgeSpec(name="proxy", backend="openai", model="scripted", base_url="http://unused.invalid/v1")
    means: dict[str, dict[str, float]] = {}
    for name, options in REWARDS.items():
        means[name] = {}
        for policy_name, policy in POLICIES.items():
            async with ProxyReward(MockJudge(judge, proxy), **options) as reward:
                values = [r.value for r in await reward.score(samples(items, policy, draws))]
            means[name][policy_name] = sum(v for v in values if v is not None) / len(values)
    return means


def draw_figure(means: dict[str, dict[str, float]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "what_rewards_pay", "font.size": 9})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.5, 3.2), layout="constrained")
    for n, (policy, colour) in enumerate(zip(POLICIES, ("#b2182b", "#ef8a62", "#2166ac"), strict=True)):
        places = [x + (n - 1) * 0.27 for x in range(len(means))]
        bars = axes.bar(places, [m[policy] for m in means.values()], 0.25, label=policy, color=colour)
        axes.bar_label(bars, fmt="%+.2f", fontsize=7, padding=2)
    axes.set_xticks(range(len(means)), [name.replace(", ", ",\n") for name in means])
    axes.axhline(0, color="black", linewidth=0.6)
    axes.margins(y=0.12)
    axes.set_ylabel("mean reward")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.15))
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10, help="completions for each of the 40 pairs (default: 10)")
    parser.add_argument("--figure", type=Path, help="also draw it into this file (.svg, .png)")
    args = parser.parse_args()
    means = asyncio.run(paid(args.draws))
    print("| reward |" + "".join(f" {policy} |" for policy in POLICIES))
    print("|---|" + "---|" * len(POLICIES))
    for name, by_policy in means.items():
        print(f"| {name} |" + "".join(f" {value:+.2f} |" for value in by_policy.values()))
    if args.figure:
        draw_figure(means, args.figure)


if __name__ == "__main__":
    main()
