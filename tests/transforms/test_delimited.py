"""CSV and TSV as publishers write them, and as they should not."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import BuildError
from transforms.delimited import MOST_CELL_CHARACTERS, delimited
from transforms.json_stream import Misshapen


class Row(msgspec.Struct):
    """A row with a column whose name is no identifier, and one that may lack."""

    claim_id: str
    address: str = msgspec.field(name="Snopes URL")
    note: str = "none"


HEADER = "claim_id,Snopes URL,note,,index\n"


def blocks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def read(text: str | bytes, size: int = 1 << 20, delimiter: str = ",") -> list[Row | Misshapen]:
    data = text.encode() if isinstance(text, str) else text
    return list(delimited(blocks(data, size), Row, delimiter, where="a.csv"))


@settings(max_examples=150, deadline=None)
@given(
    cells=st.lists(
        st.tuples(*[st.text(st.characters(exclude_categories=["Cs"]), max_size=8)] * 5), max_size=5
    ),
    size=st.integers(1, 30),
    line_break=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_what_a_writer_writes_is_read(
    cells: list[tuple[str, ...]], size: int, line_break: str, mark: bytes
) -> None:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator=line_break, quoting=csv.QUOTE_ALL)
    writer.writerow(["claim_id", "Snopes URL", "note", "", "index"])
    writer.writerows(cells)
    found = read(mark + written.getvalue().encode(), size)
    assert found == [Row(first, second, third) for first, second, third, *_ in cells]


def test_quotes_line_breaks_and_blank_lines() -> None:
    text = HEADER + '1,"said ""no""","two\r\nlines",x,0\r\n\r\n2,a b,,,\n3,last,c,d,e'
    assert read(text) == [Row("1", 'said "no"', "two\r\nlines"), Row("2", "a b", ""), Row("3", "last", "c")]


def test_columns_in_another_order_and_a_lacking_one() -> None:
    assert read("Snopes URL\tclaim_id\nhttp://a\t7\n", delimiter="\t") == [Row("7", "http://a")]


def test_a_row_with_other_cells_is_left_out_alone() -> None:
    found = read(HEADER + "1,a\n2,b,c,d,e\n3,a,b,c,d,e\n")
    assert [type(row) for row in found] == [Misshapen, Row, Misshapen]
    assert found[0] == Misshapen(0, b'["1", "a"]', "2 cells, expected 5")


def test_large_cells_and_odd_characters_are_kept() -> None:
    article = "long, " * 50_000
    assert len(article) > 131_072
    assert read(f'{HEADER}1,"{article}","nul \0 \u202e",,\n') == [Row("1", article, "nul \0 \u202e")]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (HEADER + '1,"never closed\n2,b,c,d,e\n', 2, "unexpected end of data"),
        (HEADER + '1,"never closed\n2,"b",c,d,e\n', 2, "expected after"),
        (HEADER + '1,"closed" too soon,c,d,e\n', 2, "expected after"),
        (HEADER.encode() + b"1,a,b,c,d\n1,\xff,b,c,d\n", 3, "invalid start byte"),
        (HEADER + "1,\rold,b,c,d\n", 2, "new-line"),
        ("claim_id,note\n1,2\n", 1, "claim_id, note"),
        ("claim_id,Snopes URL,note,note\n", 1, "note, note"),
        ("", 1, "no header"),
        ("<html>\n<body>quota exceeded</body>\n", 1, "<html>"),
    ],
)
def test_a_table_that_is_none_stops_with_its_line(text: str | bytes, line: int, problem: str) -> None:
    with pytest.raises(BuildError, match="not the table that it should be") as caught:
        read(text)
    assert re.search(rf"a\.csv, .*line {line}\b", str(caught.value))
    assert problem in str(caught.value)


def test_a_cell_has_a_bound() -> None:
    with pytest.raises(BuildError, match="field larger than field limit"):
        read(HEADER + '1,"' + "x" * (MOST_CELL_CHARACTERS + 1) + '",c,d,e\n')
