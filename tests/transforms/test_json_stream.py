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
from transforms.json_stream import Misshapen, elements, entries

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


@settings(max_examples=300, deadline=None)
@given(
    before=st.dictionaries(TRICKY, VALUES | st.lists(RECORDS, max_size=4), max_size=3),
    wanted=st.lists(RECORDS, max_size=6),
    after=st.dictionaries(TRICKY, VALUES | st.lists(RECORDS, max_size=4), max_size=3),
    read=st.integers(1, 40),
    at_once=st.integers(1, 200),
    indent=st.sampled_from([None, 1]),
    around=st.sampled_from([(), ("data",), ("data", "wanted")]),
)
def test_an_array_of_an_object_is_what_json_says(
    before: dict[str, Any],
    wanted: list[Any],
    after: dict[str, Any],
    read: int,
    at_once: int,
    indent: int | None,
    around: tuple[str, ...],
) -> None:
    whole = {
        **before,
        "wanted": wanted,
        **{name: value for name, value in after.items() if name not in before},
    }
    for name in reversed(around):
        whole = {**before, name: whole}
    data = json.dumps(whole, indent=indent).encode()
    under = (*around, "wanted") if around else "wanted"
    found = elements(blocks(data, read), object, where="test", under=under, block_bytes=at_once)
    assert list(found) == wanted


@settings(max_examples=300, deadline=None)
@given(
    place=st.integers(0, 10_000),
    byte=st.sampled_from(b'",[]{}\\:1a \x00'),
    how=st.sampled_from(["delete", "insert", "cut"]),
    at_once=st.integers(1, 200),
)
def test_a_damaged_object_is_never_read_as_another_one(place: int, byte: int, how: str, at_once: int) -> None:
    whole = {"info": {"a": "]"}, "images": [{"id": 1}, {"id": 2}], "x": [{"id": 3}, {"id": 4}], "y": "}"}
    data = bytearray(json.dumps(whole).encode())
    place %= len(data)
    if how == "cut":
        del data[place:]
    elif how == "delete":
        del data[place]
    else:
        data.insert(place, byte)
    try:
        expected = json.loads(bytes(data)).get("x")
    except (ValueError, AttributeError):
        expected = None
    try:
        found = list(elements(blocks(bytes(data), 7), object, where="test", under="x", block_bytes=at_once))
    except BuildError:
        pass
    else:
        # A control character inside a string that is skipped, or spoils an element, is let through.
        assert found == expected or 0 in data


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"{}",
        b'{"y": []}',
        b'{"x": 1}',
        b'{"x": {"x": []}}',
        b'{"x": [], "x": []}',
        b'{"x": []',
        b'{"x": [],}',
        b'{"x": []} []',
        b'{"x" []}',
        b'{"\\y": 1, "x": []}',
        b'{"\n": 1, "x": []}',
        b'{"\xff": 1, "x": []}',
        b'{"y": nothing, "x": []}',
        b'{"' + b"y" * 2_000 + b'": 1, "x": []}',
        b'{"y": ' + b"[" * 100 + b"]" * 100 + b', "x": []}',
    ],
)
def test_what_is_not_an_object_with_the_array_stops(data: bytes) -> None:
    for at_once in (1, 4, 5_000):
        with pytest.raises(BuildError, match="test, byte"):
            list(elements(blocks(data, 7), object, where="test", under="x", block_bytes=at_once))


@pytest.mark.parametrize(
    "data",
    [
        b'{"x": [1]}',
        b'{"y": [1]}',
        b'{"y": {"y": [1]}}',
        b'{"y": {"x": {"x": [1]}}}',
        b'{"y": [{"x": [1]}]}',
        b'{"y": {"x": [1], "x": [1]}}',
        b'{"y": {"x": [1]}, "y": {}}',
        b'{"y": {"x": [1]}',
    ],
)
def test_what_has_no_array_at_the_end_of_the_way_stops(data: bytes) -> None:
    with pytest.raises(BuildError, match="test, byte"):
        list(elements([data], int, where="test", under=("y", "x")))


def test_entries_may_lie_deeper() -> None:
    data = b'{"z": {"x": {"a": 0}}, "y": {"z": [], "x": {"a": 1, "b": 2}}}'
    assert list(entries([data], int, where="test", under=("y", "x"))) == [("a", 1), ("b", 2)]


def test_a_name_may_be_spelt_with_escapes() -> None:
    data = b'{"\\u0078y": [1], "z": [2]}'
    assert list(elements([data], int, where="test", under="xy")) == [1]


def test_arrays_that_begin_alike_are_not_mixed_up() -> None:
    whole = {"a": [{"id": number} for number in range(50)], "b": [{"id": -number} for number in range(50)]}
    data = json.dumps(whole).encode()
    for at_once in range(1, len(data) + 2, 5):
        for name, values in whole.items():
            found = elements(blocks(data, 64), object, where="test", under=name, block_bytes=at_once)
            assert list(found) == values
