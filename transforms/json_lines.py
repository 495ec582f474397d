"""JSON Lines: one JSON value a line, each held to a declared shape."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from schemas.errors import BuildError
from transforms.json_stream import DECODE_ERRORS, MOST_ELEMENT_BYTES, Misshapen

Shape = TypeVar("Shape")


def lines(
    blocks: Iterable[bytes], shape: type[Shape], *, where: object
) -> Iterator[tuple[int, Shape | Misshapen]]:
    """The values of the lines that `blocks` spell, each with the number of its line, from 0.

    Blank lines hold nothing but are counted. The last line may lack its line break.

    Args:
        blocks: the file in blocks of any size.
        shape: what a line should hold, as msgspec understands it.
        where: names the file in errors.

    Raises:
        BuildError: a line is not JSON, or larger than `MOST_ELEMENT_BYTES`.
    """
    decoder = msgspec.json.Decoder(shape)
    offset = 0
    for number, line in enumerate(split_lines(blocks, where)):
        text = line.strip()
        if text:
            try:
                yield number, decoder.decode(text)
            except DECODE_ERRORS as error:
                _check_json(text, where, number)
                yield number, Misshapen(offset, text, str(error))
        offset += len(line) + 1


def split_lines(blocks: Iterable[bytes], where: object) -> Iterator[bytes]:
    """The lines that `blocks` spell, without their line breaks; the last one may be empty.

    Raises:
        BuildError: a line is larger than `MOST_ELEMENT_BYTES`.
    """
    waiting = bytearray()
    for block in blocks:
        first, *others = block.split(b"\n")
        waiting += first
        for following in others:
            yield bytes(waiting)
            waiting = bytearray(following)
        if len(waiting) > MOST_ELEMENT_BYTES:
            raise BuildError(
                "a line is too long", where=where, expected=f"at most {MOST_ELEMENT_BYTES:,} bytes"
            )
    yield bytes(waiting)


def _check_json(text: bytes, where: object, number: int) -> None:
    """Stops at what is no JSON, such as the page of a host that has no such file."""
    try:
        json.loads(text.decode(errors="replace"), strict=False, parse_int=float)
    except (ValueError, RecursionError) as error:
        raise BuildError(
            "the file is not the JSON Lines that it should be",
            where=f"{where}, line {number + 1:,}",
            got=error,
            expected="one JSON value a line",
            next_step="delete the file and fetch it again; if it is the same, the publisher's file is bad",
        ) from error
