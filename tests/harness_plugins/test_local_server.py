"""By which names a server on this machine may be asked, and where it listens."""

from __future__ import annotations

import pytest

from evaluators.errors import UserError
from harness_plugins.local_server import host_names, is_named, listening_on


@pytest.mark.parametrize("header", ["127.0.0.1", "127.0.0.1:80", "localhost:8766", "LOCALHOST", "[::1]:80", "a.lan"])
def test_its_own_names(header: str) -> None:
    assert is_named(header, host_names("127.0.0.1", ["*.lan"]))


@pytest.mark.parametrize("header", ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "lan"])
def test_names_of_others(header: str) -> None:
    assert not is_named(header, host_names("127.0.0.1", ["*.lan"]))


def test_a_port_that_is_taken_or_is_none() -> None:
    complaint = r"cannot listen on 127\.0\.0\.1:\d+ .*choose another with --port"
    with listening_on("127.0.0.1", 0) as taken, pytest.raises(UserError, match=complaint):
        listening_on("127.0.0.1", taken.getsockname()[1], "--port")
    with pytest.raises(UserError, match="--port 65536"):
        listening_on("127.0.0.1", 65536)
