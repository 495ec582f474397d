"""From the images of all sources to the photograph and split of each image of one source."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.tables import PICTURES
from transforms.artifact import Draft
from transforms.duck import Database, identifier
from transforms.joining import Claim, join

_JOINED: Final = pa.schema([("image_id", pa.string()), ("picture_id", pa.string())])
_MOST_NAMED: Final = 20

QUERY = Path(__file__).with_name("assign.sql")


def assign(source: str, images: Mapping[str, Path], making: Draft, threads: int | None = None) -> None:
    """Writes `data/pictures.parquet` for one source.

    One row in: image vg:2345 with coco_id 77, split train by its publisher. One row out: image
    vg:2345, picture coco:77, split train, or the stricter split of another copy of coco:77. Test is
    stricter than validation, validation than train; a picture without published split may be trained
    on. An image that several sources list is one, and shows what any of them says that it shows. Which
    images show one photograph, and what the photograph is called, is said in `transforms.joining`.

    The facts of the artifact name the ids that too many images share to be those of a photograph.

    Args:
        images: the `images` table of every source, by source.
    """
    with Database(making.scratch, threads) as database:
        for name, path in images.items():
            database.view(name, "images", [path])
        listed = " union all by name ".join(f"select * from {identifier(name)}.images" for name in images)
        database.run(f"create view all_images as {listed}")
        _join(database, making)
        database.set({"source": source})
        with making.table("pictures", PICTURES) as writer:
            for batch in database.batches(QUERY.read_text()):
                writer.write(batch)


def _join(database: Database, making: Draft) -> None:
    """Makes the table `joined.images`: the photograph of each image that has an id in COCO or on Flickr."""
    claims = database.rows(
        "select distinct image_id, 'coco', coco_id from all_images where coco_id is not null union all "
        "select distinct image_id, 'flickr', flickr_id from all_images where flickr_id is not null"
    )
    found = join(Claim(*claim) for claim in claims)
    making.scratch.mkdir(exist_ok=True)
    path = making.scratch / "joined.parquet"
    pq.write_table(pa.table([list(found.pictures), list(found.pictures.values())], _JOINED), path)
    database.view("joined", "images", [path])
    if found.ignored:
        making.facts["ids_of_no_photograph"] = dict(islice(found.ignored.items(), _MOST_NAMED))
