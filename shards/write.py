"""Instances become ids: whole columns at once, one file a split.

All ids of a split are held in memory until it is written (about 150 bytes an instance), because
the file has one record batch. So the bytes depend on the rows alone, not on how they were batched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from instructions.render import OPTIONS_OPENING
from schemas.errors import BuildError
from schemas.token import INSTRUCTION_LIMIT, OPTIONS_SEPARATOR, SOURCE_LIMIT, TARGET_LIMIT
from shards.columns import TextRegions, encode_column
from shards.format import PICTURES, SCHEMA, StoredFile, instances_file, pictures_file, stored_file
from shards.ragged import Integers, offsets_of, positions
from shards.rows import (
    Layout,
    bad_rows,
    checked,
    entry_rows,
    flat,
    list_lengths,
    quantised,
    target_codes,
    text_columns,
)
from shards.vocabulary import Vocabulary

REJECTED: pa.Schema = pa.schema(
    [pa.field("uid", pa.string(), False), pa.field("rejected", pa.string(), False)]
)

_MOST_IDS = 2**31 - 1


@dataclass(frozen=True)
class WrittenSplit:
    """What `write_split` wrote.

    Attributes:
        rows: instances in the file.
        rejected: the rows left out, columns `uid` and `rejected`, in order of input.
        truncated: rows in the file that lost the beginning of a text.
        files: the two files, by name.
    """

    rows: int
    rejected: pa.Table
    truncated: int
    files: dict[str, StoredFile]


class _Nested:
    """Rows of lists of ids while they are gathered: a column of `SCHEMA`."""

    def __init__(self) -> None:
        self.counts: list[Integers] = []
        self.lengths: list[Integers] = []
        self.values: list[npt.NDArray[np.uint16]] = []

    def add(self, counts: Integers, lengths: Integers, values: npt.NDArray[np.uint16]) -> None:
        self.counts.append(counts)
        self.lengths.append(lengths)
        self.values.append(values)

    def column(self, name: str) -> pa.Array:
        values = np.concatenate([*self.values, np.empty(0, np.uint16)])
        if len(values) > _MOST_IDS:
            raise BuildError(
                "a split is too large for one file",
                got=f"{len(values)} ids",
                expected=f"at most {_MOST_IDS}",
                next_step="lower max_per_task in the mixture",
            )
        kind = SCHEMA.field(name).type
        lists = pa.ListArray.from_arrays(_offsets(self.lengths), pa.array(values), type=kind.value_type)
        return pa.ListArray.from_arrays(_offsets(self.counts), lists, type=kind)


def _offsets(lengths: list[Integers]) -> pa.Array:
    return pa.array(offsets_of(np.concatenate([*lengths, np.empty(0, np.int64)])).astype(np.int32))


def write_split(
    folder: Path, split: str, batches: Iterable[pa.Table], vocabulary: Vocabulary, layout: Layout
) -> WrittenSplit:
    """Writes `<split>.arrow` and `<split>.pictures.parquet`.

    A row is left out as `too_long` if its target and `</s>` exceed `TARGET_LIMIT`, or if `<s>`, its
    texts, regions and options, `INSTRUCTION_LIMIT` ids of instruction and `</s>` exceed
    `SOURCE_LIMIT`; as `unclean_text` if a text is absent, empty, or begins or ends with white space;
    as `reserved_mark` if a text holds a mark that only this project may write; as `no_codes` if the
    answer is a picture that could not be encoded. None of it depends on the instructions, so these
    can change without writing again.

    Args:
        folder: where the files go; it exists.
        split: name of the split.
        batches: tables with columns `uid`, `image_id` (null without a picture), `image_width` and
            `image_height` (pixels of the file whose frame the boxes are in), `regions` (list of
            `BOX_TYPE`), `target` (or `codes`, a list of image codes), the text slots, and `options`
            (list of text) where the task has options.
        vocabulary: what to encode with.
        layout: which texts a row has.

    Raises:
        BuildError: a column is missing or of another type, a text names a region that its row does
            not have, a box is no box, a picture has two sizes, or there is no such image code.
    """
    writer = _Writer(vocabulary, layout)
    for batch in batches:
        writer.add(checked(batch, layout))
    return writer.finish(folder, split)


class _Writer:
    def __init__(self, vocabulary: Vocabulary, layout: Layout) -> None:
        self._vocabulary = vocabulary
        self._layout = layout
        self._header = len(vocabulary.encode(OPTIONS_OPENING))
        self._separator = len(vocabulary.encode(f" {OPTIONS_SEPARATOR}"))
        self._pictures = _PictureTable()
        self._uids: list[pa.Array] = []
        self._picture_rows: list[npt.NDArray[np.int32]] = []
        self._slots = _Nested()
        self._options = _Nested()
        self._rejected: list[pa.Table] = []
        self._truncated = 0

    def add(self, rows: pa.Table) -> None:
        """Encodes one batch of checked rows."""
        reasons = bad_rows(rows, self._layout)
        good = rows.filter(pa.array(reasons == ""))
        encoded = _Encoded(good, self._vocabulary, self._layout)
        fits = encoded.fit(self._header, self._separator)
        self._truncated += int((encoded.cut & fits).sum())
        reasons[np.flatnonzero(reasons == "")[~fits]] = "too_long"
        self._reject(rows, reasons)
        self._uids.append(flat(good["uid"]).filter(pa.array(fits)))
        self._picture_rows.append(self._pictures.rows_of(good.filter(pa.array(fits))))
        self._slots.add(*encoded.slots(fits))
        self._options.add(*encoded.options(fits))

    def _reject(self, rows: pa.Table, reasons: npt.NDArray[Any]) -> None:
        bad = np.flatnonzero(reasons != "")
        uids = flat(rows["uid"]).take(pa.array(bad))
        self._rejected.append(pa.table([uids, pa.array(reasons[bad], pa.string())], schema=REJECTED))

    def finish(self, folder: Path, split: str) -> WrittenSplit:
        """Writes the files."""
        picture_rows = np.concatenate([*self._picture_rows, np.empty(0, np.int32)])
        columns = [
            pa.concat_arrays([*self._uids, pa.array([], pa.string())]),
            pa.array(picture_rows),
            self._slots.column("slots"),
            self._options.column("options"),
        ]
        instances, pictures = folder / instances_file(split), folder / pictures_file(split)
        with pa.OSFile(str(instances), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as file:
            file.write_batch(pa.record_batch(columns, schema=SCHEMA))
        pq.write_table(self._pictures.table(), pictures, compression="zstd", write_page_checksum=True)
        return WrittenSplit(
            rows=len(picture_rows),
            rejected=pa.concat_tables([*self._rejected, REJECTED.empty_table()]),
            truncated=self._truncated,
            files={path.name: stored_file(path) for path in (instances, pictures)},
        )


class _Encoded:
    """The ids of a batch, as segments of one pool: target, text slots and regions of each row.

    Attributes:
        cut: which rows `fit` has cut.
    """

    def __init__(self, rows: pa.Table, vocabulary: Vocabulary, layout: Layout) -> None:
        self._vocabulary = vocabulary
        self._layout = layout
        self.cut = np.zeros(rows.num_rows, np.bool_)
        options = flat(rows["options"])
        self._region_counts = list_lengths(flat(rows["regions"]))
        self._option_counts = list_lengths(options)
        bins = quantised(rows, layout.quantisation)
        texts = text_columns(rows, layout)
        columns = len(texts)
        # One call for everything, so that a word is encoded once whichever column it stands in.
        owners = np.concatenate([np.tile(np.arange(rows.num_rows), columns), entry_rows(self._option_counts)])
        named = TextRegions(bins, offsets_of(self._region_counts)[owners], self._region_counts[owners])
        encoded = encode_column(vocabulary, pa.concat_arrays([*texts, options.flatten()]), named)
        self._pool = np.concatenate(
            [encoded.values, (vocabulary.first_bin + bins).reshape(-1).astype(np.uint16)]
        )
        of_texts = columns * rows.num_rows
        shape = (columns, rows.num_rows)
        self._starts = encoded.offsets[:-1][:of_texts].reshape(shape).T.copy()
        self._lengths = encoded.lengths[:of_texts].reshape(shape).T.copy()
        if layout.target == "codes":
            self._add_codes(rows)
        # The target and the text slots.
        self._texts = self._starts.shape[1]
        self._option_starts = encoded.offsets[:-1][of_texts:]
        self._option_lengths = encoded.lengths[of_texts:]
        self._region_start = len(encoded.values)

    def _add_codes(self, rows: pa.Table) -> None:
        """Puts the codes of pictures where the target of each row is looked for: before its texts."""
        codes, counts = target_codes(rows)
        starts = len(self._pool) + offsets_of(counts)[:-1]
        self._pool = np.concatenate([self._pool, (self._vocabulary.first_code + codes).astype(np.uint16)])
        self._starts = np.column_stack([starts, self._starts])
        self._lengths = np.column_stack([counts, self._lengths])

    def fit(self, header: int, separator: int) -> npt.NDArray[np.bool_]:
        """Which rows keep the limits, after the slot that may be cut has been cut.

        Args:
            header: ids before the options of a row that has some.
            separator: ids between two options.
        """
        options = np.bincount(
            entry_rows(self._option_counts), self._option_lengths, len(self._option_counts)
        ).astype(np.int64)
        options += np.where(self._option_counts > 0, header + separator * (self._option_counts - 1), 0)
        source = 2 + INSTRUCTION_LIMIT + self._lengths[:, 1:].sum(axis=1) + 4 * self._region_counts + options
        if self._layout.truncate is not None:
            slot = 1 + self._layout.text_slots.index(self._layout.truncate)
            for row in np.flatnonzero(source > SOURCE_LIMIT).tolist():
                dropped = self._cut(row, slot, int(source[row]) - SOURCE_LIMIT)
                source[row] -= dropped
                self.cut[row] = dropped > 0
        fits: npt.NDArray[np.bool_] = (source <= SOURCE_LIMIT) & (self._lengths[:, 0] + 1 <= TARGET_LIMIT)
        return fits

    def _cut(self, row: int, slot: int, surplus: int) -> int:
        """Drops at least `surplus` of a slot's first ids, up to a word; returns how many."""
        start, length = self._starts[row, slot], int(self._lengths[row, slot])
        for cut in range(surplus, length):
            # What follows the beginning of a word does not depend on what stood before it, so the
            # rest is still exactly the encoding of a text.
            if self._vocabulary.begins_word(int(self._pool[start + cut])):
                self._starts[row, slot] += cut
                self._lengths[row, slot] -= cut
                return cut
        return 0

    def slots(self, kept: npt.NDArray[np.bool_]) -> tuple[Integers, Integers, npt.NDArray[np.uint16]]:
        """Entries a row, ids an entry and the ids of the kept rows' slots."""
        counts = self._texts + self._region_counts
        entries = offsets_of(counts)
        starts, lengths = np.empty(entries[-1], np.int64), np.full(entries[-1], 4, np.int64)
        of_texts = entries[:-1, None] + np.arange(self._texts)
        starts[of_texts], lengths[of_texts] = self._starts, self._lengths
        of_regions = positions(entries[:-1] + self._texts, self._region_counts)
        starts[of_regions] = self._region_start + 4 * np.arange(len(of_regions))
        of_kept = np.repeat(kept, counts)
        starts, lengths = starts[of_kept], lengths[of_kept]
        return counts[kept], lengths, self._pool[positions(starts, lengths)]

    def options(self, kept: npt.NDArray[np.bool_]) -> tuple[Integers, Integers, npt.NDArray[np.uint16]]:
        """Options a row, ids an option and the ids of the kept rows' options."""
        of_kept = np.repeat(kept, self._option_counts)
        starts, lengths = self._option_starts[of_kept], self._option_lengths[of_kept]
        return self._option_counts[kept], lengths, self._pool[positions(starts, lengths)]


class _PictureTable:
    """The pictures of a split in the order in which rows first show them."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._sizes: list[tuple[int, int]] = []

    def rows_of(self, rows: pa.Table) -> npt.NDArray[np.int32]:
        """Row of each instance's picture in the table, -1 without one."""
        found = np.full(rows.num_rows, -1, np.int32)
        columns = (rows[name].to_pylist() for name in ("image_id", "image_width", "image_height"))
        for place, (image_id, width, height) in enumerate(zip(*columns, strict=True)):
            if image_id is None:
                continue
            row = found[place] = self._rows.setdefault(image_id, len(self._sizes))
            if row == len(self._sizes):
                self._sizes.append((width, height))
            if self._sizes[row] != (width, height) or not (width and height):
                raise BuildError(
                    "a picture has two sizes or none",
                    where=image_id,
                    got=(width, height),
                    expected=self._sizes[row],
                )
        return found

    def table(self) -> pa.Table:
        widths, heights = zip(*self._sizes, strict=True) if self._sizes else ((), ())
        columns = [list(self._rows), list(widths), list(heights)]
        return pa.table(
            [pa.array(*pair) for pair in zip(columns, PICTURES.types, strict=True)], schema=PICTURES
        )
