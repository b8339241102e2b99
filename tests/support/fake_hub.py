"""A model hub, and a plain file server, on this machine; both can be told to misbehave.

with FakeHub() as hub:
    hub.put("owner/name", "model.yaml", b"...")
    address = hub.put_plain("/releases/model.ckpt", b"...")
    store = ModelStore(folder, hub.endpoint)
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

_RESOLVE = re.compile(r"^/([\w.-]+/[\w.-]+)/resolve/([\w.-]+)/(.+)$")
_LARGE = (".safetensors", ".ckpt", ".pth", ".th")


@dataclass(frozen=True, slots=True)
class Request:
    """file: name in its repository, or the path of a plain file.

    start: first byte that was asked for, 0 without a Range header.
    """

    method: str
    file: str
    start: int
    authorization: str | None


@dataclass
class FakeHub:
    """status: file name → HTTP status it is refused with.
    cut: file name → bytes after which the connection is cut, once.
    stall: file name → bytes after which nothing more comes until `release`.
    head_stalls: answer no HEAD until `release`.
    corrupt: names of files that arrive with one wrong byte.
    commits: whether answers name a commit, as those of a real hub do.
    ranges: whether a part of a file can be asked for.
    etags: whether plain files have an ETag.
    chunked: names of files whose size is not told.
    redirects: path → Location.

    A file is named as in its repository; a plain file by its path, with the first "/".
    """

    status: dict[str, int] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    stall: dict[str, int] = field(default_factory=dict)
    head_stalls: bool = False
    corrupt: set[str] = field(default_factory=set)
    commits: bool = True
    ranges: bool = True
    etags: bool = True
    chunked: set[str] = field(default_factory=set)
    redirects: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._files: dict[str, dict[str, bytes]] = {}
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def put(self, repository: str, name: str, content: bytes) -> None:
        self._files.setdefault(repository, {})[name] = content

    def put_plain(self, path: str, content: bytes) -> str:
        """Serve `content`, and return its address."""
        self._files.setdefault("", {})[path] = content
        return f"{self.endpoint}{path}"

    def commit(self, repository: str) -> str:
        """Changes with the content, as a real one does."""
        digest = hashlib.sha1(usedforsecurity=False)
        for name, content in sorted(self._files.get(repository, {}).items()):
            digest.update(name.encode() + content)
        return digest.hexdigest()

    def release(self) -> None:
        """Let everything go on that was stalled."""
        self._released.set()

    def gets(self, file: str) -> list[Request]:
        return [one for one in self.requests if one.method == "GET" and one.file == file]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                # A client that is killed in the middle is what some tests are about.
                with contextlib.suppress(ConnectionError):
                    super().handle()

            def do_HEAD(self) -> None:
                hub._answer(self)

            def do_GET(self) -> None:
                hub._answer(self)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler

    def _answer(self, http: BaseHTTPRequestHandler) -> None:
        path = unquote(http.path)
        match = _RESOLVE.match(path)
        repository, revision, name = match.groups() if match else ("", "main", path)
        asked = re.match(r"bytes=(\d+)-", http.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        token = http.headers.get("Authorization")
        self.requests.append(Request(http.command, name, start, token))
        if http.command == "HEAD" and self.head_stalls:
            self._released.wait()
        content = self._files.get(repository, {}).get(name)
        commit = self.commit(repository)
        if name in self.redirects:
            self._refuse(http, 302, {"Location": self.redirects[name]})
        elif name in self.status:
            self._refuse(http, self.status[name], {})
        elif content is None or revision not in ("main", commit):
            known = repository in self._files
            code = "EntryNotFound" if known else "RepoNotFound"
            self._refuse(http, 404 if known or not match else 401, {"X-Error-Code": code})
        else:
            self._send(http, name, content, start, commit if match else None)

    def _refuse(self, http: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
        http.send_response(status)
        for key, value in headers.items():
            http.send_header(key, value)
        http.send_header("Content-Length", "0")
        http.end_headers()

    def _send(
        self,
        http: BaseHTTPRequestHandler,
        name: str,
        content: bytes,
        start: int,
        commit: str | None,
    ) -> None:
        large = name.endswith(_LARGE)
        etag = (hashlib.sha256 if large else hashlib.sha1)(content).hexdigest()
        if commit is None:
            etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if http.headers.get("If-Range", f'"{etag}"') != f'"{etag}"' or not self.ranges:
            start = 0
        http.send_response(206 if start else 200)
        if self.commits and commit is not None:
            http.send_header("X-Repo-Commit", commit)
        if self.etags or commit is not None:
            http.send_header("ETag", f'"{etag}"')
        if name not in self.chunked:
            http.send_header("Content-Length", str(len(content) - start))
        else:
            # The end of the connection is the end of the file.
            http.send_header("Connection", "close")
        if start:
            http.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        http.end_headers()
        if http.command == "HEAD":
            return
        if name in self.corrupt:
            content = content[:-1] + bytes([content[-1] ^ 1])
        end = self.cut.pop(name, len(content))
        pause = self.stall.pop(name, end)
        try:
            http.wfile.write(content[start:pause])
            if pause < end:
                http.wfile.flush()
                self._released.wait()
                http.wfile.write(content[pause:end])
        except OSError:
            # The client was cancelled: nobody is listening any more.
            http.close_connection = True
        if end < len(content) or name in self.chunked:
            http.close_connection = True
