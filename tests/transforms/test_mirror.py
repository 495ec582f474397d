"""Where a file lies in a mirror."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import BuildError
from transforms.mirror import Mirror, mirror_path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://host.org/a/b.zip", "host.org/a/b.zip"),
        ("https://Host.org//a//b.zip", "host.org/a/b.zip"),
        ("https://host.org:8443/a", "host.org%3A8443/a"),
        (
            "https://web.archive.org/web/2020/http://x.edu/r.zip",
            "web.archive.org/web/2020/http%3A/x.edu/r.zip",
        ),
        ("https://drive.google.com/uc?export=download&id=1x", "drive.google.com/uc%3Fid%3D1x"),
        ("https://www.dropbox.com/s/k/t.zip?dl=1", "www.dropbox.com/s/k/t.zip"),
        ("https://user:secret@host.org/a", "host.org/a"),
        ("https://homes.org/~ranjay/a.zip", "homes.org/~ranjay/a.zip"),
    ],
)
def test_path(url: str, path: str) -> None:
    assert mirror_path(url) == path


@pytest.mark.parametrize(
    "url",
    [
        "https://host.org/../a",
        "https://host.org/a/%2e%2e/b",
        "https://host.org/a%2fb",
        "https://host.org/a%5Cb",
        "https://host.org/a\\b",
        "https://host.org/a%00",
        "https://../a",
        "https:///a",
    ],
)
def test_no_path_leaves_the_mirror(url: str) -> None:
    with pytest.raises(BuildError):
        mirror_path(url)


@given(st.text(alphabet="./%2eE5cfF\\:?#&=id~\0 a", max_size=20))
def test_any_address_stays_inside(rest: str) -> None:
    folder = Path("/mirror")
    try:
        path = Mirror(str(folder)).local_path(f"https://host.org/{rest}")
    except BuildError:
        return
    assert path is not None
    assert ".." not in path.parts
    assert path.is_relative_to(folder / "host.org")


def test_a_local_mirror() -> None:
    assert Mirror("/data/m").local_path("https://h.org/a") == Path("/data/m/h.org/a")
    assert Mirror("file:///data/m").local_path("https://h.org/a") == Path("/data/m/h.org/a")
    assert Mirror("/data/m").web_address("https://h.org/a") is None


def test_a_mirror_on_the_web() -> None:
    mirror = Mirror("https://m.org/files/")
    assert mirror.local_path("https://h.org/a") is None
    # The server decodes the address once: the file's own name has one percent sign.
    assert mirror.web_address("https://h.org/uc?id=1") == "https://m.org/files/h.org/uc%253Fid%253D1"


def test_any_other_store() -> None:
    with fsspec.open("memory://mirror/h.org/a.bin", "wb") as file:
        file.write(b"bytes")
    mirror = Mirror("memory://mirror")
    opened = mirror.open("https://h.org/a.bin")
    assert opened is not None
    with opened:
        assert opened.read() == b"bytes"
    assert mirror.open("https://h.org/b.bin") is None
    assert mirror.local_path("https://h.org/a.bin") is None


@pytest.mark.parametrize("location", ["", "  ", "s3://", "https://"])
def test_a_mirror_needs_a_location(location: str) -> None:
    with pytest.raises(BuildError, match="location"):
        Mirror(location)


def test_an_unknown_kind_of_store() -> None:
    with pytest.raises(BuildError, match="nosuch") as caught:
        Mirror("nosuch://secret@x/y").open("https://h.org/a")
    assert "secret" not in str(caught.value)
