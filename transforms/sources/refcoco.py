"""RefCOCO, RefCOCO+ and RefCOCOg: what people say to point out one thing in a picture of COCO.

Of each dataset one division is read that keeps the expressions of a picture together: `unc` of RefCOCO and
RefCOCO+, `umd` of RefCOCOg. (In the divisions called `google`, one picture is both trained and tested on.)
Its expressions lie in a pickle of Python 2, the things of its pictures in a file of COCO's layout.

An expression is read as it was typed (`raw`), which the rule of all texts then cleans. Its other spelling
(`sent`) has lost its case and punctuation, has "with" for "w", and in RefCOCOg is torn into tokens:
"a lady ' s head".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import msgspec

from schemas.instance import SPLITS, Split
from schemas.source import Licence, RemoteFile, Source
from transforms import coco_pictures
from transforms.raw import Place, Raw, Record, Rejected, Row

_HOST: Final = "https://bvisionweb1.cs.unc.edu/licheng/referit/data"
_ARCHIVE: Final = "https://web.archive.org/web"

_FOLDER: Final = "train2014"
"""Where all pictures lie, also those that the datasets validate or test on."""

_SPLITS: Final[dict[str, Split]] = {
    "train": "train",
    "val": "validation",
    "test": "test",
    "testA": "test",
    "testB": "test",
}


class _Dataset(NamedTuple):
    """One of the three: the name of its folder, and the division of its expressions that is read."""

    name: str
    division: str

    @property
    def expressions(self) -> str:
        return f"{self.name}/refs({self.division}).p"

    @property
    def instances(self) -> str:
        return f"{self.name}/instances.json"

    def file(self, snapshot: int) -> RemoteFile:
        """Its archive: the copies of the Internet Archive first, since the publisher's host is gone."""
        published = f"{_HOST}/{self.name}.zip"
        return RemoteFile(
            urls=(f"{_ARCHIVE}/{snapshot}/{published}", published),
            members=(self.expressions, self.instances),
        )


_REFCOCO: Final = _Dataset("refcoco", "unc")
_REFCOCO_PLUS: Final = _Dataset("refcoco+", "unc")
_REFCOCOG: Final = _Dataset("refcocog", "umd")

SOURCE: Final = Source(
    title="RefCOCO, RefCOCO+ and RefCOCOg",
    homepage="https://github.com/lichengunc/refer",
    licence=Licence(
        name="not stated (pictures: Flickr terms of use)", url="https://github.com/lichengunc/refer"
    ),
    citation="""\
@inproceedings{yu2016modeling,
  title = {Modeling Context in Referring Expressions},
  author = {Yu, Licheng and Poirson, Patrick and Yang, Shan and Berg, Alexander C. and Berg, Tamara L.},
  booktitle = {European Conference on Computer Vision},
  pages = {69--85},
  year = {2016}
}
@inproceedings{mao2016generation,
  title = {Generation and Comprehension of Unambiguous Object Descriptions},
  author = {Mao, Junhua and Huang, Jonathan and Toshev, Alexander and Camburu, Oana and
            Yuille, Alan and Murphy, Kevin},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  year = {2016}
}""",
    files={
        "refcoco": _REFCOCO.file(20220413011718),
        "refcoco_plus": _REFCOCO_PLUS.file(20220413011656),
        "refcocog": _REFCOCOG.file(20220413012904),
    },
    borrows={"train2014": "mscoco.train2014"},
    # Expressions of RefCOCO, of RefCOCO+ and of RefCOCOg (README of the publisher's code).
    accepts={"regions": 142_210 + 141_564 + 95_010},
)


class _Sentence(Record):
    sent_id: int
    raw: str


class _Reference(Record):
    """A thing that people pointed out, and what they said."""

    ref_id: int
    ann_id: int
    image_id: int
    split: str
    sentences: list[_Sentence]


class _Category(Record):
    id: int
    name: str


class _Thing(Record):
    id: int
    image_id: int
    category_id: int | None
    bbox: tuple[float, float, float, float]
    iscrowd: Literal[0, 1] = 0


