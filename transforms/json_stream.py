"""The elements of a JSON array that is larger than memory, each held to a declared shape.

The array is the whole file, or stands beside others in one object: `{"images": […], "annotations": […]}`.

A block is cut where the last element seems to begin, and what comes before is parsed with a closing
bracket added. Parsing goes from left to right, so that this succeeds only if the cut lay outside of
every string and object: a block that parses was cut between two elements. Any other block is gone
through element by element, which also finds the elements that are not of the declared shape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from schemas.errors import BuildError

MOST_ELEMENT_BYTES: Final = 64 << 20
"""Size of one element of the outer array; one of Visual Genome's regions has 7 kB on average."""

MOST_DEPTH: Final = 64
"""How deep brackets may be nested inside an element."""

BLOCK_BYTES: Final = 8 << 20

DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not of a declared shape."""

_BLANK: Final = b" \t\n\r"
_MOST_NAME_BYTES: Final = 1_000
_NAME = re.compile(rb'("(?:[^"\\]|\\.)*")\s*:')
_OPENING = re.compile(rb'\{\s*"(?:[^"\\]|\\.)*"\s*:')
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},]|"', re.DOTALL)

Shape = TypeVar("Shape")


class Misshapen(NamedTuple):
    """An element that is JSON but not of the declared shape.

    Attributes:
        offset: of its first byte in the file.
        text: the element as it stands there.
        problem: what does not fit.
    """

    offset: int
    text: bytes
    problem: str


class _Window:
    """The part of a stream that is in memory, and where in the stream it lies.

    Attributes:
        data: bytes from the first that has not been dropped.
        at: position in `data` of the next byte that matters.
        ended: whether `data` reaches to the end of the stream.
    """

    def __init__(self, blocks: Iterable[bytes], where: object) -> None:
        self._blocks = iter(blocks)
        self._dropped = 0
        self._where = where
        self.data = bytearray()
        self.at = 0
        self.ended = False

    def offset(self, position: int) -> int:
        """Offset in the stream of a position in `data`."""
        return self._dropped + position

    def fill(self, size: int) -> None:
        """Drops what is done and reads on until `size` bytes wait, or the stream ends."""
        del self.data[: self.at]
        self._dropped += self.at
        self.at = 0
        while len(self.data) < size and not self.ended:
            block = next(self._blocks, None)
            if block is None:
                self.ended = True
            else:
                self.data += block

    def skip_blank(self) -> int:
        """The next byte that is not blank, or -1 at the end of the stream."""
        while True:
            while self.at < len(self.data):
                if self.data[self.at] not in _BLANK:
                    return self.data[self.at]
                self.at += 1
            if self.ended:
                return -1
            self.fill(1)

    def expect(self, wanted: bytes) -> int:
        """Steps over one of the bytes `wanted`."""
        found = self.skip_blank()
        if found < 0 or found not in wanted:
            raise self.error(self.at, "the end of the file" if found < 0 else repr(chr(found)), repr(wanted))
        self.at += 1
        return found

    def error(self, position: int, got: object, expected: object) -> BuildError:
        """The failure of a file that is not a JSON array as it should be."""
        return BuildError(
            "the file is not the JSON that it should be",
            where=f"{self._where}, byte {self.offset(position):,}",
            got=got,
            expected=expected,
            next_step="delete the file and fetch it again; if it is the same, the publisher's file is bad",
        )


def elements(
    blocks: Iterable[bytes],
    shape: type[Shape],
    *,
    where: object,
    under: str | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Shape | Misshapen]:
    """The elements of the array that `blocks` spell, in order.

    Args:
        blocks: the file in blocks of any size.
        shape: what an element should be, as msgspec understands it.
        where: names the file in errors.
        under: name of the array in the object that the file is; None if the file is the array.
        block_bytes: how much is parsed at once.

    Raises:
        BuildError: the file is not one JSON array, or not an object with that array, or an element
            is larger than `MOST_ELEMENT_BYTES` or nested deeper than `MOST_DEPTH`.
    """
    window = _Window(blocks, where)
    if under is None:
        yield from _array(window, shape, block_bytes)
    else:
        yield from _array_of_object(window, under, shape, block_bytes)
    if window.skip_blank() >= 0:
        raise window.error(window.at, "more after its end", "the end of the file")


def _array(window: _Window, shape: type[Shape], block_bytes: int) -> Iterator[Shape | Misshapen]:
    window.expect(b"[")
    if window.skip_blank() == ord("]"):
        window.at += 1
    else:
        yield from _elements(window, shape, block_bytes)


def _array_of_object(
    window: _Window, wanted: str, shape: type[Shape], block_bytes: int
) -> Iterator[Shape | Misshapen]:
    """The elements of one array of an object; whatever else the object holds is only checked."""
    found = False
    window.expect(b"{")
    while True:
        name = _name(window)
        if name == wanted:
            if found:
                raise window.error(window.at, f"{name!r} for the second time", "every name once")
            found = True
            yield from _array(window, shape, block_bytes)
        elif window.skip_blank() == ord("["):
            for _ in _array(window, msgspec.Raw, block_bytes):
                pass
        else:
            _next(window, msgspec.json.Decoder(msgspec.Raw), block_bytes)
        if window.expect(b",}") == ord("}"):
            break
    if not found:
        raise window.error(window.at, "an object without it", f"an array named {wanted!r}")


def _name(window: _Window) -> str:
    """The next name in an object; steps over the colon behind it."""
    window.skip_blank()
    window.fill(_MOST_NAME_BYTES)
    found = _NAME.match(window.data)
    try:
        name = msgspec.json.decode(found[1] if found else b"", type=str)
    except DECODE_ERRORS as error:
        raise window.error(window.at, bytes(window.data[:20]), "a name and a colon") from error
    window.at += found.end() if found else 0
    return name


def _elements(window: _Window, shape: type[Shape], block_bytes: int) -> Iterator[Shape | Misshapen]:
    """The elements up to the closing bracket; there is at least one."""
    several: msgspec.json.Decoder[list[Shape]] = msgspec.json.Decoder(list[shape])  # type: ignore[valid-type]
    one = msgspec.json.Decoder(shape)
    window.fill(block_bytes)
    opening = _learned(window)
    while True:
        cut = _cut(window, opening)
        values = _parsed(window, cut, several)
        if values is not None:
            yield from values
            last = _is_end(window, cut)
            window.at = cut
            if last:
                return
            window.fill(block_bytes)
            continue
        # Not tried again before the cut: the same block would fail once for each of its elements.
        stop = window.offset(max(cut, window.at + 1))
        while window.offset(window.at) < stop:
            yield _next(window, one, block_bytes)
            if window.expect(b",]") == ord("]"):
                return
        window.fill(block_bytes)
        opening = _learned(window) or opening


def _cut(window: _Window, opening: bytes) -> int:
    """Where the elements in memory may end: before the last one, or at the end of the stream."""
    if window.ended and window.data.rstrip(_BLANK).endswith(b"]"):
        return len(window.data)
    cut = window.data.rfind(opening, window.at + 1) if opening else -1
    return cut if cut > 0 else len(window.data)


def _parsed(window: _Window, cut: int, several: msgspec.json.Decoder[list[Shape]]) -> list[Shape] | None:
    """The elements up to the cut, or None if it is not the end of an element of the right shape."""
    text = bytes(window.data[window.at : cut]).rstrip(_BLANK)
    body = text[:-1].rstrip(_BLANK)
    if not body or text[-1] != ord("]" if _is_end(window, cut) else ","):
        return None
    try:
        return several.decode(b"[" + body + b"]")
    except DECODE_ERRORS:
        return None


def _is_end(window: _Window, cut: int) -> bool:
    return window.ended and cut == len(window.data)


def _learned(window: _Window) -> bytes:
    """How the next element opens, up to its first colon: the others probably open the same way."""
    window.skip_blank()
    found = _OPENING.match(window.data, window.at, window.at + 1_000)
    return found.group() if found else b""


def _next(window: _Window, one: msgspec.json.Decoder[Any], block_bytes: int) -> Any:
    """The next element, or a `Misshapen`; leaves the window at the comma or bracket behind it."""
    window.skip_blank()
    size = _element_bytes(window, block_bytes)
    text = bytes(window.data[window.at : window.at + size]).rstrip(_BLANK)
    offset = window.offset(window.at)
    window.at += size
    try:
        return one.decode(text)
    except DECODE_ERRORS as error:
        _check_json(window, window.at - size, text)
        return Misshapen(offset, text, str(error))


def _check_json(window: _Window, position: int, text: bytes) -> None:
    """Stops at what is not JSON: nobody knows where the element after it begins.

    NaN and infinities, half surrogates, invalid UTF-8 and numbers out of range do not blur where
    an element ends; elements with them are misshapen.
    """
    try:
        json.loads(text.decode(errors="replace"), strict=False, parse_int=float)
    except ValueError as error:
        raise window.error(position, error, "JSON") from error


def _element_bytes(window: _Window, block_bytes: int) -> int:
    """Size of the element that begins at the window's position, up to the comma or bracket after it."""
    depth = 0
    position = window.at
    while True:
        for token in _TOKEN.finditer(window.data, position):
            byte = window.data[token.start()]
            if byte == ord('"'):
                if token.end() - token.start() == 1:
                    break  # The string goes on behind what is in memory.
            elif byte in b"[{":
                depth += 1
                if depth > MOST_DEPTH:
                    raise window.error(token.start(), f"over {MOST_DEPTH} open brackets", "flatter data")
            elif depth == 0:
                return _bounded(window, token.start() - window.at)
            elif byte in b"]}":
                depth -= 1
            position = token.end()
        position = _more(window, position, block_bytes)


def _bounded(window: _Window, size: int) -> int:
    if size > MOST_ELEMENT_BYTES:
        raise window.error(window.at, f"an element of over {MOST_ELEMENT_BYTES:,} bytes", "smaller elements")
    return size


def _more(window: _Window, position: int, block_bytes: int) -> int:
    """Reads on inside an element; the new position in memory of `position`."""
    if window.ended:
        raise window.error(len(window.data), "the end of the file", "the rest of the last element")
    waiting = _bounded(window, len(window.data) - window.at)
    position -= window.at
    window.fill(max(2 * waiting, block_bytes))
    return position
