"""Pictures that several sources list: each once, with the owner of its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from transforms.duck import Database
from transforms.listed import list_images


def images(folder: Path, source: str, rows: list[tuple[Any, ...]]) -> list[Path]:
    names = ["image_id", "archive", "picture", "width", "height"]
    kinds = [pa.string(), pa.string(), pa.string(), pa.int32(), pa.int32()]
    columns = [pa.array([row[place] for row in rows], kind) for place, kind in enumerate(kinds)]
    table = pa.table(dict(zip(names, columns, strict=True)))
    pq.write_table(
        table.append_column("source", pa.array([source] * len(rows), pa.string())), folder / source
    )
    return [folder / source]


def test_an_image_that_two_sources_list_is_one_row(tmp_path: Path) -> None:
    rows: dict[str, list[tuple[Any, ...]]] = {
        "vqa": [("coco:2", "coco.train", "b.jpg", 8, 6), ("vqa:1", "own", "c.jpg", None, 5)],
        "asker": [
            ("coco:1", "coco.train", "a.jpg", None, None),
            ("coco:2", "coco.train", "b.jpg", None, None),
        ],
        "coco": [("coco:1", "train", "a.jpg", 4, 3), ("coco:2", "train", "b.jpg", 8, 6)],
    }
    listed = {source: images(tmp_path, source, listing) for source, listing in rows.items()}
    with Database(tmp_path / "scratch") as database:
        list_images(database, listed)
        found = database.rows("from listed.images order by image_id")
    assert found == [
        ("coco:1", "coco", "train", "a.jpg", 4, 3),
        ("coco:2", "coco", "train", "b.jpg", 8, 6),
        ("vqa:1", "vqa", "own", "c.jpg", None, None),
    ]


def test_without_sources_there_are_no_pictures(tmp_path: Path) -> None:
    with Database(tmp_path / "scratch") as database:
        list_images(database, {})
        assert database.columns("from listed.images") == [
            "image_id", "source", "archive", "picture", "width", "height"
        ]  # fmt: skip
        assert database.rows("from listed.images") == []
