"""Single pictures that a lake keeps: those that were fetched one by one, and those of adopted folders."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from transforms.content import file_sha256
from transforms.receive import failed_write, place

ENDINGS: Final = frozenset({".jpg", ".jpeg", ".png", ".gif", ".webp"})
"""Endings of files that are taken for pictures."""


class KeptPictures:
    """Pictures of one declared file, in `<folder>/<aa>/<sha256 of the member's name>.<sha256>`.

    A file is written aside and renamed, and its hash is checked whenever it is read: what a loss of
    power has torn is thrown away and fetched again. May be used from several threads.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hashes = dict(self._listed())

    def __contains__(self, member: str) -> bool:
        return _digest(member) in self._hashes

    def read(self, member: str) -> bytes | None:
        """The bytes of a picture, or None if they are not here."""
        name = _digest(member)
        sha256 = self._hashes.get(name)
        if sha256 is None:
            return None
        path = self._path(name, sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = b""
        if hashlib.sha256(data).hexdigest() == sha256:
            return data
        path.unlink(missing_ok=True)
        self._hashes.pop(name, None)
        return None

    def keep(self, member: str, data: bytes) -> None:
        """Writes a picture.

        Raises:
            BuildError: the disk is full.
        """
        aside = self._aside(member)
        try:
            aside.write_bytes(data)
            self._name(member, aside, hashlib.sha256(data).hexdigest())
        except OSError as error:
            raise failed_write(error, self._folder, len(data)) from error
        finally:
            aside.unlink(missing_ok=True)

    def keep_file(self, member: str, path: Path) -> None:
        """Links a picture's file, or copies it where it cannot be linked.

        Raises:
            BuildError: the disk is full.
        """
        aside = self._aside(member)
        try:
            place(path, aside)
            self._name(member, aside, file_sha256(aside))
        finally:
            aside.unlink(missing_ok=True)

    def _name(self, member: str, aside: Path, sha256: str) -> None:
        name = _digest(member)
        aside.replace(self._path(name, sha256))
        self._hashes[name] = sha256

    def _aside(self, member: str) -> Path:
        folder = self._folder / _digest(member)[:2]
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".{_digest(member)}.{os.getpid()}.{threading.get_ident()}"
        aside.unlink(missing_ok=True)
        return aside

    def _path(self, name: str, sha256: str) -> Path:
        return self._folder / name[:2] / f"{name}.{sha256}"

    def _listed(self) -> Iterator[tuple[str, str]]:
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            name, _, sha256 = path.name.partition(".")
            if name and sha256:
                yield name, sha256


def _digest(member: str) -> str:
    return hashlib.sha256(member.encode(errors="surrogatepass")).hexdigest()


class AdoptedTree:
    """The folder of pictures of one source that a person has handed to a lake, found by their names.

    A publisher's `train/a/1.jpg` may lie in such a folder as `a/1.jpg` or `data/train/a/1.jpg`: it is
    the file whose path agrees longest from its end. At least the folder's name must agree, where the
    publisher's name has one, and no other file may agree as long.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._by_name: dict[str, list[PurePosixPath]] = {}
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in ENDINGS:
                found = PurePosixPath(path.relative_to(folder).as_posix())
                self._by_name.setdefault(found.name, []).append(found)

    def __len__(self) -> int:
        return sum(len(paths) for paths in self._by_name.values())

    def find(self, member: str) -> Path | None:
        """The file of a picture, or None if there is none, or more than one."""
        wanted = PurePosixPath(member)
        agreeing = [
            (agreement(wanted, path), path)
            for path in self._by_name.get(wanted.name, [])
            if agreement(wanted, path) >= min(2, len(wanted.parts))
        ]
        longest = max((length for length, _ in agreeing), default=0)
        best = [path for length, path in agreeing if length == longest]
        return self.folder / best[0] if len(best) == 1 else None


def agreement(one: PurePosixPath, other: PurePosixPath) -> int:
    """How many parts of two paths are the same, from the end."""
    count = 0
    for left, right in zip(reversed(one.parts), reversed(other.parts), strict=False):
        if left != right:
            break
        count += 1
    return count
