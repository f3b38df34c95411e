"""Tasks that are not ours, asked by `rubric_judge`: the same slots, retries and typed failures, and a journal to resume from.

`answers-<rank>.jsonl` in the run folder holds a line a request, keyed by a digest of everything sent: the judge, the texts,
the bytes of the images. Images that a task gives decoded are written out once as PNG, which loses nothing, in threads.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from tqdm import tqdm

from evaluators.backends.lmms import REQUEST_FAILED
from evaluators.engine.caller import Caller, Tally, failure_of
from evaluators.engine.journal import read_records
from evaluators.engine.runner import cause_of
from evaluators.errors import BackendError, UserError
from evaluators.images.media import MediaWindow
from evaluators.images.picture_folders import PictureFolder, remove_left_pictures
from evaluators.images.pictures import check_picture, data_url_bytes, decoding, png_bytes, read_picture
from evaluators.judges import ChatJudge, create
from evaluators.keys import digest
from evaluators.messages import ChatRequest, Image, Message, Part, Text, within_budget
from evaluators.records import Answer, Failure, MediaFile, encode
from evaluators.specs import JudgeSpec
from harness_plugins.experiment.run import block_on
from harness_plugins.folder.run_folder import RunFolder

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
) -> list[GenerationResult]:
    """Ask what the folder has no answer to; results in the order of the requests.

    Raises:
        UserError: the judge is not a chat model, or a request holds what it cannot be shown.
        RunStopped: the server is dead or refuses everything.
    """
    if not requests:
        return []
    remove_left_pictures()
    with PictureFolder() as folder:

        def ask(sampling: Mapping[str, Any], group: Sequence[Instance]) -> list[GenerationResult]:
            asking = _Asking(specs(sampling), docs, out, rank, folder.path)
            block_on(asking.run(group))
            return asking.results

        return by_sampling(requests, ask)


def by_sampling(
    requests: Sequence[Instance], ask: Callable[[Mapping[str, Any], Sequence[Instance]], Sequence[GenerationResult]]
) -> list[GenerationResult]:
    """Results in the order of the requests, of which those with the same generation arguments are asked together."""
    groups: dict[str, list[int]] = {}
    for index, request in enumerate(requests):
        groups.setdefault(repr(sorted(request.args[2].items())), []).append(index)
    results: dict[int, GenerationResult] = {}
    for indices in groups.values():
        group = [requests[n] for n in indices]
        results |= zip(indices, ask(group[0].args[2], group), strict=True)
    return [results[n] for n in range(len(requests))]


class _Asking:
    """One judge's way through the requests of one sampling. Afterwards `results` holds one for each, in order."""

    def __init__(self, spec: JudgeSpec, docs: Mapping[str, Any], out: Path, rank: int, images: Path) -> None:
        judge = create(spec)
        if not isinstance(judge, ChatJudge):
            raise UserError(f"judge {spec.name!r} ({spec.backend}) decides between pairs and cannot answer other tasks")
        if spec.verdict != "text":
            raise UserError(
                f"judge {spec.name!r}: `verdict: {spec.verdict}` is about pairs; other tasks need `verdict=text`"
            )
        if spec.media == "none":
            raise UserError(f"judge {spec.name!r}: other tasks show their images themselves: leave `media: none` out")
        self.results: list[GenerationResult] = []
        self._spec, self._backend = spec, judge.backend
        self._docs, self._images = docs, images
        self._out, self._rank = RunFolder(out), rank
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="encode")
        self._answered = {
            r.key: r for path in self._out.files("answers") for r in read_records(path, Reply) if r.answer
        }
        self._under_way: dict[str, asyncio.Future[Reply]] = {}

    async def run(self, requests: Sequence[Instance]) -> None:
        self._caller = Caller(self._spec, Tally(), requests=len(requests))
        self._ahead = asyncio.Semaphore(max(self._spec.concurrency * 2, 8))
        draws: Counter[int] = Counter()
        media = MediaWindow()
        tasks = []
        with (
            self._out.journal("answers", self._rank) as self._journal,
            tqdm(total=len(requests), desc="rubric_judge", disable=self._rank != 0) as bar,
        ):
            await self._backend.open(media)
            try:
                async with asyncio.TaskGroup() as group:
                    for request in requests:
                        await self._ahead.acquire()
                        tasks.append(group.create_task(self._reply_to(request, draws[id(request)])))
                        tasks[-1].add_done_callback(lambda _: bar.update(1))
                        draws[id(request)] += 1  # --repeats sends the same request again: another sample
            except BaseExceptionGroup as failures:
                raise cause_of(failures) from None
            finally:
                await self._backend.close()
                media.close()
                self._threads.shutdown(cancel_futures=True)
        replies = [task.result() for task in tasks]
        self.results = [result_of(reply.answer, reply.error) for reply in replies]

    async def _reply_to(self, request: Instance, draw: int) -> Reply:
        try:
            loop = asyncio.get_running_loop()
            _, _, _, doc, task, _ = request.args
            try:
                messages, pictures = await loop.run_in_executor(self._threads, self._messages, request)
            except BackendError as e:
                key = digest("answer/1", self._spec.key_fields(), "not shown", str(task), int(doc), draw)
                unshown = Reply(key, str(task), int(doc), error=Failure(e.kind, e.message))
                self._journal.append(encode(unshown))
                return unshown
            shown = [[m.role, *map(_identity, m.parts)] for m in messages]
            key = digest("answer/1", self._spec.key_fields(), shown, draw)
            reply = self._answered.get(key)
            # Shielded, since a waiter that is cancelled would cancel the future of all.
            if reply is None and key in self._under_way:  # a padding row, say: the same question at the same time
                reply = await asyncio.shield(self._under_way[key])
            if reply is None:
                self._under_way[key] = loop.create_future()
                sent = ChatRequest(within_budget(messages, self._spec.max_pixels), self._spec.sampling(), affinity=key)
                reply = await self._ask(Reply(key, str(task), int(doc)), sent)
            for path in pictures:
                path.unlink(missing_ok=True)
            return reply
        finally:
            self._ahead.release()

    async def _ask(self, reply: Reply, request: ChatRequest) -> Reply:
        """The reply with its answer or error, written down."""
        reservation = await self._caller.admit(request)
        assert reservation is not None, "nothing limits what foreign tasks cost"
        about = f"{reply.task} {reply.doc}"
        error = None
        try:
            answer, _ = await self._caller.call(
                reservation, request, about, lambda: self._backend.chat(request), lambda answer: None
            )
            reply = replace(reply, answer=answer)
        except BackendError as e:
            error, reply = e, replace(reply, error=failure_of(e))
        self._journal.append(encode(reply))
        self._under_way[reply.key].set_result(reply)
        if error is not None:
            self._caller.lost(error, about)
        return reply

    def _messages(self, request: Instance) -> _ShownRequest:
        """The request in our terms. Runs in a thread: tasks decode and prepare images in here.

        Raises:
            BackendError: of kind `image`: one of them cannot be shown.
            UserError: it holds what is neither text nor image.
        """
        _, doc_to_messages, _, doc_id, task, split = request.args
        pictures: list[Path] = []
        messages = []
        with decoding(f"{task}: row {doc_id}"):
            shown = list(doc_to_messages(self._docs[task][split][doc_id]))
        for message in shown:
            content = message["content"]
            if isinstance(content, str):
                content = [{"type": "text", "text": content}]
            messages.append(Message(message["role"], tuple(self._part(c, task, pictures) for c in content)))
        return _ShownRequest(tuple(messages), pictures)

    def _part(self, content: Mapping[str, Any], task: str, pictures: list[Path]) -> Part:
        if content["type"] == "text":
            return Text(content["text"])
        if content["type"] != "image":
            raise UserError(f"{task}: rubric_judge shows texts and images; this task holds {content['type']}")
        image = content["url"]
        if isinstance(image, str) and image[:5].lower() != "data:":
            return Image(_file(image, task))
        with decoding(f"{task}: a picture of it"):
            data = data_url_bytes(image) if isinstance(image, str) else png_bytes(image)
            check_picture(f"{task}: a picture of it", data)
        sha = hashlib.sha256(data).hexdigest()
        # A name of this request's own: it removes its files after the reply, and another may show the same picture.
        path = self._images / f"{sha[:32]}-{id(pictures):x}-{len(pictures)}.png"
        path.write_bytes(data)
        pictures.append(path)
        return Image(MediaFile(str(path), len(data), 0, sha))


class _ShownRequest(NamedTuple):
    messages: tuple[Message, ...]
    pictures: list[Path]
    """Files made for it."""


def result_of(answer: Answer | None, error: Failure | None) -> GenerationResult:
    """What lmms-eval is to see: of a request without an answer its own words, so that its tasks and tools recognise it."""
    if answer is None:
        reason = f"{error.kind}: {error.message}" if error else "no answer"
        return GenerationResult(f"{REQUEST_FAILED} {reason}", TokenCounts())
    usage = answer.usage or {}
    return GenerationResult(answer.text, TokenCounts(usage.get("prompt_tokens"), usage.get("completion_tokens")))


def _file(path: str, task: str) -> MediaFile:
    if "://" in path:
        raise BackendError("image", f"{task}: {path[:200]}: remote media are not fetched")
    data = read_picture(path)
    return MediaFile(path, len(data), 0, hashlib.sha256(data).hexdigest())


def _identity(part: Part) -> list[str]:
    return ["text", part.text] if isinstance(part, Text) else ["image", part.file.sha256 or ""]
