"""TextVQA: questions that one has to read in the picture to answer, with ten people's answers each.

Only the questions for validation are read, for the answers to the test questions are not public: this is
the part that the benchmark evaluates on, so its pictures are test pictures here. With them come the words
that Rosetta, a reading machine, found in the pictures, and where.

The declared size of a picture may be that of another copy of it; boxes are given as shares of a picture, and
are turned into pixels of the declared size. An id of a picture is hexadecimal text with leading zeros.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Final

import msgspec

from schemas.source import Licence, Pin, RemoteFile, Source
from transforms.raw import Raw, Record, Rejected, Row
from transforms.vqa_files import most_given

_HOST: Final = "https://dl.fbaipublicfiles.com/textvqa"
_WITNESS: Final = "published by third-party loaders of the dataset"

SOURCE: Final = Source(
    title="TextVQA",
    homepage="https://textvqa.org/dataset/",
    licence=Licence(name="CC BY 4.0", url="https://creativecommons.org/licenses/by/4.0/"),
    citation="""\
@inproceedings{singh2019towards,
  title = {Towards {VQA} Models That Can Read},
  author = {Singh, Amanpreet and Natarajan, Vivek and Shah, Meet and Jiang, Yu and Chen, Xinlei and
            Batra, Dhruv and Parikh, Devi and Rohrbach, Marcus},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2019}
}""",
    files={
        "val": RemoteFile(
            urls=(f"{_HOST}/data/TextVQA_0.5.1_val.json",),
            pin=Pin(
                sha256="4ceb5aadc1a41719d0a3e4dfdf06838bcfee1db569a9a65ee67d31c99893081d",
                bytes=3_116_162,
                witness=_WITNESS,
            ),
        ),
        "ocr_val": RemoteFile(
            urls=(f"{_HOST}/data/TextVQA_Rosetta_OCR_v0.2_val.json",),
            pin=Pin(
                sha256="5fe60362e43381e10b29bf25cc84bb0cebcabf155a32e7121208b51a5a02715c",
                bytes=9_830_753,
                witness=_WITNESS,
            ),
        ),
        "images": RemoteFile(
            urls=(f"{_HOST}/images/train_val_images.zip",),
            pin=Pin(
                sha256="ecf35005640d0708eae185aab1c0a10f89b2db7420b29185a1ed92a8f4290498",
                bytes=7_072_297_970,
                witness=_WITNESS,
            ),
            holds="pictures",
        ),
    },
    redistribution="allowed",
    accepts={"questions": 5_000},
)

_ID = re.compile(r"[0-9a-f]+")
_FLICKR = re.compile(r"staticflickr\.com/(?:\d+/)+(\d{1,18})_")

Pixels = Annotated[int, msgspec.Meta(ge=1, lt=1 << 31)]


class _Picture(Record):
    image_id: str
    image_width: Pixels
    image_height: Pixels
    flickr_original_url: str | None = None


class _Question(_Picture, kw_only=True):
    question_id: int | str
    question: str
    answers: list[str]


class _Read(Record):
    image_id: str


class _Place(Record):
    top_left_x: float
    top_left_y: float
    width: float
    height: float


class _Word(Record):
    word: str
    bounding_box: _Place


def images(val: Raw) -> Iterator[Row | Rejected]:
    """The pictures that questions are about, each once, as its first question has it."""
    listed: set[str] = set()
    for place, picture in val.records(_Picture, under="data"):
        if picture.image_id in listed:
            continue
        listed.add(picture.image_id)
        if _ID.fullmatch(picture.image_id) is None:
            yield Rejected(place, "unknown_picture_address", msgspec.json.encode(picture).decode())
            continue
        on_flickr = _FLICKR.search(picture.flickr_original_url or "")
        yield (
            place,
            {
                "image_id": f"textvqa:{picture.image_id}",
                "width": picture.image_width,
                "height": picture.image_height,
                "flickr_id": int(on_flickr[1]) if on_flickr else None,
                "published_split": "test",
                "archive": "images",
                "picture": f"train_images/{picture.image_id}.jpg",
            },
        )


def questions(val: Raw) -> Iterator[Row]:
    """The questions. `answer` is what most people gave, blanks around it aside; of several, the first."""
    for place, asked in val.records(_Question, under="data"):
        yield (
            place,
            {
                "image_id": f"textvqa:{asked.image_id}",
                "question_id": str(asked.question_id),
                "question": asked.question,
                "answer": most_given([" ".join(answer.split()) for answer in asked.answers]),
                "answers": asked.answers,
            },
        )


def texts(ocr_val: Raw, val: Raw) -> Iterator[Row | Rejected]:
    """The words that Rosetta found, named by their position in the picture's list.

    The box is that of the word before it was turned by `rotation`, whose unit is not published
    (MultiInstruct, `data_preprocessor/text_vqa.py`, takes it so too).
    """
    sizes: dict[str, tuple[int, int]] = {}
    for _, picture in val.records(_Picture, under="data"):
        sizes.setdefault(picture.image_id, (picture.image_width, picture.image_height))
    for place, read, word in ocr_val.items("ocr_info", _Word, of=_Read, under="data"):
        if read.image_id not in sizes:
            yield Rejected(place, "unknown_image", json.dumps({"image_id": read.image_id, "word": word.word}))
            continue
        width, height = sizes[read.image_id]
        box = word.bounding_box
        left, top = box.top_left_x * width, box.top_left_y * height
        yield (
            place,
            {
                "image_id": f"textvqa:{read.image_id}",
                "text_id": str(place[3]),
                "box": (left, top, left + box.width * width, top + box.height * height),
                "text": word.word,
            },
        )
