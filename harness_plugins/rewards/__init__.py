"""Rewards for training, over the judging code and engine of evaluation.

from harness_plugins.rewards import ProxyReward, Sample

async with ProxyReward(proxy) as reward:
    outcomes = await reward.score([Sample(item, "AB", completion) for ...])

Trainers take them through `rewards.trl`, `rewards.verl`, `rewards.swift`, `rewards.diffusion`; `rewards.server` serves them.
"""

from harness_plugins.rewards.payoffs import AGGREGATIONS, Aggregation, payoff
from harness_plugins.rewards.proxy import Outcome, ProxyReward, Reward, Sample
from harness_plugins.rewards.rpo import Completions, Group, RPOReward, Score

__all__ = [
    "AGGREGATIONS",
    "Aggregation",
    "Completions",
    "Group",
    "Outcome",
    "ProxyReward",
    "RPOReward",
    "Reward",
    "Sample",
    "Score",
    "payoff",
]
