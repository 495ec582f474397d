"""Visual Spatial Reasoning: statements on how two things of a COCO picture stand to each other.

Only the test split of the zero-shot division is read, in the version of 2023 (1,222 statements; the one
of 2022 had 731). The file has no ids: a statement is named by its line. Its pictures are files of COCO
2017, listed where a statement first names them; their size is not published.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from schemas.source import Licence, Pin, RemoteFile, Source
from transforms.raw import Raw, Record, Rejected, Row

_COMMIT: Final = "b27a0af0ee1462d2b6b92c8c83e869d9254a241a"
_RECORDS: Final = f"https://raw.githubusercontent.com/cambridgeltl/visual-spatial-reasoning/{_COMMIT}"

SOURCE: Final = Source(
    title="Visual Spatial Reasoning",
    homepage="https://github.com/cambridgeltl/visual-spatial-reasoning",
    licence=Licence(
        name="Apache-2.0 (pictures: Flickr terms of use)",
        url="https://github.com/cambridgeltl/visual-spatial-reasoning/blob/master/LICENSE",
    ),
    citation="""\
@article{liu2023visual,
  title = {Visual Spatial Reasoning},
  author = {Liu, Fangyu and Emerson, Guy and Collier, Nigel},
  journal = {Transactions of the Association for Computational Linguistics},
  volume = {11},
  pages = {635--651},
  year = {2023}
}""",
    files={
        "zeroshot_test": RemoteFile(
            urls=(f"{_RECORDS}/data/splits/zeroshot/test.jsonl",),
            pin=Pin(
                sha256="914d9156723b912d8f794b179248af865a68c5f81c9d8e3a21d007778cacaad4",
                bytes=380_380,
                witness="the git object at the commit in the address",
            ),
        ),
        "images": RemoteFile(
            holds="pictures", single=("https://s3.amazonaws.com/images.cocodataset.org/{}",)
        ),
    },
    redistribution="allowed",
    accepts={"statements": 1_222},
)

_LINK = re.compile(r"https?://images\.cocodataset\.org/((?:train|val)2017/((\d{12})\.jpg))")


class _Statement(Record):
    image: str
    image_link: str
    caption: str
    label: Literal[0, 1]


def images(zeroshot_test: Raw) -> Iterator[Row | Rejected]:
    """The pictures that statements are about, each once."""
    listed: set[int] = set()
    for place, statement in zeroshot_test.lines(_Statement):
        link = _link(statement)
        if link is None:
            yield Rejected(place, "unknown_picture_address", msgspec.json.encode(statement).decode())
            continue
        coco_id = int(link[3])
        if coco_id in listed:
            continue
        listed.add(coco_id)
        yield (
            place,
            {
                "image_id": f"coco:{coco_id}",
                "width": None,
                "height": None,
                "coco_id": coco_id,
                "flickr_id": None,
                "published_split": "test",
                "archive": "images",
                "picture": link[1],
            },
        )


def statements(zeroshot_test: Raw) -> Iterator[Row]:
    """The statements."""
    for place, statement in zeroshot_test.lines(_Statement):
        link = _link(statement)
        yield (
            place,
            {
                "image_id": f"coco:{int(link[3])}" if link else None,
                "statement_id": str(place[2]),
                "text": statement.caption,
                "label": statement.label == 1,
            },
        )


def _link(statement: _Statement) -> re.Match[str] | None:
    """Where the picture lies, if address and name of the file agree."""
    found = _LINK.fullmatch(statement.image_link)
    return found if found is not None and found[2] == statement.image else None
