"""What is irregular in COCO-Text's file, each in a photograph of its own, of which COCO knows nothing.

The photographs stand before the regular ones, and there are as many at every scale:

    no_texts            a photograph without any text, which has an empty list in `imgToAnns`
    unread              1 text that is legible and spelt "", 1 legible without the key, 1 illegible and
                        spelt out
    blanks              2 texts: outer blanks; two words
    signs               3 texts: a character beyond ASCII, a reserved mark, a number in place of a text
    boxes               5 texts: a negative origin and one beyond the border, both partly inside; one of half
                        a square pixel; one wholly outside; one of three numbers
    contradictions      1 text under another key than its id, 1 that is neither legible nor illegible
    kinds               1 text in another language, 1 without language and kind
    other_picture       1 text of a photograph that is not listed
    other_folder        a photograph under its name in the validation folder of COCO
    other_key           a photograph under another key than its id
    other_set           a photograph of a set that does not exist
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from schemas.token import RESERVED_MARKS

Records = dict[str, Any]
"""What COCO-Text says of one photograph: `image`, and `texts`, a list of six. Their keys, and the image's,
are their ids unless `key` says otherwise."""


def _no_texts(records: Records) -> None:
    records["texts"] = []


def _unread(records: Records) -> None:
    first, second, third = records["texts"] = records["texts"][:3]
    first.update(legibility="legible", utf8_string="")
    second["legibility"] = "legible"
    second.pop("utf8_string", None)
    third.update(legibility="illegible", utf8_string="FOUR")


def _blanks(records: Records) -> None:
    for text, spelt in zip(records["texts"], (" EXIT \n", "NO EXIT"), strict=False):
        text.update(legibility="legible", utf8_string=spelt)
    del records["texts"][2:]


def _signs(records: Records) -> None:
    for text, spelt in zip(records["texts"], ("85℃", f"{RESERVED_MARKS[0]}0>", 85), strict=False):
        text.update(legibility="legible", utf8_string=spelt)
    del records["texts"][3:]


def _boxes(records: Records) -> None:
    width, height = records["image"]["width"], records["image"]["height"]
    boxes = [
        [-0.6, -2, 52.6, 74.6],
        [width - 20.5, height - 10, 40, 40],
        [10, 10, 1, 0.5],
        [width + 10.0, 20.0, 40.0, 40.0],
        [10, 10, 20],
    ]
    for text, box in zip(records["texts"], boxes, strict=False):
        text["bbox"] = box
    del records["texts"][5:]


def _contradictions(records: Records) -> None:
    first, second = records["texts"] = records["texts"][:2]
    first["key"] = first["id"] + 5
    second["legibility"] = "hardly"


def _kinds(records: Records) -> None:
    first, second = records["texts"] = records["texts"][:2]
    first["language"] = "not english"
    del second["language"], second["class"]


def _other_picture(records: Records) -> None:
    del records["texts"][1:]
    records["texts"][0]["image_id"] += 1


def _other_folder(records: Records) -> None:
    records["image"]["file_name"] = records["image"]["file_name"].replace("train", "val")
    records["texts"] = []


def _other_key(records: Records) -> None:
    records["image"]["key"] = records["image"]["id"] + 1
    records["texts"] = []


def _other_set(records: Records) -> None:
    records["image"]["set"] = "minival"
    records["texts"] = []


RECORDS: Final[dict[str, Callable[[Records], None]]] = {
    "no_texts": _no_texts,
    "unread": _unread,
    "blanks": _blanks,
    "signs": _signs,
    "boxes": _boxes,
    "contradictions": _contradictions,
    "kinds": _kinds,
    "other_picture": _other_picture,
    "other_folder": _other_folder,
    "other_key": _other_key,
    "other_set": _other_set,
}
"""Changes what is said of one photograph, in place."""
