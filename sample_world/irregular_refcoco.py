"""What is irregular in RefCOCO's files, each in a photograph of its own, of which COCO knows nothing.

The photographs stand before the regular ones in RefCOCO itself, and there are as many at every scale:

    no_references       a photograph in which nothing is pointed out
    spellings           6 sentences: outer blanks, a line break, accents, two that are equal, one of blanks
                        only
    reserved_mark       1 sentence that holds one
    malformed           1 reference whose picture is a text, 1 with a sentence that is a number
    unknown_object      1 reference to a thing that is not listed
    other_picture       1 reference to a thing of another picture
    unknown_split       1 reference of a split that does not exist
    unknown_category    1 thing without category, 1 of one that does not exist; both are pointed out
    boxes               a thing with a negative origin, one without width; both are pointed out
    crowd               1 crowd, which is pointed out
    other_name          a photograph under the name that its reference has
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from schemas.token import RESERVED_MARKS

Records = dict[str, Any]
"""What RefCOCO says of one photograph: `image`, and the lists `things` and `references`: three, of two
sentences each."""


def _no_references(records: Records) -> None:
    records["references"] = []


def _respell(records: Records, texts: list[Any]) -> None:
    sentences = [sentence for reference in records["references"] for sentence in reference["sentences"]]
    for sentence, text in zip(sentences, texts, strict=False):
        sentence["raw"] = text


def _spellings(records: Records) -> None:
    _respell(records, [" the thing ", "a\nthing", "thing for café crème", "it", "it", "  "])


def _reserved_mark(records: Records) -> None:
    _respell(records, [f"{RESERVED_MARKS[0]}0> of it"])


def _malformed(records: Records) -> None:
    _respell(records, [7])
    records["references"][1]["image_id"] = str(records["image"]["id"])


def _unknown_object(records: Records) -> None:
    records["references"][0]["ann_id"] += 9


def _other_picture(records: Records) -> None:
    records["references"][0]["image_id"] += 1


def _unknown_split(records: Records) -> None:
    records["references"][0]["split"] = "testC"


def _pointed_out(records: Records) -> list[dict[str, Any]]:
    things = {thing["id"]: thing for thing in records["things"]}
    return [things[reference["ann_id"]] for reference in records["references"]]


def _unknown_category(records: Records) -> None:
    first, second, _ = _pointed_out(records)
    first["category_id"], second["category_id"] = None, 99


def _boxes(records: Records) -> None:
    first, second, _ = _pointed_out(records)
    first["bbox"], second["bbox"] = [5.5, -12.0, 60.0, 50.0], [20.0, 20.0, 0.0, 40.0]


def _crowd(records: Records) -> None:
    _pointed_out(records)[0]["iscrowd"] = 1


def _other_name(records: Records) -> None:
    image = records["image"]
    image["file_name"] = image["file_name"].replace(".jpg", "_0.jpg")


RECORDS: Final[dict[str, Callable[[Records], None]]] = {
    "no_references": _no_references,
    "spellings": _spellings,
    "reserved_mark": _reserved_mark,
    "malformed": _malformed,
    "unknown_object": _unknown_object,
    "other_picture": _other_picture,
    "unknown_split": _unknown_split,
    "unknown_category": _unknown_category,
    "boxes": _boxes,
    "crowd": _crowd,
    "other_name": _other_name,
}
"""Changes what is said of one photograph, in place."""
