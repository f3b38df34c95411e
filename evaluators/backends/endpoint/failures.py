"""What a server says went wrong: its words, and the kind of failure by its status, its codes and, where servers give no
code, its words.

>>> read_failure(429, {"error": {"code": "insufficient_quota", "message": "You exceeded your quota."}}).kind
'quota'
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evaluators.backends.endpoint.json_texts import text_in
from evaluators.backends.endpoint.transport import SHOWN, Reply
from evaluators.errors import BackendError
from evaluators.replies.finish import ending

_STATUSES = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    407: "proxy",
    408: "timeout",
    409: "server",
    413: "too_long",
    425: "server",
    429: "rate_limit",
}

_CODES = {
    "auth": {
        "invalid_api_key",
        "api_key_invalid",
        "invalidapikey",
        "incorrect_api_key",
        "incorrect_api_key_error",
        "expired_api_key",
        "api_key_expired",
        "invalid_token",
        "expired_token",
        "token_expired",
        "authentication_error",
        "invalid_authentication",
        "invalid_authentication_error",
        "unauthenticated",
        "account_deactivated",
    },
    "quota": {
        "insufficient_quota",
        "insufficient_balance",
        "insufficient_credits",
        "insufficient_funds",
        "insufficient_user_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "billing_error",
        "exceeded_current_quota_error",
        "arrearage",
        "payment_required",
        "allocationquota.freetieronly",
        "1113",  # Zhipu and, below, 1261 and 1301
        "1008",  # MiniMax
    },
    "too_long": {
        "context_length_exceeded",
        "exceed_context_size_error",
        "string_above_max_length",
        "request_too_large",
        "model_context_window_exceeded",
        "1261",
    },
    "not_found": {"model_not_found", "model_not_found_error", "deploymentnotfound"},
    "rate_limit": {
        "rate_limit_exceeded",
        "rate_limit_error",
        "rate_limit_reached",
        "rate_limit_reached_error",
        "too_many_requests",
        "resource_exhausted",
        "throttling",
        "throttling.ratequota",
        "limit_requests",
    },
    "server": {
        "overloaded_error",
        "server_error",
        "internal_error",
        "internal_server_error",
        "api_error",
        "unavailable",
    },
    "rejected": {
        "invalid_request_error",
        "invalid_argument",
        "invalid_parameter_error",
        "unsupported_parameter",
        "unsupported_value",
        "badrequesterror",
    },
}
"""Codes, types and reasons as servers write them, in lower case."""

_FILTERED = {
    "responsibleaipolicyviolation",
    "content_policy_violation",
    "contentpolicyviolation",
    "data_inspection_failed",
    "datainspectionfailed",
    "moderation",
    "moderation_error",
    "1301",
}
"""Codes of a filter that refused the request: this item's, and the judge's own doing. Beside the finish reasons of filters."""

_WORDS = {
    "quota": re.compile(
        r"insufficient[ _](balance|quota|credits?|funds)|(credit )?balance is too low|account .{0,40}(in arrears|suspended|"
        r"not in good standing)|(requests?|models?|tokens?|quota)[ -](per|of the)[ -]day|per[-_]?day\b|daily (quota|limit)|"
        r"billing hard limit|free tier .{0,30}exhausted|out of (credits|funds)",
        re.I,
    ),
    "too_long": re.compile(
        r"(maximum|max|model'?s?|available|allowed) (context|model|prompt|input)[ -](length|size|window)|context (length|window|"
        r"size)\b|max_model_len|prompt is too long|input is too long|(prompt|input|request) .{0,60}too (long|large) for|"
        r"input token count .{0,40}exceeds|too many (input )?tokens|reduce the length of (the|your) (messages|prompt|input)|"
        r"`inputs` (must have less than|tokens \+)|range of input length|(request|input|prompt) too large|(input|prompt|request) "
        r"(length )?exceeds the (maximum|limit|model)",
        re.I,
    ),
    "stream": re.compile(
        r"only supports? (the )?stream|(stream|streaming)( mode)? (is )?(required|only)\b|(please )?(enable|set|use) (the )?"
        r"[`'\"]?stream\b|(must|should) be streamed|non-?stream\w* .{0,40}(not|isn't|unsupported|disabled)|stream[`'\"]? "
        r"(parameter )?(must|should|has to) be (set to )?true|streaming is required|stream=true",
        re.I,
    ),
    "images": re.compile(
        r"(image|vision|picture)s?\b( \w+)? (is|are) not (supported|enabled|allowed)|"
        r"(not|n't|cannot|no [\w ]{0,40}that) (support|accept|take|process|handle) (image|vision|picture|multi-?modal)",
        re.I,
    ),
    "max_tokens": re.compile(r"max_(completion_)?tokens\b[`'\"]* is too (large|big)", re.I),
    "auth": re.compile(
        r"api[ _-]?key.{0,40} (not valid|invalid|expired|missing|incorrect|revoked|disabled)|"
        r"(invalid|expired|incorrect|missing|wrong|revoked) (api[ _-]?key|access token|bearer token|credentials|authentication)|"
        r"(api key|token) (has |is )?expired|no api[ _-]?key",
        re.I,
    ),
}
"""What servers without a code of their own for it say."""

_SOON = re.compile(r"(try again|retry) (in|after) ", re.I)
"""A limit that ends by itself: not a quota that is used up, whatever it is called."""


STREAM_FIX = " (`stream: true` of the judge collects the pieces)"


@dataclass(frozen=True, slots=True)
class ServerFailure:
    """A server's words on a failure, and its codes in lower case."""

    status: int
    """The HTTP status; where a failure came under 200, the status that its body names, or 0."""
    words: str
    codes: frozenset[str]

    @property
    def filtered(self) -> bool:
        """Whether a content filter refused the request."""
        return self.status < 500 and any(c in _FILTERED or ending(c) == "filtered" for c in self.codes)

    @property
    def kind(self) -> str:
        """One of `errors.KINDS`."""
        status = self.status
        # First: servers send it under 429 too, where asking again is in vain, and under 403, as if the key were wrong.
        if status == 402 or self.codes & _CODES["quota"] or (self._worded("quota") and not _SOON.search(self.words)):
            return "quota"
        if status >= 400 and (self._worded("images") or self._worded("max_tokens")):
            return "rejected"  # whatever the status: what fixes it is an option of the judge
        # After max_tokens: a server that finds it too large names its context length in the same sentence.
        if self.codes & _CODES["too_long"] or (status not in (401, 403, 404) and self._worded("too_long")):
            return "too_long"
        if status in (0, 400, 404, 405, 422, 501) and self._worded("stream"):
            return "stream"
        if self.codes & _CODES["auth"] or (status in (0, 400, 403) and self._worded("auth")):
            return "auth"
        if status < 500 and self.codes & _CODES["not_found"]:
            return "not_found"
        if status in _STATUSES:
            return _STATUSES[status]
        if 300 <= status < 400:
            return "redirect"
        if status >= 500:
            return "server"
        if status >= 400:
            return "rejected"
        # An error under status 200 that names no status either: its codes are all that there is.
        return next((k for k in ("rate_limit", "server", "rejected") if self.codes & _CODES[k]), "server")

    def _worded(self, kind: str) -> bool:
        return _WORDS[kind].search(self.words) is not None

    def error(self, reply: Reply, usage: dict[str, int] | None = None, wrote: bool = False) -> BackendError:
        """The failure of a request that got this in place of an answer."""
        kind = self.kind
        words = self.words[:SHOWN] or f"HTTP {reply.status} without an error message"
        if kind == "stream":
            words += STREAM_FIX
        return BackendError(kind, words, http=reply.status, retry_after_s=reply.retry_after_s, usage=usage, wrote=wrote)


