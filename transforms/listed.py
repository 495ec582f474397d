"""The pictures that several sources list, each once, and where its bytes are: with the owner of its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from transforms.duck import Database, identifier, literal


def list_images(database: Database, images: Mapping[str, Iterable[Path]]) -> None:
    """Makes the table `listed.images`: image_id, source, archive, picture, width, height.

    One row in, from `vqa_v2`: image coco:42 in archive mscoco.train2014. One row out: image coco:42 of source
    mscoco, archive train2014. Of several sources that list one image, the first by name says where it is,
    and the first by name that declares a size says how large it is, in pixels.

    Args:
        images: files of the table `images`, by source; none for a source of words alone.
    """
    # Without any source the table is there as well, and empty.
    selects = [
        "select null::varchar as image_id, null::varchar as lister, null::varchar as archive, "
        "null::varchar as picture, null::integer as width, null::integer as height where false"
    ]
    for source, files in sorted(images.items()):
        database.view(source, "images", files)
        selects.append(
            f"select image_id, {literal(source)}, archive, picture, width, height "
            f"from {identifier(source)}.images"
        )
    database.run("create schema if not exists listed")
    database.run(
        f"""
        create table listed.images as
        with listing as ({" union all ".join(selects)}),
        first as (
            select
                image_id,
                arg_min(struct_pack(lister, archive, picture), lister) as place,
                arg_min(struct_pack(width, height), lister) filter (width is not null) as size
            from listing
            group by image_id
        )
        select
            image_id,
            if(contains(place.archive, '.'), split_part(place.archive, '.', 1), place.lister) as source,
            if(contains(place.archive, '.'), split_part(place.archive, '.', 2), place.archive) as archive,
            place.picture as picture,
            size.width as width,
            size.height as height
        from first
        """
    )
