"""From what a reader yields to a stored table: cleaned, clipped, checked, with where it came from.

One row in, of Visual Genome's regions, from a picture of 800 x 600 pixels:

    ("region_descriptions", "region_descriptions.json", 0, 4),
    {"image_id": "vg:1", "region_id": "1386", "box": (760, 298, 841, 347), "text": "bikes parked "}

one row out:

    image_id vg:1 · region_id 1386 · box (760.0, 298.0, 800.0, 347.0) · text "bikes parked" ·
    text_raw "bikes parked " · source visual_genome · file region_descriptions ·
    member region_descriptions.json · record 0 · item 4

Every row comes out there, or among the rejected ones with the first reason that holds of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.box import BOX_TYPE
from schemas.errors import BuildError
from schemas.tables import Column, Table
from transforms.artifact import Draft
from transforms.clip import clip
from transforms.distinct import Seen
from transforms.raw import NotAsked, Rejected, Row
from transforms.text import MOST_CHARACTERS, holds_reserved_mark, text_1

REJECTED: Final = pa.schema(
    [
        pa.field("rejected", pa.string(), nullable=False),
        pa.field("detail", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("member", pa.string(), nullable=False),
        pa.field("record", pa.int64(), nullable=False),
        pa.field("item", pa.int64()),
        pa.field("row", pa.string(), nullable=False),
    ]
)
"""A row that is left out. `row` is JSON text, cut after `MOST_CHARACTERS`: what the publisher says
if it does not have the declared shape, else what the reader made of it."""

_BATCH: Final = 16_384

Flags = npt.NDArray[np.bool_]


def normalise(
    source: str,
    table: Table,
    rows: Iterable[Row | Rejected | NotAsked],
    sizes: pa.Table | None,
    draft: Draft,
) -> None:
    """Writes one table of a source as `data/<table>.parquet`, a batch of rows at a time.

    Reasons to leave a row out, in the order in which they are asked: what the reader says,
    `malformed` (a value of another type than the column's), `unknown_image`, `empty_text`,
    `reserved_mark`, `text_too_long`, `box_not_finite`, `box_outside`, `box_degenerate`, and
    `duplicate_id` (image and key columns are those of an earlier row that is kept).

    Args:
        source: name of the source.
        table: the table that the rows are of.
        rows: what the reader yields, see `transforms.readers.rows_of`.
        sizes: the source's images with `image_id`, `width` and `height`; None for a table that names none.
        draft: gets the table, the rejected rows and the counts of rows that were looked at and not asked for.

    Raises:
        BuildError: a row lacks a column of the table.
    """
    pictures = _Pictures(sizes if sizes is not None else _SIZES.empty_table())
    seen = Seen()
    waiting = iter(rows)
    draft.rows_in = 0
    with draft.table(table.name, table.schema) as writer:
        while batch := list(islice(waiting, _BATCH)):
            rejected = [row for row in batch if isinstance(row, Rejected)]
            made = [row for row in batch if not isinstance(row, Rejected | NotAsked)]
            not_asked = sum(row.rows for row in batch if isinstance(row, NotAsked))
            draft.rows_in += len(rejected) + len(made) + not_asked
            draft.not_asked += not_asked
            _reject(draft, source, rejected)
            checked = _Batch(source, table, made)
            checked.check(pictures, seen)
            writer.write(checked.kept())
            _reject(draft, source, checked.left_out())


_SIZES: Final = pa.schema(
    [("image_id", pa.string()), ("width", pa.int32()), ("height", pa.int32())],
)


class _Pictures:
    """Declared sizes of a source's pictures, in pixels; infinite where nobody declares one."""

    def __init__(self, images: pa.Table) -> None:
        self._places = {name: place for place, name in enumerate(images["image_id"].to_pylist())}
        # The last row is the one of place -1, images that the source does not list.
        self._sizes = np.zeros((len(self._places) + 1, 2))
        for side, column in enumerate(("width", "height")):
            self._sizes[:-1, side] = pc.fill_null(images[column].cast(pa.float64()), np.inf).to_numpy()

    def places(self, image_ids: pa.Array) -> npt.NDArray[np.int64]:
        """Number of each image in the source's list, -1 where it is not listed."""
        coded = image_ids.dictionary_encode()
        places = [self._places.get(name, -1) for name in coded.dictionary.to_pylist()]
        indices = pc.fill_null(coded.indices, len(places)).to_numpy()
        found: npt.NDArray[np.int64] = np.array([*places, -1], np.int64)[indices]
        return found

    def sizes(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Width and height of the images with these numbers: float64 (n, 2)."""
        return self._sizes[places]


class _Batch:
    """Some rows of a table, column by column, and which of them are left out."""

    def __init__(self, source: str, table: Table, rows: Sequence[Row]) -> None:
        self._source = source
        self._table = table
        self._rows = rows
        self._kept = np.ones(len(rows), bool)
        self._reasons: dict[int, str] = {}
        self._columns: dict[str, pa.Array] = {}
        self._boxes: dict[str, npt.NDArray[np.float64]] = {}
        self._absent_boxes: dict[str, Flags] = {}

    def check(self, pictures: _Pictures, seen: Seen) -> None:
        """Reads, cleans and clips all columns and decides which rows are kept."""
        for column in self._table.columns:
            if column.role == "box":
                self._read_boxes(column)
            elif column.role != "raw":
                self._read(column)
        name = [self._columns[column.name] for column in self._table.having("key")]
        images = self._table.having("image")
        for image in images:
            named = self._columns[image.name]
            places = pictures.places(named)
            unknown = places < 0
            if image.nullable:
                unknown &= _flags(pc.is_valid(named))
            else:
                # Keys are then unique within the image only.
                name.append(pa.array(places))
            self._leave_out(unknown, "unknown_image")
        for column in self._table.having("text"):
            self._clean(column)
        for column in self._table.having("marked"):
            self._columns[column.name] = text_1(self._columns[column.name])
        for column in self._table.having("box"):
            self._clip(column, pictures.sizes(places))
        self._check_names(name, seen)

    def kept(self) -> pa.Table:
        """The rows that are kept, as they are stored."""
        provenance = _provenance(self._source, [row[0] for row in self._rows])
        columns = [self._columns[column.name] for column in self._table.columns]
        schema = self._table.schema
        # Values may be absent in rows that are left out, so that the schema holds only afterwards.
        whole = pa.Table.from_arrays([*columns, *provenance], schema.names)
        return whole.filter(pa.array(self._kept)).cast(schema)

    def left_out(self) -> list[Rejected]:
        """The rows that are left out, with their reasons."""
        return [
            Rejected(self._rows[number][0], reason, json.dumps(self._rows[number][1], default=repr))
            for number, reason in sorted(self._reasons.items())
        ]

    def _leave_out(self, which: Flags, reason: str) -> None:
        for number in np.flatnonzero(which & self._kept):
            self._reasons[int(number)] = reason
        self._kept &= ~which

    def _values(self, column: Column) -> list[Any]:
        if column.nullable:
            return [row.get(column.name) for _, row in self._rows]
        try:
            return [row[column.name] for _, row in self._rows]
        except KeyError as error:
            raise BuildError(
                "a reader yields a row that lacks a column of its table",
                where=f"transforms/sources/{self._source}.py, {self._table.name}",
                expected=column.name,
            ) from error

    def _read(self, column: Column) -> None:
        """A column as it is; what is not of its type becomes absent."""
        values = self._values(column)
        array = _array(values, column.type)
        self._columns[column.name] = array
        if array.null_count:
            absent = pc.is_null(array).to_numpy(zero_copy_only=False)
            if column.nullable or column.role == "image":
                absent &= np.array([value is not None for value in values])
            self._leave_out(absent, "malformed")

    def _read_boxes(self, column: Column) -> None:
        values = self._values(column)
        boxes, malformed = _coordinates(values)
        absent = np.array([value is None for value in values], bool) & column.nullable
        self._boxes[column.name] = boxes
        self._absent_boxes[column.name] = absent
        self._leave_out(malformed & ~absent, "malformed")

    def _clean(self, column: Column) -> None:
        published = self._columns[column.name]
        self._columns[f"{column.name}_raw"] = published
        if pa.types.is_list(column.type):
            self._columns[column.name] = self._clean_lists(published)
            return
        cleaned = text_1(published)
        empty = _flags(pc.equal(cleaned, ""))
        if column.nullable:
            cleaned = pc.if_else(pa.array(empty), None, cleaned)
        else:
            self._leave_out(empty, "empty_text")
        self._columns[column.name] = cleaned
        self._check_text(cleaned, np.arange(len(cleaned)))

    def _clean_lists(self, lists: pa.ListArray) -> pa.ListArray:
        """The lists with their texts cleaned, and without those that are empty."""
        rows = pc.list_parent_indices(lists).to_numpy()
        cleaned = text_1(pc.list_flatten(lists))
        said = _flags(pc.not_equal(cleaned, ""))
        cleaned, rows = cleaned.filter(pa.array(said)), rows[said]
        self._check_text(cleaned, rows)
        ends = np.searchsorted(rows, np.arange(len(lists) + 1))
        return pa.ListArray.from_arrays(
            pa.array(ends, pa.int32()), cleaned, mask=pc.is_null(lists) if lists.null_count else None
        )

    def _check_text(self, cleaned: pa.Array, rows: npt.NDArray[np.int64]) -> None:
        """Leaves out the rows of which one of these texts cannot be used."""
        for reason, which in (
            ("reserved_mark", holds_reserved_mark(cleaned)),
            ("text_too_long", pc.greater(pc.utf8_length(cleaned), MOST_CHARACTERS)),
        ):
            touched = np.zeros(len(self._rows), bool)
            touched[rows[_flags(which)]] = True
            self._leave_out(touched, reason)

    def _clip(self, column: Column, sizes: npt.NDArray[np.float64]) -> None:
        absent = self._absent_boxes[column.name]
        clipped = clip(self._boxes[column.name], sizes)
        for reason, which in clipped.problems.items():
            self._leave_out(which & ~absent, reason)
        sides = [pa.array(side) for side in clipped.boxes.T]
        self._columns[column.name] = pa.StructArray.from_arrays(
            sides, fields=list(BOX_TYPE), mask=pa.array(absent) if absent.any() else None
        )

    def _check_names(self, parts: Sequence[pa.Array], seen: Seen) -> None:
        kept = np.flatnonzero(self._kept)
        texts = [part.take(pa.array(kept)).cast(pa.string()) for part in parts]
        # With the lengths behind them, no two lists of parts are spelt alike.
        lengths = [pc.binary_length(text).cast(pa.string()) for text in texts]
        names = pc.binary_join_element_wise(*texts, *lengths, " ").cast(pa.binary())
        repeated = np.zeros(len(self._rows), bool)
        repeated[kept] = seen.repeated(names.to_pylist())
        self._leave_out(repeated, "duplicate_id")


def _flags(mask: pa.Array) -> Flags:
    flags: Flags = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return flags


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """The values as an Arrow array; what is not of the type becomes null."""
    if pa.types.is_list(kind):
        # A text is to Arrow a list of letters.
        values = [value if isinstance(value, list | tuple) else None for value in values]
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([value if _fits(value, kind) else None for value in values], kind)


def _fits(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.array([value], kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True


def _coordinates(values: list[Any]) -> tuple[npt.NDArray[np.float64], Flags]:
    """Boxes as float64 (n, 4), and which of the values are no boxes at all."""
    try:
        boxes = np.array(values, np.float64).reshape(len(values), 4)
        return boxes, np.zeros(len(values), bool)
    except (TypeError, ValueError, OverflowError):
        malformed = np.array([not _is_box(value) for value in values])
        absent = (0.0, 0.0, 0.0, 0.0)
        boxes = np.array(
            [absent if bad else value for bad, value in zip(malformed, values, strict=True)], np.float64
        )
        return boxes, malformed


def _is_box(value: Any) -> bool:
    try:
        return isinstance(value, tuple) and np.array(value, np.float64).shape == (4,)
    except (TypeError, ValueError, OverflowError):
        return False


def _provenance(source: str, places: Sequence[tuple[str, str, int, int | None]]) -> list[pa.Array]:
    """The columns of `schemas.tables.PROVENANCE`."""
    files, members, records, items = zip(*places, strict=True) if places else ((), (), (), ())
    return [
        pa.array([source] * len(places), pa.string()),
        pa.array(files, pa.string()),
        pa.array(members, pa.string()),
        pa.array(records, pa.int64()),
        pa.array(items, pa.int64()),
    ]


def _reject(draft: Draft, source: str, rows: Sequence[Rejected]) -> None:
    provenance = _provenance(source, [row.place for row in rows])
    columns = [
        pa.array([row.reason for row in rows], pa.string()),
        pa.array([row.detail for row in rows], pa.string()),
        *provenance,
        pa.array([row.record[:MOST_CHARACTERS] for row in rows], pa.string()),
    ]
    draft.reject(pa.Table.from_arrays(columns, schema=REJECTED))
