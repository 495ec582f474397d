"""The downloader against a server that misbehaves: the right file, or a clear error and no file."""

from __future__ import annotations

import gzip
import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from schemas.errors import BuildError, ExitCode, TransientError
from schemas.source import Pin, RemoteFile
from transforms import download
from transforms.download import fetch
from transforms.mirror import Mirror, mirror_path
from transforms.receive import Fetched

DATA = b"PK\x03\x04" + bytes(range(256)) * 8_000
SHA256 = hashlib.sha256(DATA).hexdigest()
PIN = Pin(sha256=SHA256, bytes=len(DATA), witness="this test")
NAME_ONLY = Pin(sha256=SHA256, witness="this test")
PAGE = b"\n <!DOCTYPE html><html><body>Quota exceeded</body></html>"
URL = "https://host.org/data/a.zip"


class Handler(BaseHTTPRequestHandler):
    """Answers `/<behaviour>/...`."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        behaviour = self.path.split("/")[1]
        getattr(self, behaviour, self.whole)()

    def log_message(self, *_: object) -> None:
        """Keeps quiet."""

    def answer(self, status: int, body: bytes, declared: int | None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if declared is not None:
            self.send_header("Content-Length", str(declared))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def whole(self) -> None:
        self.answer(200, DATA, len(DATA))

    def unmeasured(self) -> None:
        self.answer(200, DATA, None)

    def cut(self) -> None:
        self.answer(200, DATA[:-1000], len(DATA))

    def cut_unmeasured(self) -> None:
        self.answer(200, DATA[:-1000], None)

    def longer(self) -> None:
        self.answer(200, DATA + b"more", None)

    def other_size(self) -> None:
        self.answer(200, DATA + b"more", len(DATA) + 4)

    def empty(self) -> None:
        self.answer(200, b"", 0)

    def other(self) -> None:
        self.answer(200, DATA[:-1] + b"x", len(DATA))

    def page(self) -> None:
        self.answer(200, PAGE, len(PAGE), Content_Type="text/html")

    def text(self) -> None:
        self.answer(200, b"not a zip", None)

    def zipped(self) -> None:
        body = gzip.compress(DATA)
        self.answer(200, body, len(body), Content_Encoding="gzip")

    def absent(self) -> None:
        self.answer(404, b"", 0)

    def busy(self) -> None:
        self.answer(429, b"", 0, Retry_After="1")

    def broken(self) -> None:
        self.answer(503, b"", 0)

    def down(self) -> None:
        self.answer(302, b"", 0, Location="/whole/a.zip")

    def hijacked(self) -> None:
        self.answer(302, b"", 0, Location="https://www.visualgenome.org/a.zip?token=secret")

    def hang_up(self) -> None:
        self.close_connection = True


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of a running server."""
    Handler.asked = []
    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture(autouse=True)
def _own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")


def silent(done: int, total: int | None) -> None:
    """Nobody watches."""


def get(
    folder: Path,
    *urls: str,
    pin: Pin | None = PIN,
    mirror: Mirror | None = None,
    offline: bool = False,
) -> Fetched:
    file = RemoteFile(urls=urls, pin=pin)
    return fetch(
        file, folder / "out" / "a.zip", mirror=mirror, offline=offline, expected=pin, progress=silent
    )


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "out").iterdir()) if (folder / "out").exists() else []


def filled_mirror(folder: Path, data: bytes = DATA) -> Mirror:
    path = folder / "mirror" / mirror_path(URL)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return Mirror(str(folder / "mirror"))


@pytest.mark.parametrize("behaviour", ["whole", "unmeasured"])
@pytest.mark.parametrize("pin", [PIN, NAME_ONLY])
def test_a_file_arrives(server: str, tmp_path: Path, behaviour: str, pin: Pin) -> None:
    url = f"{server}/{behaviour}/a.zip"
    assert get(tmp_path, url, pin=pin) == Fetched(SHA256, len(DATA), url)
    assert (tmp_path / "out" / "a.zip").read_bytes() == DATA
    assert left(tmp_path) == ["a.zip"]


