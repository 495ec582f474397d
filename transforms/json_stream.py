"""The elements of a JSON array that is larger than memory, each held to a declared shape.

The array is the whole file, or stands beside others in one object: `{"images": […], "annotations": […]}`,
or in an object inside it: `{"data": {"dialogs": […]}}`.

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

from transforms.json_window import BLANK, Window

MOST_ELEMENT_BYTES: Final = 64 << 20
"""Size of one element of the outer array; one of Visual Genome's regions has 7 kB on average."""

MOST_DEPTH: Final = 64
"""How deep brackets may be nested inside an element."""

BLOCK_BYTES: Final = 8 << 20

DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not of a declared shape."""

_MOST_NAME_BYTES: Final = 1_000
_NAME = re.compile(rb'("(?:[^"\\]|\\.)*")\s*:')
_OPENING = re.compile(rb'\{\s*"(?:[^"\\]|\\.)*"\s*:')
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},]|"', re.DOTALL)

Shape = TypeVar("Shape")

Under = str | tuple[str, ...]
"""The name of a value in an object, or the names on the way to it through objects in objects."""


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


def elements(
    blocks: Iterable[bytes],
    shape: type[Shape],
    *,
    where: object,
    under: Under | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Shape | Misshapen]:
    """The elements of the array that `blocks` spell, in order.

    Args:
        blocks: the file in blocks of any size.
        shape: what an element should be, as msgspec understands it.
        where: names the file in errors.
        under: name of the array in the object that the file is, or the names on the way to it; None if
            the file is the array.
        block_bytes: how much is parsed at once.

    Raises:
        BuildError: the file is not one JSON array, or not an object with that array, or an element
            is larger than `MOST_ELEMENT_BYTES` or nested deeper than `MOST_DEPTH`.
    """
    window = Window(blocks, where)
    for _ in _reached(window, under, "an array", block_bytes):
        yield from _array(window, shape, block_bytes)
    if window.skip_blank() >= 0:
        raise window.error(window.at, "more after its end", "the end of the file")


def entries(
    blocks: Iterable[bytes],
    shape: type[Shape],
    *,
    where: object,
    under: Under | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[tuple[str, Shape | Misshapen]]:
    """The names and values of the object that `blocks` spell, in order; a name may come twice.

    Args:
        blocks: the file in blocks of any size.
        shape: what a value should be, as msgspec understands it.
        where: names the file in errors.
        under: name of the object in the object that the file is, or the names on the way to it; None if
            it is the file itself.
        block_bytes: how much is read at once.

    Raises:
        BuildError: the file is not one JSON object, or not an object with that one, or a value is
            larger than `MOST_ELEMENT_BYTES` or nested deeper than `MOST_DEPTH`.
    """
    window = Window(blocks, where)
    decoder = msgspec.json.Decoder(shape)
    for _ in _reached(window, under, "an object", block_bytes):
        yield from _entries(window, decoder, block_bytes)
    if window.skip_blank() >= 0:
        raise window.error(window.at, "more after its end", "the end of the file")


def _entries(
    window: Window, decoder: msgspec.json.Decoder[Shape], block_bytes: int
) -> Iterator[tuple[str, Shape | Misshapen]]:
    for name in _names(window):
        yield name, _next(window, decoder, block_bytes)


def _array(window: Window, shape: type[Shape], block_bytes: int) -> Iterator[Shape | Misshapen]:
    window.expect(b"[")
    if window.skip_blank() == ord("]"):
        window.at += 1
    else:
        yield from _elements(window, shape, block_bytes)


def _names(window: Window) -> Iterator[str]:
    """The names of an object. What stands behind each must be taken before the next is asked for."""
    window.expect(b"{")
    if window.skip_blank() == ord("}"):
        window.at += 1
        return
    while True:
        yield _name(window)
        if window.expect(b",}") == ord("}"):
            return


def _reached(window: Window, under: Under | None, what: str, block_bytes: int) -> Iterator[None]:
    """Goes through objects in objects, and stops once: where the value `under` these names begins."""
    names = (under,) if isinstance(under, str) else under
    if not names:
        yield
        return
    name, *others = names
    for _ in _found(window, name, "an object" if others else what, block_bytes):
        yield from _reached(window, tuple(others), what, block_bytes)


def _found(window: Window, wanted: str, what: str, block_bytes: int) -> Iterator[None]:
    """Goes through an object, and stops once: where the value with the name `wanted` begins.

    Whatever else the object holds is only checked.
    """
    found = False
    for name in _names(window):
        if name == wanted:
            if found:
                raise window.error(window.at, f"{name!r} for the second time", "every name once")
            found = True
            yield
        else:
            _skip(window, block_bytes)
    if not found:
        raise window.error(window.at, "an object without it", f"{what} named {wanted!r}")


def _skip(window: Window, block_bytes: int) -> None:
    """Steps over a value. One that is larger than memory is gone through part by part."""
    opening = window.skip_blank()
    if opening == ord("["):
        for _ in _array(window, msgspec.Raw, block_bytes):
            pass
    elif opening == ord("{"):
        for _ in _entries(window, msgspec.json.Decoder(msgspec.Raw), block_bytes):
            pass
    else:
        _next(window, msgspec.json.Decoder(msgspec.Raw), block_bytes)


def _name(window: Window) -> str:
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


def _elements(window: Window, shape: type[Shape], block_bytes: int) -> Iterator[Shape | Misshapen]:
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


def _cut(window: Window, opening: bytes) -> int:
    """Where the elements in memory may end: before the last one, or at the end of the stream."""
    if window.ended and window.data.rstrip(BLANK).endswith(b"]"):
        return len(window.data)
    cut = window.data.rfind(opening, window.at + 1) if opening else -1
    return cut if cut > 0 else len(window.data)


def _parsed(window: Window, cut: int, several: msgspec.json.Decoder[list[Shape]]) -> list[Shape] | None:
    """The elements up to the cut, or None if it is not the end of an element of the right shape."""
    text = bytes(window.data[window.at : cut]).rstrip(BLANK)
    body = text[:-1].rstrip(BLANK)
    if not body or text[-1] != ord("]" if _is_end(window, cut) else ","):
        return None
    try:
        return several.decode(b"[" + body + b"]")
    except DECODE_ERRORS:
        return None


def _is_end(window: Window, cut: int) -> bool:
    return window.ended and cut == len(window.data)


def _learned(window: Window) -> bytes:
    """How the next element opens, up to its first colon: the others probably open the same way."""
    window.skip_blank()
    found = _OPENING.match(window.data, window.at, window.at + 1_000)
    return found.group() if found else b""


def _next(window: Window, one: msgspec.json.Decoder[Any], block_bytes: int) -> Any:
    """The next element, or a `Misshapen`; leaves the window at the comma or bracket behind it."""
    window.skip_blank()
    size = _element_bytes(window, block_bytes)
    text = bytes(window.data[window.at : window.at + size]).rstrip(BLANK)
    offset = window.offset(window.at)
    window.at += size
    try:
        return one.decode(text)
    except DECODE_ERRORS as error:
        _check_json(window, window.at - size, text)
        return Misshapen(offset, text, str(error))


def _check_json(window: Window, position: int, text: bytes) -> None:
    """Stops at what is not JSON: nobody knows where the element after it begins.

    NaN and infinities, half surrogates, invalid UTF-8 and numbers out of range do not blur where
    an element ends; elements with them are misshapen.
    """
    try:
        json.loads(text.decode(errors="replace"), strict=False, parse_int=float)
    except ValueError as error:
        raise window.error(position, error, "JSON") from error


def _element_bytes(window: Window, block_bytes: int) -> int:
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


def _bounded(window: Window, size: int) -> int:
    if size > MOST_ELEMENT_BYTES:
        raise window.error(window.at, f"an element of over {MOST_ELEMENT_BYTES:,} bytes", "smaller elements")
    return size


def _more(window: Window, position: int, block_bytes: int) -> int:
    """Reads on inside an element; the new position in memory of `position`."""
    if window.ended:
        raise window.error(len(window.data), "the end of the file", "the rest of the last element")
    waiting = _bounded(window, len(window.data) - window.at)
    position -= window.at
    window.fill(max(2 * waiting, block_bytes))
    return position
