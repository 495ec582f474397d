"""A server that misbehaves as it is told: each address has a script, one answer a request."""

from __future__ import annotations

import gzip
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from transforms.addresses import Policy, Resolve, resolve
from transforms.web import Patience, Web

ETAG = '"one"'
DATE = "Sat, 01 Jan 2022 00:00:00 GMT"

HASTY = Patience(connect=2, stall=0.4, attempts=3, pause=0.001, longest_pause=0.01)


class Handler(BaseHTTPRequestHandler):
    """Takes the next answer of the script of the address that is asked for; the last one stays."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    scripts: ClassVar[dict[str, list[Script]]]
    asked: ClassVar[list[tuple[str, str | None]]]
    lock: ClassVar[threading.Lock]
    released: ClassVar[threading.Event]

    def do_GET(self) -> None:
        with self.lock:
            path = self.path.partition("?")[0]
            self.asked.append((path, self.headers.get("Range")))
            script = self.scripts.get(path, [absent])
            step = script.pop(0) if len(script) > 1 else script[0]
        step(self)

    def log_message(self, *_: object) -> None:
        """Keeps quiet."""

    def answer(
        self,
        status: int,
        body: bytes,
        declared: int | None = None,
        hang_up: bool = False,
        **headers: Any,
    ) -> None:
        """Sends one answer; `declared` is the announced length, -1 for none."""
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), value)
        if declared != -1:
            self.send_header("Content-Length", str(len(body) if declared is None else declared))
        if hang_up or declared == -1:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def start_of_range(self) -> int | None:
        """Where the range that is asked for begins."""
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        return int(found[1]) if found else None


Script = Callable[[Handler], None]


def whole(data: bytes, etag: str | None = ETAG, date: str | None = None, ranges: bool = True) -> Script:
    """A good server: honours Range and If-Range."""

    def step(handler: Handler) -> None:
        given = handler.headers.get("If-Range")
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", handler.headers.get("Range") or "")
        if not ranges or found is None or (given is not None and given not in (etag, date)):
            handler.answer(200, data, ETag=etag, Last_Modified=date)
            return
        first = int(found[1]) if found[1] else max(0, len(data) - int(found[2]))
        last = min(int(found[2]), len(data) - 1) if found[1] and found[2] else len(data) - 1
        if first >= len(data):
            handler.answer(416, b"", Content_Range=f"bytes */{len(data)}")
            return
        span = f"bytes {first}-{last}/{len(data)}"
        handler.answer(206, data[first : last + 1], ETag=etag, Last_Modified=date, Content_Range=span)

    return step


def cut(data: bytes, at: int, etag: str | None = ETAG, measured: bool = True) -> Script:
    """Sends the file, or its rest, and hangs up after `at` bytes of the file."""

    def step(handler: Handler) -> None:
        first = handler.start_of_range() or 0
        body = data[first : max(first, at)]
        if first:
            span = f"bytes {first}-{len(data) - 1}/{len(data)}"
            handler.answer(206, body, len(data) - first, True, ETag=etag, Content_Range=span)
        else:
            handler.answer(200, body, len(data) if measured else -1, True, ETag=etag)

    return step


def ranged(data: bytes, shift: int, total: int, etag: str | None = ETAG) -> Script:
    """Answers a range with another place or total than the file's own."""

    def step(handler: Handler) -> None:
        first = handler.start_of_range()
        if first is None:
            handler.answer(200, data, ETag=etag)
            return
        span = f"bytes {first + shift}-{len(data) - 1}/{total}"
        handler.answer(206, data[first:], ETag=etag, Content_Range=span)

    return step


def status(code: int, **headers: Any) -> Script:
    """An empty answer."""
    return lambda handler: handler.answer(code, b"", **headers)


def body(data: bytes, declared: int | None = None, **headers: Any) -> Script:
    """Any bytes."""
    return lambda handler: handler.answer(200, data, declared, hang_up=True, **headers)


def packed(data: bytes) -> Script:
    """The file, packed once more on the way."""
    return lambda handler: handler.answer(200, gzip.compress(data), Content_Encoding="gzip", ETag=ETAG)


def chunked(data: bytes, end: bool) -> Script:
    """The file in chunks, with or without the chunk that ends it."""

    def step(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n" + (b"0\r\n\r\n" if end else b""))
        handler.close_connection = True

    return step


def drip(data: bytes, at: int) -> Script:
    """From some place on, a byte now and then, never silent for long."""

    def step(handler: Handler) -> None:
        handler.answer(200, data[:at], len(data), True, ETag=ETAG)
        for number in range(at, len(data)):
            if handler.released.wait(0.05):
                return
            try:
                handler.wfile.write(data[number : number + 1])
            except OSError:
                return

    return step


def paced(data: bytes, pieces: int = 12) -> Script:
    """The file in some pieces with a moment between them, so that it is not received at once."""

    def step(handler: Handler) -> None:
        size = -(-len(data) // pieces)
        handler.answer(200, data[:size], len(data), True, ETag=ETAG)
        for first in range(size, len(data), size):
            if handler.released.wait(0.003):
                return
            try:
                handler.wfile.write(data[first : first + size])
            except OSError:
                return

    return step


def stall(data: bytes, at: int) -> Script:
    """Falls silent after `at` bytes, but keeps the line open."""

    def step(handler: Handler) -> None:
        handler.answer(200, data[:at], len(data), ETag=ETAG)
        silence(handler)

    return step


def silence(handler: Handler) -> None:
    """No answer at all."""
    handler.released.wait(10)
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    """Closes the connection without a word."""
    handler.close_connection = True


absent = status(404)


class Server:
    """A running server.

    Args:
        secure: what it speaks TLS with, if it does.

    Attributes:
        url: its address.
        scripts: what it does, by path.
        asked: path and Range of every request so far.
    """

    def __init__(self, secure: ssl.SSLContext | None = None) -> None:
        fields = {"scripts": {}, "asked": [], "lock": threading.Lock(), "released": threading.Event()}
        self._handler: type[Handler] = type("Told", (Handler,), fields)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler)
        self._server.daemon_threads = True
        # A client that hangs up is what is tested, not news.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        if secure is not None:
            self._server.socket = secure.wrap_socket(self._server.socket, server_side=True)
            self.url = f"https://127.0.0.1:{self.port}"
        self.scripts = self._handler.scripts
        self.asked = self._handler.asked

    @contextmanager
    def running(self) -> Iterator[Server]:
        """Serves until the block is left."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._handler.released.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def tell(self, path: str, *script: Script) -> str:
        """Sets what is answered at a path, and returns its address."""
        self.scripts[path] = list(script)
        return self.url + path

    def serve(self, folder: Path) -> str:
        """Serves every file of a folder, with ranges, and returns the address of the folder."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.tell(f"/{quote(path.relative_to(folder).as_posix())}", whole(path.read_bytes()))
        return self.url

    def web(self, patience: Patience = HASTY, resolver: Resolve = resolve) -> Web:
        """A client for which this server is an ordinary publisher."""
        return Web(Policy(frozenset({("http", "127.0.0.1", self.port)}), resolver), patience)
