"""What a model's answer means: whether it ended, which form of a verdict decides, what token probabilities say."""
