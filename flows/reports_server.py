"""Serves the reports of a lake on this machine: reads only, only files below three folders, no scripts.

The report of a build is at `/<build id>/`, that of an evaluation at `/evaluations/<run>/`, and that of a
training at `/trainings/<run>/`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from transforms.score_store import FOLDER as EVALUATIONS
from transforms.training_store import FOLDER as TRAININGS

HOST = "127.0.0.1"

_RUNS = (EVALUATIONS, TRAININGS)
"""Folders of a lake whose runs have pages of their own."""

_KINDS = {".html": "text/html; charset=utf-8", ".json": "application/json"}
"""What is served. A report is nothing else."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def found(folder: Path, path: str) -> Path | None:
    """The file below `folder` that the path of a request names, or None if there is none to be served.

    A folder means its `index.html`. Hidden files, and links that lead out of the folder, are not there.
    """
    parts = [unquote(part) for part in path.split("/") if part]
    if any(part.startswith(".") or "/" in part or "\\" in part or "\0" in part for part in parts):
        return None
    try:
        root = folder.resolve(strict=True)
        place = root.joinpath(*parts).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    if place.is_dir():
        place = place / "index.html"
    inside = place.resolve().is_relative_to(root)
    return place if inside and place.is_file() and place.suffix in _KINDS else None


class _Handler(BaseHTTPRequestHandler):
    server: ReportsServer
    timeout = 10
    protocol_version = "HTTP/1.1"

    def version_string(self) -> str:
        return "multiinstruct"

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: this shares a terminal with the person who reads."""

    def end_headers(self) -> None:
        """Ends the headers of every answer, errors included."""
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def do_GET(self) -> None:
        """Answers with a file of the reports, or leads to the current one."""
        # A page elsewhere may give its own name this address; it is not to read what is here.
        if self.headers.get("Host") not in self.server.names:
            self._say(HTTPStatus.MISDIRECTED_REQUEST, "this server has another name")
            return
        path = self.path.partition("?")[0]
        if path == "/":
            self._to_current()
            return
        first, _, rest = path.lstrip("/").partition("/")
        if first in _RUNS:
            folder, before, path = self.server.lake / first, f"{first}/", rest
        else:
            folder, before = self.server.lake / "reports", ""
        place = found(folder, path)
        if place is None:
            self._say(HTTPStatus.NOT_FOUND, "there is no such report")
        elif place.name == "index.html" and not path.endswith(("/", ".html")):
            # The page's own links need the slash.
            self._lead_to(before + place.parent.relative_to(folder.resolve()).as_posix())
        else:
            self._send(HTTPStatus.OK, _KINDS[place.suffix], place.read_bytes())

    def do_HEAD(self) -> None:
        """Answers as `do_GET` does, without the file."""
        self.do_GET()

    def _to_current(self) -> None:
        try:
            build = (self.server.lake / "current").read_text().strip()
        except OSError:
            build = ""
        if build and found(self.server.lake / "reports", build):
            self._lead_to(build)
        else:
            self._say(HTTPStatus.NOT_FOUND, "no build has ended in this lake yet; reload this when one has")

    def _lead_to(self, folder: str) -> None:
        self._send(HTTPStatus.FOUND, "text/plain", b"", Location=f"/{folder}/")

    def _say(self, status: HTTPStatus, what: str) -> None:
        self._send(status, "text/plain; charset=utf-8", f"{what}\n".encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        own = {"Content-Type": kind, "Content-Length": str(len(body)), **headers}
        for name, value in own.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class ReportsServer(ThreadingHTTPServer):
    """The server; it listens as soon as it is made.

    Args:
        port: 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """

    daemon_threads = True

    def __init__(self, lake: Path, port: int) -> None:
        super().__init__((HOST, port), _Handler)
        self.lake = lake
        self.names = {f"{name}:{self.server_port}" for name in (HOST, "localhost")}

    @property
    def url(self) -> str:
        """Where its pages are, without a slash at the end."""
        return f"http://{HOST}:{self.server_port}"


@contextmanager
def serving_reports(lake: Path, port: int) -> Iterator[ReportsServer]:
    """Serves the reports of a lake as long as the context lasts."""
    with ReportsServer(lake, port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
