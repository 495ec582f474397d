"""Pictures of COCO 2014, which many sources show and one of them keeps."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from schemas.instance import Split
from transforms.raw import Raw, Record

SPLITS: Final[dict[str, Split]] = {"train2014": "train", "val2014": "validation"}
"""The split of each folder of pictures, as COCO divides them."""

LICENCES: Final = {
    1: "http://creativecommons.org/licenses/by-nc-sa/2.0/",
    2: "http://creativecommons.org/licenses/by-nc/2.0/",
    3: "http://creativecommons.org/licenses/by-nc-nd/2.0/",
    4: "http://creativecommons.org/licenses/by/2.0/",
    5: "http://creativecommons.org/licenses/by-sa/2.0/",
    6: "http://creativecommons.org/licenses/by-nd/2.0/",
    7: "http://flickr.com/commons/usage/",
    8: "http://www.usa.gov/copyright.shtml",
}
"""The list `licenses` that stands in every file of COCO's annotations: addresses of terms by their number."""

Pixels = Annotated[int, msgspec.Meta(ge=1, lt=1 << 31)]
"""Width or height of a picture."""


class Listed(Record):
    """One picture in a file of COCO's own layout."""

    id: int
    file_name: str
    width: Pixels
    height: Pixels


class Licensed(Listed):
    """One picture, with the number of its terms where it is given."""

    license: int | None = None

    @property
    def licence(self) -> str | None:
        """Address of its terms, where the file gives their number."""
        return None if self.license is None else LICENCES.get(self.license)


def file_name(coco_id: int, folder: str) -> str:
    """Name of the file of a picture: `COCO_train2014_000000000009.jpg`."""
    return f"COCO_{folder}_{coco_id:012}.jpg"


def image(coco_id: int, folder: str) -> dict[str, Any]:
    """Columns of `images` for a picture that the source `mscoco` keeps, without its size.

    Args:
        coco_id: number of the picture, the same in every division of COCO.
        folder: `train2014` or `val2014`.
    """
    return {
        "image_id": f"coco:{coco_id}",
        "coco_id": coco_id,
        "published_split": SPLITS[folder],
        "archive": f"mscoco.{folder}",
        "picture": f"{folder}/{file_name(coco_id, folder)}",
    }


def listed(annotations: Raw) -> dict[int, dict[str, Any]]:
    """Columns of `images` for every picture that `mscoco.annotations` lists under its right name."""
    return {
        picture.id: {**image(picture.id, folder), "width": picture.width, "height": picture.height}
        for folder in SPLITS
        for _, picture in annotations.records(
            Listed, member=f"annotations/instances_{folder}.json", under="images"
        )
        if picture.file_name == file_name(picture.id, folder)
    }
