"""The downloader against a server that misbehaves: the right file, or a clear error and no file."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import BuildError, ExitCode, TransientError
from schemas.source import RemoteFile
from tests.transforms import fault_server as faults
from tests.transforms.downloading import (
    DATA,
    OTHER,
    PAGE,
    PIN,
    SHA256,
    URL,
    get,
    good,
    left,
    silent,
    wrong,
)
from tests.transforms.fault_server import Script, Server
from transforms.download import fetch
from transforms.mirror import Mirror
from transforms.receive import Fetched

pytestmark = pytest.mark.usefixtures("own_memory")


def cuts(seed: int, measured: bool = True) -> list[Script]:
    """Hangs up at two places of the file."""
    draw = random.Random(seed)
    return [faults.cut(DATA, at, measured=measured) for at in sorted(draw.sample(range(1, len(DATA)), 2))]


HEALS: dict[str, Callable[[int], list[Script]]] = {
    "whole": lambda _: [good],
    "chunked": lambda _: [faults.chunked(DATA, end=True)],
    "cut": lambda seed: [*cuts(seed), good],
    "cut, no length": lambda seed: [*cuts(seed, measured=False), good],
    "cut, chunked": lambda seed: [faults.chunked(DATA[: 100 + seed], end=False), good],
    "ignores Range": lambda seed: [*cuts(seed), faults.whole(DATA, ranges=False)],
    "wrong Content-Range": lambda seed: [*cuts(seed)[:1], faults.ranged(DATA, 1 + seed, len(DATA))],
    "other total": lambda seed: [*cuts(seed)[:1], faults.ranged(DATA, 0, len(DATA) + 1 + seed)],
    "206 of another version": lambda seed: [*cuts(seed)[:1], faults.ranged(DATA, 0, len(DATA), '"two"')],
    "ETag changed": lambda seed: [faults.cut(OTHER, 5_000 + seed, '"old"'), good],
    "no ETag, other version": lambda seed: [
        faults.cut(OTHER, 5_000 + seed, None),
        faults.whole(DATA, None),
    ],
    "weak ETag, other version": lambda seed: [
        faults.cut(OTHER, 5_000 + seed, 'W/"old"'),
        faults.whole(DATA, None),
    ],
    "416": lambda seed: [*cuts(seed)[:1], faults.status(416), good],
    "busy": lambda _: [faults.status(429, Retry_After="0"), faults.status(503, Retry_After="9999"), good],
    "empty, then good": lambda _: [faults.body(b""), good],
    "hangs up": lambda _: [faults.hang_up, faults.hang_up, good],
}
ENDS: dict[str, tuple[Callable[[int], list[Script]], type[BuildError], str]] = {
    "always cut": (
        lambda seed: [faults.cut(DATA, 900 + seed)],
        TransientError,
        "connection failed|too early",
    ),
    "cut, no length": (lambda seed: [faults.body(DATA[: 900 + seed], -1)], TransientError, "too early"),
    "empty": (lambda _: [faults.body(b"")], TransientError, "too early"),
    "longer": (lambda seed: [faults.body(DATA + b"m" * (seed + 1), -1)], BuildError, "over"),
    "other length": (lambda seed: [faults.whole(DATA + b"m" * (seed + 1))], BuildError, "not the one"),
    "wrong bytes": (lambda seed: [faults.whole(wrong(seed))], BuildError, SHA256),
    "page": (lambda _: [faults.body(PAGE, Content_Type="text/html")], BuildError, "web page"),
    "text": (lambda _: [faults.body(b"not a zip")], BuildError, "another kind"),
    "packed": (lambda _: [faults.packed(DATA)], BuildError, "gzip"),
    "absent": (lambda _: [faults.absent], BuildError, "status 404"),
    "forbidden": (lambda _: [faults.status(403)], BuildError, "status 403"),
    "busy": (lambda _: [faults.status(429, Retry_After="0")], TransientError, "429"),
    "failing": (lambda _: [faults.status(503)], TransientError, "503"),
    "down": (
        lambda _: [faults.status(302, Location="http://other.org/a.zip?token=secret")],
        BuildError,
        "leaves https",
    ),
    "hijacked": (
        lambda _: [faults.status(302, Location="https://www.visualgenome.org/a.zip?token=secret")],
        BuildError,
        "never contacted",
    ),
    "loop": (lambda _: [faults.status(302, Location="?token=secret")], BuildError, "too many redirects"),
    "hangs up": (lambda _: [faults.hang_up], TransientError, "connection failed"),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", HEALS)
def test_what_passes_ends_in_the_verified_file(server: Server, tmp_path: Path, name: str, seed: int) -> None:
    url = server.tell(f"/{seed}/heals/a.zip", *HEALS[name](seed))
    assert get(tmp_path, server, url) == Fetched(SHA256, len(DATA), url)
    assert (tmp_path / "out" / "a.zip").read_bytes() == DATA
    assert left(tmp_path) == ["a.zip"]
    assert [path.name for path in (tmp_path / "partial").iterdir()] == ["a.lock"]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ENDS)
def test_what_does_not_pass_is_told_with_its_next_step(
    server: Server, tmp_path: Path, name: str, seed: int
) -> None:
    script, kind, message = ENDS[name]
    url = server.tell(f"/{seed}/ends/a.zip", *script(seed))
    with pytest.raises(BuildError, match=message) as caught:
        get(tmp_path, server, f"{url}?token=secret")
    assert isinstance(caught.value, TransientError) == (kind is TransientError)
    assert "next:" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert left(tmp_path) == []


@pytest.mark.parametrize("script", [faults.silence, faults.drip(DATA)])
def test_a_silent_server_is_not_waited_for(server: Server, tmp_path: Path, script: Script) -> None:
    url = server.tell("/stall/a.zip", script)
    with pytest.raises(TransientError, match="connection failed"):
        get(tmp_path, server, url)


def test_both_hashes_are_shown(server: Server, tmp_path: Path) -> None:
    url = server.tell("/hashes/a.zip", faults.whole(OTHER))
    with pytest.raises(BuildError) as caught:
        get(tmp_path, server, url)
    assert SHA256 in str(caught.value)
    assert hashlib.sha256(OTHER).hexdigest() in str(caught.value)


def test_addresses_are_tried_in_order(server: Server, tmp_path: Path) -> None:
    urls = (
        server.tell("/0/a.zip", faults.absent),
        server.tell("/1/a.zip", faults.whole(OTHER)),
        server.tell("/2/a.zip", good),
        server.tell("/3/a.zip", good),
    )
    server.asked.clear()
    assert get(tmp_path, server, *urls).url == urls[2]
    assert [path for path, _ in server.asked] == ["/0/a.zip", "/1/a.zip", "/2/a.zip"]


def test_all_failures_are_told_and_one_may_pass(server: Server, tmp_path: Path) -> None:
    absent, broken = server.tell("/a/a.zip", faults.absent), server.tell("/b/a.zip", faults.status(503))
    other = server.tell("/c/a.zip", faults.whole(OTHER))
    with pytest.raises(TransientError, match=r"(?s)404.*503"):
        get(tmp_path, server, absent, broken)
    with pytest.raises(BuildError, match="none of the 2") as caught:
        get(tmp_path, server, absent, other)
    assert not isinstance(caught.value, TransientError)


def test_a_connection_refused_may_pass(server: Server, tmp_path: Path) -> None:
    with Server().running() as gone:
        url = gone.url
    with pytest.raises(TransientError):
        get(tmp_path, gone, f"{url}/a.zip")


def test_plain_http_needs_a_pin(server: Server, tmp_path: Path) -> None:
    server.asked.clear()
    with pytest.raises(BuildError, match="plain http"):
        get(tmp_path, None, "http://host.org/a.zip", pin=None)
    assert server.asked == []


def test_a_full_disk_has_its_own_exit_code(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    urls = server.tell("/full/a.zip", good), server.tell("/never/a.zip", good)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(BuildError, match="disk is full") as caught:
            get(tmp_path, server, *urls)
    assert caught.value.exit_code == ExitCode.DISK_FULL
    assert left(tmp_path) == []
    assert get(tmp_path, server, *urls).sha256 == SHA256


def test_an_interrupt_leaves_no_file_and_the_same_call_goes_on(server: Server, tmp_path: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    url = server.tell("/interrupt/a.zip", good)
    with pytest.raises(KeyboardInterrupt):
        get(tmp_path, server, url, progress=interrupt)
    assert left(tmp_path) == []
    server.asked.clear()
    assert get(tmp_path, server, url).sha256 == SHA256
    assert all(found for _, found in server.asked)
    assert left(tmp_path) == ["a.zip"]


def test_progress_counts_to_the_total(server: Server, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    url = server.tell("/progress/a.zip", faults.cut(DATA, 30_000), good)
    get(tmp_path, server, url, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(DATA), len(DATA))
    assert told == sorted(told)


def test_a_name_that_is_not_found_at_first(server: Server, tmp_path: Path) -> None:
    asked: list[str] = []

    def later(host: str, port: int) -> list[str]:
        asked.append(host)
        if len(asked) < 3:
            raise OSError("no such host")
        return [host]

    server.tell("/name/a.zip", good)
    client = server.web(resolver=later)
    got = fetch(
        RemoteFile(urls=(f"{server.url}/name/a.zip",)),
        tmp_path / "a.zip",
        partial=tmp_path / "partial",
        mirrors=(),
        offline=False,
        expected=PIN,
        progress=silent,
        web=client,
    )
    assert got.sha256 == SHA256


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")
def test_no_certificate_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ssl

    made = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -subj /CN=localhost -days 1"
    subprocess.run(made.split(), cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    secure = Server()
    secure._server.socket = context.wrap_socket(secure._server.socket, server_side=True)
    with secure.running():
        # The name of the certificate is wrong for this address, and nobody vouches for it.
        mirror = Mirror(f"https://127.0.0.1:{secure.port}")
        secure.tell("/host.org/data/a.zip", good)
        for authorities in ("", str(tmp_path / "cert")):
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", authorities)
            with pytest.raises(BuildError, match="certificate") as caught:
                get(tmp_path, None, URL, mirrors=(mirror,))
            assert not isinstance(caught.value, TransientError)
    assert secure.asked == []


def test_files_that_arrive_at_once_are_all_remembered(tmp_path: Path) -> None:
    from transforms.pins import remember, remembered

    names = [f"source.file{number}" for number in range(20)]
    threads = [threading.Thread(target=remember, args=(tmp_path, name, PIN)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(remembered(tmp_path)) == sorted(names)
