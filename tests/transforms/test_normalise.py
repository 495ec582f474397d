"""From a reader's rows to stored tables: every row is kept or rejected with a reason."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from math import floor, inf, isfinite, nan
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.box import Box
from schemas.errors import BuildError
from schemas.tables import IMAGES, REGIONS, RELATIONS, Table
from transforms import normalise as module
from transforms import raw as raw_module
from transforms.artifact import Draft
from transforms.clip import clip
from transforms.distinct import Seen
from transforms.normalise import normalise
from transforms.raw import NotAsked, Raw, Record, Rejected, Row
from transforms.readers import generators, rows_of
from transforms.sources import ofa_bpe

SIZES = pa.table({"image_id": ["vg:1", "vg:2"], "width": [800, 100], "height": [600, 50]})


class Normalised:
    """What `normalise` wrote."""

    def __init__(self, folder: Path, table: Table, rows: Any, sizes: pa.Table | None = SIZES) -> None:
        draft = Draft(folder)
        normalise("test", table, rows, sizes, draft)
        draft.close()
        self.kept = pq.read_table(folder / "data" / f"{table.name}.parquet")
        rejects = folder / "rejected.parquet"
        self.rejected = pq.read_table(rejects).to_pylist() if rejects.exists() else []
        self.reasons = dict(draft.rejected)
        self.not_asked = draft.not_asked
        assert draft.rows_in == self.kept.num_rows + len(self.rejected) + draft.not_asked
        assert self.kept.schema.equals(table.schema)


def region(number: int = 0, **changed: Any) -> Row:
    row = {"image_id": "vg:1", "region_id": str(number), "box": (1, 2, 30, 40), "text": "a clock"}
    return ("file", "member.json", number, 7), {**row, **changed}


def test_a_row_as_stored(tmp_path: Path) -> None:
    row = region(4, box=(760.006, -3, 841, 347.5), text=" bikes\nparked ")
    made = Normalised(tmp_path, REGIONS, [row])
    assert made.kept.to_pylist() == [
        {
            "image_id": "vg:1",
            "region_id": "4",
            "box": {"x0": 760.01, "y0": 0.0, "x1": 800.0, "y1": 347.5},
            "text": "bikes parked",
            "text_raw": " bikes\nparked ",
            "object_id": None,
            "source": "test",
            "file": "file",
            "member": "member.json",
            "record": 4,
            "item": 7,
        }
    ]


REJECTS: list[tuple[str, dict[str, Any]]] = [
    ("malformed", {"text": None}),
    ("malformed", {"text": 3}),
    ("malformed", {"text": "\ud800"}),
    ("malformed", {"region_id": None}),
    ("malformed", {"region_id": 5}),
    ("malformed", {"image_id": 1}),
    ("malformed", {"box": None}),
    ("malformed", {"box": (1, 2, 3)}),
    ("malformed", {"box": (1, 2, 3, "a")}),
    ("malformed", {"box": (1, 2, 3, 10**400)}),
    ("unknown_image", {"image_id": "vg:3"}),
    ("unknown_image", {"image_id": None}),
    ("empty_text", {"text": " \n\u00a0"}),
    ("reserved_mark", {"text": "see <region_0>"}),
    ("reserved_mark", {"text": "a |||| b"}),
    ("text_too_long", {"text": "a" * 10_001}),
    ("box_not_finite", {"box": (1, 2, inf, 4)}),
    ("box_not_finite", {"box": (nan, 2, 3, 4)}),
    ("box_outside", {"box": (800, 2, 900, 4)}),
    ("box_outside", {"box": (-5, 2, 0, 4)}),
    ("box_degenerate", {"box": (5, 2, 5, 40)}),
    ("box_degenerate", {"box": (5, 40, 9, 2)}),
    ("box_degenerate", {"box": (5, 5, 5.9, 5.9)}),
    ("box_degenerate", {"box": (799.5, 5, 900, 6.9)}),
]


@pytest.mark.parametrize(("reason", "changed"), REJECTS)
def test_a_bad_row_is_rejected_and_leaves_its_neighbours(
    tmp_path: Path, reason: str, changed: dict[str, Any]
) -> None:
    rows = [region(0), region(1, **changed), region(2)]
    made = Normalised(tmp_path, REGIONS, rows)
    assert made.kept["region_id"].to_pylist() == ["0", "2"]
    (left_out,) = made.rejected
    assert (left_out["rejected"], left_out["record"], left_out["item"]) == (reason, 1, 7)
    assert left_out["row"] == json.dumps(rows[1][1], default=repr)[:10_000]


def test_all_bad_rows_together_in_any_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [region(number, **changed) for number, (_, changed) in enumerate(REJECTS)]
    rows += [region(number) for number in range(100, 110)]
    random.Random(0).shuffle(rows)
    first = Normalised(tmp_path / "a", REGIONS, rows)
    assert first.reasons == Counter(reason for reason, _ in REJECTS)
    monkeypatch.setattr(module, "_BATCH", 3)
    second = Normalised(tmp_path / "b", REGIONS, rows)
    assert first.kept.equals(second.kept)
    assert first.rejected == second.rejected


def test_repeated_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 2)
    small = (1, 2, 20, 30)
    rows = [
        region(0),
        region(0, text="again"),
        region(0, image_id="vg:2", box=small),  # the same id in another image is another region
        region(1, text=""),
        region(1),  # the earlier one was not kept
        region(0, text="and again"),
    ]
    made = Normalised(tmp_path, REGIONS, rows)
    assert made.reasons == {"duplicate_id": 2, "empty_text": 1}
    kept = made.kept.select(["image_id", "region_id", "text"]).to_pylist()
    assert [tuple(row.values()) for row in kept] == [
        ("vg:1", "0", "a clock"),
        ("vg:2", "0", "a clock"),
        ("vg:1", "1", "a clock"),
    ]


@given(st.lists(st.lists(st.binary(max_size=2), max_size=20), max_size=8))
def test_seen_is_a_set(batches: list[list[bytes]]) -> None:
    seen, known = Seen(), set[bytes]()
    for batch in batches:
        expected = []
        for name in batch:
            expected.append(name in known)
            known.add(name)
        assert seen.repeated(batch).tolist() == expected


def test_images_have_no_sizes_to_be_held_to(tmp_path: Path) -> None:
    image = {
        "image_id": "vg:1",
        "width": 800,
        "height": 600,
        "coco_id": None,
        "flickr_id": 5,
        "published_split": None,
        "archive": "images",
        "picture": "VG_100K/1.jpg",
    }
    place = ("image_data", "image_data.json", 0, None)
    rows = [(place, image), (place, {**image, "width": 1 << 31}), (place, image)]
    made = Normalised(tmp_path, IMAGES, rows, None)
    assert made.kept.select(list(image)).to_pylist() == [image]
    assert made.reasons == {"malformed": 1, "duplicate_id": 1}


def test_every_box_and_text_of_a_row_counts(tmp_path: Path) -> None:
    row = {
        "image_id": "vg:2",
        "relation_id": "1",
        "predicate": "ON",
        "subject_id": "1",
        "subject_name": "shade",
        "subject_box": (0, 0, 10, 10),
        "object_id": "2",
        "object_name": "street",
        "object_box": (90, 40, 200, 200),
    }
    spoilt = [
        {**row, "relation_id": "2", "object_box": (100, 0, 110, 10)},
        {**row, "relation_id": "3", "object_name": " "},
        {**row, "relation_id": "4", "predicate": "\t"},
    ]
    place = ("relationships", "relationships.json", 0, 0)
    made = Normalised(tmp_path, RELATIONS, [(place, value) for value in (row, *spoilt)])
    assert made.reasons == {"box_outside": 1, "empty_text": 2}
    (kept,) = made.kept.to_pylist()
    assert kept["object_box"] == {"x0": 90.0, "y0": 40.0, "x1": 100.0, "y1": 50.0}
    assert (kept["predicate"], kept["predicate_raw"]) == ("ON", "ON")


def test_rows_of_another_part_are_counted_and_no_more(tmp_path: Path) -> None:
    rows = [NotAsked(400_000), region(0), region(0, text=" "), NotAsked(0), NotAsked(7), region(1)]
    made = Normalised(tmp_path, REGIONS, rows)
    assert made.kept["region_id"].to_pylist() == ["0", "1"]
    assert (made.reasons, made.not_asked) == ({"empty_text": 1}, 400_007)


def test_no_rows_are_a_table_too(tmp_path: Path) -> None:
    assert Normalised(tmp_path, REGIONS, []).kept.num_rows == 0


def test_a_reader_that_forgets_a_column_is_told(tmp_path: Path) -> None:
    place, row = region()
    del row["text"]
    with pytest.raises(BuildError, match="text"):
        Normalised(tmp_path, REGIONS, [(place, row)])


COORDINATES = st.floats(-1e6, 1e6) | st.sampled_from([nan, inf, -inf, 0.0, 100.0, 99.99, 0.005, -0.0])


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(COORDINATES, COORDINATES, COORDINATES, COORDINATES), min_size=1, max_size=6))
def test_clipped_boxes_are_inside_and_whole(boxes: list[tuple[float, float, float, float]]) -> None:
    width, height = 100, 50
    sizes = np.array([(width, height)] * len(boxes), np.float64)
    clipped, problems = clip(np.array(boxes), sizes)
    for number, box in enumerate(boxes):
        if not all(isfinite(side) for side in box):
            assert problems["box_not_finite"][number]
            continue
        inside = Box(*(float(side) for side in clipped[number]))
        assert min(inside) >= 0
        assert inside.x1 <= width
        assert inside.y1 <= height
        assert all(abs(side * 100 - floor(side * 100 + 0.5)) < 1e-6 for side in inside)
        fine = inside.x1 > inside.x0 and inside.y1 > inside.y0 and inside.area >= 1
        assert fine == (not problems["box_degenerate"][number])
        if fine and not problems["box_outside"][number]:
            overlap = Box(*box).overlap(Box(0, 0, width, height))
            assert abs(inside.area - overlap) < 0.01 * (width + height) + 1e-6


class _Outer(Record):
    id: int


class _Inner(Record):
    x: int


def _read(records: Raw) -> Iterator[Row | Rejected]:
    for place, outer, inner in records.items("items", _Inner, of=_Outer):
        yield place, {"id": outer.id, "x": inner.x}


def raw_of(folder: Path, records: list[Any]) -> Raw:
    path = folder / "records.json"
    path.write_text(json.dumps(records))
    return Raw("test", "records", path)


def test_malformed_records_and_items_are_rejected_where_they_stand(tmp_path: Path) -> None:
    records = [
        {"id": 0, "items": [{"x": 1}, {"x": "2"}, 3, {"x": 4, "more": [1]}]},
        {"id": "1", "items": [{"x": 1}]},
        {"items": [{"x": 1}]},
        {"id": 3},
        {"id": 4, "items": None},
        "five",
        {"more": {}, "items": [{"x": 1}], "id": 6},
        {"id": 7, "items": [[]]},
    ]
    found = list(rows_of(_read, {"records": raw_of(tmp_path, records)}))
    rows = [(row[0][2:], row[1]) for row in found if not isinstance(row, Rejected | NotAsked)]
    assert rows == [((0, 0), {"id": 0, "x": 1}), ((0, 3), {"id": 0, "x": 4}), ((6, 0), {"id": 6, "x": 1})]
    rejected = [row for row in found if isinstance(row, Rejected)]
    assert {row.reason for row in rejected} == {"malformed"}
    assert [row.place[:2] for row in rejected] == [("records", "records.json")] * 8
    positions = [row.place[2:] for row in rejected]
    assert positions == [(0, 1), (0, 2), (1, None), (2, None), (3, None), (4, None), (5, None), (7, 0)]
    assert json.loads(rejected[0].record) == {"x": "2"}
    assert rejected[0].detail is not None and "int" in rejected[0].detail
    assert found.index(rejected[1]) < found.index((("records", "records.json", 0, 3), {"id": 0, "x": 4}))


def test_a_file_of_something_else_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_module, "MOST_MALFORMED", 5)
    with pytest.raises(BuildError, match="what its reader expects"):
        list(rows_of(_read, {"records": raw_of(tmp_path, [{"id": 1, "list": []}] * 6)}))


def test_a_reader_may_only_ask_for_declared_files() -> None:
    reader: Any = ModuleType("reader")
    reader.regions = _read
    reader.SOURCE = ofa_bpe.SOURCE
    with pytest.raises(BuildError, match="records"):
        generators(reader)
