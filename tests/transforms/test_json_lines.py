"""JSON Lines: each line a value, whatever the blocks are."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import BuildError
from tests.transforms.test_json_stream import VALUES, blocks
from transforms import json_lines
from transforms.json_lines import lines
from transforms.json_stream import Misshapen


class Line(msgspec.Struct):
    """A line with one declared key."""

    x: int


@settings(max_examples=200, deadline=None)
@given(
    values=st.lists(VALUES, max_size=6),
    read=st.integers(1, 40),
    between=st.sampled_from(["\n", "\r\n", "\n\n", "\n \t\n"]),
    last=st.booleans(),
)
def test_any_lines_in_any_blocks_are_what_json_says(
    values: list[Any], read: int, between: str, last: bool
) -> None:
    data = (between.join(json.dumps(value) for value in values) + between * last).encode()
    found = list(lines(blocks(data, read), object, where="test"))
    assert [value for _, value in found] == values
    listed = data.split(b"\n")
    assert [json.loads(listed[number]) for number, _ in found] == values


@pytest.mark.parametrize("bad", ['{"x": "3"}', "{}", "[]", "7", '{"x": NaN}', '{"x": "\\ud800"}'])
def test_a_misshapen_line_leaves_its_neighbours(bad: str) -> None:
    data = f'{{"x": 1}}\n\n {bad}\n{{"x": 2}}'.encode()
    (_, first), (number, spoilt), (_, last) = lines(blocks(data, 5), Line, where="test")
    assert (first, last, number) == (Line(1), Line(2), 2)
    assert isinstance(spoilt, Misshapen)
    assert (spoilt.text, spoilt.offset) == (bad.encode(), 10)


@pytest.mark.parametrize(
    "bad", [b"<html>", b'{"x": 1', b'{"x": 1} {"x": 2}', b"{x: 1}", b"\xef\xbb\xbf{}", b"[" * 100_000]
)
def test_what_is_not_json_stops_with_its_line(bad: bytes) -> None:
    with pytest.raises(BuildError, match="test, line 2"):
        list(lines([b'{"x": 1}\n', bad, b"\n"], Line, where="test"))


def test_a_line_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'{"x": 1}\n"' + b"a" * 5_000 + b'"\n'
    assert len(list(lines(blocks(data, 100), object, where="test"))) == 2
    monkeypatch.setattr(json_lines, "MOST_ELEMENT_BYTES", 1_000)
    with pytest.raises(BuildError, match="1,000 bytes"):
        list(lines(blocks(data, 100), object, where="test"))
