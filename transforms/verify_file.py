"""Whether one file of an artifact still is what the manifest says, byte for byte and row for row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.artifact import FileEntry, Manifest
from transforms.artifact import REJECTED_ROWS
from transforms.content import ContentHash, file_sha256, table_content


class Wrong(NamedTuple):
    """What is wrong with a file, what was found, what should have been."""

    what: str
    got: str
    expected: str


def wrong_with(path: Path, entry: FileEntry, manifest: Manifest, came: Callable[[int], None]) -> Wrong | None:
    """What is wrong with a file of an artifact, if anything. It is read to the end.

    Args:
        entry: what the manifest says of it.
        came: told how many bytes more have been read.
    """
    if path.is_symlink() or path.parent.is_symlink():
        return Wrong("a link stands in its place", str(path.resolve()), "a file")
    if not path.is_file():
        return Wrong("it is missing", "", f"{entry.bytes:,} bytes")
    size = path.stat().st_size
    if size != entry.bytes:
        return Wrong("it has another size", f"{size:,} bytes", f"{entry.bytes:,} bytes")
    try:
        sha256 = file_sha256(path, came)
        if sha256 != entry.sha256:
            return Wrong("its bytes have changed", sha256, entry.sha256)
        return _said_by(path, entry, manifest)
    # What Arrow finds in a broken file, a disk that does not read, a type that has no content id.
    except (OSError, pa.ArrowException, TypeError, KeyError) as error:
        return Wrong("it cannot be read", first_line(error), "")


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _said_by(path: Path, entry: FileEntry, manifest: Manifest) -> Wrong | None:
    """Whether a file says what its content id and its counts say."""
    if path.suffix == ".parquet":
        rows, content_id = _parquet(path, entry.content_id)
    elif path.suffix == ".arrow":
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
            rows, content_id = table.num_rows, table_content(table)
    else:
        return None
    if rows != entry.rows:
        return Wrong("it has another number of rows", f"{rows:,}", f"{entry.rows or 0:,}")
    if content_id != entry.content_id:
        return Wrong("its rows are not what its content id is over", content_id, entry.content_id)
    return _left_out(path, manifest) if entry.path == REJECTED_ROWS else None


def _left_out(path: Path, manifest: Manifest) -> Wrong | None:
    reasons = pq.read_table(path, columns=["rejected"])["rejected"]
    counted = {one["values"]: one["counts"] for one in pc.value_counts(reasons).to_pylist()}
    if Counter(counted) == Counter(manifest.rejected):
        return None
    what = "the rows left out are not as many as are counted"
    return Wrong(what, _counts(counted), _counts(manifest.rejected))


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items()))


def _parquet(path: Path, expected: str) -> tuple[int, str]:
    """Rows of a table, every page of which is held to its checksum, and its content id.

    Our tables are hashed a row group at a time; some files of shards are hashed in one piece.
    """
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        content = ContentHash(file.schema_arrow)
        rows = 0
        for group in range(file.num_row_groups):
            block = file.read_row_group(group)
            content.add(block)
            rows += block.num_rows
        content_id = content.hexdigest()
        if content_id != expected and file.num_row_groups > 1:
            content_id = table_content(file.read())
    return rows, content_id
