"""What a person is told where a run ends early: each kind of failure says what ends it."""

from __future__ import annotations

from collections import Counter

import pytest

from evaluators import stop_messages
from evaluators.errors import FATAL, BackendError
from evaluators.records import Failure


@pytest.mark.parametrize("kind", sorted(FATAL))
def test_whatever_ends_a_run_at_once_says_what_to_do(kind: str) -> None:
    text = str(stop_messages.hopeless("j", "the last 3 requests all failed", BackendError(kind, "its \x1bwords")))
    assert text.startswith("judge 'j': the last 3 requests all failed: ") and text.endswith(
        "run the same command again."
    )
    assert "the server's log" not in text and "\x1b" not in text


def test_a_failure_of_an_unknown_kind_says_where_to_look() -> None:
    assert "see what the server's log says" in str(
        stop_messages.hopeless("j", "all failed", BackendError("new", "words"))
    )


def test_a_pause_that_is_cut_says_so() -> None:
    error = BackendError("rate_limit", "slow down")
    assert stop_messages.asked_to_wait("j", error, 400, 300.4, 300).endswith("then it is asked again")
    assert stop_messages.asked_to_wait("j", error, 200, 200.4, 300).endswith("waiting 200 s")


def test_answers_that_cannot_be_read_say_what_would_help() -> None:
    cut = stop_messages.reading_fixes(Counter(truncated=20), 64, False)
    assert cut == ["raise max_tokens (now 64)"]
    assert "structured_outputs: {choice" in stop_messages.reading_fixes(Counter(low_mass=20), 64, True)[0]
    text = stop_messages.unreadable("j", "verdict", Counter(truncated=20), "a long end", cut)
    assert (
        text
        == "'j': its first 20 answers hold no verdict (20 truncated). One of them ends: 'a long end'. To fix: " + cut[0]
    )


def test_a_training_without_rewards_names_the_failures() -> None:
    stop = stop_messages.no_rewards(
        3, [Failure("timeout", "late"), Failure("server", "down"), Failure("server", "gone")]
    )
    assert str(stop) == "no reward in 3 calls in a row: 2 server, 1 timeout, such as: late"
