"""What this machine remembers between runs: hashes of files that have not changed, and what queries read.

It lies outside every lake, may be deleted at any time, and is never part of a result: it only
saves reading the same bytes again. `verify` does not ask it.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from transforms.content import file_sha256


def _place() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "multiinstruct"


def remembered_text(key: str) -> str | None:
    """A text that was noted under a key, or None. After a crash it may be torn: the reader has to notice."""
    try:
        return (_place() / "texts" / key).read_text()
    except (OSError, UnicodeError):
        return None


def note_text(key: str, text: str) -> None:
    """Remembers a small text under a key that is good as the name of a file."""
    folder = _place() / "texts"
    # A cache that cannot be used must not stop a build.
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=folder, prefix=".", delete=False) as aside:
            aside.write(text)
        Path(aside.name).replace(folder / key)


def _open() -> sqlite3.Connection:
    path = _place() / "memory.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=30)
    connection.execute(
        "create table if not exists files "
        "(device int, inode int, size int, mtime int, sha256 text, primary key (device, inode, size, mtime))"
    )
    return connection


def remembered_sha256(path: Path) -> str:
    """sha256 of a file, computed once for each (inode, size, modification time)."""
    state = path.stat()
    identity = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
    try:
        with closing(_open()) as connection:
            row = connection.execute(
                "select sha256 from files where (device, inode, size, mtime) = (?, ?, ?, ?)", identity
            ).fetchone()
            if row:
                return str(row[0])
            sha256 = file_sha256(path)
            with connection:
                connection.execute("insert or replace into files values (?, ?, ?, ?, ?)", (*identity, sha256))
            return sha256
    except (sqlite3.Error, OSError):
        # A cache that cannot be used must not stop a build.
        return file_sha256(path)
