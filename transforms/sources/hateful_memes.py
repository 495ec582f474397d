"""Hateful Memes: pictures with words on them that may be hateful only together.

Only the unseen part of the test is read. There are copies of its file in which nothing is labelled.

The publisher's archive was protected by a password at times. It is not read here, but what a person has
unpacked from it; so the known sums of that archive vouch for none of these files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from schemas.source import Licence, RemoteFile, Source, Terms
from transforms.raw import Raw, Record, Rejected, Row

_PAGE: Final = "https://hatefulmemeschallenge.com/#download"

SOURCE: Final = Source(
    title="Hateful Memes",
    homepage="https://ai.meta.com/tools/hatefulmemes/",
    licence=Licence(name="Facebook's licence for Hateful Memes (given to each person alone)", url=_PAGE),
    citation="""\
@inproceedings{kiela2020hateful,
  title = {The Hateful Memes Challenge: Detecting Hate Speech in Multimodal Memes},
  author = {Kiela, Douwe and Firooz, Hamed and Mohan, Aravind and Goswami, Vedanuj and Singh, Amanpreet and
            Ringshia, Pratik and Testuggine, Davide},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {33},
  year = {2020}
}""",
    files={
        "test_unseen": RemoteFile(by_hand="test_unseen.jsonl"),
        "images": RemoteFile(by_hand="img.zip", holds="pictures", about_bytes=3_400_000_000),
    },
    steps=(
        f"Read the licence at {_PAGE}, or in LICENSE.txt of the data: it is given to you alone.",
        "Get the data from its publisher, who gave it out on that page and at "
        "https://www.drivendata.org/competitions/64/hateful-memes/ (both have been reported closed to "
        "newcomers since 2024).",
        "Unpack it yourself, with its password if it asks for one: an archive with a password is not read "
        "here. There is then a folder with test_unseen.jsonl and img/, in which pictures are called "
        "01235.png and so on; a zip of img/, called img.zip and with img/ in it, will do as well.",
        "Run `multiinstruct adopt hateful_memes PATH` with that folder as PATH.",
    ),
    terms=Terms(
        url=_PAGE,
        summary="Whoever uses the data has accepted the publisher's licence in person, and gives nothing of "
        "it on. Many of the pictures and texts insult people for what they are.",
        harmful=True,
    ),
    redistribution="forbidden",
    accepts={"images": 2_000, "texts": 2_000},
)

_PICTURE = re.compile(r"img/(\d{1,18})\.png")


class _Meme(Record):
    id: int
    img: str


class _Worded(_Meme):
    text: str


class _Labelled(_Meme):
    label: Literal[0, 1] | None = None


def images(test_unseen: Raw) -> Iterator[Row | Rejected]:
    """The pictures, as `img` names them: the number `id` has lost the zeros before it."""
    for place, meme in test_unseen.lines(_Meme):
        image_id = _image_id(meme)
        if image_id is None:
            yield Rejected(place, "unknown_picture_address", msgspec.json.encode(meme).decode())
            continue
        yield (
            place,
            {
                "image_id": image_id,
                "published_split": "test",
                "archive": "images",
                "picture": meme.img,
            },
        )


def texts(test_unseen: Raw) -> Iterator[Row]:
    """All words on each picture together, as the publisher spells them."""
    for place, meme in test_unseen.lines(_Worded):
        yield place, {"image_id": _image_id(meme), "text_id": "0", "text": meme.text}


def labels(test_unseen: Raw) -> Iterator[Row | Rejected]:
    """Whether picture and words are hateful together, `1` or `0`; a picture may be `unlabelled`.

    A picture that is listed again is `repeated_picture`: two labels could contradict each other.
    """
    seen: set[str] = set()
    for place, meme in test_unseen.lines(_Labelled):
        repeated = meme.img in seen
        seen.add(meme.img)
        if repeated or meme.label is None:
            reason = "repeated_picture" if repeated else "unlabelled"
            yield Rejected(place, reason, msgspec.json.encode(meme).decode())
        else:
            yield place, {"image_id": _image_id(meme), "aspect": "hateful", "value": str(meme.label)}


def _image_id(meme: _Meme) -> str | None:
    """Such as `hm:1235` for `img/01235.png`; None where that is no picture of this number."""
    found = _PICTURE.fullmatch(meme.img)
    return f"hm:{meme.id}" if found is not None and int(found[1]) == meme.id else None
