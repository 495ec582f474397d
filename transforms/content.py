"""Content ids: what a table says, whatever file, chunking or library version it came through."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_CHUNK = 1 << 22


def file_sha256(path: Path, came: Callable[[int], None] | None = None) -> str:
    """sha256 of a file, as 64 hex digits.

    Args:
        came: told how many bytes more have been read.
    """
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_CHUNK):
            digest.update(block)
            if came is not None:
                came(len(block))
    return digest.hexdigest()


def digest_of(value: Any) -> str:
    """sha256 of a JSON value in its one canonical spelling."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def combine(parts: Mapping[str, str]) -> str:
    """One id out of named ids; the order in which they are given does not matter."""
    return digest_of(dict(parts))


class ContentHash:
    """Hash over the rows of a table in order, and its schema.

    Rows are added in blocks; the blocks of `TableWriter` are the same for the same rows. For each
    column the hash takes which values are present, then lengths where they vary, then the values,
    all little-endian: this spelling is ours, so an Arrow release cannot change it.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._digest = hashlib.sha256()
        for field in schema:
            self._digest.update(f"{field.name} {_spelled(field.type)}\n".encode())

    def add(self, block: pa.Table) -> None:
        """Adds the next rows."""
        self._digest.update(np.int64(block.num_rows).tobytes())
        for column in block.columns:
            _update(self._digest, _one_array(column))

    def hexdigest(self) -> str:
        """The id so far, as 64 hex digits."""
        return self._digest.hexdigest()


def _spelled(kind: pa.DataType) -> str:
    """A type in our own words: Arrow has changed its names for the children of lists before."""
    if pa.types.is_struct(kind):
        return "{" + ", ".join(f"{field.name} {_spelled(field.type)}" for field in kind) + "}"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"[{_spelled(kind.value_type)}]"
    for is_kind, name in _KINDS:
        if is_kind(kind):
            return name
    raise TypeError(f"a column of type {kind} has no content id")


_KINDS: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_string, "text"),
    (pa.types.is_binary, "bytes"),
    (pa.types.is_boolean, "truth"),
    (pa.types.is_int64, "int64"),
    (pa.types.is_int32, "int32"),
    (pa.types.is_uint16, "uint16"),
    (pa.types.is_uint32, "uint32"),
    (pa.types.is_uint64, "uint64"),
    (pa.types.is_float64, "float64"),
)


def table_content(table: pa.Table) -> str:
    """Content id of a table that fits into memory."""
    content = ContentHash(table.schema)
    content.add(table)
    return content.hexdigest()


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _update(digest: hashlib._Hash, array: pa.Array) -> None:
    present = pc.is_valid(array).to_numpy(zero_copy_only=False)
    digest.update(np.packbits(present).tobytes())
    kind = array.type
    if pa.types.is_struct(kind):
        for child in array.flatten():
            _update(digest, child)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        _update_lengths(digest, pc.list_value_length(array))
        _update(digest, array.flatten())
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        _update_text(digest, array.cast(pa.binary()))
    elif pa.types.is_boolean(kind):
        digest.update(np.packbits(pc.fill_null(array, False).to_numpy(zero_copy_only=False)).tobytes())
    else:
        values = pc.fill_null(array, 0).to_numpy(zero_copy_only=False)
        digest.update(values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes())


def _update_text(digest: hashlib._Hash, array: pa.Array) -> None:
    _update_lengths(digest, pc.binary_length(array))
    present = array.drop_null()
    joined = pa.concat_arrays([present]) if present.offset else present
    offsets = np.frombuffer(joined.buffers()[1], np.int32, len(joined) + 1) if len(joined) else [0, 0]
    values = joined.buffers()[2]
    if values is not None:
        digest.update(memoryview(values)[int(offsets[0]) : int(offsets[-1])])


def _update_lengths(digest: hashlib._Hash, lengths: pa.Array) -> None:
    filled = pc.fill_null(lengths, 0).cast(pa.int64())
    digest.update(filled.to_numpy(zero_copy_only=False).astype("<i8", copy=False).tobytes())
