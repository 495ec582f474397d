"""Elements of JSON arrays: the same as parsing the whole, wherever a block ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import BuildError
from transforms import json_stream
from transforms.json_stream import Misshapen, elements

TRICKY = st.text(alphabet='"\\{}[]:, \n\u00e9\u20ac\U0001f600ab/', max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TRICKY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TRICKY, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.fixed_dictionaries({"regions": st.lists(VALUES, max_size=3), "id": st.integers(0, 9)})


class Region(msgspec.Struct):
    """An element with one declared key."""

    x: int


def blocks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def parsed(data: bytes, shape: Any = object, *, read: int = 7, at_once: int = 64) -> list[Any]:
    return list(elements(blocks(data, read), shape, where="test", block_bytes=at_once))


@settings(max_examples=300, deadline=None)
@given(
    values=st.lists(VALUES, max_size=5) | st.lists(RECORDS, max_size=8),
    read=st.integers(1, 40),
    at_once=st.integers(1, 200),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
)
def test_any_array_in_any_blocks_is_what_json_says(
    values: list[Any], read: int, at_once: int, indent: int | None, ascii_only: bool
) -> None:
    data = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
    assert parsed(data, read=read, at_once=at_once) == json.loads(data)


def test_a_string_that_looks_like_the_next_element_is_not_cut() -> None:
    values = [{"id": 0, "t": '},{"id": 1, "t": "\\'}, {"id": 1, "t": '\\"},{"id":'}] * 5
    data = json.dumps(values).encode()
    for at_once in range(1, len(data) + 2):
        assert parsed(data, at_once=at_once) == values


@settings(max_examples=400, deadline=None)
@given(
    values=st.lists(RECORDS, min_size=1, max_size=4),
    place=st.integers(0, 10_000),
    byte=st.sampled_from(b'",[]{}\\:1a \x00'),
    how=st.sampled_from(["delete", "insert", "replace", "cut"]),
    at_once=st.integers(1, 200),
)
def test_a_damaged_file_is_never_read_as_another_one(
    values: list[Any], place: int, byte: int, how: str, at_once: int
) -> None:
    data = bytearray(json.dumps(values).encode())
    place %= len(data)
    if how == "cut":
        del data[place:]
    elif how == "delete":
        del data[place]
    elif how == "insert":
        data.insert(place, byte)
    else:
        data[place] = byte
    try:
        expected = json.loads(bytes(data), strict=True)
    except ValueError:
        expected = None
    try:
        found = parsed(bytes(data), at_once=at_once)
    except BuildError:
        assert not isinstance(expected, list)
    else:
        # A raw control character inside a string is the one thing that spoils only its element.
        assert found == expected or any(isinstance(value, Misshapen) for value in found)


@pytest.mark.parametrize("at_once", [1, 10, 1_000])
@pytest.mark.parametrize(
    "bad",
    [
        '{"x": "3"}',
        '{"x": 1.5}',
        "{}",
        "[]",
        '{"x": 1e999}',
        '{"x": NaN}',
        '{"x": -Infinity}',
        '{"x": "\\ud800"}',
    ],
)
def test_a_misshapen_element_leaves_its_neighbours(bad: str, at_once: int) -> None:
    data = f'[{{"x": 1}}, {bad} , {{"x": 2}}]'.encode()
    first, spoilt, last = parsed(data, Region, at_once=at_once)
    assert (first, last) == (Region(1), Region(2))
    assert isinstance(spoilt, Misshapen)
    assert (spoilt.text, spoilt.offset) == (bad.encode(), data.index(bad.encode(), 5))


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"", 0),
        (b"{}", 0),
        (b"<html>", 0),
        (b"[", 1),
        (b'[{"x": 1}', 9),
        (b'[{"x": 1},', 10),
        (b'[{"x": 1},]', 10),
        (b'[,{"x": 1}]', 1),
        (b'[{"x": 1},,{"x": 1}]', 10),
        (b'[{"x": 1}] []', 11),
        (b'[{"x": 1}, {x: 1}]', 11),
        (b'[{"x": 1} {"x": 1}]', 1),
        (b'[{"x": "1}]', 11),
    ],
)
def test_what_is_not_an_array_stops_with_its_byte(data: bytes, offset: int) -> None:
    for at_once in (1, 4, 100):
        with pytest.raises(BuildError, match=rf"test, byte {offset}\b"):
            parsed(data, Region, at_once=at_once)


def test_depth_is_bounded() -> None:
    bomb = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(BuildError, match="open brackets"):
        parsed(bomb, read=1 << 16, at_once=1 << 16)
    with pytest.raises(BuildError, match="open brackets"):
        parsed(b'[{"x": 1, "y": ' + bomb + b"}]", Region, read=1 << 16, at_once=1 << 16)


@pytest.mark.parametrize("element", [b'"' + b"a" * 5_000 + b'"', b"[" + b"1," * 2_500 + b"1]", b"1" * 5_000])
def test_an_element_is_bounded(monkeypatch: pytest.MonkeyPatch, element: bytes) -> None:
    data = b"[1, " + element + b", 2]"
    assert len(parsed(data, at_once=100)) == 3
    monkeypatch.setattr(json_stream, "MOST_ELEMENT_BYTES", 1_000)
    with pytest.raises(BuildError, match="1,000 bytes"):
        parsed(data, at_once=100)
