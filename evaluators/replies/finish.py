"""How a server says that an answer ended: one table of finish reasons for every backend, parser, import and reward.

>>> ending("STOP"), ending("MAX_TOKENS"), ending("content_filter: RECITATION"), ending("network_error"), ending("paused")
('complete', 'cut', 'filtered', 'failed', 'unknown')
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Literal

from evaluators.errors import BackendError

Ending = Literal["complete", "cut", "filtered", "failed", "unknown"]
"""`complete`: the model stopped by itself. `cut`: a token limit ended it. `filtered`: it was refused or blocked. `failed`: the
server did not finish it. `unknown`: a name that is in no list, so it is not known whether the text is whole."""

COMPLETE = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence"})
CUT = frozenset(
    {
        "length",
        "max_tokens",
        "max_output_tokens",
        "max_completion_tokens",
        "max_new_tokens",
        "max_length",
        "model_length",
        "token_limit",
        "model_context_window_exceeded",
        "context_length_exceeded",
    }
)
FILTERED = frozenset(
    {
        "content_filter",
        "content_filtered",
        "safety",
        "image_safety",
        "recitation",
        "blocklist",
        "prohibited_content",
        "image_prohibited_content",
        "spii",
        "sensitive",
        "refusal",
        "error_toxic",
        "guardrail_intervened",
    }
)
FAILED = frozenset(
    {
        "error",
        "abort",
        "aborted",
        "cancel",
        "cancelled",
        "canceled",
        "timeout",
        "network_error",
        "insufficient_system_resource",
        "server_error",
        "engine_error",
    }
)


def ending(reason: str | None, complete_reasons: Collection[str] = ()) -> Ending:
    """The family of a finish reason, however it is spelled; what follows a colon does not matter, and None is complete.

    Args:
        complete_reasons: further names that mean a whole answer (a judge's `complete_reasons`).
    """
    if not reason:
        return "complete"
    name = _plain(reason)
    if name in COMPLETE or name in {_plain(c) for c in complete_reasons}:
        return "complete"
    families: tuple[tuple[Ending, frozenset[str]], ...] = (("cut", CUT), ("filtered", FILTERED), ("failed", FAILED))
    return next((family for family, names in families if name in names), "unknown")


@lru_cache(256)
def _plain(reason: str) -> str:
    """One spelling for `MAX_TOKENS`, `max-tokens`, `maxTokens`, `FinishReason.MAX_TOKENS` and `FINISH_REASON_MAX_TOKENS`."""
    name = reason.partition(":")[0].strip().rpartition(".")[2]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().replace("-", "_").replace(" ", "_")
    return words.removeprefix("finish_reason_")


def check_finished(
    reason: str | None, complete_reasons: Collection[str] = (), usage: dict[str, int] | None = None
) -> None:
    """Let an answer pass that its model or a limit ended.

    Args:
        usage: what the unfinished reply cost anyway.

    Raises:
        BackendError: of kind `server` where the server did not finish it, `finish_reason` where it is not known.
    """
    family = ending(reason, complete_reasons)
    if family == "failed":
        raise BackendError(
            "server",
            f"the server did not finish its answer (finish_reason {reason!r})",
            usage=usage,
            wrote=True,
        )
    if family == "unknown":
        raise BackendError(
            "finish_reason",
            f"finish_reason {reason!r} is not known here, so the answer may be cut short; if it means a whole answer, set "
            f"`complete_reasons: [{reason}]` of the judge",
            usage=usage,
        )
