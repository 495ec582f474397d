"""Tables as text: CSV and its kin, with a header, each row held to a declared shape.

Rules are those of RFC 4180: a cell with the delimiter, quotes or line breaks in it stands in quotes, and
a quote in it is doubled. Lines may end with CRLF or LF, and a byte order mark may come first.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

import msgspec

from schemas.errors import BuildError
from transforms.json_lines import split_lines
from transforms.json_stream import Misshapen

MOST_CELL_CHARACTERS: Final = 16 << 20
"""Size of one cell. MOCHEG keeps whole articles in cells, which are longer than Python's own limit."""

# The limit is one of the whole process, and nothing else of ours reads this format.
csv.field_size_limit(MOST_CELL_CHARACTERS)

Shape = TypeVar("Shape", bound=msgspec.Struct)


def delimited(
    blocks: Iterable[bytes], shape: type[Shape], delimiter: str, *, where: object
) -> Iterator[Shape | Misshapen]:
    """The rows that `blocks` spell, in order, without the header. Blank lines hold nothing.

    Args:
        blocks: the file in blocks of any size, as UTF-8.
        shape: its fields are `str`, by the names of the columns; others are skipped.
        delimiter: what stands between two cells.
        where: names the file in errors.

    Raises:
        BuildError: the file is no such table, lacks a column that has no default, or ends in quotes.
    """
    lines = _Lines(blocks, where)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        # A row may have many lines, and a quote that is never closed makes the rest of the file one.
        first = lines.number + 1
        try:
            cells = next(rows, None)
        except csv.Error as error:
            place = f"{where}, the row from line {first:,} on"
            raise _bad(place, error, "cells in quotes that are closed") from error
        if header is None:
            header = cells or []
            _check_header(header, shape, where)
        elif cells is None:
            return
        elif cells:
            yield _shaped(header, cells, shape)


class _Lines:
    """The lines of a file as text, with their line breaks, and how many have been read."""

    def __init__(self, blocks: Iterable[bytes], where: object) -> None:
        self.number = 0
        self._lines = split_lines(blocks, where)
        self._where = where

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.number += 1
            try:
                text = (line + b"\n").decode("utf-8-sig" if self.number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise _bad(f"{self._where}, line {self.number:,}", error, "UTF-8") from error
            yield text


def _check_header(header: list[str], shape: type[Shape], where: object) -> None:
    wanted = [field.encode_name for field in msgspec.structs.fields(shape) if field.required]
    lacking = [name for name in wanted if name not in header]
    if lacking or len(set(header)) < len(header):
        got = ", ".join(header)[:500] or "no header"
        raise _bad(f"{where}, line 1", got, "different columns, with " + ", ".join(wanted))


def _shaped(header: list[str], cells: list[str], shape: type[Shape]) -> Shape | Misshapen:
    if len(cells) != len(header):
        return _misshapen(cells, f"{len(cells)} cells, expected {len(header)}")
    row: dict[str, Any] = dict(zip(header, cells, strict=True))
    try:
        return msgspec.convert(row, shape)
    except msgspec.ValidationError as error:
        return _misshapen(cells, str(error))


def _misshapen(cells: list[str], problem: str) -> Misshapen:
    return Misshapen(0, json.dumps(cells).encode(), problem)


def _bad(where: object, got: object, expected: object) -> BuildError:
    return BuildError(
        "the file is not the table that it should be",
        where=where,
        got=got,
        expected=expected,
        next_step="delete the file and fetch it again; if it is the same, the publisher's file is bad",
    )
