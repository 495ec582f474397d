"""Where Visual Genome's pictures lie, and how large they are: several sources show them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final

import msgspec

from schemas.instance import SPLITS, Split
from transforms.raw import Place, Raw, Record, Rejected, Row

Id = int | str
Pixels = Annotated[int, msgspec.Meta(ge=1, lt=1 << 31)]

MEMBER: Final = "image_data.json"
"""The member of `image_data` that lists the pictures."""

ARCHIVES: Final = {"VG_100K": "images", "VG_100K_2": "images2"}
"""The declared file of each folder of pictures. The folder stands in a picture's address."""

BORROWED: Final = {name: f"visual_genome.{name}" for name in ("image_data", *ARCHIVES.values())}
"""What a source that shows these pictures borrows: their list, and the archives that hold them."""

_PICTURE = re.compile(r"/((VG_100K(?:_2)?)/\d+\.jpg)$")


class Listed(Record):
    """One picture of `image_data`; width and height are pixels of Visual Genome's own copy."""

    image_id: Id
    width: Pixels
    height: Pixels
    url: str
    coco_id: int | None = None
    flickr_id: int | None = None


def shown(picture: Listed) -> dict[str, Any] | None:
    """The columns of `images` that follow from a listed picture; None if its address is not a known one.

    One picture in: `image_id` 1, 800 x 600, at `https://…/VG_100K_2/1.jpg`. Columns out: image_id
    `vg:1`, width 800, height 600, no coco_id and flickr_id, archive `images2`, picture `VG_100K_2/1.jpg`.
    """
    found = _PICTURE.search(picture.url)
    if found is None:
        return None
    return {
        "image_id": f"vg:{picture.image_id}",
        "width": picture.width,
        "height": picture.height,
        "coco_id": picture.coco_id,
        "flickr_id": picture.flickr_id,
        "archive": ARCHIVES[found[2]],
        "picture": found[1],
    }


def borrowed_images(mentions: Iterable[tuple[Place, Id, Split]], image_data: Raw) -> Iterator[Row | Rejected]:
    """The rows of `images` for a source that borrows its pictures: each once, from where it is first named.

    A picture that is named in several splits has the strictest of them. One that Visual Genome does not
    list is rejected as `not_in_visual_genome`, one whose address is not a known one as
    `unknown_picture_address`.

    Args:
        mentions: where a picture is named, its number in Visual Genome, and the split that it is in there.

    Raises:
        BuildError: a file is damaged.
    """
    listed = {str(picture.image_id): picture for _, picture in image_data.records(Listed, member=MEMBER)}
    named: dict[str, tuple[Place, Split]] = {}
    for place, number, split in mentions:
        first, strictest = named.setdefault(str(number), (place, split))
        # `SPLITS` goes from what is trained on to what is evaluated on.
        if SPLITS.index(split) > SPLITS.index(strictest):
            named[str(number)] = first, split
    for number, (place, split) in named.items():
        picture = listed.get(number)
        columns = None if picture is None else shown(picture)
        if columns is None:
            reason = "not_in_visual_genome" if picture is None else "unknown_picture_address"
            yield Rejected(place, reason, json.dumps({"image_id": number}))
        else:
            archive = BORROWED[columns["archive"]]
            yield place, {**columns, "published_split": split, "archive": archive}
