"""Files from mirrors: local, on the web, and in any other store."""

from __future__ import annotations

import os
from pathlib import Path

import fsspec
import pytest

from schemas.errors import BuildError, TransientError
from tests.transforms import fault_server as faults
from tests.transforms.downloading import (
    DATA,
    PAGE,
    SHA256,
    URL,
    filled_mirror,
    get,
    good,
    left,
    wrong,
)
from tests.transforms.fault_server import Server
from transforms.mirror import Mirror, mirror_path
from transforms.receive import Fetched

pytestmark = pytest.mark.usefixtures("own_memory")


def test_a_local_mirror_is_linked_and_hashed(tmp_path: Path) -> None:
    mirror = filled_mirror(tmp_path)
    fetched = get(tmp_path, None, URL, mirrors=(mirror,), offline=True, pin=None)
    assert fetched == Fetched(SHA256, len(DATA), URL)
    source = mirror.local_path(URL)
    assert source is not None
    assert source.samefile(tmp_path / "out" / "a.zip")
    assert get(tmp_path, None, URL, mirrors=(mirror,), offline=True) == fetched
    assert left(tmp_path) == ["a.zip"]


def test_a_mirror_is_copied_where_it_cannot_be_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    mirror = filled_mirror(tmp_path)
    assert get(tmp_path, None, URL, mirrors=(mirror,), offline=True).sha256 == SHA256
    assert (tmp_path / "out" / "a.zip").read_bytes() == DATA


@pytest.mark.parametrize(
    ("data", "message"), [(DATA + b"x", "not the one"), (wrong(0), SHA256), (PAGE, "web page")]
)
def test_a_wrong_file_in_a_mirror_is_an_error(tmp_path: Path, data: bytes, message: str) -> None:
    mirror = filled_mirror(tmp_path, data)
    with pytest.raises(BuildError, match=message):
        get(tmp_path, None, URL, mirrors=(mirror,), offline=True)
    assert left(tmp_path) == []


def test_offline_names_the_path_that_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"mirror/host\.org/data/a\.zip"):
        get(tmp_path, None, URL, mirrors=(Mirror(str(tmp_path / "mirror")),), offline=True)
    for mirrors in ((), (Mirror("https://mirror.org/files"),)):
        with pytest.raises(BuildError, match="offline"):
            get(tmp_path, None, URL, mirrors=mirrors, offline=True)


def test_a_mirror_on_the_web(server: Server, tmp_path: Path) -> None:
    # The mirror is the user's own choice: it may be private and plain http, and needs no pin.
    server.tell("/files/host.org/data/a.zip", faults.cut(DATA, 30_000), good)
    mirror = Mirror(f"{server.url}/files")
    assert get(tmp_path, None, URL, mirrors=(mirror,), pin=None).sha256 == SHA256
    url = server.tell("/publisher/a.zip", good)
    assert get(tmp_path, server, url, mirrors=(Mirror(f"{server.url}/empty"),)).url == url
    server.tell("/busy/host.org/data/a.zip", faults.status(503))
    with pytest.raises(TransientError):
        get(tmp_path, server, URL, mirrors=(Mirror(f"{server.url}/busy"),))


def test_a_mirror_may_lead_on_to_itself(server: Server, tmp_path: Path) -> None:
    server.tell("/there/a.zip", good)
    server.tell("/moved/host.org/data/a.zip", faults.status(302, Location="/there/a.zip"))
    assert get(tmp_path, None, URL, mirrors=(Mirror(f"{server.url}/moved"),)).sha256 == SHA256


def test_any_other_store(server: Server, tmp_path: Path) -> None:
    with fsspec.open(f"memory://store/{mirror_path(URL)}", "wb") as file:
        file.write(DATA)
    mirror = Mirror("memory://store")
    assert get(tmp_path, None, URL, mirrors=(mirror,)) == Fetched(SHA256, len(DATA), URL)
    url = server.tell("/store/a.zip", good)
    assert get(tmp_path, server, url, mirrors=(mirror,)).url == url
