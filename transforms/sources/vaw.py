"""VAW: things in pictures of Visual Genome, with properties that they have and properties that they lack.

Four JSON arrays, one thing each, are read from the repository. Boxes are x, y, width and height in pixels,
floats that may leave the picture by a fraction. Ids are texts, although the README calls them numbers.
Pictures are Visual Genome's, whose numbers they have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from schemas.instance import Split
from schemas.source import Licence, RemoteFile, Source
from transforms.raw import Place, Raw, Record, Rejected, Row
from transforms.visual_genome_pictures import BORROWED, Id, borrowed_images

_COMMIT: Final = "3a4ebffc5e8194d19a77f51d846c2cd47c477d13"
_REPOSITORY: Final = "https://github.com/adobe-research/vaw_dataset"
_RECORDS: Final = f"https://raw.githubusercontent.com/adobe-research/vaw_dataset/{_COMMIT}/data"

_SPLITS: Final[dict[str, Split]] = {
    "train_part1": "train",
    "train_part2": "train",
    "val": "validation",
    "test": "test",
}
"""The split of each file."""

SOURCE: Final = Source(
    title="Visual Attributes in the Wild",
    homepage=_REPOSITORY,
    licence=Licence(
        name="Adobe Research License, non-commercial (pictures: CC BY 4.0)",
        url=f"{_REPOSITORY}/blob/{_COMMIT}/LICENSE.md",
    ),
    citation="""\
@inproceedings{pham2021learning,
  title = {Learning to Predict Visual Attributes in the Wild},
  author = {Pham, Khoi and Kafle, Kushal and Lin, Zhe and Ding, Zhihong and Cohen, Scott and
            Tran, Quan and Shrivastava, Abhinav},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2021}
}""",
    files={name: RemoteFile(urls=(f"{_RECORDS}/{name}.json",)) for name in _SPLITS},
    borrows=BORROWED,
    # The licence allows it for non-commercial research, with a copy of the licence.
    redistribution="allowed",
    accepts={"images": 72_274, "objects": 260_895, "attributes.attribute": 620},
)

Number = int | float


class _Thing(Record):
    image_id: Id
    instance_id: Id
    instance_bbox: tuple[Number, Number, Number, Number]
    object_name: str
    positive_attributes: list[str]
    negative_attributes: list[str]


def images(
    train_part1: Raw, train_part2: Raw, val: Raw, test: Raw, image_data: Raw
) -> Iterator[Row | Rejected]:
    """The pictures that things are in."""
    things = _things(train_part1, train_part2, val, test)
    return borrowed_images(((place, thing.image_id, split) for place, thing, split in things), image_data)


def objects(train_part1: Raw, train_part2: Raw, val: Raw, test: Raw) -> Iterator[Row]:
    """The things."""
    for place, thing, _ in _things(train_part1, train_part2, val, test):
        yield place, {**_named(thing), "crowd": False}


def attributes(train_part1: Raw, train_part2: Raw, val: Raw, test: Raw) -> Iterator[Row | Rejected]:
    """The properties of the things, first those that a thing has, then those that it lacks.

    A property that a thing is said to have and to lack is kept as one that it has; that it lacks it is
    rejected as `positive_and_negative`.
    """
    for (file, member, record, _), thing, _ in _things(train_part1, train_part2, val, test):
        had = {attribute.strip() for attribute in thing.positive_attributes}
        for position, attribute in enumerate((*thing.positive_attributes, *thing.negative_attributes)):
            place = (file, member, record, position)
            holds = position < len(thing.positive_attributes)
            if not holds and attribute.strip() in had:
                row = {"instance_id": thing.instance_id, "attribute": attribute}
                yield Rejected(place, "positive_and_negative", json.dumps(row))
                continue
            yield place, {**_named(thing), "position": position, "attribute": attribute, "holds": holds}


def _things(*files: Raw) -> Iterator[tuple[Place, _Thing, Split]]:
    """The things of the four files, with the split of the file that lists them."""
    for file, split in zip(files, _SPLITS.values(), strict=True):
        for place, thing in file.records(_Thing):
            yield place, thing, split


def _named(thing: _Thing) -> dict[str, Any]:
    x, y, width, height = thing.instance_bbox
    return {
        "image_id": f"vg:{thing.image_id}",
        "object_id": str(thing.instance_id),
        "box": (x, y, x + width, y + height),
        "name": thing.object_name,
    }
