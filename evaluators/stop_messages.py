"""Why a run ends early or waits, and what to do then: all messages about it, in one place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from evaluators.errors import KINDS, BackendError, RunStopped
from evaluators.records import Failure
from evaluators.text import printable

SHOWN_END = 160
"""Characters of a reply's end that a person is shown."""

FIXES = {
    "refused_connection": "start the server or correct base_url",
    "auth": "set the key in the environment variable that api_key_env names",
    "quota": "add money or quota to the account, or set another key",
    "certificate": "name a file of trusted certificates in SSL_CERT_FILE, or correct base_url",
    "proxy": "correct HTTP_PROXY or HTTPS_PROXY, or name the server in NO_PROXY",
    "not_found": "correct model or base_url (it usually ends in /v1)",
    "redirect": "set base_url to the address that the server names",
    "stream": "set `stream: true` of the judge",
    "rejected": "change what the server objects to (`max_tokens`, `max_tokens_field`, `temperature: null`, `extra_body`, "
    "`verdict`; a model that takes no images reads text alone with `media: none`)",
    "finish_reason": "name it in the judge's `complete_reasons` if it means a whole answer",
    "logprobs": "use `verdict: text`, or a server that returns top_logprobs",
    "rate_limit": "wait until the limit is lifted, or set a lower `concurrency`",
    "timeout": "raise timeout_s, or set a lower `concurrency`",
    "reset": "see what the server's log says",
    "descriptors": "raise the limit of open files (`ulimit -n`), or set a lower `concurrency`",
    "too_large": "see what the server sends: no judge's answer is that long",
    "html": "correct base_url (it usually ends in /v1)",
    "bad_json": "correct base_url (it usually ends in /v1), or use a server of OpenAI's chat completions",
    "too_long": "serve the model with a longer context (`--max-model-len`), or set `max_pixels`, or fewer `frames`",
    "image": "mend the file that the message names, or remove the row",
    "late": "raise deadline_s, or ask a faster server",
    "alone": "give all candidates of a prompt in one call",
    "empty": "raise max_tokens, or turn the model's reasoning off (`extra_body`)",
}
"""What ends failures of a kind."""


def described(error: BackendError) -> str:
    """A failure: its kind in words, and the server's own."""
    return f"{KINDS.get(error.kind, error.kind)} ({printable(error.message)})"


def hopeless(judge: str, what: str, error: BackendError) -> RunStopped:
    """Nothing but failures comes back.

    Args:
        what: which requests failed.
    """
    return RunStopped(f"judge {judge!r}: {what}: {with_fix(error)}; then run the same command again.")


def with_fix(error: BackendError) -> str:
    """A failure in words, and what ends it."""
    fix = FIXES.get(error.kind, "see what the server's log says")
    return f"{described(error)}. To fix: {fix}"


def blind(picture: str, text: str) -> str:
    """A model was shown a picture of one colour and named another, or none.

    Args:
        picture: the picture's colour.
        text: the answer.
    """
    end = " ".join(printable(text).split())[-SHOWN_END:]
    return (
        f"it does not see pictures: shown a {picture} one and asked for its colour, it said {end!r}. To fix: serve a model that reads "
        "images, with its image processor; or set `media: none`, so that it is told that it sees none"
    )


def no_reading(what: str, status: str, text: str, fixes: Iterable[str]) -> str:
    """An answer could not be used.

    Args:
        what: "verdict" or "rubric".
        status: what it was read as.
        text: the answer.
    """
    end = " ".join(printable(text).split())[-SHOWN_END:]
    return f"no {what} could be read ({status}); its answer ends: {end!r}. To fix: {'; '.join(fixes)}"


def in_doubt(judge: str, count: int, error: BackendError, patience_s: float) -> str:
    """The first requests failed, and the server is tried for a while before the run ends."""
    return (
        f"judge {judge!r}: the first {count} requests all failed and nothing else came back: {described(error)}. It is tried "
        f"again for {patience_s:.0f} s more, then the run ends"
    )


def asked_to_wait(judge: str, error: BackendError, requested_s: float, seconds: float, most_s: float) -> str:
    """The server asks for a long pause, of which at most `most_s` are granted."""
    cut = ", the most that retry_after_most_s allows; then it is asked again" if requested_s > most_s else ""
    return f"judge {judge!r}: the server asks to wait {requested_s:.0f} s: {described(error)}; waiting {seconds:.0f} s{cut}"


def budget_used_up(spent: str, limit: str, next_request: str, folder: object, remaining: str) -> RunStopped:
    """The next request may cost more than is left.

    Args:
        spent, limit, next_request: amounts of money, as they are printed.
        remaining: what remains to be done, such as "12 verdicts".
    """
    return RunStopped(
        f"{spent} of at most {limit} spent in {folder}, and the next request may take up to {next_request}. All answers "
        f"are kept; {remaining} to go: raise --max-cost (or max_cost in the config) and run the same command again"
    )


def unreadable(name: str, what: str, statuses: Counter[str], text: str, fixes: Iterable[str]) -> str:
    """None of a model's first answers holds a verdict or rubric.

    Args:
        what: "verdict" or "rubric".
        statuses: what the answers were read as.
        text: one of them.
    """
    counts = ", ".join(f"{n} {status}" for status, n in statuses.most_common())
    end = " ".join(printable(text).split())[-SHOWN_END:]
    return (
        f"{name!r}: its first {statuses.total()} answers hold no {what} ({counts}). One of them ends: {end!r}. "
        f"To fix: {'; '.join(fixes)}"
    )


def reading_fixes(statuses: Counter[str], max_tokens: int, direct: bool) -> list[str]:
    """Ways to make unreadable answers readable.

    Args:
        direct: a verdict is one token.
    """
    fixes = [f"raise max_tokens (now {max_tokens:,})"] if statuses["truncated"] else []
    if direct:
        fixes.append('allow it to write only a digit, `extra_body: {structured_outputs: {choice: ["1", "2"]}}` on vLLM')
    elif statuses["unparsed"] or statuses["invalid"]:
        fixes.append(
            "enforce the form that is asked for with a grammar on its server (`extra_body: {structured_outputs: ...}` on vLLM), "
            "or take another `prompt:` or model"
        )
    return fixes


def induction_unanswered(writer: str, failure: object, permanent: bool) -> RunStopped:
    """A request of an induction failed for good, and it cannot go on without the answer."""
    again = "fix that, or remove the row, and run the command again" if permanent else "run the same command again"
    return RunStopped(f"writer {writer!r}: {failure}; all answers are kept: {again}")


def engine_died(judge: str) -> RunStopped:
    """An engine in this process ended by itself."""
    return RunStopped(f"judge {judge!r}: vLLM's engine died; its log says why. Run it again.")


def gpu_failed(judge: str, words: str) -> RunStopped:
    """The accelerator cannot be used any more by this process."""
    return RunStopped(f"judge {judge!r}: the GPU failed ({words}); run it again")


def no_rewards(calls: int, failures: Iterable[Failure]) -> RunStopped:
    """A training run got no reward for so many calls in a row.

    Args:
        failures: those of the last call.
    """
    listed = list(failures)
    counts = ", ".join(f"{n} {kind}" for kind, n in Counter(f.kind for f in listed).most_common())
    example = next((f.message for f in listed), "")
    return RunStopped(f"no reward in {calls} calls in a row: {counts}, such as: {example}")
