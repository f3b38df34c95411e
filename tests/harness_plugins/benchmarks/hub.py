"""A Hub on loopback for tests: the routes that huggingface_hub and datasets ask, over repositories made on the spot.

`Hub` serves; `Client` is a process whose client libraries were imported with `HF_ENDPOINT` set to it (they read it at
import) and that runs our command line as often as asked, each time in a fork of its own.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[3]


@dataclass
class Repository:
    """A dataset at its newest commit, and what the Hub is to answer in place of it."""

    files: dict[str, bytes]
    gated: bool = False
    """Its files need a token (401 without one) that the owner has let in (403 else)."""
    free: Collection[str] = ()
    """The files of a gated dataset that need none."""
    breaks: str = ""
    """"once": the connection ends in the middle of every parquet file, and the Hub then answers 503. "ever": it ends there again."""
    older: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Earlier commits."""

    pinned: str = ""
    """The newest commit, where our declarations name it; else it is derived from the files."""

    @property
    def commit(self) -> str:
        if self.pinned:
            return self.pinned
        digests = (f"{path} {hashlib.sha1(data).hexdigest()}" for path, data in sorted(self.files.items()))
        return hashlib.sha1("\n".join(digests).encode()).hexdigest()

    def change(self, files: dict[str, bytes]) -> None:
        """A new commit, with these files in place of those of the same paths."""
        self.older[self.commit] = self.files
        self.files = self.files | files

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        if revision in ("main", self.commit):
            return self.commit, self.files
        return (revision, self.older[revision]) if revision in self.older else None


