"""Zips that this project writes: members as they are, and the same bytes for the same members."""

from __future__ import annotations

from typing import Final
from zipfile import ZIP_STORED, ZipInfo

_DATE: Final = (1980, 1, 1, 0, 0, 0)


def stored(name: str, size: int) -> ZipInfo:
    """The entry of a member of `size` bytes, without clock, owner or compression."""
    entry = ZipInfo(name, _DATE)
    # Spelled out, because the defaults differ between systems and Python releases.
    entry.compress_type = ZIP_STORED
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    # Large members need another header, which is written before them.
    entry.file_size = size
    return entry
