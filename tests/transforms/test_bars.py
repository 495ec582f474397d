"""A row whose picture is evaluated on is not trained on, and the next in drawn order takes its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sample_world.copies import COPIES
from sample_world.draw import draw, encoded
from sample_world.scenes import scenes
from schemas.tables import IMAGES
from shards.look import MOST_BITS, Look
from shards.pictures import inspect
from transforms.artifact import Draft
from transforms.bars import SHOWN, bar_shown, gather
from transforms.photographs import Photographs, Same
from transforms.pictures import Pictures
from transforms.select import COUNTS, Bar, join, select

SCENES = list(scenes(0, 0.5))
PICTURES = {f"a:{number}": encoded(draw(scene)) for number, scene in enumerate(SCENES)}


class _Held(Pictures):
    """Pictures by name of the member."""

    def __init__(self, pictures: dict[str, bytes]) -> None:
        self._pictures = pictures

    def read(self, source: str, archive: str, member: str) -> bytes | None:
        del source, archive
        return self._pictures.get(member)

    def prefetch(self, wanted: object) -> None:
        pass

    def expect(self, wanted: object) -> None:
        pass


def _listed(folder: Path, source: str, pictures: dict[str, bytes]) -> Path:
    rows = [
        {
            **dict.fromkeys((*IMAGES.schema.names, "item")),
            "image_id": name,
            "archive": "archive",
            "picture": name,
            "source": source,
            "file": "f",
            "member": "m",
            "record": number,
        }
        for number, name in enumerate(pictures)
    ]
    path = folder / f"{source}.parquet"
    pq.write_table(pa.Table.from_pylist(rows, IMAGES.schema), path)
    return path


def _drawn(
    folder: Path,
    source: str,
    pictures: dict[str, bytes],
    splits: dict[str, int],
    split: str,
    bars: Sequence[Bar] = (),
    threads: int = 1,
    task: str = "task",
    names: str = "image_id",
) -> Path:
    """Draws one split of a task with three rows on each picture, all of the first split; its data folder.

    Args:
        names: `target_image_id` where the pictures are not shown, but to be drawn.
    """
    folder.mkdir()
    keys = [f"{name}:{number}" for name in pictures for number in range(3)]
    columns = {
        "uid": keys,
        "image_id": pa.nulls(len(keys), pa.string()),
        "split": [next(iter(splits))] * len(keys),
    }
    columns[names] = [key.rpartition(":")[0] for key in keys]
    pq.write_table(pa.table(columns), folder / "instances.parquet")
    counts = [{"split": name, "available": len(keys), "count": count} for name, count in splits.items()]
    pq.write_table(pa.Table.from_pylist(counts, COUNTS), folder / "counts.parquet")
    held = _Held(pictures)
    draft = Draft(folder / "made")
    select(
        task,
        0,
        (split,),
        folder / "instances.parquet",
        folder / "counts.parquet",
        {source: _listed(folder, source, pictures)},
        held.check,
        held.prefetch,
        held.expect,
        draft,
        threads,
        bars,
    )
    assert draft.rows_out is not None
    assert draft.rows_in == draft.rows_out + draft.not_asked + sum(draft.rejected.values())
    draft.close()
    return folder / "made" / "data"


def _gathered(folder: Path, selections: Sequence[Path]) -> Path:
    draft = Draft(folder)
    gather([path / "pictures.parquet" for path in selections], draft)
    draft.close()
    return folder / "data" / "shown.parquet"


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


@pytest.fixture
def evaluated(tmp_path: Path) -> Path:
    """Four pictures that are evaluated on: copies of those of scenes 0 to 3, each of another kind."""
    copies = {f"b:{how}": COPIES[how](draw(SCENES[number]), "JPEG") for number, how in enumerate(COPIES)}
    drawn = _drawn(tmp_path / "b", "b", copies, {"test": 100}, "test")
    return _gathered(tmp_path / "gathered", [drawn])


def test_copies_of_every_kind_are_barred_and_named(tmp_path: Path, evaluated: Path) -> None:
    made = _drawn(tmp_path / "a", "a", PICTURES, {"train": 10_000}, "train", [bar_shown("test", evaluated)])
    left_out = _rows(made / "left_out.parquet")
    named = {(row["image_id"], row["rejected"], row["other_image"]) for row in left_out}
    assert named == {(f"a:{number}", "shown_in_evaluation", f"b:{how}") for number, how in enumerate(COPIES)}
    assert len(left_out) == 3 * len(COPIES)
    # Their twins are other pictures, and stay.
    shown = {row["image_id"] for row in _rows(made / "rows.parquet")}
    assert shown == set(PICTURES) - {f"a:{number}" for number in range(len(COPIES))}


def test_the_next_row_takes_the_place_and_nothing_else_moves(tmp_path: Path, evaluated: Path) -> None:
    bars = [bar_shown("test", evaluated)]
    free = _rows(_drawn(tmp_path / "free", "a", PICTURES, {"train": 10_000}, "train") / "rows.parquet")
    barred = {f"a:{number}" for number in range(len(COPIES))}
    expected = [row for row in free if row["image_id"] not in barred][:40]
    for threads in (1, 2):
        made = _drawn(tmp_path / f"barred-{threads}", "a", PICTURES, {"train": 40}, "train", bars, threads)
        assert _rows(made / "rows.parquet") == expected
    one, two = (
        [(tmp_path / f"barred-{threads}" / "made" / "data" / name).read_bytes() for threads in (1, 2)]
        for name in ("rows.parquet", "pictures.parquet")
    )
    assert one[0] == one[1] and two[0] == two[1]


@pytest.mark.parametrize("names", ["image_id", "target_image_id"])
def test_a_picture_that_cannot_be_read_is_replaced_also_where_it_is_to_be_drawn(
    tmp_path: Path, names: str
) -> None:
    free = _rows(
        _drawn(tmp_path / "free", "a", PICTURES, {"train": 10_000}, "train", names=names) / "rows.parquet"
    )
    torn = {row["uid"].rpartition(":")[0] for row in free[2:9:3]}
    pictures = {name: data[:500] if name in torn else data for name, data in PICTURES.items()}
    made = _drawn(tmp_path / "torn", "a", pictures, {"train": 40}, "train", names=names)
    readable = [row for row in free if row["uid"].rpartition(":")[0] not in torn]
    assert _rows(made / "rows.parquet") == readable[:40]
    left_out = _rows(made / "left_out.parquet")
    assert {row["rejected"] for row in left_out} == {"picture_unreadable"}
    assert {row["uid"].rpartition(":")[0] for row in left_out} == torn


def test_fewer_rows_where_there_are_no_more(tmp_path: Path) -> None:
    every = _gathered(tmp_path / "all", [_drawn(tmp_path / "b", "b", PICTURES, {"test": 900}, "test")])
    bars = [bar_shown("validation", every)]
    made = _drawn(tmp_path / "a", "a", PICTURES, {"train": 7}, "train", bars)
    assert _rows(made / "rows.parquet") == []
    assert {row["rejected"] for row in _rows(made / "left_out.parquet")} == {"shown_in_validation"}


def test_parts_are_joined_in_order_of_split(tmp_path: Path, evaluated: Path) -> None:
    bars = [bar_shown("test", evaluated)]
    first, last = dict(list(PICTURES.items())[:20]), dict(list(PICTURES.items())[20:])
    trained = _drawn(tmp_path / "train", "a", first, {"train": 10_000}, "train", bars)
    validated = _drawn(tmp_path / "validation", "a", last, {"validation": 9}, "validation", bars)
    draft = Draft(tmp_path / "joined")
    every = tmp_path / "every.parquet"
    pq.write_table(pa.table({"uid": [str(number) for number in range(500)]}), every)
    join(every, [validated, trained], draft)
    assert draft.rejected == {"shown_in_evaluation": 3 * len(COPIES)}
    taken = 3 * (20 - len(COPIES)) + 9
    assert (draft.rows_in, draft.rows_out) == (500, taken)
    assert draft.not_asked == 500 - taken - 3 * len(COPIES)
    draft.close()
    rows = _rows(tmp_path / "joined" / "data" / "rows.parquet")
    assert rows == [*_rows(trained / "rows.parquet"), *_rows(validated / "rows.parquet")]
    pictures = [row["image_id"] for row in _rows(tmp_path / "joined" / "data" / "pictures.parquet")]
    assert pictures == sorted({row["image_id"] for row in rows})


def test_plain_pictures_are_one_by_their_bytes_alone(tmp_path: Path) -> None:
    red, blue = (encoded(Image.new("RGB", (64, 48), colour)) for colour in ("red", "blue"))
    shown = _gathered(tmp_path / "shown", [_drawn(tmp_path / "b", "b", {"b:red": red}, {"test": 9}, "test")])
    again = encoded(Image.new("RGB", (128, 96), "red"))
    pictures = {"a:red": red, "a:larger": again, "a:blue": blue}
    made = _drawn(tmp_path / "a", "a", pictures, {"train": 9}, "train", [bar_shown("test", shown)])
    assert {row["image_id"] for row in _rows(made / "left_out.parquet")} == {"a:red"}


def test_every_look_within_the_radius_is_found() -> None:
    """Bands find what comparing with every picture finds."""
    generator = np.random.default_rng(0)
    small = bytes(generator.integers(0, 256, 768).astype(np.uint8))
    hashes = [int(value) for value in generator.integers(0, 1 << 63, 3_000)]
    for number in range(1_000):
        flipped = generator.choice(64, int(generator.integers(0, 10)), replace=False)
        hashes.append(hashes[number] ^ sum(1 << int(bit) for bit in flipped))
    ids = [f"{number:05}" for number in range(len(hashes))]
    columns = [ids, [f"sha{name}" for name in ids], hashes, [small] * len(ids), ["s"] * len(ids)]
    known = Photographs(pa.table(columns, schema=SHOWN))
    for value in hashes[:1_000:10]:
        near = [
            name for name, other in zip(ids, hashes, strict=True) if (value ^ other).bit_count() <= MOST_BITS
        ]
        assert known.alike(Look(value, small)) == near
        assert known.find("another", Look(value, small)) == Same(near[0], "look")
    assert known.find("sha00700", None) == Same("00700", "bytes")
    assert known.find("another", None) is None


def test_nothing_is_found_among_no_pictures() -> None:
    look = inspect(PICTURES["a:0"]).look
    assert look is not None
    assert Photographs(SHOWN.empty_table()).find("sha", look) is None
