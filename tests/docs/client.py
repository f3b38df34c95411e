"""`rubric-harness`, `python`, `pip` and `make` as the shell of a page finds them. See `starter.py` and CONTRIBUTING.md.

A server (the mock, the reward server) goes to the background, as a reader has it in a second terminal, and the next line runs once it
listens. `pip` and `make` install nothing: whether what they are told is there is what is looked at. `make demo` runs.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import time

SERVES = {"evaluators.testing.mock_server": "8765", "reward-server": "8765", "view": "8766"}
"""What serves until it is stopped, by a word of its command, and the port where it says none."""


def served_port(argv: list[str]) -> int:
    """The port of a command that serves until it is stopped; 0 for any other. A command without a port gets the page's."""
    served = next((SERVES[word] for word in argv[1:3] if word in SERVES), None)
    if served is None or "--help" in argv:
        return 0
    port = re.search(r"--port[ =](\d+)", " ".join(argv))
    if port is None:
        argv += ["--port", os.environ[f"DOCS_PORT_{served}"]]
    return int(port[1] if port else os.environ[f"DOCS_PORT_{served}"])


def check_pip(arguments: list[str]) -> int:
    """Whether the extras that are asked of this project exist."""
    with open("pyproject.toml", encoding="utf-8") as file:
        extras = set(re.findall(r"^([a-z-]+) = \[", file.read(), re.M))
    asked = {e for a in arguments for m in re.findall(r"^(?:\.|rubric-harness)\[(.+)\]", a) for e in m.split(",")}
    if asked - extras:
        print(f"no extra of pyproject.toml: {', '.join(sorted(asked - extras))}", file=sys.stderr)
    return bool(asked - extras)


def check_make(arguments: list[str]) -> int:
    """Whether the targets exist."""
    with open("Makefile", encoding="utf-8") as file:
        targets = set(re.findall(r"^([a-z][\w-]*):", file.read(), re.M))
    missing = [a for a in arguments if "=" not in a and not a.startswith("-") and a not in targets]
    if missing:
        print(f"no target of the Makefile: {', '.join(missing)}", file=sys.stderr)
    return bool(missing)


def make(arguments: list[str]) -> int:
    """`make demo` runs what it runs once all is installed; of other targets it is enough that they exist."""
    if check_make(arguments) or arguments != ["demo"]:
        return check_make(arguments)
    import subprocess  # not at each start of a command

    recipe = subprocess.run(
        ["/usr/bin/make", "-n", "--no-print-directory", "-o", ".venv/core", "demo"],
        capture_output=True,
        text=True,
        check=True,
    )
    return subprocess.call(["bash", "-ec", re.sub(r"\S+/bin/rubric-harness", "rubric-harness", recipe.stdout)])


def start(argv: list[str], files: list[int], serves: bool = False) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ["DOCS_STARTER"])
    request = {"argv": argv, "cwd": os.getcwd(), "env": dict(os.environ), "serves": serves}
    socket.send_fds(connection, [json.dumps(request).encode() + b"\0"], files)
    return connection


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main(name: str) -> None:
    sys.exit(
        {"pip": check_pip, "make": make}[name](sys.argv[1:])
        if name in ("pip", "make")
        else handed_over([name, *sys.argv[1:]])
    )


def handed_over(argv: list[str]) -> int:
    """The exit code of a command of ours; 0 of a server that listens."""
    port = served_port(argv)
    if not port:
        return (start(argv, [0, 1, 2]).recv(1) or b"\1")[0]
    log = os.open(f"server-{port}.log", os.O_WRONLY | os.O_CREAT)
    start(argv, [0, log, log], serves=True)
    until = time.monotonic() + 20
    while not listens(port):
        if time.monotonic() > until:
            with open(f"server-{port}.log", encoding="utf-8") as file:
                print(file.read(), file=sys.stderr)
            return 1
        time.sleep(0.02)
    return 0
