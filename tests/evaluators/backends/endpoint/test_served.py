"""What an endpoint says that it serves."""

from __future__ import annotations

import asyncio

import pytest

from evaluators.backends.endpoint.served import served
from evaluators.errors import BackendError
from evaluators.testing.mock_server import MockServer


def test_an_address_without_a_path_is_tried_with_v1() -> None:
    with MockServer(models=["a/b", "c"]).running() as server:
        for url in (server.url, server.url + "/", server.url.removesuffix("/v1")):
            assert asyncio.run(served(url)) == (server.url, ("a/b", "c"))


def test_what_lists_no_models_is_an_error_of_its_kind() -> None:
    with MockServer().running() as server, pytest.raises(BackendError) as caught:
        asyncio.run(served(server.url + "/elsewhere"))
    assert caught.value.kind == "not_found"
    with pytest.raises(BackendError) as caught:
        asyncio.run(served(server.url))  # which has ended
    assert caught.value.kind == "refused_connection"
    with pytest.raises(ValueError, match="is not an http"):
        asyncio.run(served("localhost:8000"))
