"""What the backends share that stand for models of a harness."""

from __future__ import annotations

SERVED_ARGS = ("model", "model_version", "model_name", "pretrained", "checkpoint")
"""The arguments that say to models of lmms-eval and lm-eval which model to serve."""
