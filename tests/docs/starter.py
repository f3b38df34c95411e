"""Starts commands as forks of a process that has imported everything: `python starter.py SOCKET` serves until it is killed.

The shell of a page calls `rubric-harness` and `python` by their names; each is `client.py`, which hands its arguments, folder,
environment and open files to this process and waits for the exit code. So a block runs as it is pasted, without the two seconds that
each start of Python with numpy and scipy takes.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
from collections.abc import Sequence

LATE = (
    "evaluators.testing.mock_server",
    "scipy.stats",
    "scipy.optimize",
    "matplotlib.figure",
    "matplotlib.backends.backend_svg",
)
"""What takes long to import, and is first imported within a function."""


def imported() -> None:
    """All that commands import later; what needs an extra that is not there is left to them."""
    import harness_plugins

    for module in pkgutil.walk_packages(harness_plugins.__path__, "harness_plugins."):
        if not module.name.startswith(("harness_plugins.rpo", "harness_plugins.hosts", "harness_plugins.__main__")):
            with contextlib.suppress(ImportError):
                importlib.import_module(module.name)
    for name in LATE:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def run(argv: Sequence[str]) -> object:
    """What the command returns, or SystemExit."""
    name, arguments = os.path.basename(argv[0]), list(argv[1:])
    if name == "rubric-harness":
        from harness_plugins.cli import main

        sys.argv = ["rubric-harness", *arguments]
        return main(arguments)
    if arguments[:1] == ["-m"]:
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[0] = arguments, os.path.dirname(os.path.abspath(arguments[0]))
        runpy.run_path(arguments[0], run_name="__main__")
    return 0


def child(connection: socket.socket, request: dict[str, object], files: Sequence[int]) -> None:
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    os.chdir(str(request["cwd"]))
    os.environ.clear()
    os.environ.update(request["env"])  # type: ignore[call-overload]
    if request["serves"]:
        with open(os.environ["DOCS_SERVERS"], "a", encoding="utf-8") as file:
            print(os.getpid(), file=file)
    try:
        code = run(request["argv"])  # type: ignore[arg-type]
    except SystemExit as e:
        if isinstance(e.code, str):
            print(e.code, file=sys.stderr)
        code = 1 if isinstance(e.code, str) else e.code
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    with contextlib.suppress(OSError):  # nobody reads on: `| head`
        sys.stdout.flush()
        sys.stderr.flush()
    with contextlib.suppress(OSError):
        connection.sendall(bytes([int(code or 0) % 256]))
    os._exit(0)


def serve(place: str) -> None:
    imported()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(place)
    listening.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listening.accept()
        data, files, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        while not data.endswith(b"\0"):
            data += connection.recv(1 << 20)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listening.close()
            child(connection, json.loads(data[:-1]), files)
        connection.close()
        for file in files:
            os.close(file)


if __name__ == "__main__":
    serve(sys.argv[1])
