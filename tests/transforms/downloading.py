"""What the tests of the downloader share: a file, its pin, and a call that fetches it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

from schemas.source import Pin, RemoteFile
from tests.transforms import fault_server as faults
from tests.transforms.fault_server import Server
from transforms.download import fetch
from transforms.mirror import Mirror, mirror_path
from transforms.receive import Fetched
from transforms.resume import State, address_of
from transforms.web import Web

DATA = b"PK\x03\x04" + random.Random(0).randbytes(60_000)
OTHER = b"PK\x03\x04" + random.Random(1).randbytes(60_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
PIN = Pin(sha256=SHA256, bytes=len(DATA), witness="this test")
NAME_ONLY = Pin(sha256=SHA256, witness="this test")
PAGE = b"\n <!DOCTYPE html><html><body>Quota exceeded</body></html>"
URL = "https://host.org/data/a.zip"

SEEDS = range(20)
"""Each behaviour of a server is met so many times, with other bytes and at other places."""

good = faults.whole(DATA)


def silent(done: int, total: int | None) -> None:
    """Nobody watches."""


def get(
    folder: Path,
    server: Server | None,
    *urls: str,
    pin: Pin | None = PIN,
    mirrors: tuple[Mirror, ...] = (),
    offline: bool = False,
    progress: Callable[[int, int | None], None] = silent,
    web: Web | None = None,
) -> Fetched:
    client = web or (server.web() if server else None)
    return fetch(
        RemoteFile(urls=urls, pin=pin),
        folder / "out" / "a.zip",
        partial=folder / "partial" / "a",
        mirrors=mirrors,
        offline=offline,
        expected=pin,
        progress=progress,
        web=client,
    )


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "out").iterdir()) if (folder / "out").exists() else []


def begun(folder: Path, url: str, data: bytes, **state: object) -> None:
    """Leaves a partial file as an earlier run would have."""
    place = folder / "partial" / "a"
    place.parent.mkdir()
    place.write_bytes(data)
    asked = {"address": address_of(url), "synced": len(data), **state}
    (folder / "partial" / "a.json").write_text(State.model_validate(asked).model_dump_json())


def filled_mirror(folder: Path, data: bytes = DATA) -> Mirror:
    path = folder / "mirror" / mirror_path(URL)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return Mirror(str(folder / "mirror"))


def wrong(seed: int) -> bytes:
    """The right size and the wrong bytes."""
    place = random.Random(seed).randrange(4, len(DATA))
    return DATA[:place] + bytes([DATA[place] ^ 1]) + DATA[place + 1 :]
