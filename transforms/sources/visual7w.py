"""Visual7W: questions about pictures of Visual Genome, answered in words (telling) or by a thing (pointing).

Every question comes with three wrong answers. Those of pointing questions are boxes, which lie in a list
of their own: x, y, width and height in pixels of the picture. An x or y of -1 occurs; such a box is clipped
like any other, where the reference shifts it (MultiInstruct, `data_preprocessor/visual7W.py`).

Pictures are Visual Genome's, whose numbers they have. The publisher's test pictures are those that the
benchmark evaluates on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from schemas.instance import Split
from schemas.source import Licence, RemoteFile, Source
from transforms.raw import Place, Raw, Record, Rejected, Row
from transforms.visual_genome_pictures import BORROWED, Id, borrowed_images

_RECORDS: Final = "https://ai.stanford.edu/~yukez/papers/resources"
_TELLING: Final = "dataset_v7w_telling.json"
_POINTING: Final = "dataset_v7w_pointing.json"

SOURCE: Final = Source(
    title="Visual7W",
    homepage="https://ai.stanford.edu/~yukez/visual7w/",
    licence=Licence(
        name="not stated (toolkit: MIT; pictures: CC BY 4.0)",
        url="https://github.com/yukezhu/visual7w-toolkit",
    ),
    citation="""\
@inproceedings{zhu2016visual7w,
  title = {{Visual7W}: Grounded Question Answering in Images},
  author = {Zhu, Yuke and Groth, Oliver and Bernstein, Michael and Fei-Fei, Li},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  year = {2016}
}""",
    files={
        "telling": RemoteFile(urls=(f"{_RECORDS}/dataset_v7w_telling.zip",), members=(_TELLING,)),
        "pointing": RemoteFile(urls=(f"{_RECORDS}/dataset_v7w_pointing.zip",), members=(_POINTING,)),
    },
    borrows=BORROWED,
    # Telling and pointing questions together (README of the toolkit).
    accepts={"images": 47_300, "questions": 139_868 + 188_071},
)

_SPLITS: Final[dict[str, Split]] = {"train": "train", "val": "validation", "test": "test"}

Number = int | float


class _Image(Record):
    image_id: Id
    split: Literal["train", "val", "test"]


class _Telling(Record):
    qa_id: Id
    question: str
    answer: str
    multiple_choices: list[str]
    type: str


class _Pointing(Record):
    qa_id: Id
    question: str
    answer: Id
    multiple_choices: list[Id]
    type: str


class _Box(Record):
    box_id: Id
    name: str
    x: Number
    y: Number
    width: Number
    height: Number
    image_id: Id | None = None


def images(telling: Raw, pointing: Raw, image_data: Raw) -> Iterator[Row | Rejected]:
    """The pictures that either file lists."""

    def mentions() -> Iterator[tuple[Place, Id, Split]]:
        for file, member in ((telling, _TELLING), (pointing, _POINTING)):
            for place, image in file.records(_Image, member=member, under="images"):
                yield place, image.image_id, _SPLITS[image.split]

    return borrowed_images(mentions(), image_data)


def objects(pointing: Raw) -> Iterator[Row | Rejected]:
    """The boxes that questions are answered with.

    A box that says no picture is in that of the questions that name it. One that belongs to several
    pictures is rejected as `box_of_two_images`, one that belongs to none as `box_of_no_image`.
    """
    pictures = _pictures_of_boxes(pointing)
    for place, box in pointing.records(_Box, member=_POINTING, under="boxes"):
        of = pictures.get(str(box.box_id), ())
        if box.image_id is not None and str(box.image_id) not in of:
            of = (*of, str(box.image_id))
        if len(of) != 1:
            reason = "box_of_two_images" if of else "box_of_no_image"
            yield Rejected(place, reason, msgspec.json.encode(box).decode(), ", ".join(of) or None)
            continue
        (image,) = of
        yield (
            place,
            {
                "image_id": f"vg:{image}",
                "object_id": str(box.box_id),
                "box": (box.x, box.y, box.x + box.width, box.y + box.height),
                "name": box.name,
                "crowd": False,
            },
        )


def questions(telling: Raw, pointing: Raw) -> Iterator[Row]:
    """The questions of both files. `kind` is the first word of the question; `which` asks for a thing."""
    for place, image, told in telling.items("qa_pairs", _Telling, of=_Image, member=_TELLING, under="images"):
        yield (
            place,
            {
                "image_id": f"vg:{image.image_id}",
                "question_id": str(told.qa_id),
                "question": told.question,
                "answer": told.answer,
                "choices": told.multiple_choices,
                "kind": told.type,
            },
        )
    for place, image, pointed in pointing.items(
        "qa_pairs", _Pointing, of=_Image, member=_POINTING, under="images"
    ):
        yield (
            place,
            {
                "image_id": f"vg:{image.image_id}",
                "question_id": str(pointed.qa_id),
                "question": pointed.question,
                "answer_object": str(pointed.answer),
                "choice_objects": [str(choice) for choice in pointed.multiple_choices],
                "kind": pointed.type,
            },
        )


def _pictures_of_boxes(pointing: Raw) -> dict[str, tuple[str, ...]]:
    """The pictures of the questions that name a box, by box: half a million of them, so they share values."""
    pictures: dict[str, tuple[str, ...]] = {}
    for _, image, asked in pointing.items("qa_pairs", _Pointing, of=_Image, member=_POINTING, under="images"):
        here = (str(image.image_id),)
        for box in map(str, (asked.answer, *asked.multiple_choices)):
            before = pictures.setdefault(box, here)
            if here[0] not in before:
                pictures[box] = before + here
    return pictures