def images(refcoco: Raw, refcoco_plus: Raw, refcocog: Raw) -> Iterator[Row | Rejected]:
    """The pictures of all three datasets, each once.

    The published split is the strictest that any of the three gives a thing in the picture; a picture
    without any such thing has none.
    """
    splits: dict[int, Split] = {}
    for dataset, raw in _files(refcoco, refcoco_plus, refcocog):
        for _, reference in raw.pickled(_Reference, member=dataset.expressions):
            if reference.split in _SPLITS:
                known = splits.get(reference.image_id, "train")
                # `SPLITS` goes from what is trained on to what is evaluated on.
                splits[reference.image_id] = max(known, _SPLITS[reference.split], key=SPLITS.index)
    named: set[int] = set()
    for dataset, raw in _files(refcoco, refcoco_plus, refcocog):
        pictures = raw.records(coco_pictures.Licensed, member=dataset.instances, under="images")
        for place, picture in pictures:
            if picture.id in named:
                continue
            named.add(picture.id)
            yield _picture(place, picture, splits.get(picture.id))


def regions(refcoco: Raw, refcoco_plus: Raw, refcocog: Raw) -> Iterator[Row | Rejected]:
    """What was said to point things out.

    `region_id` says of which dataset and division, about which reference, and which sentence:
    `refcoco+:unc:17:52`.
    """
    for dataset, raw in _files(refcoco, refcoco_plus, refcocog):
        things = {thing.id: thing for _, thing in _things(dataset, raw)}
        for place, reference in raw.pickled(_Reference, member=dataset.expressions):
            thing = things.get(reference.ann_id)
            if thing is None:
                yield _rejected(place, reference, "unknown_object")
            elif thing.image_id != reference.image_id:
                yield _rejected(place, reference, "other_picture")
            elif reference.split not in _SPLITS:
                yield _rejected(place, reference, "unknown_split")
            else:
                for position, sentence in enumerate(reference.sentences):
                    yield (
                        (*place[:3], position),
                        {
                            "image_id": f"coco:{reference.image_id}",
                            "region_id": ":".join((*dataset, str(reference.ref_id), str(sentence.sent_id))),
                            "box": _box(thing),
                            "text": sentence.raw,
                            "object_id": str(thing.id),
                        },
                    )


def objects(refcoco: Raw, refcoco_plus: Raw, refcocog: Raw) -> Iterator[Row | Rejected]:
    """The things in the pictures of all three datasets, each once."""
    named: set[int] = set()
    for dataset, raw in _files(refcoco, refcoco_plus, refcocog):
        categories = {
            category.id: category.name
            for _, category in raw.records(_Category, member=dataset.instances, under="categories")
        }
        for place, thing in _things(dataset, raw):
            if thing.id in named:
                continue
            named.add(thing.id)
            if thing.category_id not in categories:
                yield _rejected(place, thing, "unknown_category")
                continue
            yield (
                place,
                {
                    "image_id": f"coco:{thing.image_id}",
                    "object_id": str(thing.id),
                    "box": _box(thing),
                    "name": categories[thing.category_id],
                    "crowd": thing.iscrowd == 1,
                },
            )


def _files(refcoco: Raw, refcoco_plus: Raw, refcocog: Raw) -> tuple[tuple[_Dataset, Raw], ...]:
    return (_REFCOCO, refcoco), (_REFCOCO_PLUS, refcoco_plus), (_REFCOCOG, refcocog)


def _things(dataset: _Dataset, raw: Raw) -> Iterator[tuple[Place, _Thing]]:
    return raw.records(_Thing, member=dataset.instances, under="annotations")


def _picture(place: Place, picture: coco_pictures.Licensed, split: Split | None) -> Row | Rejected:
    if picture.file_name != coco_pictures.file_name(picture.id, _FOLDER):
        return _rejected(place, picture, "unknown_picture_address")
    columns = coco_pictures.image(picture.id, _FOLDER)
    return place, {
        **columns,
        "width": picture.width,
        "height": picture.height,
        "published_split": split,
        "licence": picture.licence,
    }


def _box(thing: _Thing) -> tuple[float, float, float, float]:
    x, y, width, height = thing.bbox
    return x, y, x + width, y + height


def _rejected(place: Place, record: Record, reason: str) -> Rejected:
    return Rejected(place, reason, msgspec.json.encode(record).decode())
