"""COCO-Text: what is written in pictures of COCO, where, how, and whether it can be read.

Version 2 is fetched. Version 1 is read as well: `adopt coco_text PATH` takes its unpacked `COCO_Text.json`
where version 2 is not at hand. The two are not the same data, and rows say of which file they are. Their
layouts differ in outlines, which are not read, and in that version 1 has no key for the text that cannot be
read. Where an annotation says a category by its number, `cats` gives the name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from schemas.instance import Split
from schemas.source import Licence, Pin, RemoteFile, Source
from transforms import coco_pictures
from transforms.raw import Raw, Record, Rejected, Row

_MEMBERS: Final = ("cocotext.v2.json", "COCO_Text.json")
"""The one member of version 2 and of version 1."""

_FOLDER: Final = "train2014"
"""Where all pictures lie, also those that COCO-Text itself validates or tests on."""

_SPLITS: Final[dict[str, Split]] = {"train": "train", "val": "validation", "test": "test"}
_LEGIBLE: Final = {"legible": True, "illegible": False}

SOURCE: Final = Source(
    title="COCO-Text",
    homepage="https://vision.cornell.edu/se3/coco-text-2/",
    licence=Licence(
        name="CC BY 4.0 (pictures: Flickr terms of use)",
        url="https://creativecommons.org/licenses/by/4.0/",
    ),
    citation="""\
@article{veit2016coco,
  title = {{COCO-Text}: Dataset and Benchmark for Text Detection and Recognition in Natural Images},
  author = {Veit, Andreas and Matera, Tomas and Neumann, Lukas and Matas, Jiri and Belongie, Serge},
  journal = {arXiv preprint arXiv:1601.07140},
  year = {2016}
}""",
    files={
        "annotations": RemoteFile(
            urls=("https://github.com/bgshih/cocotext/releases/download/dl/cocotext.v2.zip",),
            pin=Pin(
                sha256="1444893ce7dbcd8419b2ec9be6beb0dba9cf8a43bf36cab4293d5ba6cecb7fb1",
                witness="published by third-party loaders of the dataset",
            ),
            members=_MEMBERS[:1],
            instead=_MEMBERS[1:],
        )
    },
    borrows={"train2014": "mscoco.train2014"},
    redistribution="allowed",
    accepts={"images/train": 43_686, "images/validation": 10_000, "images/test": 10_000},
)


class _Listed(coco_pictures.Listed):
    set: str


class _Category(Record):
    id: int
    name: str


Said = str | int
"""The name of a category, or its number in `cats`."""


class _Annotation(Record):
    id: int
    image_id: int
    bbox: tuple[float, float, float, float]
    legibility: Said
    language: Said | None = None
    kind: Said | None = msgspec.field(name="class", default=None)
    utf8_string: str | None = None


def images(annotations: Raw) -> Iterator[Row | Rejected]:
    """The pictures, also those without any text. Those that COCO-Text tests on have no annotations."""
    for place, key, listed in annotations.entries(_Listed, member=_member(annotations), under="imgs"):
        if key != str(listed.id):
            yield Rejected(place, "contradicting_id", msgspec.json.encode(listed).decode())
        elif listed.set not in _SPLITS:
            yield Rejected(place, "unknown_split", msgspec.json.encode(listed).decode())
        elif listed.file_name != coco_pictures.file_name(listed.id, _FOLDER):
            yield Rejected(place, "unknown_picture_address", msgspec.json.encode(listed).decode())
        else:
            yield (
                place,
                {
                    **coco_pictures.image(listed.id, _FOLDER),
                    "width": listed.width,
                    "height": listed.height,
                    "published_split": _SPLITS[listed.set],
                },
            )


def texts(annotations: Raw) -> Iterator[Row | Rejected]:
    """The texts. Some are legible and yet not spelt out, and some are spelt out and yet illegible."""
    names = _names(annotations)
    for place, key, found in annotations.entries(_Annotation, member=_member(annotations), under="anns"):
        legibility = _name(names, "legibility", found.legibility)
        if key != str(found.id):
            yield Rejected(place, "contradicting_id", msgspec.json.encode(found).decode())
            continue
        if legibility not in _LEGIBLE:
            yield Rejected(place, "unknown_legibility", msgspec.json.encode(found).decode())
            continue
        x, y, width, height = found.bbox
        yield (
            place,
            {
                "image_id": f"coco:{found.image_id}",
                "text_id": str(found.id),
                "box": (x, y, x + width, y + height),
                "text": found.utf8_string,
                "legible": _LEGIBLE[legibility],
                "kind": _name(names, "class", found.kind),
                "language": _name(names, "language", found.language),
            },
        )


def _names(annotations: Raw) -> dict[tuple[str, str], str]:
    """The names of categories by what they divide, such as `legibility`, and their number."""
    divisions = annotations.entries(dict[str, _Category], member=_member(annotations), under="cats")
    return {
        (division, str(category.id)): category.name
        for _, division, categories in divisions
        for category in categories.values()
    }


def _name(names: dict[tuple[str, str], str], division: str, said: Said | None) -> str | None:
    return None if said is None else names.get((division, str(said)), str(said))


def _member(annotations: Raw) -> str:
    """The member of the version that is there; of version 2 where there is neither."""
    return next((member for member in _MEMBERS if annotations.has(member)), _MEMBERS[0])
