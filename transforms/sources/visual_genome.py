"""Visual Genome: regions, objects, attributes, relations and questions of 108,077 pictures.

Key names differ between the versions 1.0, 1.2 and 1.4 of the files, and sometimes within one: an
object's id is `object_id` or `id`, its name `name`, `names` or `object_names`. All are read.
Boxes are x, y, width and height in pixels of Visual Genome's own copy of a picture; they may leave it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from schemas.instance import Split
from schemas.source import Licence, Pin, RemoteFile, Source
from transforms.raw import Raw, Record, Rejected, Row
from transforms.visual_genome_pictures import MEMBER, Id, Listed, shown

_RECORDS: Final = "https://homes.cs.washington.edu/~ranjay/visualgenome/data/dataset"
_PICTURES: Final = "https://cs.stanford.edu/people/rak248/VG_100K_2"
_WITNESS: Final = "published by third-party loaders of the dataset"

PUBLISHED: Final = 108_077
"""Pictures."""

SOURCE: Final = Source(
    title="Visual Genome",
    homepage="https://homes.cs.washington.edu/~ranjay/visualgenome/index.html",
    licence=Licence(name="CC BY 4.0", url="https://creativecommons.org/licenses/by/4.0/"),
    citation="""\
@article{krishna2017visual,
  title = {Visual Genome: Connecting Language and Vision Using Crowdsourced Dense Image Annotations},
  author = {Krishna, Ranjay and Zhu, Yuke and Groth, Oliver and Johnson, Justin and Hata, Kenji and
            Kravitz, Joshua and Chen, Stephanie and Kalantidis, Yannis and Li, Li-Jia and
            Shamma, David A. and Bernstein, Michael S. and Fei-Fei, Li},
  journal = {International Journal of Computer Vision},
  volume = {123},
  pages = {32--73},
  year = {2017}
}""",
    files={
        "image_data": RemoteFile(
            urls=(f"{_RECORDS}/image_data.json.zip",),
            pin=Pin(
                sha256="b87a94918cb2ff4d952cf1dfeca0b9cf6cd6fd204c2f8704645653be1163681a",
                bytes=1_780_854,
                witness=_WITNESS,
            ),
            members=(MEMBER,),
        ),
        "region_descriptions": RemoteFile(
            urls=(f"{_RECORDS}/region_descriptions.json.zip",),
            about_bytes=127_377_968,
            members=("region_descriptions.json",),
        ),
        "objects": RemoteFile(urls=(f"{_RECORDS}/objects.json.zip",), members=("objects.json",)),
        "attributes": RemoteFile(urls=(f"{_RECORDS}/attributes.json.zip",), members=("attributes.json",)),
        "relationships": RemoteFile(
            urls=(f"{_RECORDS}/relationships.json.zip",), members=("relationships.json",)
        ),
        "question_answers": RemoteFile(
            urls=(f"{_RECORDS}/question_answers.json.zip",), members=("question_answers.json",)
        ),
        "images": RemoteFile(
            urls=(f"{_PICTURES}/images.zip",),
            pin=Pin(
                sha256="51c682d2721f880150720bb416e0346a4c787e4c55d7f80dfd1bd3f73ba81646",
                bytes=9_731_705_982,
                witness=_WITNESS,
            ),
            holds="pictures",
        ),
        "images2": RemoteFile(
            urls=(f"{_PICTURES}/images2.zip",),
            pin=Pin(
                sha256="99da1a0ddf87011319ff3b05cf9176ffee2731cc3c52951162d9ef0d68e3cfb5",
                bytes=5_471_658_058,
                witness=_WITNESS,
            ),
            holds="pictures",
        ),
    },
    redistribution="allowed",
    accepts={"images": PUBLISHED},
)

FIRST_VALIDATION: Final = 86_462
FIRST_TEST: Final = 97_270
"""Splits by position in the published file of regions, from 0 (MultiInstruct, `VG_splits.json`)."""

Number = int | float


class _Image(Record):
    """What all other files are lists of: an image and, under another key, what is said of it."""

    image_id: Id | None = None
    id: Id | None = None


class _Region(Record):
    x: Number
    y: Number
    width: Number
    height: Number
    phrase: str
    region_id: Id | None = None
    id: Id | None = None


class _Thing(Record):
    x: Number
    y: Number
    w: Number
    h: Number
    object_id: Id | None = None
    id: Id | None = None
    name: str | None = None
    names: list[str] | None = None
    object_names: list[str] | None = None


class _Described(_Thing):
    attributes: list[str] | None = None


class _Relation(Record):
    predicate: str
    subject: _Thing
    object: _Thing
    relationship_id: Id | None = None
    id: Id | None = None


class _Question(Record):
    qa_id: Id
    question: str
    answer: str


def images(image_data: Raw, region_descriptions: Raw) -> Iterator[Row | Rejected]:
    """The pictures; their published split is that of their place in the file of regions."""
    member = "region_descriptions.json"
    described = region_descriptions.records(_Image, member=member)
    positions = {_image_id(image): place[2] for place, image in described}
    listed = 1 + max(positions.values(), default=0)
    for place, picture in image_data.records(Listed, member=MEMBER):
        columns = shown(picture)
        if columns is None:
            yield Rejected(place, "unknown_picture_address", msgspec.json.encode(picture).decode())
            continue
        position = positions.get(columns["image_id"])
        split = None if position is None else _split(position, listed)
        yield place, {**columns, "published_split": split}


def regions(region_descriptions: Raw) -> Iterator[Row]:
    """The described places."""
    items = region_descriptions.items("regions", _Region, of=_Image, member="region_descriptions.json")
    for place, image, region in items:
        yield (
            place,
            {
                "image_id": _image_id(image),
                "region_id": _text(region.region_id, region.id),
                "box": (region.x, region.y, region.x + region.width, region.y + region.height),
                "text": region.phrase,
            },
        )


def objects(objects: Raw) -> Iterator[Row]:
    """The things."""
    for place, image, thing in objects.items("objects", _Thing, of=_Image, member="objects.json"):
        yield place, {"image_id": _image_id(image), **_named(thing), "crowd": False}


def attributes(attributes: Raw) -> Iterator[Row]:
    """The properties of the things, one row each. Things without any are in `objects`."""
    items = attributes.items("attributes", _Described, of=_Image, member="attributes.json")
    for place, image, thing in items:
        for position, attribute in enumerate(thing.attributes or ()):
            row = {"image_id": _image_id(image), **_named(thing)}
            yield place, {**row, "position": position, "attribute": attribute, "holds": True}


def relations(relationships: Raw) -> Iterator[Row]:
    """The relations between two things. Predicates keep their case: `ON` and `on` are both used."""
    items = relationships.items("relationships", _Relation, of=_Image, member="relationships.json")
    for place, image, relation in items:
        subject, other = relation.subject, relation.object
        yield (
            place,
            {
                "image_id": _image_id(image),
                "relation_id": _text(relation.relationship_id, relation.id),
                "predicate": relation.predicate,
                "subject_id": _text(subject.object_id, subject.id),
                "subject_name": _name(subject),
                "subject_box": _box(subject),
                "object_id": _text(other.object_id, other.id),
                "object_name": _name(other),
                "object_box": _box(other),
            },
        )


def questions(question_answers: Raw) -> Iterator[Row]:
    """The questions, each with its one answer."""
    items = question_answers.items("qas", _Question, of=_Image, member="question_answers.json")
    for place, image, asked in items:
        yield (
            place,
            {
                "image_id": _image_id(image),
                "question_id": str(asked.qa_id),
                "question": asked.question,
                "answer": asked.answer,
            },
        )


def _split(position: int, listed: int) -> Split:
    """Split of the image at a position; shares of the published file where the file has another size."""
    published = position * PUBLISHED
    if published < FIRST_VALIDATION * listed:
        return "train"
    return "validation" if published < FIRST_TEST * listed else "test"


def _image_id(image: _Image) -> str | None:
    known = _text(image.image_id, image.id)
    return None if known is None else f"vg:{known}"


def _text(first: Id | None, second: Id | None) -> str | None:
    """An id under the newer or the older of its keys, as text; None if it has neither."""
    known = second if first is None else first
    return None if known is None else str(known)


def _named(thing: _Thing) -> dict[str, Any]:
    return {"object_id": _text(thing.object_id, thing.id), "box": _box(thing), "name": _name(thing)}


def _name(thing: _Thing) -> str:
    """What a thing is called: the first of its names where it has several."""
    if thing.name is not None:
        return thing.name
    names = thing.names or thing.object_names
    return names[0] if names else ""


def _box(thing: _Thing) -> tuple[Number, Number, Number, Number]:
    return (thing.x, thing.y, thing.x + thing.w, thing.y + thing.h)
