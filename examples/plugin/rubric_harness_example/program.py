"""A backend: any program as a judge. It gets the prompt on its standard input and writes its reply to its standard output.

judges:
  - {name: mine, backend: program, model: "python my_judge.py"}
"""

from __future__ import annotations

import asyncio
import shlex
import time
from asyncio.subprocess import PIPE

from evaluators.capabilities import Capabilities
from evaluators.errors import BackendError
from evaluators.images.media import MediaWindow
from evaluators.messages import ChatRequest, Image, text_of
from evaluators.records import Answer
from evaluators.specs import JudgeSpec

CAPABILITIES = Capabilities(concurrency=4)


def check(spec: JudgeSpec) -> None:
    if not spec.model:
        raise ValueError("`model` is missing: the command that judges, such as `python my_judge.py`")


class Program:
    """One process a request; how many run at a time is the config's `concurrency`."""

    name = "program"
    in_process = False

    def __init__(self, command: list[str]) -> None:
        self._command = command

    async def open(self, media: MediaWindow) -> None:
        pass

    async def close(self) -> None:
        pass

    async def chat(self, request: ChatRequest) -> Answer:
        if any(isinstance(part, Image) for message in request.messages for part in message.parts):
            raise BackendError("rejected", "the program reads texts alone, and the item has images")
        started = time.monotonic()
        try:
            process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        except OSError as e:
            raise BackendError("backend", f"{self._command[0]} does not start: {e}") from e
        reply, complaint = await process.communicate(text_of(request.messages).encode())
        if process.returncode:
            last_line = complaint.decode(errors="replace").strip().rpartition("\n")[2]
            raise BackendError("backend", f"{self._command[0]} ended with exit code {process.returncode}: {last_line}")
        return Answer(
            text=reply.decode(errors="replace"),
            finish_reason="stop",
            latency_s=time.monotonic() - started,
            model=" ".join(self._command),
            answer_format=request.answer_format,
        )


def create(spec: JudgeSpec) -> Program:
    return Program(shlex.split(spec.model))
