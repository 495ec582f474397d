"""NLVR: sentences about drawings of three boxes with coloured shapes, true or false. Not NLVR2.

Only the public test split is read. A line is one sentence with six drawings that show its three boxes
in every order; sentence and label are the same for all. The first order, number 0, becomes the image;
the five others are not listed. Drawings are RGBA files; their size is not published.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from schemas.source import Licence, Pin, RemoteFile, Source
from transforms.raw import Raw, Record, Rejected, Row

_COMMIT: Final = "18924841aa96d519cfb8584f0945350f07a6d860"
_REPOSITORY: Final = f"https://raw.githubusercontent.com/lil-lab/nlvr/{_COMMIT}"

SOURCE: Final = Source(
    title="NLVR",
    homepage="https://lil.nlp.cornell.edu/nlvr/",
    licence=Licence(name="CC BY 4.0", url="https://creativecommons.org/licenses/by/4.0/"),
    citation="""\
@inproceedings{suhr2017corpus,
  title = {A Corpus of Natural Language for Visual Reasoning},
  author = {Suhr, Alane and Lewis, Mike and Yeh, James and Artzi, Yoav},
  booktitle = {Proceedings of the 55th Annual Meeting of the Association for Computational Linguistics},
  pages = {217--223},
  year = {2017}
}""",
    files={
        "test": RemoteFile(
            urls=(f"{_REPOSITORY}/nlvr/test/test.json",),
            pin=Pin(
                sha256="9a337ac016455eebe8aef70a6e94977dbcd9e75aec56f0fb09477a9c1038528d",
                bytes=811_565,
                witness="the git object at the commit in the address",
            ),
        ),
        "images": RemoteFile(holds="pictures", single=(f"{_REPOSITORY}/{{}}",)),
    },
    redistribution="allowed",
    accepts={"statements": 990},
)

_IDENTIFIER = re.compile(r"\d+-\d+")
_DIRECTORY = re.compile(r"\d+")


class _Sentence(Record):
    sentence: str
    label: Literal["true", "false"]
    identifier: str
    directory: str


def images(test: Raw) -> Iterator[Row | Rejected]:
    """The first drawing of each sentence."""
    for place, sentence in test.lines(_Sentence):
        if not (_IDENTIFIER.fullmatch(sentence.identifier) and _DIRECTORY.fullmatch(sentence.directory)):
            yield Rejected(place, "unknown_picture_address", msgspec.json.encode(sentence).decode())
            continue
        name = f"test-{sentence.identifier}-0"
        yield (
            place,
            {
                "image_id": f"nlvr:{name}",
                "width": None,
                "height": None,
                "coco_id": None,
                "flickr_id": None,
                "published_split": "test",
                "archive": "images",
                "picture": f"nlvr/test/images/{sentence.directory}/{name}.png",
            },
        )


def statements(test: Raw) -> Iterator[Row]:
    """The sentences, each once, whichever drawing of it is looked at."""
    for place, sentence in test.lines(_Sentence):
        yield (
            place,
            {
                "image_id": f"nlvr:test-{sentence.identifier}-0",
                "statement_id": sentence.identifier,
                "text": sentence.sentence,
                "label": sentence.label == "true",
            },
        )