def read_failure(status: int, body: Any, raw: bytes = b"") -> ServerFailure:
    """What the body of a failure says.

    Args:
        status: the HTTP status.
        body: the body as JSON; None where it is none.
        raw: the body as it came, for one that is not JSON or of an unknown form.
    """
    if isinstance(body, list) and body:  # as Gemini sends it
        body = body[0]
    parts = list(_parts(body))
    words = list(dict.fromkeys(w for p in parts for w in _words(p)))
    if isinstance(body, str) and body:
        words = [body]
    codes = {c.lower() for p in parts for c in _codes(p)}
    if not words and raw:
        words = [_plain(raw)]
    # Under a good status the body may name the real one: {"error": {"code": 429}}.
    if status < 300:
        status = next((int(c) for c in sorted(codes) if c.isdecimal() and 400 <= int(c[:9]) < 600), 0)
    return ServerFailure(status, text_in(" ".join(" - ".join(words).split())) or "", frozenset(codes))


def _parts(body: Any) -> Iterator[Mapping[str, Any]]:
    """The objects in which servers put what went wrong, innermost words first."""
    if not isinstance(body, dict):
        return
    for name in ("error", "errors", "base_resp"):
        value = body.get(name)
        if isinstance(value, list):
            value = value[0] if value else None
        if isinstance(value, str):
            yield {"message": value}
        elif isinstance(value, dict):
            yield value
            for inner in ("innererror", "inner_error", "metadata"):
                if isinstance(value.get(inner), dict):
                    yield value[inner]
            details = value.get("details")
            yield from (d for d in (details if isinstance(details, list) else ()) if isinstance(d, dict))
    yield body


