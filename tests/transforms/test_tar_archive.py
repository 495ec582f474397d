"""Tar archives of strangers: members by name, and nothing that leads elsewhere."""

from __future__ import annotations

import gzip
import io
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import BuildError
from transforms import repack as repacking
from transforms import tar_archive
from transforms.archive import ZipArchive
from transforms.artifact import REJECTED_ROWS, Draft
from transforms.gzip_stream import gunzipped
from transforms.repack import repack
from transforms.tar_archive import TarArchive

LONG = "folder/" + "long name " * 20 + "/é.json"


def tar(
    path: Path,
    members: dict[str, bytes],
    change: Callable[[tarfile.TarInfo], None] = lambda _: None,
    **how: Any,
) -> TarArchive:
    """A tar.gz as Python's own writer makes it."""
    with tarfile.open(path, "w:gz", **how) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            change(entry)
            archive.addfile(entry, io.BytesIO(data))
    return TarArchive(path)


def held(archive: TarArchive) -> dict[str, bytes]:
    return {name: b"".join(blocks) for name, blocks in archive.some(lambda _: True)}


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_come_out_as_they_went_in(tmp_path: Path, kind: int) -> None:
    members = {"a.json": b"{}", LONG: b"x" * 5_000, "empty": b"", "b/c.bin": os.urandom(1_300_000)}
    archive = tar(tmp_path / "a.tgz", members, format=kind)
    assert held(archive) == members
    assert archive.names == list(members)
    assert b"".join(archive.blocks(LONG)) == members[LONG]


def test_a_name_of_two_parts_of_the_old_format(tmp_path: Path) -> None:
    name = "/".join(["d" * 60] * 3) + "/a.json"
    archive = tar(tmp_path / "a.tgz", {name: b"1"}, format=tarfile.USTAR_FORMAT)
    assert archive.names == [name]


def test_other_programs_write_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "tree" / "image").mkdir(parents=True)
    (tmp_path / "tree" / "image" / "b.jpg").write_bytes(b"picture")
    (tmp_path / "tree" / "a.json").write_bytes(b"{}")
    os.link(tmp_path / "tree" / "a.json", tmp_path / "tree" / "z.json")
    subprocess.run(["/bin/tar", "czf", "../a.tgz", "--sort=name", "."], cwd=tmp_path / "tree", check=True)
    assert held(TarArchive(tmp_path / "a.tgz")) == {"a.json": b"{}", "image/b.jpg": b"picture"}


STRANGE = {
    "a link": (tarfile.SYMTYPE, "a", "link"),
    "a hard link": (tarfile.LNKTYPE, "a", "link"),
    "a pipe": (tarfile.FIFOTYPE, "a", "device"),
    "a character device": (tarfile.CHRTYPE, "a", "device"),
    "a block device": (tarfile.BLKTYPE, "a", "device"),
    "a sparse file": (tarfile.GNUTYPE_SPARSE, "a", "device"),
}


@pytest.mark.parametrize("what", STRANGE)
def test_what_is_no_file_is_no_member(tmp_path: Path, what: str) -> None:
    kind, name, problem = STRANGE[what]

    def change(entry: tarfile.TarInfo) -> None:
        if entry.name == name:
            entry.type, entry.linkname = kind, "/etc/passwd"

    archive = tar(tmp_path / "a.tgz", {name: b"", "b": b"2"}, change)
    assert archive.names == ["b"]
    assert [(entry.name, entry.problem) for entry in archive.entries()] == [(name, problem), ("b", None)]
    with pytest.raises(BuildError, match="lacks a member"):
        list(archive.blocks(name))


@pytest.mark.parametrize("name", ["../../a", "/etc/a", "a/../../b", "C:\\a", "a\u202eb", "x" * 3_000, "CON"])
def test_a_strange_name_is_only_a_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "two" / "below"
    folder.mkdir(parents=True)
    archive = tar(folder / "a.tgz", {name: b"1"}, format=tarfile.GNU_FORMAT)
    assert held(archive) == {name: b"1"}
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "two", folder, folder / "a.tgz"]


