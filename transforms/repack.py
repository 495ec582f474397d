"""From a tar.gz of pictures to a zip of those that a source lists.

A gzip file can only be read from its beginning, and pictures are read in no order. So the archive is read
once, from end to end, and the pictures that the table `images` names are stored as they are in a zip, which
is then read like any other. Of Flickr30k's 31,783 pictures, SNLI-VE's test shows 1,000.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from zipfile import ZipFile

import pyarrow as pa
import pyarrow.parquet as pq

from transforms.artifact import Draft
from transforms.stored_zip import stored
from transforms.tar_archive import TarArchive, TarMember
from transforms.zip_format import MOST_PICTURE_BYTES

LEFT_OUT: Final = pa.schema([("member", pa.string()), ("rejected", pa.string())])
"""A picture that is listed and cannot be used: `link`, `device`, `name`, `duplicate_member` (an earlier one
of that name is kept), or `too_large`."""


def repack(archive: Path, images: Path, file: str, making: Draft) -> None:
    """Writes `pictures.zip`: the listed pictures, not compressed, in the order of the archive.

    The same archive and list give the same bytes. What is not listed is counted as not asked.

    Args:
        archive: a tar.gz.
        images: the table `images` of its source.
        file: the archive's declared name.
        making: gets the zip, the pictures that were left out and the count of members that were looked at.

    Raises:
        BuildError: the archive is damaged.
    """
    rows = pq.read_table(images, columns=["picture"], filters=[("archive", "==", file)])
    wanted = set(rows["picture"].to_pylist())
    kept: set[str] = set()
    left_out: list[tuple[str, str]] = []
    making.rows_in = making.not_asked = 0
    with ZipFile(making.path("pictures.zip"), "w") as target:
        for entry in TarArchive(archive).entries():
            making.rows_in += 1
            if entry.name not in wanted:
                making.not_asked += 1
                continue
            if (problem := _problem(entry, entry.name in kept)) is not None:
                left_out.append((entry.name, problem))
                continue
            target.writestr(stored(entry.name, entry.size), b"".join(entry.blocks))
            kept.add(entry.name)
    names, reasons = zip(*left_out, strict=True) if left_out else ((), ())
    making.reject(pa.table([pa.array(names, pa.string()), pa.array(reasons, pa.string())], schema=LEFT_OUT))
    making.rows_out = len(kept)
    making.facts["absent"] = len(wanted - kept)


def _problem(entry: TarMember, is_repeated: bool) -> str | None:
    """Why a listed picture cannot be used, or None."""
    if entry.problem is not None:
        return entry.problem
    if is_repeated:
        return "duplicate_member"
    return "too_large" if entry.size > MOST_PICTURE_BYTES else None