@pytest.mark.parametrize(
    ("behaviour", "kind", "message"),
    [
        ("cut", TransientError, "connection failed|too early"),
        ("cut_unmeasured", TransientError, "too early"),
        ("empty", TransientError, "too early"),
        ("longer", BuildError, "over"),
        ("other_size", BuildError, "not the one"),
        ("other", BuildError, SHA256),
        ("page", BuildError, "web page"),
        ("text", BuildError, "another kind"),
        ("zipped", BuildError, "gzip"),
        ("absent", BuildError, "status 404"),
        ("busy", TransientError, "429"),
        ("broken", TransientError, "503"),
        ("down", BuildError, "leaves https"),
        ("hijacked", BuildError, "never contacted"),
        ("hang_up", TransientError, "connection failed"),
    ],
)
def test_what_goes_wrong_is_told_and_leaves_nothing(
    server: str, tmp_path: Path, behaviour: str, kind: type[BuildError], message: str
) -> None:
    with pytest.raises(BuildError, match=message) as caught:
        get(tmp_path, f"{server}/{behaviour}/a.zip?token=secret")
    assert type(caught.value) is kind
    assert "secret" not in str(caught.value)
    assert left(tmp_path) == []


def test_both_hashes_are_shown(server: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        get(tmp_path, f"{server}/other/a.zip")
    other = hashlib.sha256(DATA[:-1] + b"x").hexdigest()
    assert SHA256 in str(caught.value)
    assert other in str(caught.value)


def test_a_silent_server_is_not_waited_for(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    monkeypatch.setattr(Handler, "stall", lambda _: released.wait(10), raising=False)
    monkeypatch.setattr(download, "STALL_SECONDS", 0.05)
    try:
        with pytest.raises(TransientError, match="connection failed"):
            get(tmp_path, f"{server}/stall/a.zip")
    finally:
        released.set()


def test_addresses_are_tried_in_order(server: str, tmp_path: Path) -> None:
    urls = (
        f"{server}/absent/a.zip",
        f"{server}/other/a.zip",
        f"{server}/whole/a.zip",
        f"{server}/never/a.zip",
    )
    Handler.asked.clear()
    assert get(tmp_path, *urls).url == urls[2]
    assert Handler.asked == ["/absent/a.zip", "/other/a.zip", "/whole/a.zip"]


def test_all_failures_are_told_and_one_may_pass(server: str, tmp_path: Path) -> None:
    with pytest.raises(TransientError, match=r"(?s)404.*503"):
        get(tmp_path, f"{server}/absent/a.zip", f"{server}/broken/a.zip")
    with pytest.raises(BuildError, match="none of the 2") as caught:
        get(tmp_path, f"{server}/absent/a.zip", f"{server}/other/a.zip")
    assert not isinstance(caught.value, TransientError)


def test_a_connection_refused_may_pass(tmp_path: Path) -> None:
    with pytest.raises(TransientError):
        get(tmp_path, "http://127.0.0.1:1/a.zip")


def test_plain_http_needs_a_pin(server: str, tmp_path: Path) -> None:
    Handler.asked.clear()
    with pytest.raises(BuildError, match="plain http"):
        get(tmp_path, f"{server}/whole/a.zip", pin=None)
    assert Handler.asked == []


def test_a_host_that_was_taken_over_is_never_contacted(tmp_path: Path) -> None:
    for host in ("visualgenome.org", "www.visualgenome.org", "VisualGenome.org.", "visualgenome.org:443"):
        with pytest.raises(BuildError, match="never contacted"):
            get(tmp_path, f"https://{host}/a.zip")


def test_a_full_disk_has_its_own_exit_code(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BuildError, match="disk is full") as caught:
        get(tmp_path, f"{server}/whole/a.zip", f"{server}/never/a.zip")
    assert caught.value.exit_code == ExitCode.DISK_FULL
    assert left(tmp_path) == []


def test_an_interrupt_leaves_nothing_and_the_same_call_goes_on(server: str, tmp_path: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    url = f"{server}/whole/a.zip"
    with pytest.raises(KeyboardInterrupt):
        fetch(
            RemoteFile(urls=(url,)),
            tmp_path / "out" / "a.zip",
            mirror=None,
            offline=False,
            expected=PIN,
            progress=interrupt,
        )
    assert left(tmp_path) == []
    # What a killed process leaves behind is in nobody's way.
    (tmp_path / "out" / ".a.zip.partial").write_bytes(b"half")
    assert get(tmp_path, url).sha256 == SHA256
    assert left(tmp_path) == ["a.zip"]


def test_progress_counts_to_the_total(server: str, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    fetch(
        RemoteFile(urls=(f"{server}/whole/a.zip",)),
        tmp_path / "a.zip",
        mirror=None,
        offline=False,
        expected=PIN,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (len(DATA), len(DATA))
    assert told == sorted(told)


def test_a_local_mirror_is_linked_and_hashed(tmp_path: Path) -> None:
    mirror = filled_mirror(tmp_path)
    fetched = get(tmp_path, URL, mirror=mirror, offline=True, pin=None)
    assert fetched == Fetched(SHA256, len(DATA), URL)
    source = mirror.local_path(URL)
    assert source is not None
    assert source.samefile(tmp_path / "out" / "a.zip")
    assert get(tmp_path, URL, mirror=mirror, offline=True) == fetched
    assert left(tmp_path) == ["a.zip"]


def test_a_mirror_is_copied_where_it_cannot_be_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    mirror = filled_mirror(tmp_path)
    assert get(tmp_path, URL, mirror=mirror, offline=True).sha256 == SHA256
    assert (tmp_path / "out" / "a.zip").read_bytes() == DATA


@pytest.mark.parametrize(
    ("data", "message"), [(DATA + b"x", "not the one"), (DATA[:-1] + b"x", SHA256), (PAGE, "web page")]
)
def test_a_wrong_file_in_a_mirror_is_an_error(tmp_path: Path, data: bytes, message: str) -> None:
    mirror = filled_mirror(tmp_path, data)
    with pytest.raises(BuildError, match=message):
        get(tmp_path, URL, mirror=mirror, offline=True)
    assert left(tmp_path) == []


def test_offline_names_the_path_that_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"mirror/host\.org/data/a\.zip"):
        get(tmp_path, URL, mirror=Mirror(str(tmp_path / "mirror")), offline=True)
    for mirror in (None, Mirror("https://mirror.org/files")):
        with pytest.raises(BuildError, match="offline"):
            get(tmp_path, URL, mirror=mirror, offline=True)


def test_a_mirror_on_the_web(server: str, tmp_path: Path) -> None:
    # The mirror is the user's own choice: it may be plain http, and needs no pin.
    assert get(tmp_path, URL, mirror=Mirror(f"{server}/files"), pin=None).sha256 == SHA256
    url = f"{server}/whole/a.zip"
    assert get(tmp_path, url, mirror=Mirror(f"{server}/absent")).url == url
    with pytest.raises(TransientError):
        get(tmp_path, URL, mirror=Mirror(f"{server}/broken"))


def test_any_other_store(server: str, tmp_path: Path) -> None:
    with fsspec.open(f"memory://store/{mirror_path(URL)}", "wb") as file:
        file.write(DATA)
    mirror = Mirror("memory://store")
    assert get(tmp_path, URL, mirror=mirror) == Fetched(SHA256, len(DATA), URL)
    url = f"{server}/whole/a.zip"
    assert get(tmp_path, url, mirror=mirror).url == url
