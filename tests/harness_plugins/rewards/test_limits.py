"""The reward server and clients that are slow, silent, greedy, gone, or led here by a web page."""

from __future__ import annotations

import asyncio
import base64
import errno
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from evaluators.errors import UserError
from evaluators.images.picture_folders import PREFIX, PictureFolder, remove_left_pictures
from evaluators.testing.mock_server import MockServer
from harness_plugins.rewards.images import BadImage, ImageFiles
from harness_plugins.rewards.server.client import RewardClient
from tests.conftest import png
from tests.serving import RIGHT, config, posted, sample, serving, serving_here

pytest.importorskip("fastapi", reason="needs the extra `server`")

HEAD = b"POST /v1/proxy_grm HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SAMPLE = {"question": "q", "responses": [{"text": "a"}, {"text": "b"}], "answer": 1, "completion": RIGHT}
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def backend() -> Iterator[MockServer]:
    with MockServer(latency_s=0.6, answer=lambda body: "<answer>1</answer>").running() as server:
        yield server


def whole(size: int = 0) -> bytes:
    """A request, its body at least so large."""
    body = orjson.dumps({"samples": [{**SAMPLE, "question": "q" * size}]})
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def half(size: int, sent: int = 1000) -> bytes:
    """A request that announces so many bytes and sends the first of them."""
    return HEAD + b"Content-Length: %d\r\n\r\n" % size + b" " * sent


def chunk(size: int) -> bytes:
    return b"%x\r\n" % size + b" " * size + b"\r\n"


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Connection:
    """What goes over the wire, byte for byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, where: tuple[str, int], data: bytes = b"") -> Connection:
        made = cls(*await asyncio.open_connection(*where))
        await made.send(data)
        return made

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def reply(self) -> str:
        """The head of the next answer; its body is read too."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = re.search(r"content-length: (\d+)", head)
        await self._reader.readexactly(int(length[1]) if length else 0)
        return head

    async def until_closed(self) -> bytes:
        try:
            return await asyncio.wait_for(self._reader.read(), 5)
        except ConnectionError:
            return b""

    def leave(self) -> None:
        self._writer.transport.abort()


