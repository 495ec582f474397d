"""MS COCO 2014: pictures with five captions each, and the things in them, of 80 categories.

Everything is read out of `annotations_trainval2014.zip`: instances and captions of the training and the
validation pictures. Boxes are x, y, width and height, floats that are exact to 0.01 pixel. The file of
instances lists every picture, with or without things; where a file of captions lists another one, that
picture is listed too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from schemas.source import Licence, Pin, RemoteFile, Source
from transforms import coco_pictures
from transforms.coco_pictures import SPLITS
from transforms.raw import Place, Raw, Record, Rejected, Row

_HOST: Final = "https://s3.amazonaws.com/images.cocodataset.org"
_PLAIN_HOST: Final = "http://images.cocodataset.org"
"""The publisher's own name for it, whose certificate is another's: only for files whose bytes are pinned."""

_WITNESS: Final = "published by third-party loaders of the dataset"

_MEMBERS: Final = {
    kind: tuple(f"annotations/{kind}_{folder}.json" for folder in SPLITS)
    for kind in ("instances", "captions")
}


def _both(path: str) -> tuple[str, str]:
    """Addresses of a file whose bytes are pinned."""
    return f"{_HOST}/{path}", f"{_PLAIN_HOST}/{path}"


SOURCE: Final = Source(
    title="MS COCO 2014",
    homepage="https://cocodataset.org/#home",
    licence=Licence(
        name="CC BY 4.0 (pictures: Flickr terms of use)", url="https://cocodataset.org/#termsofuse"
    ),
    citation="""\
@inproceedings{lin2014microsoft,
  title = {Microsoft {COCO}: Common Objects in Context},
  author = {Lin, Tsung-Yi and Maire, Michael and Belongie, Serge and Hays, James and Perona, Pietro and
            Ramanan, Deva and Doll{\\'a}r, Piotr and Zitnick, C. Lawrence},
  booktitle = {European Conference on Computer Vision},
  pages = {740--755},
  year = {2014}
}""",
    files={
        "annotations": RemoteFile(
            urls=_both("annotations/annotations_trainval2014.zip"),
            pin=Pin(
                sha256="031296bbc80c45a1d1f76bf9a90ead27e94e99ec629208449507a4917a3bf009",
                bytes=252_872_794,
                witness=_WITNESS,
            ),
            members=(*_MEMBERS["instances"], *_MEMBERS["captions"]),
        ),
        "train2014": RemoteFile(
            urls=_both("zips/train2014.zip"),
            pin=Pin(
                sha256="ede4087e640bddba550e090eae701092534b554b42b05ac33f0300b984b31775",
                bytes=13_510_573_713,
                witness=_WITNESS,
            ),
            holds="pictures",
            single=(f"{_HOST}/{{}}",),
        ),
        "val2014": RemoteFile(
            urls=_both("zips/val2014.zip"),
            pin=Pin(
                sha256="fe9be816052049c34717e077d9e34aa60814a55679f804cd043e3cbee3b9fde0",
                bytes=6_645_013_297,
                witness=_WITNESS,
            ),
            holds="pictures",
            single=(f"{_HOST}/{{}}",),
        ),
    },
    # Counted are all things, of which a few have no area and are rejected.
    accepts={
        "images/train": 82_783,
        "images/validation": 40_504,
        "objects/train": 604_907,
        "captions/train": 414_113,
        "captions/validation": 202_654,
    },
)

_FILE = re.compile(r"COCO_((?:train|val)2014)_(\d{12})\.jpg")
_FLICKR = re.compile(r"staticflickr\.com/\d+/(\d{1,18})_")


class _Listed(coco_pictures.Licensed):
    flickr_url: str | None = None
    url: str | None = None


class _Category(Record):
    id: int
    name: str


class _Thing(Record):
    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: Literal[0, 1] = 0


class _Caption(Record):
    id: int
    image_id: int
    caption: str


def images(annotations: Raw) -> Iterator[Row | Rejected]:
    """The pictures. One that two files list comes from the first of them: instances, then captions."""
    earlier: set[int] = set()
    for kind in ("instances", "captions"):
        of_kind: set[int] = set()
        for member in _MEMBERS[kind]:
            for place, picture in annotations.records(_Listed, member=member, under="images"):
                if picture.id not in earlier:
                    of_kind.add(picture.id)
                    yield _listed(place, picture)
        earlier |= of_kind


def objects(annotations: Raw) -> Iterator[Row | Rejected]:
    """The things. One of a category that the file does not list is rejected."""
    for member in _MEMBERS["instances"]:
        categories = {
            category.id: category.name
            for _, category in annotations.records(_Category, member=member, under="categories")
        }
        for place, thing in annotations.records(_Thing, member=member, under="annotations"):
            if thing.category_id not in categories:
                yield Rejected(place, "unknown_category", msgspec.json.encode(thing).decode())
                continue
            x, y, width, height = thing.bbox
            yield (
                place,
                {
                    "image_id": f"coco:{thing.image_id}",
                    "object_id": str(thing.id),
                    "box": (x, y, x + width, y + height),
                    "name": categories[thing.category_id],
                    "crowd": thing.iscrowd == 1,
                },
            )


def captions(annotations: Raw) -> Iterator[Row]:
    """The captions."""
    for member in _MEMBERS["captions"]:
        for place, caption in annotations.records(_Caption, member=member, under="annotations"):
            yield (
                place,
                {
                    "image_id": f"coco:{caption.image_id}",
                    "caption_id": str(caption.id),
                    "text": caption.caption,
                },
            )


def _listed(place: Place, picture: _Listed) -> Row | Rejected:
    found = _FILE.fullmatch(picture.file_name)
    if found is None or int(found[2]) != picture.id:
        return Rejected(place, "unknown_picture_address", msgspec.json.encode(picture).decode())
    on_flickr = _FLICKR.search(picture.flickr_url or picture.url or "")
    return (
        place,
        {
            "image_id": f"coco:{picture.id}",
            "width": picture.width,
            "height": picture.height,
            "coco_id": picture.id,
            "flickr_id": int(on_flickr[1]) if on_flickr else None,
            "published_split": SPLITS[found[1]],
            "licence": picture.licence,
            "archive": found[1],
            "picture": f"{found[1]}/{picture.file_name}",
        },
    )
