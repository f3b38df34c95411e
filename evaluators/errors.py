"""What can go wrong, by kind: one exception for the user's mistakes, one for a request that was not answered."""

from __future__ import annotations

import errno
from collections.abc import Iterable

KINDS = {
    "refused_connection": "nothing listens at the address",
    "reset": "the connection broke",
    "timeout": "no answer within timeout_s",
    "rate_limit": "HTTP 429",
    "server": "HTTP 5xx",
    "auth": "HTTP 401 or 403",
    "quota": "the account has no money or quota left",
    "certificate": "the server's certificate is not trusted",
    "proxy": "the proxy that the environment names did not let it through",
    "not_found": "HTTP 404",
    "redirect": "the server sends requests to another address",
    "stream": "the endpoint answers in streams only",
    "rejected": "the server refuses the request as it stands",
    "html": "a web page in place of an answer",
    "bad_json": "an answer that is not the expected JSON",
    "too_large": "a reply of more bytes than are read",
    "empty": "an answer without content",
    "logprobs": "an answer without the log-probabilities that were asked for",
    "too_long": "the request does not fit the model or its memory",
    "finish_reason": "an answer that ended for a reason of an unknown name",
    "descriptors": "too many open files and connections",
    "backend": "the judge itself failed",
    "image": "a picture that cannot be shown, so no request was sent",
    "late": "no answer before the deadline of the call",
    "alone": "no other candidate of the prompt to compare with",
}
"""Kinds of failure, as they are in `Verdict.error.kind` and in the progress line."""

FATAL = frozenset({"refused_connection", "auth", "quota", "certificate", "proxy", "not_found", "redirect", "stream"})
"""When nothing but these comes back, going on is pointless."""

PERMANENT = frozenset(
    {
        "auth",
        "quota",
        "certificate",
        "not_found",
        "redirect",
        "stream",
        "rejected",
        "too_large",
        "logprobs",
        "too_long",
        "finish_reason",
        "image",
        "backend",
    }
)
"""Asking the same thing again cannot help."""

REPLIES = frozenset({"bad_json", "empty", "logprobs", "finish_reason"})
"""A reply came and could not be used: it may have been paid for, also where it does not tell its tokens."""


class UserError(Exception):
    """A mistake in what the user gave: one line that names the place and the fix. The command line exits with 2."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


_SYSTEM = {
    errno.ENOSPC: "the disk is full; make room and run the same command again",
    errno.EDQUOT: "your disk quota is used up; make room and run the same command again",
    errno.EACCES: "you may not write there; change its permissions, or give another folder (--out)",
    errno.EPERM: "you may not write there; change its permissions, or give another folder (--out)",
    errno.EROFS: "its file system is read-only; give another folder (--out)",
    errno.EIO: "the disk, or the connection to it, fails; look at the system's log, or give another folder (--out)",
    errno.ENOLCK: "its file system has no locks left or gives none; give a folder on another one (--out)",
    errno.EOPNOTSUPP: "its file system gives no locks; give a folder on another one (--out)",
    errno.ENOSYS: "its file system gives no locks; give a folder on another one (--out)",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n)",
    errno.ENFILE: "too many open files in the whole system; close some programs",
    errno.ENOTDIR: "a part of the path is a file; give another folder (--out)",
    errno.EISDIR: "it is a folder; remove it, or give another folder (--out)",
    errno.ESTALE: "the network file system lost it; mount it again and run the same command again",
}
"""What an error of the file system means, and the fix."""


def unwritten(path: object, error: OSError) -> UserError:
    """A file or folder that cannot be written, in words of its own for each cause.

    >>> str(unwritten("runs/a", OSError(errno.EROFS, "Read-only file system")))
    'runs/a: cannot be written (Read-only file system): its file system is read-only; give another folder (--out)'
    """
    fix = _SYSTEM.get(error.errno or 0)
    return UserError(f"{path}: cannot be written ({error.strerror or error}){f': {fix}' if fix else ''}")


class BackendError(Exception):
    """One request was not answered.

    Args:
        kind: one of `KINDS`.
        message: what the server said, shortened, secrets removed.
        http: the status code, where there was one.
        retry_after_s: seconds that the server asked to wait.
        usage: tokens that were paid for anyway, as in `Answer.usage`.
        wrote: a model wrote something that could not be used, so it may have been paid for, whatever the kind.
        earlier: the usage of other failed replies, None for one that does not report it: other calls of
            the same decision, attempts before this one.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        http: int | None = None,
        retry_after_s: float | None = None,
        usage: dict[str, int] | None = None,
        wrote: bool = False,
        earlier: Iterable[dict[str, int] | None] = (),
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.http = http
        self.retry_after_s = retry_after_s
        self.usage = usage
        self.wrote = wrote
        self.earlier = tuple(earlier)

    @property
    def replies(self) -> tuple[dict[str, int] | None, ...]:
        """The usage of every reply that failed and may have been paid for."""
        may_be_paid = self.usage or self.wrote or self.kind in REPLIES
        return (*self.earlier, self.usage) if may_be_paid else self.earlier

    def after(self, earlier: Iterable[dict[str, int] | None]) -> BackendError:
        """The same failure, with failed replies before it."""
        return BackendError(
            self.kind,
            self.message,
            http=self.http,
            retry_after_s=self.retry_after_s,
            usage=self.usage,
            wrote=self.wrote,
            earlier=(*earlier, *self.earlier),
        )

    @property
    def permanent(self) -> bool:
        return self.kind in PERMANENT


class RunStopped(Exception):
    """The run ended early for a reason that more requests cannot fix (a dead server, a wrong key)."""