def _words(part: Mapping[str, Any]) -> Iterator[str]:
    for name in ("message", "msg", "detail", "error_msg", "error_message", "error_description", "status_msg", "raw"):
        value = part.get(name)
        if isinstance(value, str) and value.strip():
            yield value
        elif isinstance(value, dict) and isinstance(value.get("message"), str):
            yield value["message"]
        elif isinstance(value, list):  # FastAPI's; beside these its `input` quotes the whole prompt
            for v in value:
                if isinstance(v, dict) and isinstance(v.get("msg"), str):
                    yield ".".join(map(str, v["loc"] if isinstance(v.get("loc"), list) else ())) + f": {v['msg']}"


def _codes(part: Mapping[str, Any]) -> Iterator[str]:
    for name in ("code", "type", "status", "reason", "error_code", "status_code"):
        value = part.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield str(value)[:100]
    if part.get("flagged_input") or (isinstance(part.get("reasons"), list) and part["reasons"]):  # OpenRouter's
        yield "moderation"


def _plain(raw: bytes) -> str:
    """A body that is not JSON, as text: of a web page its title, or what is left without tags."""
    text = raw[:20_000].decode("utf-8", "replace")
    if not is_page(raw):
        return text[: 4 * SHOWN]
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.I | re.S)
    return title[1] if title else re.sub(r"<[^>]*>", " ", text)[: 4 * SHOWN]


def is_page(data: bytes) -> bool:
    """Whether a body is a web page."""
    return data[:200].lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith((b"<!doctype html", b"<html"))


def redirected(reply: Reply) -> BackendError:
    """The failure of a request that was redirected: redirects are not followed, so that no key reaches another server."""
    target = reply.headers.get("location", "").partition("?")[0].partition("#")[0]
    scheme, mark, address = target.partition("://")
    if mark and "@" in address.partition("/")[0]:
        target = scheme + mark + address.partition("@")[2]
    shown = f"its Location is {target[:SHOWN]}" if target else "it names no Location"
    return BackendError(
        "redirect",
        f"HTTP {reply.status}: the server sends requests elsewhere ({shown}), and redirects are not followed",
        http=reply.status,
    )
