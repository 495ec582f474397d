"""Files, zips and tars as publishers give them out, with the same bytes for the same members."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from gzip import GzipFile
from pathlib import Path
from tarfile import GNU_FORMAT, TarInfo
from tarfile import open as open_tar
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo


@contextmanager
def archive(path: Path) -> Iterator[ZipFile]:
    """A zip to write members into; it comes into place when it is whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with ZipFile(aside, "w") as file:
            yield file
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def tar_gz(path: Path) -> Iterator[Callable[[str, bytes], None]]:
    """A gzipped tar; it comes into place when it is whole, or not at all.

    Yields the function that adds a member by its name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with (
            aside.open("wb") as file,
            # Neither the name nor the clock gets into the header.
            GzipFile("", "wb", 6, file, mtime=0) as packed,
            open_tar(fileobj=packed, mode="w", format=GNU_FORMAT) as tar,
        ):
            names = set[str]()

            def add(name: str, data: bytes) -> None:
                _refuse_second(name, names)
                names.add(name)
                # What is not said here is zero or empty: owner, group and time.
                member = TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))

            yield add
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def store(file: ZipFile, name: str, data: bytes) -> None:
    """Adds a member as it is, as publishers do with pictures."""
    file.writestr(_new(file, name, ZIP_STORED), data)


def deflate(file: ZipFile, name: str, data: bytes) -> None:
    """Adds a member packed, as publishers do with records."""
    file.writestr(_new(file, name, ZIP_DEFLATED), data)


@contextmanager
def json_array(path: Path) -> Iterator[Callable[[Any], None]]:
    """Streams records into `<name>.json.zip`, whose one member `<name>.json` is one array on one line.

    Yields the function that adds a record.
    """
    between = b"["

    with archive(path) as file, file.open(_member(path.stem, ZIP_DEFLATED), "w", force_zip64=True) as member:

        def add(record: Any) -> None:
            nonlocal between
            member.write(between + json.dumps(record).encode())
            between = b", "

        yield add
        member.write(b"]" if between == b", " else b"[]")


def json_object(file: ZipFile, name: str, values: Mapping[str, Any]) -> None:
    """Adds a member that is one object on one line; an iterator becomes a list, element by element."""
    with file.open(_member(name, ZIP_DEFLATED), "w", force_zip64=True) as member:
        before = "{"
        for key, value in values.items():
            member.write(f"{before}{json.dumps(key)}: ".encode())
            before = ", "
            if not isinstance(value, Iterator):
                member.write(json.dumps(value).encode())
                continue
            member.write(b"[")
            for position, element in enumerate(value):
                member.write((", " * (position > 0) + json.dumps(element)).encode())
            member.write(b"]")
        member.write(b"}")


def write_file(path: Path, data: bytes) -> None:
    """Writes a file that lies alone; it comes into place when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(data)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _new(file: ZipFile, name: str, compression: int) -> ZipInfo:
    _refuse_second(name, file.NameToInfo)
    return _member(name, compression)


def _refuse_second(name: str, names: Container[str]) -> None:
    if name in names:
        raise ValueError(f"the archive has a member of this name already: {name}")


def _member(name: str, compression: int) -> ZipInfo:
    # Spelled out, because the defaults differ between systems and Python releases.
    member = ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    member.compress_type = compression
    member.create_system = 3
    member.external_attr = 0o644 << 16
    return member
