"""Members of a zip on a server: the same bytes as of the zip itself, and few others."""

from __future__ import annotations

import io
import random
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemas.errors import BuildError, TransientError
from tests.transforms import fault_server as faults
from tests.transforms.fault_server import Server
from transforms.archive import ZipArchive
from transforms.remote_zip import NoRangesError, RemoteZip
from transforms.zip_format import MemberError


def packed(count: int = 60, comment: bytes = b"") -> tuple[bytes, dict[str, bytes]]:
    """A zip of stored and deflated members, and what they hold."""
    draw = random.Random(count)
    held = {f"VG_100K/{number}.jpg": draw.randbytes(draw.randrange(20_000)) for number in range(count)}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.mkdir("VG_100K")
        for number, (name, data) in enumerate(held.items()):
            archive.writestr(name, data, zipfile.ZIP_DEFLATED if number % 3 == 0 else zipfile.ZIP_STORED)
        archive.comment = comment
    return target.getvalue(), held


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A running server."""
    with Server().running() as running:
        yield running


@pytest.fixture
def workers() -> Iterator[ThreadPoolExecutor]:
    """Threads to fetch with."""
    with ThreadPoolExecutor(4) as executor:
        yield executor


def test_members_are_those_of_the_whole_zip(server: Server, workers: ThreadPoolExecutor) -> None:
    data, held = packed()
    opened = RemoteZip(server.web(), server.tell("/a.zip", faults.whole(data)))
    found = {one.name: one.data for one in opened.read([*held, "VG_100K/absent.jpg"], workers)}
    assert found == held


@pytest.mark.parametrize("large", [False, True])
def test_few_bytes_beside_the_members(
    server: Server, workers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    if large:
        monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1_000)
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 10)
    data, held = packed(400, comment=b"a comment")
    assert (b"PK\x06\x06" in data) == large
    opened = RemoteZip(server.web(), server.tell("/a.zip", faults.whole(data)))
    wanted = random.Random(0).sample(sorted(held), 40)
    server.asked.clear()
    assert {one.name: one.data for one in opened.read(wanted, workers)} == {
        name: held[name] for name in wanted
    }
    spans = [found.removeprefix("bytes=").split("-") for _, found in server.asked if found]
    moved = sum(int(last) - int(first) + 1 for first, last in spans)
    assert moved < 1.2 * sum(len(held[name]) for name in wanted)
    assert len(spans) <= 40


def test_neighbours_come_in_one_request(server: Server, workers: ThreadPoolExecutor) -> None:
    data, held = packed()
    opened = RemoteZip(server.web(), server.tell("/a.zip", faults.whole(data)))
    server.asked.clear()
    assert len(list(opened.read(held, workers))) == len(held)
    assert len(server.asked) == 1


@pytest.mark.parametrize("large", [False, True])
def test_a_directory_that_is_longer_than_the_end(
    server: Server, workers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    if large:
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 10)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(2_000):
            archive.writestr(f"{'long' * 20}/{number}", b"x" * (number % 7))
    data = target.getvalue()
    opened = RemoteZip(server.web(), server.tell("/a.zip", faults.whole(data)))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert list(opened.members) == archive.namelist()
    name = f"{'long' * 20}/1999"
    assert [one.data for one in opened.read([name], workers)] == [b"x" * (1_999 % 7)]


def test_a_damaged_member_is_named_and_the_others_come(server: Server, workers: ThreadPoolExecutor) -> None:
    data, held = packed()
    broken = bytearray(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info = archive.getinfo("VG_100K/4.jpg")
    place = info.header_offset + 30 + len(info.filename) + info.compress_size // 2
    broken[place] ^= 1
    opened = RemoteZip(server.web(), server.tell("/a.zip", faults.whole(bytes(broken))))
    found = {one.name: one.data for one in opened.read(held, workers)}
    assert isinstance(found.pop("VG_100K/4.jpg"), MemberError)
    assert found == {name: data for name, data in held.items() if name != "VG_100K/4.jpg"}


def test_what_fails_for_a_moment_is_asked_again(server: Server, workers: ThreadPoolExecutor) -> None:
    data, held = packed(3)
    good = faults.whole(data)
    script = [faults.status(503), good, faults.hang_up, faults.status(429, Retry_After="0"), good]
    opened = RemoteZip(server.web(), server.tell("/a.zip", *script))
    assert {one.name: one.data for one in opened.read(held, workers)} == held


@pytest.mark.parametrize(
    ("script", "kind", "message"),
    [
        (faults.whole(packed(3)[0], ranges=False), NoRangesError, "parts"),
        (faults.absent, NoRangesError, "does not have"),
        (faults.status(403), NoRangesError, "403"),
        (faults.status(503), TransientError, "503"),
        (faults.whole(b"no zip at all" * 10_000), BuildError, "cannot be read"),
        (faults.ranged(packed(3)[0], 0, 10), BuildError, "parts|cannot be read"),
    ],
)
def test_what_does_not_work_is_told(
    server: Server, script: faults.Script, kind: type[BuildError], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        RemoteZip(server.web(), server.tell("/a.zip", script))
    assert "next:" in str(caught.value)


def test_an_archive_that_changes_meanwhile(server: Server, workers: ThreadPoolExecutor) -> None:
    data, held = packed(3)
    url = server.tell("/a.zip", faults.whole(data), faults.whole(data, '"two"'))
    opened = RemoteZip(server.web(), url)
    with pytest.raises(TransientError, match="changed"):
        list(opened.read(held, workers))


def test_plain_http_is_for_mirrors_only() -> None:
    from transforms.web import Web

    with pytest.raises(NoRangesError, match="plain http"):
        RemoteZip(Web(), "http://host.org/a.zip")


def test_any_damage_is_an_error_or_harmless(server: Server, workers: ThreadPoolExecutor) -> None:
    data, held = packed(12)
    draw = random.Random(0)
    refused = 0
    for _ in range(150):
        mutant = bytearray(data)
        for _ in range(3):
            # Two of three in the directory: it is what decides.
            mutant[draw.randrange(len(data) - 900, len(data))] = draw.randrange(256)
        url = server.tell("/a.zip", faults.whole(bytes(mutant)))
        try:
            for one in RemoteZip(server.web(), url).read(held, workers):
                refused += isinstance(one.data, MemberError)
                assert isinstance(one.data, MemberError) or one.data == held[one.name]
        except BuildError:
            refused += 1
    assert refused > 75


def test_a_local_zip_reads_as_zipfile_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for large in (False, True):
        if large:
            monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1_000)
            monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 10)
        data, held = packed(200, comment=b"PK\x05\x06 in a comment")
        path = tmp_path / "a.zip"
        path.write_bytes(data)
        with ZipArchive(path) as opened:
            assert opened.names == list(held)
            for name, content in held.items():
                assert opened.read_member(name) == content
                assert zlib.crc32(content) == zlib.crc32(b"".join(opened.blocks(name)))
