"""lm-eval: the same settings for items that are text alone. See `lm.task`."""
