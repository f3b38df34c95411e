"""Asking a local backend directly: requests of very different lengths, all at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

from evaluators.images.media import MediaWindow
from evaluators.judges import ChatJudge, create
from evaluators.messages import ChatRequest, Image, Message, Text
from evaluators.records import Answer, MediaFile
from evaluators.specs import JudgeSpec


def requests_of(folder: Path, count: int, top_logprobs: int = 20, most: int = 1, images: int = 4) -> list[ChatRequest]:
    """Requests with up to `images` - 1 images each."""
    from PIL import Image as Pillow

    chance = random.Random(1)
    found = []
    for n in range(count):
        parts: list[Text | Image] = []
        for m in range(n % images):
            path = folder / f"{n}-{m}.png"
            Pillow.new("RGB", (60 + 8 * n, 90 - 5 * m), (n * 9 % 256, m * 60, 200 - n * 3)).save(path)
            parts.append(Image(MediaFile(str(path), path.stat().st_size)))
        parts.append(Text(f"Which is better, {n}? " + "word " * chance.randrange(60)))
        sampling = {"temperature": 0.0, "max_tokens": most}
        kind = "token" if top_logprobs else "tag"
        found.append(ChatRequest((Message("user", tuple(parts)),), sampling, top_logprobs, kind))
    return found


def ask(spec: JudgeSpec, requests: Sequence[ChatRequest]) -> list[Answer | BaseException]:
    """All answers, or the failures in their place."""

    async def all_of_them() -> list[Answer | BaseException]:
        judge = create(spec)
        assert isinstance(judge, ChatJudge)
        media = MediaWindow()
        try:
            await judge.open(media)
            return await asyncio.gather(*(judge.backend.chat(r) for r in requests), return_exceptions=True)
        finally:
            await judge.close()
            media.close()

    return asyncio.run(all_of_them())


def answered(found: Sequence[Answer | BaseException]) -> list[Answer]:
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return list(found)  # type: ignore[arg-type]
