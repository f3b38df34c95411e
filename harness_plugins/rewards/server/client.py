"""A reward server's client, in place of a judge of one's own: `RewardClient(url)` goes wherever a proxy or an RPO judge does.

A server that is busy, restarted or killed is asked again, with jitter, until the deadline of the call; what has no answer then
is masked, with the last failure. What asking again cannot fix (a wrong token, a wrong address) is said at once.

reward_func = proxy_grm_reward(RewardClient("http://127.0.0.1:8765", token_env="REWARD_TOKEN"))
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar, overload

import orjson
from pydantic import BaseModel, ValidationError

from evaluators.backends.endpoint.failures import read_failure, redirected
from evaluators.backends.endpoint.json_texts import parsed
from evaluators.backends.endpoint.transport import SHOWN, Transport, address, check_proxy, header_problem
from evaluators.engine.caller import failure_of
from evaluators.engine.pacing import backoff_s
from evaluators.errors import BackendError, UserError
from harness_plugins.rewards.proxy import Reward, Sample
from harness_plugins.rewards.resources import DEADLINE_S, AsyncResource, check_deadline, concurrently, deadline
from harness_plugins.rewards.rpo import Candidates, Score, unheard
from harness_plugins.rewards.samples import masked
from harness_plugins.rewards.server import wire

M = TypeVar("M", bound=BaseModel)

_STEEPEST = 4
"""Attempts after which pauses grow no longer (4 s at most): a server that is back is to be found soon."""
# 400 is a refused Host header: masked like a failure, it would cost a training all its rewards.
_AUTH, _GONE = (401, 403), (400, 404, 405)


class RewardClient(AsyncResource):
    """Args:
        url: the server's address, such as http://127.0.0.1:8765.
        token_env: the environment variable that holds its bearer token.
        deadline_s: how long one call of `score` may take; what has no answer by then is masked, with the last failure,
            or as `late`. None waits.
        timeout_s: how long one attempt may take.
        concurrency: requests at a time; each holds one sample or group.

    Raises:
        UserError: the address is none, or the variable is not set.
    """

    def __init__(
        self,
        url: str,
        *,
        token_env: str | None = None,
        deadline_s: float | None = DEADLINE_S,
        timeout_s: float = 300.0,
        concurrency: int = 64,
    ) -> None:
        try:
            check_proxy(address(url))
        except ValueError as e:
            raise UserError(f"no address of a reward server; give one such as http://127.0.0.1:8765: {e}") from None
        check_deadline(deadline_s)
        if not (timeout_s > 0 and concurrency > 0):
            raise UserError("timeout_s and concurrency of a reward client are larger than 0")
        self.url = url.rstrip("/")
        self._token_env, self._deadline_s, self._timeout_s = token_env, deadline_s, timeout_s
        self._concurrency = concurrency
        if token_env is not None and not self._token():
            raise UserError(f"the environment variable {token_env} is not set: it must hold the reward server's token")
        if header_problem("x", self._token()):
            raise UserError(f"the token in {token_env} holds characters that no header may: set it again")
        self.failures: Counter[str] = Counter()
        """Failed attempts by kind, retried ones included."""
        self.masked: Counter[str] = Counter()
        """Samples and groups that ended without an answer from the server, by kind."""

    def _token(self) -> str:
        return os.environ.get(self._token_env, "").strip() if self._token_env else ""

    async def open(self) -> None:
        self._gate = asyncio.Semaphore(self._concurrency)
        token = self._token()
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._transport = Transport([token], keep_s=4)  # uvicorn closes idle connections after 5 s

    async def close(self) -> None:
        if hasattr(self, "_transport"):
            await self._transport.close()

    def forget(self, paths: Collection[str]) -> None:
        """Nothing is kept of files: all is sent by value."""

    @overload
    async def score(self, inputs: Sequence[Sample], /) -> list[Reward]: ...

    @overload
    async def score(self, inputs: Sequence[Candidates], /) -> list[list[Score]]: ...

    async def score(self, inputs: Sequence[Sample] | Sequence[Candidates], /) -> list[Reward] | list[list[Score]]:
        """The rewards of completions, or the scores of groups, in order.

        Raises:
            UserError: the server refuses the token, or serves no such reward; or an item cannot be sent.
        """
        until = deadline(self._deadline_s)
        if inputs and not isinstance(inputs[0], Sample):
            return await concurrently(lambda g: self._group(g, until), [i for i in inputs if not isinstance(i, Sample)])
        return await concurrently(lambda s: self._sample(s, until), [i for i in inputs if isinstance(i, Sample)])

    async def _sample(self, sample: Sample, until: float | None) -> Reward:
        def body() -> bytes:
            return orjson.dumps({"samples": [wire.sample_out(sample)]})

        try:
            reply = await self._reply(wire.path_of(wire.PROXY_GRM), body, wire.ProxyReply, until)
        except BackendError as e:
            self.masked[e.kind] += 1
            return masked(sample, failure_of(e))
        return wire.reward_in(reply.results[0])

    async def _group(self, group: Candidates, until: float | None) -> list[Score]:
        def body() -> bytes:
            return orjson.dumps({"groups": [wire.group_out(group)]})

        try:
            reply = await self._reply(wire.path_of(wire.RPO), body, wire.RPOReply, until)
        except BackendError as e:
            self.masked[e.kind] += 1
            return unheard(group.size, failure_of(e))
        scores = [wire.score_in(s) for s in reply.results[0].scores]
        if len(scores) != group.size:
            raise UserError(
                f"{self.url}: {len(scores)} scores for {group.size} candidates; is it a reward server of ours?"
            )
        return scores

    async def _reply(self, path: str, body: Callable[[], bytes], form: type[M], until: float | None) -> M:
        """Ask until it answers or the deadline passes.

        No `engine.caller`: that ends by a number of attempts, pays for each and gives up a dead server, and the reward server's own has
        done so already. Here the client waits for a server that is down.

        Raises:
            BackendError: what asking again cannot help; at the deadline the last failure, or `late` where no attempt had failed.
        """
        attempt, last = 0, BackendError("late", "it did not answer")
        try:
            async with asyncio.timeout_at(until) as limit, self._gate:
                data = await asyncio.to_thread(body)
                while True:
                    attempt += 1
                    try:
                        return self._read(await self._post(path, data), form)
                    except BackendError as e:
                        self.failures[e.kind] += 1
                        if e.permanent:
                            raise
                        # Also where nothing listens: a server that restarts looks the same.
                        last = e
                        await asyncio.sleep(backoff_s(min(attempt, _STEEPEST), e))
        except TimeoutError:
            if not limit.expired():
                raise
            message = f"no answer from {self.url} within {self._deadline_s:g} s, {attempt} attempts: {last.message}"
            raise BackendError(last.kind, message, http=last.http) from None

    async def _post(self, path: str, data: bytes) -> bytes:
        try:
            reply = await self._transport.post(address(self.url, path), self._headers, [data], self._timeout_s)
        except BackendError as e:
            if e.kind == "certificate":
                raise UserError(f"{self.url}: {e.message}: name a file of trusted ones in SSL_CERT_FILE") from None
            raise
        if reply.status == 200:
            return reply.body
        if 300 <= reply.status < 400:
            raise UserError(f"{self.url}: {redirected(reply).message}")
        try:
            body = parsed(reply.body)
        except (ValueError, RecursionError):
            body = None
        words = read_failure(reply.status, body, reply.body).words[:SHOWN]
        if reply.status in _AUTH:
            raise UserError(
                f"{self.url}: refused (HTTP {reply.status}): set token_env to the variable that holds its token"
            )
        if reply.status in _GONE:
            raise UserError(f"{self.url}{path}: HTTP {reply.status}: {words or 'no such reward there'}")
        slow = reply.status >= 500 or reply.status == 408
        kind = "rate_limit" if reply.status == 429 else "server" if slow else "rejected"
        raise BackendError(kind, words, http=reply.status, retry_after_s=reply.retry_after_s)

    def _read(self, data: bytes, form: type[M]) -> M:
        try:
            reply = form.model_validate(orjson.loads(data))
        except (orjson.JSONDecodeError, ValidationError) as e:
            raise BackendError("bad_json", f"not an answer of a reward server: {e}"[:300]) from None
        if len(getattr(reply, "results", ())) != 1:
            raise BackendError("bad_json", "not one result for one sample")
        return reply
