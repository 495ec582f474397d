"""What rows must hold to become a shard, and why some of them are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.box import BOX_TYPE
from schemas.errors import BuildError
from schemas.settings import Quantisation
from schemas.token import IMAGE_CODES, RESERVED_MARKS
from shards.columns import WHITE
from shards.quantise import quantise
from shards.ragged import Integers

_UNCLEAN = rf"^$|^[ {WHITE}]|[ {WHITE}]$"
_RESERVED = "|".join(
    mark.replace("[", r"\[").replace("]", r"\]").replace("|", r"\|")
    for mark in RESERVED_MARKS
    if mark != "<region_"
)


Target = Literal["text", "codes"]


@dataclass(frozen=True)
class Layout:
    """What a task's rows hold and how they are encoded.

    Attributes:
        text_slots: columns of text that instructions show, in stored order.
        quantisation: how a coordinate becomes a bin.
        truncate: the text slot that loses its oldest words in a row that is too long.
        target: whether the answers are texts, in the column `target`, or pictures, in `codes`.
    """

    text_slots: tuple[str, ...]
    quantisation: Quantisation
    truncate: str | None = None
    target: Target = "text"

    def __post_init__(self) -> None:
        if self.truncate is not None and self.truncate not in self.text_slots:
            raise BuildError("a task truncates a slot that it does not show", got=self.truncate)


def checked(batch: pa.Table, layout: Layout) -> pa.Table:
    """The columns that are used, with the types that are expected; no options are empty options."""
    options = pa.field("options", pa.list_(pa.string()))
    if "options" not in batch.column_names:
        batch = batch.append_column(options, pa.nulls(batch.num_rows, options.type))
    texts = ("uid", "image_id", *_texts(layout))
    schema = pa.schema(
        [
            *(pa.field(name, pa.string()) for name in texts),
            pa.field("image_width", pa.int32()),
            pa.field("image_height", pa.int32()),
            pa.field("regions", pa.list_(BOX_TYPE)),
            options,
            *((pa.field("codes", pa.list_(pa.uint16())),) if layout.target == "codes" else ()),
        ]
    )
    try:
        rows = batch.select(schema.names).cast(schema)
    except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise BuildError(
            "rows for a shard have a wrong column", got=error, expected=f"columns {', '.join(schema.names)}"
        ) from error
    if rows["uid"].null_count:
        raise BuildError("a row for a shard has no name", got="a null", expected="uid, unique in the task")
    return rows


def bad_rows(rows: pa.Table, layout: Layout) -> npt.NDArray[Any]:
    """The reason why a row is left out, or an empty string."""
    reasons = _bad_texts(text_columns(rows, layout), rows["options"])
    if layout.target == "codes":
        reasons[list_lengths(flat(rows["codes"])) == 0] = "no_codes"
    return reasons


def _bad_texts(texts: list[pa.Array], options: pa.ChunkedArray) -> npt.NDArray[Any]:
    lists = flat(options)
    owners = entry_rows(list_lengths(lists))
    reasons = np.full(len(lists), "", dtype=object)
    for pattern, reason in ((_RESERVED, "reserved_mark"), (_UNCLEAN, "unclean_text")):
        for column in texts:
            reasons[_matching(column, pattern)] = reason
        reasons[owners[_matching(lists.flatten(), pattern)]] = reason
    return reasons


def _matching(texts: pa.Array, pattern: str) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = (
        pc.match_substring_regex(texts, pattern).fill_null(True).to_numpy(zero_copy_only=False)
    )
    return found


def quantised(rows: pa.Table, quantisation: Quantisation) -> Integers:
    """Bins of all regions of all rows, one row after the other: (regions, 4) int64."""
    regions = flat(rows["regions"])
    of_row = entry_rows(list_lengths(regions))
    boxes = np.stack(
        [side.fill_null(np.nan).to_numpy(zero_copy_only=False) for side in regions.flatten().flatten()],
        axis=-1,
    )
    widths, heights = (
        flat(rows[name]).fill_null(0).to_numpy(zero_copy_only=False)[of_row]
        for name in ("image_width", "image_height")
    )
    return quantise(boxes, widths, heights, quantisation)


def text_columns(rows: pa.Table, layout: Layout) -> list[pa.Array]:
    """The target, where it is a text, and the text slots of checked rows, in stored order."""
    return [flat(rows[name]) for name in _texts(layout)]


def _texts(layout: Layout) -> tuple[str, ...]:
    return (*(("target",) if layout.target == "text" else ()), *layout.text_slots)


def target_codes(rows: pa.Table) -> tuple[npt.NDArray[np.uint16], Integers]:
    """The image codes of all rows, one row after the other, and how many each row has.

    Raises:
        BuildError: there is no such code.
    """
    lists = flat(rows["codes"])
    codes: npt.NDArray[np.uint16] = lists.flatten().to_numpy()
    if len(codes) and codes.max() >= IMAGE_CODES:
        raise BuildError("no such image code", got=codes.max(), expected=f"0 to {IMAGE_CODES - 1}")
    return codes, list_lengths(lists)


def flat(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def list_lengths(lists: pa.Array) -> Integers:
    """Length of each list; 0 for a null."""
    lengths: Integers = (
        pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    )
    return lengths


def entry_rows(lengths: Integers) -> Integers:
    """For each entry of lists of these lengths, the row that it belongs to."""
    return np.repeat(np.arange(len(lengths)), lengths)
