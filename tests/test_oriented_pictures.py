"""A picture stored lying on its side is trained on upright where its source says so, and nowhere else."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sample_world.draw import draw, encoded
from sample_world.formats.vizwiz_iqa import Taken, irregular, regular, write
from schemas.source import RemoteFile
from shards.pictures import PicturePack, inspect, pixels, stretched, write_pack
from tests.transforms.genome_family import record_files
from tests.transforms.source_tables import Tables
from transforms.archive import ZipArchive
from transforms.artifact import Draft
from transforms.pack import pack
from transforms.picture_ways import look_at
from transforms.pictures import PictureArchives
from transforms.select import COUNTS, select
from transforms.sources import vizwiz_iqa

SCALE = 0.5
TASK = "image_quality"


@pytest.fixture(scope="module")
def taken() -> list[Taken]:
    """The picture that lies, one that never did, and one that cannot be had."""
    odd = irregular(0)
    return [odd["lying"], next(regular(0, SCALE)), odd["picture_absent"]]


@pytest.fixture(scope="module")
def made(taken: list[Taken], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The selection and the pack of a task that asks about the three pictures."""
    folder = tmp_path_factory.mktemp("oriented")
    write(folder / "mirror", 0, SCALE)
    files = record_files("vizwiz_iqa", folder / "mirror")
    images = Tables(vizwiz_iqa, files, folder / "tables").path("images")
    ids = [f"vizwiz:{one.part}_{one.number}" for one in taken]
    pq.write_table(
        pa.table({"uid": ids, "image_id": ids, "split": ["train"] * 3}), folder / "instances.parquet"
    )
    counts = pa.Table.from_pylist([{"split": "train", "available": 3, "count": 3}], COUNTS)
    pq.write_table(counts, folder / "counts.parquet")
    pictures = PictureArchives({("vizwiz_iqa", part): ZipArchive(files[part]) for part in ("train", "val")})
    chosen = Draft(folder / "chosen")
    select(
        TASK,
        0,
        ("train",),
        folder / "instances.parquet",
        folder / "counts.parquet",
        {"vizwiz_iqa": images},
        partial(look_at, pictures),
        pictures.prefetch,
        pictures.expect,
        chosen,
    )
    packing = Draft(folder / "pack")
    pack([folder / "chosen" / "data" / "pictures.parquet"], pictures, packing)
    packing.close()
    return folder


def test_the_selection_says_how_large_the_upright_picture_is(made: Path, taken: list[Taken]) -> None:
    rows = pq.read_table(made / "chosen" / "data" / "pictures.parquet").to_pylist()
    found = {row["image_id"]: row for row in rows}
    assert len(found) == 2
    for one in taken[:2]:
        row = found[f"vizwiz:{one.part}_{one.number}"]
        assert (row["width"], row["height"], row["oriented"]) == (one.scene.width, one.scene.height, True)
    assert taken[0].stored is not None
    stored = inspect(taken[0].stored)
    assert (stored.width, stored.height) == (taken[0].scene.height, taken[0].scene.width)


def test_the_pack_holds_the_bytes_as_they_are_and_says_that_they_are_turned(
    made: Path, taken: list[Taken]
) -> None:
    reader = PicturePack(made / "pack" / "data")
    lying = taken[0]
    row = reader.image_ids.to_pylist().index(f"vizwiz:train_{lying.number}")
    data = reader.read(row, check=True)
    assert data == lying.stored
    assert reader.oriented.tolist() == [True, True]
    scene = np.asarray(draw(lying.scene), np.int16)
    upright = pixels(data, bool(reader.oriented[row]))
    assert upright.shape == scene.shape
    # What JPEG changes of flat colours is little; a turned picture would be another one.
    assert np.abs(upright - scene).mean() < 3
    squared = np.asarray(Image.fromarray(upright).resize((64, 64), Image.Resampling.BICUBIC), np.int16)
    assert np.abs(stretched(data, 64, orient=True) - squared).mean() < 1
    assert np.abs(stretched(data, 64) - squared).mean() > 10
    reader.close()


def test_an_orientation_that_no_source_asks_for_is_not_applied(tmp_path: Path, taken: list[Taken]) -> None:
    data = taken[0].stored
    assert data is not None
    write_pack(tmp_path, [("a", data), ("b", encoded(draw(taken[1].scene)))], oriented={"b"})
    reader = PicturePack(tmp_path)
    assert reader.oriented.tolist() == [False, True]
    assert pixels(data, bool(reader.oriented[0])).shape[:2] == (taken[0].scene.width, taken[0].scene.height)
    reader.close()


def test_only_pictures_have_an_orientation() -> None:
    assert all(file.orient == (file.holds == "pictures") for file in vizwiz_iqa.SOURCE.files.values())
    with pytest.raises(ValueError, match="orientation"):
        RemoteFile(urls=("https://host/a.json",), orient=True)
