"""The page of a run while it goes on, served on this machine: made anew when the folder has changed, by a process of its own."""

from __future__ import annotations

import asyncio
import html
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from evaluators.errors import UserError
from evaluators.text import printable, say
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.local_server import host_names, is_named, listening_on

HOST = "127.0.0.1"
REFRESH_S = 5
"""After so long a browser asks again, while there may be something new."""
PAUSE_S = 3.0
"""The least time between two makings."""
FIRST_WAIT_S = 2.0
"""How long the first request waits for the page."""

State = tuple[tuple[str, int, int], ...]
"""Names, sizes and times of the folder's files: another state is another page."""


class LivePage:
    """The page of a run folder, and when it is made.

    Args:
        place: a folder of its own to make it in.
    """

    def __init__(self, run: Path, place: Path) -> None:
        self._folder, self._file = RunFolder(run), place / "page.html"
        self._making: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._next = 0.0
        """`time.monotonic()` before which nothing is made anew."""
        self._page = b""
        self._state: State = ()
        """Of the folder when what is shown was begun."""
        self._problem = ""

    def state(self) -> State:
        stats = [(f.name, f.stat()) for f in self._folder.originals() if f.exists()]
        return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)

    async def response(self, request: web.Request) -> web.Response:
        """The page as it is now, or why there is none yet."""
        state = self.state()
        has_answers = any(size for name, size, _ in state if name.startswith("verdicts"))
        if has_answers and state != self._state and self._making is None and time.monotonic() >= self._next:
            self._making = asyncio.create_task(self._make(state))
        if self._making is not None and not self._page:
            await asyncio.wait([self._making], timeout=FIRST_WAIT_S)
        is_running = self._folder.is_being_written()
        body = self._page
        if not has_answers:
            body = _notice(self._folder, "No answers yet.", "" if is_running else "No run is writing this folder now.")
        elif self._problem:
            body = _notice(self._folder, "The page could not be made.", self._problem)
        elif not body:
            body = _notice(self._folder, "The page is being made.", "")
        headers = dict(_HEADERS)
        if is_running or self._making is not None or (has_answers and self.state() != self._state):
            headers["Refresh"] = str(REFRESH_S)
        return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)

    async def _make(self, state: State) -> None:
        started = time.monotonic()
        # A process: it takes no time from this loop, and ends at once with the server. `-P`: no module of the folder
        # where this was typed takes the place of one of ours.
        command = ["-P", "-m", "harness_plugins", "report", str(self._folder.path), "--out", str(self._file)]
        path = os.pathsep.join(p for p in sys.path if p)
        try:
            self._file.unlink(missing_ok=True)
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": path},
            )
            _, errors = await self._process.communicate()
            if self._file.exists():  # also where a table of another package is not on it
                self._page, self._problem = self._file.read_bytes(), ""
            else:
                self._problem = errors.decode(errors="replace").strip()
            self._state = state
        finally:
            self._next = time.monotonic() + max(PAUSE_S, time.monotonic() - started)
            self._making = None

    async def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        if self._making is not None:
            await asyncio.wait([self._making])


_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",  # beside the page's own, which a header cannot loosen
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def _notice(folder: RunFolder, what: str, more: str) -> bytes:
    """A page that says why there is no other."""
    parts = [html.escape(printable(text)) for text in (str(folder), what, more)]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<title>{parts[0]}</title></head><body><h1>{parts[0]}</h1><p>{parts[1]}</p><pre>{parts[2]}</pre></body></html>"
    ).encode()


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _by_its_name(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses a page of another site whose name was pointed at this machine."""
    if not is_named(request.headers.get("Host", ""), host_names(HOST, ())):
        return web.Response(status=400, text=f"ask http://{HOST}, not by another name\n")
    return await handler(request)


def serve(run: Path, port: int) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        UserError: there is no such folder, or the port cannot be used.
    """
    if not run.is_dir():
        raise UserError(f"{run}: no such folder; start the run first, or name the folder that it writes (`out:`)")
    asyncio.run(_serve(run, port))


async def _serve(run: Path, port: int) -> None:
    listening = listening_on(HOST, port, "--port")
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    with tempfile.TemporaryDirectory() as place:
        page = LivePage(run, Path(place))
        app = web.Application(middlewares=[_by_its_name])
        app.router.add_get("/", page.response)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listening, shutdown_timeout=1.0).start()
        say(f"serving http://{HOST}:{listening.getsockname()[1]}/ (Ctrl-C ends it)", flush=True)
        try:
            await ended.wait()
        finally:
            await page.close()
            await runner.cleanup()