@pytest.mark.parametrize("sent", [half(MEGABYTE), half(MEGABYTE, 0), CHUNKED, CHUNKED + chunk(1000)])
def test_a_body_has_a_deadline(sent: bytes, backend: MockServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving_here(config(tmp_path, backend, "limits: {body_s: 0.2}")) as where:
            slow = await Connection.to(where, sent)
            head = await slow.reply()
            assert head.startswith("http/1.1 408") and "connection: close" in head
            assert await slow.until_closed() == b""

    asyncio.run(scenario())


def test_all_bodies_together_have_a_limit(backend: MockServer, tmp_path: Path) -> None:
    """Announced bytes count, bytes of chunks as they come, and all until the answer."""

    async def scenario() -> None:
        async with serving_here(config(tmp_path, backend, "limits: {body_mb: 1, bodies_mb: 2}")) as where:

            async def bytes_held() -> int:
                client = await Connection.to(where, b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                found = re.search(rb"\nrubric_harness_reward_body_bytes (\S+)\n", await client.until_closed())
                assert found
                return int(float(found[1]))

            announced = await Connection.to(where, half(MEGABYTE))
            judged = await Connection.to(where, whole(MEGABYTE - 1000))
            await asyncio.sleep(0.2)
            assert 2 * MEGABYTE - 1000 < await bytes_held() <= 2 * MEGABYTE
            for more in (half(MEGABYTE // 2), whole(1000), CHUNKED + chunk(2000)):
                head = await (await Connection.to(where, more)).reply()
                assert head.startswith("http/1.1 503") and "retry-after: 1" in head and "connection: close" in head
            assert (await judged.reply()).startswith("http/1.1 200")
            assert (await (await Connection.to(where, whole())).reply()).startswith("http/1.1 200"), "room again"
            announced.leave()
            await asyncio.sleep(0.1)
            assert await bytes_held() == 0

    asyncio.run(scenario())


NOT_FOUND = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "then"),
    [(b"", b""), (HEAD, b""), (HEAD, b"X: y\r\n"), (HEALTH + HEAD, b"x"), (HEALTH, b"G"), (NOT_FOUND, b"{")],
    ids=["nothing", "half a head", "a head without end", "half a second head", "byte by byte", "a body nobody reads"],
)
def test_a_silent_connection_is_closed(first: bytes, then: bytes, backend: MockServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving_here(config(tmp_path, backend, "limits: {head_s: 0.3}")) as where:
            silent = await Connection.to(where, first)
            answered = await Connection.to(where, whole())
            closed = asyncio.create_task(silent.until_closed())
            begun = time.monotonic()
            while then and not closed.done():
                await asyncio.sleep(0.05)
                assert time.monotonic() < begun + 3
                try:
                    await silent.send(then)
                except ConnectionError:
                    break
            await closed
            assert (await answered.reply()).startswith("http/1.1 200"), "an answer may take longer"

    asyncio.run(scenario())


def test_a_client_that_leaves_is_one_line(
    backend: MockServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        async with serving_here(config(tmp_path, backend)) as where:
            for sent in (half(MEGABYTE), CHUNKED + chunk(10), whole()):
                client = await Connection.to(where, sent)
                await asyncio.sleep(0.1)
                client.leave()
            await asyncio.sleep(0.1)

    asyncio.run(scenario())
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(re.search(r"127\.0\.0\.1:\d+ left before /v1/proxy_grm was answered$", line) for line in lines)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        *((n, 200) for n in ("localhost", "127.0.0.1:8765", "[::1]:8765", "judges.local", "a.lan:80")),
        *((n, 400) for n in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "lan", "a@localhost")),
    ],
)
def test_a_name_pointed_at_this_machine_is_refused(name: str, status: int, backend: MockServer, tmp_path: Path) -> None:
    """A page of evil.example, whose name leads here, sends that name; it can neither read nor post."""

    from harness_plugins.local_server import host_names

    async def scenario() -> None:
        async with serving_here(config(tmp_path, backend), host_names("127.0.0.1", ["judges.local", "*.lan"])) as where:
            for request in (b"GET /health", b"GET /openapi.json", whole()):
                sent = request if request.startswith(b"POST") else request + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
                client = await Connection.to(where, sent.replace(b"Host: localhost", b"Host: " + name.encode()))
                assert (await client.reply()).startswith(f"http/1.1 {status}")

    asyncio.run(scenario())


def test_whoever_asks_by_another_name_hears_the_mend(backend: MockServer, tmp_path: Path) -> None:
    """A 400 that is masked would cost a training all its rewards."""

    async def scenario() -> None:
        async with (
            serving_here(config(tmp_path, backend), ["judges.local"]) as (host, port),
            RewardClient(f"http://{host}:{port}") as client,
        ):
            with pytest.raises(UserError, match=r"HTTP 400: the Host header '127\.0\.0\.1' .* --allow-host"):
                await client.score([sample(1)])

    asyncio.run(scenario())


def test_connections_leave_handles_for_the_judge(
    backend: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """asyncio's own answer to a lack of handles is a traceback for each connection that waits: 30 MB in ten seconds."""
    monkeypatch.setattr("harness_plugins.rewards.server.limits.ENOUGH_HANDLES", 0)

    async def scenario() -> None:
        async with serving_here(config(tmp_path, backend, "limits: {head_s: 5}")) as where:
            silent = [await Connection.to(where) for _ in range(30)]
            closed = [await asyncio.wait_for(c.until_closed(), 1) for c in silent[-2:]]
            assert closed == [b"", b""]
            loop = asyncio.get_running_loop()
            loop.call_exception_handler({"message": "x", "exception": OSError(errno.EMFILE, "Too many open files")})
            for one in silent:
                one.leave()
            await asyncio.sleep(0.05)
            assert (await (await Connection.to(where, whole())).reply()).startswith("http/1.1 200")

    monkeypatch.setattr("resource.getrlimit", lambda _: (40, 40))
    asyncio.run(scenario())
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "more than 20 connections, half of this process's file handles" in lines[0], lines


def test_pictures_that_cannot_be_written_are_said(
    backend: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    async def scenario() -> None:
        async with serving_here(config(tmp_path, backend)) as (host, port):
            for folder in tmp_path.glob(PREFIX + "*"):
                folder.rmdir()
            body: Any = {"samples": [{**SAMPLE, "images": [base64.b64encode(png(1)).decode()]}]}
            status, reply, _ = await posted(f"http://{host}:{port}/v1/proxy_grm", body)
            assert status == 503 and "pictures cannot be written on the server" in reply["error"]["message"]

    asyncio.run(scenario())


def test_pictures_of_a_killed_server_go_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    other = PictureFolder()
    with MockServer(latency_s=30).running() as slow:
        path = config(tmp_path, slow, how="timeout_s: 60")
        with serving(path) as (url, process):

            async def killed() -> None:
                picture = base64.b64encode(png(1)).decode()
                body: Any = {"samples": [{**SAMPLE, "images": [picture]}]}
                asked = asyncio.create_task(posted(f"{url}/v1/proxy_grm", body))
                while not slow.in_flight:
                    await asyncio.sleep(0.01)
                process.send_signal(signal.SIGKILL)
                await asyncio.gather(asked, return_exceptions=True)

            asyncio.run(killed())
        left = set(tmp_path.glob(PREFIX + "*")) - {other.path}
        assert any(f.suffix == ".png" for folder in left for f in folder.iterdir())
        with serving(path):
            assert not [folder for folder in left if folder.exists()]
    assert other.path.exists(), "of a process that lives"
    other.close()


def test_only_folders_of_the_dead_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.png").write_bytes(png(1))
    (tmp_path / f"{PREFIX}dead").mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / f"{PREFIX}file").write_bytes(b"")
    with ImageFiles() as files:
        (alive,) = files.media(png(2)).files
        remove_left_pictures()
        assert Path(alive.path).exists() and (tmp_path / "elsewhere" / "mine.png").exists()
        assert not (tmp_path / f"{PREFIX}dead").exists()
    assert not Path(alive.path).parent.exists()


def test_a_call_that_was_given_up_writes_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that decodes for a client that has gone goes on for a while."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = PictureFolder()
    with ImageFiles(folder) as files:
        files.media(png(1))
    with pytest.raises(BadImage, match="cancelled"):
        files.media(png(2))
    assert not list(folder.path.iterdir())
    folder.close()
    assert not list(tmp_path.iterdir())


def test_a_picture_that_was_half_written_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        write(path, data[:10])
        raise OSError(28, "No space left on device")

    with ImageFiles() as files:
        with monkeypatch.context() as disk:
            disk.setattr(Path, "write_bytes", full)
            with pytest.raises(OSError, match="No space left"):
                files.media(png(1))
        assert not list(tmp_path.rglob("*.png"))
        (file,) = files.media(png(1)).files
        assert Path(file.path).read_bytes() == png(1)
