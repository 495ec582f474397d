"""Zip archives: what is in them, and everything that is refused."""

from __future__ import annotations

import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import BuildError
from transforms import zip_format
from transforms.archive import ZipArchive

TEXT = b'[{"id": 1}]' * 10_000
PICTURE = bytes(range(256)) * 20


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A deflated text and a stored picture behind a folder entry."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.mkdir("VG_100K")
        made.writestr("records.json", TEXT, zipfile.ZIP_DEFLATED)
        made.writestr("VG_100K/1.jpg", PICTURE, zipfile.ZIP_STORED)
    return path


def edited(path: Path, edit: Callable[[bytearray], None]) -> Path:
    data = bytearray(path.read_bytes())
    edit(data)
    path.write_bytes(data)
    return path


def test_members_are_read_by_name(packed: Path) -> None:
    with ZipArchive(packed) as opened:
        assert opened.names == ["records.json", "VG_100K/1.jpg"]
        assert b"".join(opened.blocks("records.json")) == TEXT
        assert opened.read_member("records.json") == TEXT
        assert opened.read_member("VG_100K/1.jpg") == PICTURE
        assert opened.read_member("VG_100K/2.jpg") is None
        assert opened.read_member("VG_100K/") is None
        with pytest.raises(BuildError, match="lacks a member"):
            opened.blocks("other.json")


def test_a_name_cut_at_nul_is_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("1.jpgXevil", b"evil")
    edited(path, lambda data: data.__setitem__(slice(None), data.replace(b"1.jpgXevil", b"1.jpg\0evil")))
    with ZipArchive(path) as opened:
        assert opened.read_member("1.jpg") is None


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made, pytest.warns(UserWarning, match="Duplicate"):
        made.writestr("a", b"1")
        made.writestr("a", b"2")
    with ZipArchive(path) as opened, pytest.raises(BuildError, match="same name"):
        opened.read_member("a")


@pytest.mark.parametrize("member", ["records.json", "VG_100K/1.jpg"])
def test_a_damaged_member_is_found(packed: Path, member: str) -> None:
    with zipfile.ZipFile(packed) as made:
        info = made.getinfo(member)
    place = info.header_offset + 30 + len(member) + info.compress_size // 2
    edited(packed, lambda data: data.__setitem__(place, data[place] ^ 1))
    with ZipArchive(packed) as opened, pytest.raises(BuildError, match=member):
        opened.read_member(member)


def directory_field(packed: Path, member: str, offset: int, kind: str, value: int) -> Path:
    """Sets a field of a member's entry in the directory."""

    def edit(data: bytearray) -> None:
        place = data.rindex(b"PK\x01\x02", 0, data.rindex(member.encode()))
        struct.pack_into(kind, data, place + offset, value)

    return edited(packed, edit)


@pytest.mark.parametrize(
    ("offset", "kind", "value", "message"),
    [
        (8, "<H", 1, "encrypted"),
        (10, "<H", 12, "unknown way"),
        (10, "<H", 99, "unknown way"),
        (24, "<I", len(PICTURE) - 1, "two sizes"),
        (16, "<I", 7, "damaged"),
        (42, "<I", 3, "overlap|not where"),
        (20, "<I", 1 << 30, "overlap"),
    ],
)
def test_a_lying_directory_is_refused(packed: Path, offset: int, kind: str, value: int, message: str) -> None:
    directory_field(packed, "VG_100K/1.jpg", offset, kind, value)
    with pytest.raises(BuildError, match=message):
        ZipArchive(packed).read_member("VG_100K/1.jpg")


@pytest.mark.parametrize("difference", [-1, 1])
def test_the_declared_size_holds(packed: Path, difference: int) -> None:
    directory_field(packed, "records.json", 24, "<I", len(TEXT) + difference)
    with ZipArchive(packed) as opened, pytest.raises(BuildError, match="than declared"):
        opened.read_member("records.json")


def test_a_bomb_is_refused_before_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.json", b" " * (4 << 20))
    with ZipArchive(path) as opened, pytest.raises(BuildError, match="too well"):
        next(opened.blocks("a.json"))


def test_a_bomb_that_declares_little_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.json", b" " * (64 << 20))
    directory_field(path, "a.json", 24, "<I", 1_000)
    with ZipArchive(path) as opened, pytest.raises(BuildError, match="longer than declared"):
        next(opened.blocks("a.json"))


def test_overlapping_members_are_refused(tmp_path: Path) -> None:
    """Each local header lies inside the member before it, as in the bombs of D. Fifield (2019)."""
    path = tmp_path / "a.zip"
    kernel = zlib.compress(b"0" * 1_000)[2:-4]
    crc = zlib.crc32(b"0" * 1_000)

    def header(name: bytes, size: int) -> bytes:
        return struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 0, crc, size, 1_000, 1, 0) + name

    def entry(name: bytes, size: int, offset: int) -> bytes:
        fixed = struct.pack(
            "<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, crc, size, 1_000, 1, 0, 0, 0, 0, 0, offset
        )
        return fixed + name

    first = header(b"a", 31 + len(kernel))
    local = first + header(b"b", len(kernel)) + kernel
    directory = entry(b"a", 31 + len(kernel), 0) + entry(b"b", len(kernel), len(first))
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 2, 2, len(directory), len(local), 0)
    path.write_bytes(local + directory + end)
    with pytest.raises(BuildError, match="overlap"):
        ZipArchive(path)


def test_limits(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_format, "MOST_PICTURE_BYTES", 100)
    with ZipArchive(packed) as opened, pytest.raises(BuildError, match="too large"):
        opened.read_member("VG_100K/1.jpg")
    monkeypatch.setattr(zip_format, "MOST_MEMBERS", 1)
    with pytest.raises(BuildError, match="too many"):
        ZipArchive(packed)


def test_what_is_no_zip(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    for data in (b"", b"<!doctype html>", b"PK\x03\x04" + bytes(100), b"PK\x05\x06"):
        path.write_bytes(data)
        with pytest.raises(BuildError, match=r"a\.zip"):
            ZipArchive(path)


def test_any_damage_is_an_error_or_harmless(packed: Path, tmp_path: Path) -> None:
    whole = packed.read_bytes()
    draw = random.Random(0)
    refused = 0
    for number in range(1_000):
        data = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        path = tmp_path / f"{number}.zip"
        path.write_bytes(data[: draw.choice([len(data), draw.randrange(len(data))])])
        try:
            with ZipArchive(path) as opened:
                assert opened.read_member("records.json") in (TEXT, None)
                assert opened.read_member("VG_100K/1.jpg") in (PICTURE, None)
        except BuildError:
            refused += 1
        path.unlink()
    assert refused > 500
