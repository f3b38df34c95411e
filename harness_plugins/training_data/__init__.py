"""Training data for a Proxy-GRM pipeline from raw preference data: `build` is the whole of it (`rubric-harness data`)."""

from harness_plugins.training_data.build import Built, build

__all__ = ["Built", "build"]