class Hub:
    """Repositories by name, at `endpoint`. `asked` holds each request; `unknown` those whose route is none of ours."""

    LET_IN = "hf_let_in"
    """The token of an account that has accepted the terms of every gated dataset."""
    STRANGER = "hf_stranger"
    """That of one that has not. Other tokens are none."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.asked: list[str] = []
        self.unknown: list[str] = []
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self._handler = Handler
        self._open(0)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _open(self, port: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nothing listens at the endpoint."""
        self.close()
        yield
        self._open(int(self._server.server_address[1]))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        parts = path.strip("/").split("/")
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in ("", Hub.LET_IN, Hub.STRANGER):
            return self._error(401, "", "Invalid credentials in Authorization header")
        if parts == ["api", "agent-harnesses"]:  # newer clients ask which programs drive them
            return self._error(404, "", "no such page")
        if parts[:2] == ["api", "datasets"] and len(parts) >= 4:
            self._api("/".join(parts[2:4]), parts[4:], body)
        elif parts[0] == "datasets" and parts[3:4] == ["resolve"] and len(parts) >= 6:
            self._file("/".join(parts[1:3]), parts[4], "/".join(parts[5:]))
        else:
            self.hub.unknown.append(f"{self.command} {path}")
            self._error(404, "", "no such page")
        return None

    def _absent(self) -> None:
        # Who gives no token is not told whether there is a private one.
        self._error(404 if self.headers.get("Authorization") else 401, "RepoNotFound", "Repository not found")

    def _shut(self, name: str, repository: Repository) -> bool:
        shut = repository.gated and self.headers.get("Authorization") != f"Bearer {Hub.LET_IN}"
        if shut:
            status = 403 if self.headers.get("Authorization") else 401
            self._error(status, "GatedRepo", f"Access to dataset {name} is restricted.")
        return shut

    def _api(self, name: str, route: list[str], body: bytes) -> None:
        # A gated dataset's listing is public on the Hub; its files are not.
        repository = self.hub.repositories.get(name)
        if repository is None:
            return self._absent()
        if route == ["auth-check"]:
            return None if self._shut(name, repository) else self._json({})
        revision = route[1] if len(route) > 1 else "main"
        there = repository.at(revision)
        if there is None:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        commit, files = there
        if not route or route[0] == "revision":
            siblings = [{"rfilename": path} for path in files]
            about = {"_id": "0" * 24, "id": name, "sha": commit, "private": False, "gated": repository.gated and "auto"}
            return self._json(about | {"disabled": False, "tags": [], "downloads": 0, "likes": 0, "siblings": siblings})
        if route[0] == "tree":
            folder = "/".join(route[2:])
            deep = "recursive=true" in self.path.lower()
            entries = list(_entries(files, folder, deep))
            return self._json(entries) if entries else self._error(404, "EntryNotFound", f"{folder} does not exist")
        if route[0] == "paths-info":
            paths = urllib.parse.parse_qs(body.decode()).get("paths", [])
            entries = [e for p in paths for e in _entries(files, p.rpartition("/")[0], False) if e["path"] == p]
            return self._json(entries)
        self.hub.unknown.append(f"{self.command} {self.path}")
        return self._error(404, "", "no such route")

    def _file(self, name: str, revision: str, path: str) -> None:
        repository = self.hub.repositories.get(name)
        if repository is None:
            return self._absent()
        if (
            repository.gated
            and path not in repository.free
            and self.headers.get("Authorization") != f"Bearer {Hub.LET_IN}"
        ):
            status = 403 if self.headers.get("Authorization") else 401
            return self._error(status, "GatedRepo", f"Access to dataset {name} is restricted.")
        there = repository.at(revision)
        if there is None:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        commit, files = there
        if path not in files:
            return self._error(404, "EntryNotFound", "Entry not found", commit)
        data = files[path]
        large = {"X-Linked-Etag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Linked-Size": str(len(data))}
        if repository.breaks == "gone":
            return self._error(503, "", "Service Unavailable")
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        headers = {"X-Repo-Commit": commit, "ETag": f'"{_oid(data)}"', "Accept-Ranges": "bytes"}
        headers |= large if path.endswith(".parquet") else {}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.send_response(206 if start else 200)
        self._headers(headers, len(data) - start)
        if self.command == "HEAD":
            return None
        if repository.breaks and path.endswith(".parquet"):
            repository.breaks = "gone" if repository.breaks == "once" else repository.breaks
            self.wfile.write(data[start : max(start, len(data) // 2)])
            self.close_connection = True
            return None
        self.wfile.write(data[start:])
        return None

    def _json(self, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self._headers({"Content-Type": "application/json"}, len(data))
        self.wfile.write(data)

    def _error(self, status: int, code: str, message: str, commit: str = "") -> None:
        data = json.dumps({"error": message}).encode()
        self.send_response(status)
        named = {"X-Error-Code": code, "X-Repo-Commit": commit}
        self._headers({"X-Error-Message": message} | {k: v for k, v in named.items() if v}, len(data))
        if self.command != "HEAD":
            self.wfile.write(data)

    def _headers(self, headers: dict[str, str], length: int) -> None:
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()


def _oid(data: bytes) -> str:
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


def _entries(files: dict[str, bytes], folder: str, deep: bool) -> Iterator[dict[str, Any]]:
    prefix = f"{folder}/" if folder else ""
    folders: set[str] = set()
    for path, data in files.items():
        if not path.startswith(prefix):
            continue
        steps = path.removeprefix(prefix).split("/")
        for n in range(1, len(steps) if deep else min(2, len(steps))):
            folders.add(prefix + "/".join(steps[:n]))
        if len(steps) == 1 or deep:
            entry = {"type": "file", "path": path, "size": len(data), "oid": _oid(data)}
            if path.endswith(".parquet"):
                entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
            yield entry
    for path in sorted(folders):
        yield {"type": "directory", "path": path, "size": 0, "oid": _oid(path.encode())}


def parquet(rows: list[dict[str, Any]]) -> bytes:
    """Rows as `push_to_hub` writes them: images as structs of bytes and path, declared as such in the file's schema.

    By pyarrow alone: `datasets` takes seconds to import. `Sequence` is what all versions of it read as a list.
    """
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pylist(rows)
    kinds = {"string": "string", "int64": "int64", "double": "float64"}

    def feature(of: pyarrow.DataType) -> dict[str, Any]:
        if pyarrow.types.is_list(of):
            return {"feature": feature(of.value_type), "_type": "Sequence"}
        return {"_type": "Image"} if pyarrow.types.is_struct(of) else {"dtype": kinds[str(of)], "_type": "Value"}

    features = {f.name: feature(f.type) for f in table.schema}
    about = {"huggingface": json.dumps({"info": {"features": features}})}
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table.replace_schema_metadata(about), buffer)
    return buffer.getvalue()


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Client:
    """Runs our command line where the client libraries ask `endpoint` and keep their cache under `home`."""

    def __init__(self, endpoint: str, home: Path, **environment: str) -> None:
        self._folder = home / f"client-{len(list(home.glob('client-*')))}"
        self._folder.mkdir(parents=True)
        ours = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home / "hf"), "XDG_CACHE_HOME": str(home / "cache")}
        clean = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and not k.lower().endswith("_proxy")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.harness_plugins.benchmarks.hub"],
            cwd=ROOT, env=clean | ours | environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: str | Path, folder: Path | None = None, **environment: str) -> Done:
        out, err = self._folder / "out", self._folder / "err"
        request = {"arguments": list(map(str, arguments)), "folder": str(folder or self._folder), "out": str(out)}
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request | {"err": str(err), "environment": environment}) + "\n")
        self._process.stdin.flush()
        return Done(int(self._process.stdout.readline()), out.read_text(), err.read_text())

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)


@contextmanager
def client(endpoint: str, home: Path, **environment: str) -> Iterator[Client]:
    made = Client(endpoint, home, **environment)
    try:
        yield made
    finally:
        made.close()


def _serve_commands() -> None:
    """A line of JSON in, an exit code out. A fork of a process that has imported what is slow costs little."""
    for slow in ("datasets", "duckdb", "huggingface_hub", "pyarrow.parquet", "aiohttp"):
        importlib.import_module(slow)
    # Whole names, so that a module that moves is renamed here as well.
    import harness_plugins.training_data.build  # noqa: F401
    from harness_plugins.cli import main

    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            for descriptor, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
            os.environ.update(request["environment"])
            os.chdir(request["folder"])
            code = 70
            try:
                code = main(request["arguments"])
            except SystemExit as e:
                code = int(e.code or 0)
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    _serve_commands()
