"""A request's JSON in pieces: images are sent from where they are encoded, never copied into the text."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from yarl import URL

from evaluators.backends.endpoint.transport import Reply, Transport
from evaluators.images.media import Encoded

MARK = secrets.token_hex(16)
"""Where an image goes in the request's JSON. Chosen at random by each process and never sent, so no text can hold it."""


def pieces(data: bytes, images: Sequence[Encoded]) -> list[bytes]:
    """The JSON with an image in the place of each mark."""
    texts = data.split(MARK.encode())
    parts = [texts[0]]
    for image, text in zip(images, texts[1:], strict=True):
        parts[-1] += image.prefix
        parts += [image.base64, text]
    return parts


class HttpClient:
    """Posts requests to one address."""

    def __init__(self, url: URL, headers: Mapping[str, str], transport: Transport) -> None:
        self._url, self._headers, self._transport = url, headers, transport

    async def send(self, body: Mapping[str, Any], images: Sequence[Encoded], timeout_s: float) -> Reply:
        """Post a request; marks in `body` show where its images go.

        Raises:
            BackendError: there is no reply.
        """
        return await self._transport.post(self._url, self._headers, pieces(orjson.dumps(body), images), timeout_s)

    async def close(self) -> None: ...
