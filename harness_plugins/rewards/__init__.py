"""Rewards for training, over the judging code and engine of evaluation.

from harness_plugins.rewards import ProxyReward, Sample

async with ProxyReward(proxy) as reward:
    outcomes = await reward.score([Sample(item, "AB", completion) for ...])
"""

from harness_plugins.rewards.payoffs import AGGREGATIONS, Aggregation, payoff
from harness_plugins.rewards.proxy import Outcome, ProxyReward, Reward, Sample

__all__ = ["AGGREGATIONS", "Aggregation", "Outcome", "ProxyReward", "Reward", "Sample", "payoff"]