def test_a_name_with_a_nul_is_no_member(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a.tgz", {"a\0b" + "c" * 120: b"1"}, format=tarfile.PAX_FORMAT)
    assert archive.names == []


def test_of_two_members_with_one_name_the_first_is_read(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        for data in (b"first", b"second"):
            entry = tarfile.TarInfo("a")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    assert b"".join(TarArchive(tmp_path / "a.tgz").blocks("a")) == b"first"


def header(**changed: bytes) -> bytes:
    """A header of an empty file, with fields changed and the sum right."""
    fields = {
        "name": b"a".ljust(100, b"\0"), "mode": b"0000644\0", "uid": b"0000000\0", "gid": b"0000000\0",
        "size": b"00000000000\0", "mtime": b"00000000000\0", "sum": b" " * 8, "kind": b"0",
        "link": b"\0" * 100, "magic": b"ustar\x0000", "rest": b"\0" * 247,
    }  # fmt: skip
    fields |= changed
    block = b"".join(fields.values())
    assert len(block) == 512
    return block.replace(b" " * 8, b"%06o\0 " % sum(block), 1) if fields["sum"] == b" " * 8 else block


def extended(said: bytes) -> bytes:
    """An extended header, which speaks of the member after it."""
    return header(kind=b"x", size=b"%011o\0" % len(said)) + said.ljust(512, b"\0")


END = b"\0" * 1_024
BAD = {
    "a wrong sum": header(sum=b"000001\0 ") + END,
    "no octal digits": header(size=b"99999999999\0") + END,
    "a negative size": header(size=b"\xff" * 12) + END,
    "a size beyond the end": header(size=b"77777777777\0") + END,
    "a size in base 256 beyond the end": header(size=b"\x80" + b"\xff" * 11) + END,
    "an end inside a header": header()[:300],
    "an end inside a member": header(size=b"00000001000\0") + b"x" * 100,
    "a long name that is too long": header(kind=b"L", size=b"00010000000\0") + b"x" * 0x200000 + END,
    "an extended header without a length": extended(b"path=aaaa\n") + END,
    "an extended header that is too short": extended(b"99 path=a\n") + END,
    "an extended size that is none": extended(b"11 size=-1\n") + header() + END,
    "no tar at all": b"<html>quota exceeded</html>".ljust(1_024) + END,
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_damaged_archive_is_a_clear_error(tmp_path: Path, what: str) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(gzip.compress(BAD[what]))
    with pytest.raises(BuildError, match="archive cannot be read") as caught:
        held(TarArchive(path))
    assert str(path) in str(caught.value)


def test_an_archive_without_its_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(gzip.compress(header()))
    assert TarArchive(path).names == ["a"]


def test_members_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_archive, "MOST_MEMBERS", 3)
    with pytest.raises(BuildError, match="too many members"):
        _ = tar(tmp_path / "a.tgz", {f"{number}": b"" for number in range(4)}).names


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_gzip_in_blocks_of_any_size(size: int) -> None:
    data = random.Random(3).randbytes(20_000) + b"a" * 20_000
    packed = gzip.compress(data)
    several = packed + packed + b"\0" * 1_000
    blocks = (several[start : start + size] for start in range(0, len(several), size))
    assert b"".join(gunzipped(blocks, "a.gz")) == data + data


@pytest.mark.parametrize("what", ["nothing", "half", "no trailer", "a wrong sum", "more", "a bomb"])
def test_a_damaged_gzip_is_a_clear_error(what: str) -> None:
    packed = gzip.compress(os.urandom(9_000))
    bad = {
        "nothing": b"",
        "half": packed[:4_000],
        "no trailer": packed[:-1],
        "a wrong sum": packed[:-8] + bytes(8),
        "more": packed + b"more",
        "a bomb": gzip.compress(bytes(50_000_000)),
    }[what]
    with pytest.raises(BuildError, match=r"cannot be unpacked|too well to be true"):
        list(gunzipped([bad], "a.gz"))


def test_mutants_are_members_or_a_clear_error(tmp_path: Path) -> None:
    draw = random.Random(11)
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("a.json", LONG, "b"):
            entry = tarfile.TarInfo(name)
            entry.size = 600
            archive.addfile(entry, io.BytesIO(b"x" * 600))
    whole = raw.getvalue()
    packed = gzip.compress(whole)
    path = tmp_path / "a.tgz"
    outcomes = {"read": 0, "error": 0}
    for number in range(2_000):
        mutant = bytearray(packed if number % 4 == 0 else whole)
        for _ in range(draw.choice((1, 1, 3))):
            mutant[draw.randrange(len(mutant))] = draw.randrange(256)
        path.write_bytes(mutant if number % 4 == 0 else gzip.compress(mutant, 1))
        try:
            held(TarArchive(path))
            outcomes["read"] += 1
        except BuildError:
            outcomes["error"] += 1
    assert min(outcomes.values()) > 100


def _images(path: Path, names: list[tuple[str, str]]) -> Path:
    table = pa.table({"archive": [file for file, _ in names], "picture": [name for _, name in names]})
    pq.write_table(table, path)
    return path


def _repacked(archive: TarArchive, images: Path, folder: Path) -> Draft:
    draft = Draft(folder)
    repack(archive.path, images, "pictures", draft)
    draft.close()
    return draft


def test_the_listed_pictures_are_stored_in_a_zip_of_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repacking, "MOST_PICTURE_BYTES", 100)

    def change(entry: tarfile.TarInfo) -> None:
        if entry.name == "link.jpg":
            entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, "b.jpg", 0

    members = {"c.jpg": b"c", "b.jpg": b"b", "link.jpg": b"", "large.jpg": b"x" * 101, "other.jpg": b"o"}
    archive = tar(tmp_path / "a.tgz", members, change)
    listed = ["b.jpg", "c.jpg", "link.jpg", "large.jpg", "absent.jpg"]
    rows = [*(("pictures", name) for name in listed), ("elsewhere", "other.jpg")]
    images = _images(tmp_path / "images.parquet", rows)
    draft = _repacked(archive, images, tmp_path / "first")
    found = ZipArchive(draft.path("pictures.zip"))
    assert found.names == ["c.jpg", "b.jpg"]
    assert [found.read_member(name) for name in found.names] == [b"c", b"b"]
    assert (draft.rows_in, draft.rows_out, draft.not_asked) == (5, 2, 1)
    assert draft.facts == {"absent": 3}
    rejected = pq.read_table(tmp_path / "first" / REJECTED_ROWS).to_pylist()
    assert rejected == [
        {"member": "link.jpg", "rejected": "link"},
        {"member": "large.jpg", "rejected": "too_large"},
    ]
    again = _repacked(archive, images, tmp_path / "again")
    assert again.path("pictures.zip").read_bytes() == draft.path("pictures.zip").read_bytes()


def test_a_picture_that_comes_twice_is_kept_once(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        for data in (b"first", b"second"):
            entry = tarfile.TarInfo("a.jpg")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    images = _images(tmp_path / "images.parquet", [("pictures", "a.jpg")])
    draft = _repacked(TarArchive(tmp_path / "a.tgz"), images, tmp_path / "made")
    assert ZipArchive(draft.path("pictures.zip")).read_member("a.jpg") == b"first"
    assert dict(draft.rejected) == {"duplicate_member": 1}


def test_a_large_archive_takes_little_memory(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz", compresslevel=1) as archive:
        for number in range(3):
            entry = tarfile.TarInfo(f"{number}")
            entry.size = 150 << 20
            archive.addfile(entry, _Noise(entry.size))
    code = (
        "import resource, sys; from pathlib import Path; from transforms.tar_archive import TarArchive\n"
        "resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))\n"
        "print(TarArchive(Path(sys.argv[1])).names)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.tgz")], capture_output=True, text=True, check=False
    )
    assert ran.stdout == "['0', '1', '2']\n", ran.stderr


class _Noise(io.RawIOBase):
    """A file that gives the same noise again and again."""

    _BLOCK = random.Random(1).randbytes(1 << 16)

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1) -> bytes:
        found = self._BLOCK[: min(size, self._left)]
        self._left -= len(found)
        return found
