"""Tasks that are not ours, asked by `rubric_judge`: the same slots, retries and typed failures, and a journal to resume from.

`answers-<rank>.jsonl` in the run folder holds a line a request, keyed by a digest of everything sent: the judge, the texts,
the bytes of the images. Images that a task hands over decoded are written out once as PNG, which loses nothing, in threads.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from tqdm import tqdm

from evaluators.engine.journal import Journal, read_records, record_files
from evaluators.engine.pacing import Slots, Waits, with_retries
from evaluators.engine.runner import Breaker
from evaluators.errors import BackendError, UserError
from evaluators.judges import ChatJudge, JudgeSpec, create
from evaluators.keys import digest
from evaluators.media import MediaWindow, mime_of
from evaluators.messages import ChatRequest, Image, Message, Part, Text
from evaluators.records import Answer, Failure, MediaFile, encode
from harness_plugins.experiment import block_on

Specs = Callable[[Mapping[str, Any]], JudgeSpec]


@dataclass(frozen=True, slots=True)
class Reply:
    """One line of `answers-<rank>.jsonl`: the answer, or why there is none. The last line of a key with an answer counts."""

    key: str
    task: str
    doc: int
    answer: Answer | None = None
    error: Failure | None = None


def answer(
    requests: Sequence[Instance], specs: Specs, docs: Mapping[str, Any], out: Path, rank: int
) -> dict[int, GenerationResult]:
    """Ask what the folder has no answer to; results by `id` of the request.

    Raises:
        UserError: the judge is no chat model, or a request holds what it cannot be shown.
        RunStopped: the server is dead or refuses everything.
    """
    found: dict[int, GenerationResult] = {}
    groups: dict[str, list[Instance]] = {}
    for request in requests:
        groups.setdefault(repr(sorted(request.args[2].items())), []).append(request)
    with tempfile.TemporaryDirectory(prefix="rubric-harness-") as folder:
        for same in groups.values():
            asking = _Asking(specs(same[0].args[2]), docs, out, rank, Path(folder))
            block_on(asking.run(same, found))
    return found


class _Asking:
    """One judge's way through the requests of one sampling."""

    def __init__(self, spec: JudgeSpec, docs: Mapping[str, Any], out: Path, rank: int, images: Path) -> None:
        judge = create(spec)
        if not isinstance(judge, ChatJudge):
            raise UserError(f"judge {spec.name!r} ({spec.backend}) decides between pairs and cannot answer other tasks")
        if spec.verdict != "text":
            raise UserError(
                f"judge {spec.name!r}: `verdict: {spec.verdict}` is about pairs; other tasks need `verdict=text`"
            )
        self._spec, self._backend = spec, judge.backend
        self._docs, self._images, self._out, self._rank = docs, images, out, rank
        self._slots = Slots(spec.concurrency, spec.adaptive)
        self._waits = Waits()
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="encode")

    async def run(self, requests: Sequence[Instance], found: dict[int, GenerationResult]) -> None:
        held = {r.key: r for path in record_files(self._out, "answers") for r in read_records(path, Reply) if r.answer}
        media = MediaWindow()
        breaker = Breaker(self._spec.name, min(self._spec.concurrency, len(requests)))
        ahead = asyncio.Semaphore(max(self._spec.concurrency * 2, 8))
        with (
            Journal(self._out / f"answers-{self._rank}.jsonl") as journal,
            tqdm(total=len(requests), desc="rubric_judge", disable=self._rank != 0) as bar,
        ):
            await self._backend.open(media)
            try:
                async with asyncio.TaskGroup() as group:
                    for request in requests:
                        await ahead.acquire()
                        group.create_task(self._one(request, held, found, journal, breaker, ahead, bar))
            except BaseExceptionGroup as failures:
                raise _first(failures) from None
            finally:
                await self._backend.close()
                media.close()
                self._threads.shutdown(cancel_futures=True)

    async def _one(
        self,
        request: Instance,
        held: Mapping[str, Reply],
        found: dict[int, GenerationResult],
        journal: Journal,
        breaker: Breaker,
        ahead: asyncio.Semaphore,
        bar: Any,
    ) -> None:
        try:
            loop = asyncio.get_running_loop()
            messages, made = await loop.run_in_executor(self._threads, self._messages, request)
            _, _, _, doc, task, _ = request.args
            sampling = self._spec.sampling()
            key = digest(
                "answer/1",
                self._spec.key_fields(),
                [[m.role, *map(_identity, m.parts)] for m in messages],
                _draw(request),
            )
            reply = held.get(key)
            if reply is None:
                reply = await self._ask(
                    Reply(key, str(task), int(doc)), ChatRequest(messages, sampling, affinity=key), breaker
                )
                journal.append(encode(reply))
                if reply.error is not None:
                    error = reply.error
                    breaker.lost(BackendError(error.kind, error.message))
            found[id(request)] = self._result(reply)
            for path in made:
                path.unlink(missing_ok=True)
            bar.update(1)
        finally:
            ahead.release()

    async def _ask(self, reply: Reply, request: ChatRequest, breaker: Breaker) -> Reply:
        async def once() -> Answer:
            given = await self._backend.chat(request)
            breaker.heard()
            return given

        await self._slots.acquire()
        try:
            given, attempts = await with_retries(
                once,
                retries=self._spec.retries,
                slots=self._slots,
                waits=self._waits,
                give_up=breaker.pointless,
                failed=breaker.heard,
            )
        except BackendError as e:
            return replace(reply, error=Failure(e.kind, e.message, e.http))
        finally:
            self._slots.release()
        return replace(reply, answer=replace(given, attempts=attempts))

    def _result(self, reply: Reply) -> GenerationResult:
        if reply.answer is None:
            return failed(reply.error)
        usage = reply.answer.usage or {}
        return GenerationResult(
            reply.answer.text, TokenCounts(usage.get("prompt_tokens"), usage.get("completion_tokens"))
        )

    def _messages(self, request: Instance) -> tuple[tuple[Message, ...], list[Path]]:
        """The request in our terms, and the files made for it. Runs in a thread: tasks decode and prepare images in here."""
        _, doc_to_messages, _, doc_id, task, split = request.args
        made: list[Path] = []
        messages = []
        for message in doc_to_messages(self._docs[task][split][doc_id]):
            content = message["content"]
            if isinstance(content, str):
                content = [{"type": "text", "text": content}]
            messages.append(Message(message["role"], tuple(self._part(c, task, made) for c in content)))
        return tuple(messages), made

    def _part(self, content: Mapping[str, Any], task: str, made: list[Path]) -> Part:
        if content["type"] == "text":
            return Text(content["text"])
        if content["type"] != "image":
            raise UserError(f"{task}: rubric_judge shows texts and images; this task holds {content['type']}")
        image = content["url"]
        if isinstance(image, str):
            return Image(_file(Path(image), task))
        buffer = io.BytesIO()
        image.save(buffer, format="PNG", compress_level=1)  # lossless at any level; this one costs least
        data = buffer.getvalue()
        sha = hashlib.sha256(data).hexdigest()
        path = self._images / f"{sha[:32]}-{id(made):x}-{len(made)}.png"
        path.write_bytes(data)
        made.append(path)
        return Image(MediaFile(str(path), len(data), 0, sha))


def failed(error: Failure | None) -> GenerationResult:
    """A request without an answer, in lmms-eval's own words, so that its tasks and tools know it for what it is."""
    said = f"{error.kind}: {error.message}" if error else "no answer"
    return GenerationResult(f"[LMMS_EVAL_REQUEST_FAILED] {said}", TokenCounts())


def _file(path: Path, task: str) -> MediaFile:
    try:
        data = path.read_bytes()
    except OSError as e:
        raise UserError(f"{task}: {path}: cannot be read ({e.strerror}); remote media are not fetched") from None
    if mime_of(data[:16]) is None:
        raise UserError(f"{task}: {path}: not an image that judges can read")
    return MediaFile(str(path), len(data), 0, hashlib.sha256(data).hexdigest())


def _identity(part: Part) -> list[str]:
    return ["text", part.text] if isinstance(part, Text) else ["image", part.file.sha256 or ""]


def _draw(request: Instance) -> int:
    """Which of several answers to one request this is (`--repeats`): they are asked apart."""
    return len(request.resps)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    one: BaseException = failures
    while isinstance(one, BaseExceptionGroup):
        one = next((e for e in one.exceptions if isinstance(e, UserError)), one.exceptions[0])
    return one
