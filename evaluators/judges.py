"""Judges: something that answers a Case. A chat judge renders it for a backend; a baseline just looks at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import NamedTuple, Protocol

from evaluators.errors import BackendError, UserError
from evaluators.extras import install
from evaluators.images.media import MediaWindow
from evaluators.keys import digest
from evaluators.messages import ChatBackend, ChatRequest, Message, Text, within_budget
from evaluators.prompts.template import Case
from evaluators.records import Answer
from evaluators.replies import parsing
from evaluators.specs import BACKENDS, JudgeSpec, ModelSpec
from evaluators.usage import failed_replies


class Judge(Protocol):
    """What decides a Case. `decide` raises `errors.BackendError` where no answer came."""

    spec: JudgeSpec
    in_process: bool
    sees_media: bool

    async def open(self, media: MediaWindow) -> None: ...

    async def decide(self, case: Case, seed: str) -> Answer: ...

    async def close(self) -> None: ...


class ChatJudge:
    """A judge that is a model behind a chat backend."""

    def __init__(self, spec: JudgeSpec, backend: ChatBackend) -> None:
        self.spec = spec
        self.backend = backend
        self.in_process = backend.in_process
        self.sees_media = spec.media == "shown"

    async def open(self, media: MediaWindow) -> None:
        await self.backend.open(media)

    def requests(self, case: Case) -> list[ChatRequest]:
        """What the case takes: one request, or one for each criterion where each is asked about by its own token."""
        case = self.spec.shown(case)
        question, direct = self.spec.question_for(case), self.spec.verdict == "direct"
        parts = (
            [replace(question, criteria=(c,)) for c in question.criteria]
            if direct and question.criteria
            else [question]
        )
        return [
            ChatRequest(
                messages=within_budget(
                    self.spec.template.render(case, "direct" if direct else "text", part), self.spec.max_pixels
                ),
                sampling=self.spec.sampling(),
                top_logprobs=self.spec.top_logprobs if direct else 0,
                answer_format=parsing.DIRECT if direct else self.spec.text_format(question),
                affinity=case.item.uid,
            )
            for part in parts
        ]

    def request(self, case: Case) -> ChatRequest:
        """The first of them."""
        return self.requests(case)[0]

    async def decide(self, case: Case, seed: str) -> Answer:
        requests = self.requests(case)
        if self.spec.seed is not None:
            drawn = int(digest("seed", self.spec.seed, seed)[:7], 16)
            requests = [replace(r, seed=drawn) for r in requests]
        answers: list[Answer] = []
        for request in requests:
            try:
                answers.append(await self.backend.chat(request))
            except BackendError as e:
                raise e.after(
                    a.usage for a in answers
                ) from None  # the decision is asked again, and these were paid for
        if self.spec.verdict == "direct" and self.spec.question_for(case).criteria:
            return _joined(answers)
        return await self._weighed(requests[0], answers[0]) if self.spec.verdict == "reasoned" else answers[0]

    async def _weighed(self, request: ChatRequest, answer: Answer) -> Answer:
        """The answer with the probabilities of its verdict: the model goes on from `<answer>` by one token
        (docs/design/verdict-modes.md).

        Messages and reasoning are the first call's, so a prefix cache holds all but that token. What a server keeps apart
        as `reasoning` is not shown again.
        """
        start = parsing.begun(answer.text)
        answer = replace(answer, answer_format=parsing.REASONED)
        # Cut off, refused, or for neither: there is no place to continue from.
        if start is None or parsing.undecided(answer):
            return answer
        try:
            second = await self.backend.chat(
                replace(
                    request,
                    messages=(*request.messages, Message("assistant", (Text(start),))),
                    sampling={**request.sampling, self.spec.max_tokens_field: 1},
                    top_logprobs=self.spec.top_logprobs,
                    answer_format=parsing.DIRECT,
                    continues=True,
                )
            )
        except BackendError as e:
            if not e.permanent:
                raise e.after([answer.usage]) from None
            # What its text says, with no probability: the reasoning is paid for.
            return replace(answer, failed_replies=failed_replies(e.replies))
        spent = _spent([answer, second])
        return replace(answer, top_logprobs=second.top_logprobs, masked=second.masked, **spent._asdict())

    async def close(self) -> None:
        await self.backend.close()


class _Spent(NamedTuple):
    """Tokens and seconds of calls."""

    usage: dict[str, int] | None
    latency_s: float | None


def _spent(answers: Sequence[Answer]) -> _Spent:
    """What calls took that were made one after the other. Tokens that one of them does not report count as unknown."""
    usage: Counter[str] = Counter()
    for answer in answers:
        usage.update(answer.usage or {})
    for name in ("prompt_tokens", "completion_tokens"):
        if any(name not in (a.usage or {}) for a in answers):
            del usage[name]
    latencies = [a.latency_s for a in answers if a.latency_s is not None]
    return _Spent(dict(usage) or None, round(sum(latencies), 4) if latencies else None)


def _joined(answers: Sequence[Answer]) -> Answer:
    """The answers on all criteria as one; a refusal of any is one of all."""
    worst = next((a for a in answers if parsing.refused(a)), answers[0])
    return replace(
        worst,
        answer_format=parsing.EACH,
        text="\n".join(a.text for a in answers),
        top_logprobs=None,
        each=tuple(a.top_logprobs or () for a in answers),
        **_spent(answers)._asdict(),
    )


def create(spec: JudgeSpec) -> Judge:
    """The judge for a spec. A backend module gives either `create` (a chat backend) or `create_judge`.

    Raises:
        UserError: what the backend needs is not installed.
    """
    module = BACKENDS.module(spec.backend)
    if not hasattr(module, "create_judge"):
        return ChatJudge(spec, chat_backend(spec))
    with _installed(spec, module):
        judge: Judge = module.create_judge(spec)
    return judge


def chat_backend(spec: ModelSpec) -> ChatBackend:
    """The backend that answers a spec's requests, whoever makes them.

    Raises:
        UserError: what it needs is not installed.
    """
    module = BACKENDS.module(spec.backend)
    with _installed(spec, module):
        backend: ChatBackend = module.create(spec)
    return backend


@contextmanager
def _installed(spec: ModelSpec, module: ModuleType) -> Iterator[None]:
    try:
        yield
    except ImportError as e:
        raise UserError(
            f"judge {spec.name!r}: backend {spec.backend} needs {e.name or 'what is not installed'} ({e}): "
            f"{install(e, getattr(module, 'EXTRA', ''))}"
        ) from None
