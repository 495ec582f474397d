"""Opens one split of a shard: memory-mapped, and handed out as numpy views, never as Python lists."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import BuildError
from schemas.instance import Split
from shards.format import (
    INDEX,
    PICTURES,
    SCHEMA,
    instances_file,
    pictures_file,
    read_index,
    stored_file,
)
from shards.ragged import Ids


class Entries(NamedTuple):
    """Lists of ids of every row, as views of the file.

    Entry `j` of row `i` is number `e = rows[i] + j`, and its ids are `values[ends[e] : ends[e + 1]]`.
    Shapes: `rows` (rows + 1,) int32, `ends` (entries + 1,) int32, `values` (ids,) uint16.
    """

    rows: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]
    values: Ids

    def of(self, row: int) -> list[Ids]:
        """The entries of one row."""
        return [
            self.values[self.ends[entry] : self.ends[entry + 1]]
            for entry in range(self.rows[row], self.rows[row + 1])
        ]


class Shard:
    """One split of one task.

    Attributes:
        folder: where it lies.
        split: name of the split.
        index: what the numbers mean.
        rows: number of instances.
        uids: their names, an Arrow array.
        picture: row of each instance's picture in `pictures`, -1 without one: (rows,) int32.
        slots: target, texts and regions of each instance.
        options: the answers to choose from.
        pictures: `image_id`, `width`, `height` of each picture.
    """

    def __init__(self, folder: Path, split: Split) -> None:
        """Opens a split.

        Raises:
            BuildError: the folder is unfinished, or a file in it is damaged; the message says which.
        """
        self.folder = folder
        self.split = split
        self.index = read_index(folder)
        self._path = folder / instances_file(split)
        if split not in self.index.rows:
            raise self._damaged(folder / INDEX, f"splits {sorted(self.index.rows)}", f"split {split}")
        batch = self._read_instances()
        self.rows: int = batch.num_rows
        self.uids: pa.Array = batch.column("uid")
        self.picture: npt.NDArray[np.int32] = batch.column("picture").to_numpy()
        self.slots = _entries(batch.column("slots"))
        self.options = _entries(batch.column("options"))
        self.pictures = self._read_pictures()
        self._check()

    def verify(self) -> None:
        """Reads every byte of the folder's files and compares it with the index.

        Raises:
            BuildError: a file has changed since it was written.
        """
        for name, expected in sorted(self.index.files.items()):
            try:
                found = stored_file(self.folder / name)
            except OSError as error:
                raise self._damaged(self.folder / name, error, "the file that the index lists") from error
            if found != expected:
                raise self._damaged(self.folder / name, found, expected)

    def _read_instances(self) -> pa.RecordBatch:
        try:
            with pa.memory_map(str(self._path)) as source:
                file = pa.ipc.open_file(source)
                if file.schema != SCHEMA or file.num_record_batches != 1:
                    raise self._damaged(
                        self._path, f"{file.num_record_batches} batches of {file.schema}", f"one of {SCHEMA}"
                    )
                batch = file.get_batch(0)
                # Offsets from a damaged file would make views of other memory.
                batch.validate(full=True)
        except (OSError, pa.ArrowInvalid, pa.ArrowException) as error:
            raise self._damaged(self._path, error, "an Arrow IPC file") from error
        return batch

    def _read_pictures(self) -> pa.Table:
        path = self.folder / pictures_file(self.split)
        try:
            table = pq.read_table(path, page_checksum_verification=True)
        except (OSError, pa.ArrowException) as error:
            raise self._damaged(path, error, "a Parquet file") from error
        if table.schema.remove_metadata() != PICTURES:
            raise self._damaged(path, table.schema, PICTURES)
        return table

    def _check(self) -> None:
        expected = self.index.rows[self.split]
        if self.rows != expected:
            raise self._damaged(self._path, f"{self.rows} rows", f"{expected} rows, as the index says")
        least = 1 + len(self.index.text_slots)
        if self.rows and np.diff(self.slots.rows).min() < least:
            raise self._damaged(self._path, "a row with too few slots", f"at least {least}")
        if self.rows and not (self.picture.min() >= -1 and self.picture.max() < len(self.pictures)):
            raise self._damaged(
                self._path, f"picture row {self.picture.max()}", f"-1 or below {len(self.pictures)}"
            )

    @staticmethod
    def _damaged(path: Path, got: object, expected: object) -> BuildError:
        return BuildError(
            "a shard is damaged", where=path, got=got, expected=expected, next_step="build the shard again"
        )


def _entries(column: pa.Array) -> Entries:
    lists = column.values
    return Entries(column.offsets.to_numpy(), lists.offsets.to_numpy(), lists.values.to_numpy())
