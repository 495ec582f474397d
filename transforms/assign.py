"""From the images of all sources to the photograph and split of each image of one source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from schemas.tables import PICTURES
from transforms.artifact import Draft
from transforms.duck import Database, identifier

QUERY = Path(__file__).with_name("assign.sql")


def assign(source: str, images: Mapping[str, Path], making: Draft, threads: int | None = None) -> None:
    """Writes `data/pictures.parquet` for one source.

    One row in: image vg:2345 with coco_id 77, split train by its publisher. One row out: image
    vg:2345, picture coco:77, split train, or the stricter split of another copy of coco:77. Test is
    stricter than validation, validation than train; a picture without published split may be trained
    on. An image that several sources list is one, and shows what any of them says that it shows.

    Args:
        images: the `images` table of every source, by source.
    """
    with Database(making.scratch, threads) as database:
        for name, path in images.items():
            database.view(name, "images", [path])
        listed = " union all by name ".join(f"select * from {identifier(name)}.images" for name in images)
        database.run(f"create view all_images as {listed}")
        database.set({"source": source})
        with making.table("pictures", PICTURES) as writer:
            for batch in database.batches(QUERY.read_text()):
                writer.write(batch)
