"""Content ids say what a table holds, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas.box import BOX_TYPE
from transforms.artifact import ROWS_PER_GROUP, TableWriter
from transforms.content import combine, table_content

SCHEMA = pa.schema(
    [
        pa.field("number", pa.int64()),
        pa.field("text", pa.string()),
        pa.field("boxes", pa.list_(BOX_TYPE)),
        pa.field("texts", pa.list_(pa.string())),
        pa.field("flag", pa.bool_()),
        pa.field("share", pa.float64()),
    ]
)

_sides = st.floats(0, 100, allow_nan=False)
_box = st.fixed_dictionaries(dict.fromkeys(("x0", "y0", "x1", "y1"), _sides))
_texts = st.text(st.characters(codec="utf-8"), max_size=5)
_rows = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.none() | st.integers(-5, 5),
            "text": st.none() | _texts,
            "boxes": st.none() | st.lists(_box, max_size=2),
            "texts": st.none() | st.lists(st.none() | _texts, max_size=2),
            "flag": st.none() | st.booleans(),
            "share": st.none() | _sides,
        }
    ),
    max_size=8,
)


def _table(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA)


@given(_rows, st.integers(0, 8), st.integers(0, 8))
def test_chunks_and_slices_do_not_matter(rows: list[dict[str, object]], cut: int, before: int) -> None:
    table = _table(rows)
    chunked = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    sliced = pa.concat_tables([_table(rows[:before]), table]).combine_chunks().slice(len(rows[:before]))
    assert table_content(chunked) == table_content(sliced) == table_content(table)


@given(_rows, _rows)
def test_ids_are_equal_exactly_for_equal_rows(
    one: list[dict[str, object]], other: list[dict[str, object]]
) -> None:
    assert (table_content(_table(one)) == table_content(_table(other))) == (one == other)


def test_names_types_and_order_matter() -> None:
    rows = pa.table({"a": [1, 2]})
    others = [
        pa.table({"b": [1, 2]}),
        pa.table({"a": [2, 1]}),
        pa.table({"a": pa.array([1, 2], pa.int32())}),
        pa.table({"a": ["1", "2"]}),
    ]
    assert len({table_content(table) for table in (rows, *others)}) == 5


def test_an_id_does_not_change_from_release_to_release() -> None:
    rows = [{"number": 1, "text": "é", "boxes": [{"x0": 0, "y0": 0.5, "x1": 1, "y1": 2}], "flag": True}]
    assert table_content(_table(rows))[:16] == "47313e847b5e5c2b"


def test_the_writer_gives_the_same_id_and_bytes_for_any_batches(tmp_path: Path) -> None:
    table = pa.table({"number": list(range(ROWS_PER_GROUP + 10))})
    made = []
    for name, size in (("one", len(table)), ("many", 777)):
        with TableWriter(tmp_path / name, table.schema) as writer:
            for start in range(0, len(table), size):
                writer.write(table.slice(start, size))
        made.append((writer.content_id, writer.rows, (tmp_path / name).read_bytes()))
    assert made[0] == made[1]


def test_named_parts_are_combined_in_any_order() -> None:
    assert combine({"a": "1", "b": "2"}) == combine({"b": "2", "a": "1"}) != combine({"a": "2", "b": "1"})
