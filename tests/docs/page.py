"""A page's reader: a folder, a shell, and the servers that the page speaks of."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.docs.client import SERVES
from tests.docs.markdown import Block

LINKED = ("tasks", "results", "performance", "tools", "pyproject.toml", "Makefile")
"""What of a checkout a reader reads; `examples` are copied, since their configs write beside them."""
HERE = Path(__file__).parent
COMMANDS = ("rubric-harness", "python", "pip", "make")
_ADDRESS = re.compile(r"(?<=127\.0\.0\.1:)\d{4,5}\b")
_STARTED = re.compile(r"(?:mock_server|reward-server|harness view).*--port (\d+)")
SHELL = """
set -eo pipefail
[ -f "$DOCS_STATE" ] && source "$DOCS_STATE"
trap 'export -p > "$DOCS_STATE"' EXIT
"""
"""A block that fails ends; what it exports is there in the page's next one."""


SHOWN = 12
"""Lines of a failed block's output that its failure shows."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Reader:
    """Args:
    folder: an empty folder, for this page alone.
    starter: where `starter.py` listens.
    endpoint: the port of the mock that stands for the endpoints that the page does not start itself.
    """

    def __init__(self, folder: Path, starter: Path, endpoint: int, blocks: list[Block]) -> None:
        self.checkout = folder / "checkout"
        self._servers = folder / "servers"
        self._ports = dict.fromkeys(_STARTED.findall("\n".join(b.text for b in blocks)), 0)
        self._ports = {port: free_port() for port in (*SERVES.values(), *self._ports)}
        self._endpoint = endpoint
        self._prepare(folder)
        self.env = {
            "PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "COLUMNS": "80",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "DOCS_STARTER": str(starter),
            "DOCS_STATE": str(folder / "state"),
            "DOCS_SERVERS": str(self._servers),
            **{f"DOCS_PORT_{port}": str(self._ports[port]) for port in SERVES.values()},
        }

    def _prepare(self, folder: Path) -> None:
        self.checkout.mkdir()
        (folder / "bin").mkdir()
        for name in COMMANDS:
            command = folder / "bin" / name
            command.write_text(
                f"#!{sys.executable} -ISB\nimport runpy\nrunpy.run_path({str(HERE / 'client.py')!r})['main']({name!r})\n"
            )
            command.chmod(0o755)
        for name in LINKED:
            if name != "results":
                (self.checkout / name).symlink_to(ROOT / name)
        shutil.copytree(ROOT / "examples", self.checkout / "examples", ignore=shutil.ignore_patterns("__pycache__"))
        for path in (self.checkout / "examples").rglob("*.yaml"):
            path.write_text(self.own(path.read_text(encoding="utf-8")), encoding="utf-8")

    def own(self, text: str) -> str:
        """A text with the ports of this page: those that it starts are free ones, all others are the mock's."""
        text = _ADDRESS.sub(lambda m: str(self._ports.get(m[0], self._endpoint)), text)
        return re.sub(r"(?<=--port )(\d+)", lambda m: str(self._ports.get(m[0], m[0])), text)

    def public(self, text: str) -> str:
        """What was printed, with the ports of the page."""
        for port, own in self._ports.items():
            text = text.replace(f":{own}", f":{port}")
        return text.replace(f":{self._endpoint}", ":8000")

    def write(self, block: Block) -> Path:
        path = self.checkout / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.own(block.text), encoding="utf-8")
        return path

    def shell(self, block: Block) -> str:
        """Run a block as it would be pasted: what it printed.

        Raises:
            AssertionError: it failed.
        """
        return self._run(self.own(block.text), block)

    def command(self, block: Block, *argv: str) -> str:
        return self._run(shlex.join(argv), block)

    def _run(self, script: str, block: Block) -> str:
        argv = ["bash", "-c", SHELL + script]
        done = subprocess.run(
            argv, cwd=self.checkout, env=self.env, text=True, stdin=subprocess.DEVNULL, timeout=300 if block.needs else 60,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        output = self.public(done.stdout)
        end = "\n".join(output.splitlines()[-SHOWN:])
        assert done.returncode == 0, f"ends with {done.returncode}:\n{block.text}\nIts output ends in\n{end}"
        return output

    def close(self) -> None:
        for pid in self._servers.read_text().split() if self._servers.exists() else ():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue
