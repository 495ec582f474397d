"""What is irregular in Visual Genome's files, each in a scene of its own.

The scenes stand before the regular ones in every file, so that they fall into the training split,
and there are as many at every scale. In the records of layout 1.2:

    blanks              5 phrases: outer blanks, a newline, a tab, double blanks, all of these; cleaned,
                        each is what it was
    non_ascii           3 phrases: a composed and a decomposed accent, a character beyond 16 bits
    predicates          one in upper case, one with a trailing blank, one empty
    attributes_absent   2 entries of attributes without the key; 2 objects with empty synsets
    no_regions          a picture that has none
    duplicates          1 region repeated under a new id; 1 with the same box and another phrase; 1 phrase
                        said of two boxes, and true of both
    boxes               regions: 1 with a negative origin and 1 beyond the border, both partly inside;
                        1 of zero width, 1 of negative width, 1 wholly outside
    text_numbers        1 region whose numbers are text
    same_box            1 relation of a thing to itself
    repeated_relation   1 relation repeated under a new id
    no_period           1 answer without its final period
    reserved_marks      1 phrase for each of RESERVED_MARKS
    empty_phrases       1 empty phrase, 1 of blanks only
    malformed           1 region whose phrase is a number, 1 whose phrase is null
    picture_absent      listed, but not in its archive
    picture_truncated   a JPEG without its last third
    picture_half        half the declared width and height
    picture_other_shape half the declared height only
    picture_png         PNG under the name of a JPEG
    picture_grey        a JPEG without colours
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from PIL import Image

from sample_world.draw import encoded
from schemas.token import RESERVED_MARKS

Records = dict[str, Any]
"""The records of one picture in layout 1.2, by name of the file."""


def _regions(records: Records) -> list[dict[str, Any]]:
    regions: list[dict[str, Any]] = records["region_descriptions"]["regions"]
    return regions


def _relationships(records: Records) -> list[dict[str, Any]]:
    relationships: list[dict[str, Any]] = records["relationships"]["relationships"]
    return relationships


def _add_region(records: Records, phrase: object, box: tuple[int, int, int, int]) -> None:
    """Adds a region; `box` is x, y, width, height."""
    regions = _regions(records)
    x, y, width, height = box
    changes = {"phrase": phrase, "x": x, "y": y, "width": width, "height": height}
    regions.append({**regions[-1], **changes, "region_id": regions[-1]["region_id"] + 1})


def _blanks(records: Records) -> None:
    spoilers: list[Callable[[str], str]] = [
        lambda phrase: f"  {phrase} ",
        lambda phrase: phrase.replace(" ", "\n", 1),
        lambda phrase: phrase.replace(" ", "\t", 1),
        lambda phrase: phrase.replace(" ", "  "),
        lambda phrase: "\n" + phrase.replace(" ", " \t ") + "\r\n",
    ]
    for region, spoil in zip(_regions(records), spoilers, strict=False):
        region["phrase"] = spoil(region["phrase"])


def _non_ascii(records: Records) -> None:
    for region, word in zip(_regions(records), ("voilà", "voila\u0300", "\U0001f440"), strict=False):
        region["phrase"] += f" {word}"


def _predicates(records: Records) -> None:
    first, second, third = _relationships(records)[-3:]
    first["predicate"] = first["predicate"].upper()
    second["predicate"] += " "
    third["predicate"] = ""


def _attributes_absent(records: Records) -> None:
    for entry in records["attributes"]["attributes"][:2]:
        del entry["attributes"]
    for entry in records["objects"]["objects"][:2]:
        entry["synsets"] = []


def _no_regions(records: Records) -> None:
    _regions(records).clear()


def _duplicates(records: Records) -> None:
    first, second = (
        (thing["x"], thing["y"], thing["w"], thing["h"]) for thing in records["objects"]["objects"][:2]
    )
    _add_region(records, "a coloured thing", first)
    _add_region(records, "a coloured thing", second)
    _add_region(records, "something with a colour", first)
    _add_region(records, "something with a colour", first)


def _boxes(records: Records) -> None:
    width, height = records["image_data"]["width"], records["image_data"]["height"]
    _add_region(records, "the upper left corner", (-15, -10, 60, 50))
    _add_region(records, "the lower right corner", (width - 45, height - 40, 60, 50))
    _add_region(records, "a line without width", (20, 20, 0, 40))
    _add_region(records, "a box turned inside out", (60, 20, -40, 40))
    _add_region(records, "a place outside", (width + 10, height + 10, 40, 40))


def _text_numbers(records: Records) -> None:
    region = _regions(records)[-1]
    for key in ("region_id", "image_id", "x", "y", "width", "height"):
        region[key] = str(region[key])


def _same_box(records: Records) -> None:
    relationship = _relationships(records)[-1]
    relationship["object"] = dict(relationship["subject"])


def _repeated_relation(records: Records) -> None:
    last = _relationships(records)[-1]
    _relationships(records).append({**last, "relationship_id": last["relationship_id"] + 1})


def _no_period(records: Records) -> None:
    question = records["question_answers"]["qas"][0]
    question["answer"] = question["answer"].removesuffix(".")


def _reserved_marks(records: Records) -> None:
    for mark in RESERVED_MARKS:
        _add_region(records, f"a sign that says {mark}0>", (20, 20, 60, 50))


def _empty_phrases(records: Records) -> None:
    _add_region(records, "", (20, 20, 60, 50))
    _add_region(records, " \n ", (30, 20, 60, 50))


def _malformed(records: Records) -> None:
    _add_region(records, 7, (20, 20, 60, 50))
    _add_region(records, None, (30, 20, 60, 50))


RECORDS: Final[dict[str, Callable[[Records], None]]] = {
    "blanks": _blanks,
    "non_ascii": _non_ascii,
    "predicates": _predicates,
    "attributes_absent": _attributes_absent,
    "no_regions": _no_regions,
    "duplicates": _duplicates,
    "boxes": _boxes,
    "text_numbers": _text_numbers,
    "same_box": _same_box,
    "repeated_relation": _repeated_relation,
    "no_period": _no_period,
    "reserved_marks": _reserved_marks,
    "empty_phrases": _empty_phrases,
    "malformed": _malformed,
}
"""Changes the records of one picture, in place."""


def _truncated(picture: Image.Image) -> bytes:
    whole = encoded(picture)
    return whole[: len(whole) * 2 // 3]


def _half(picture: Image.Image) -> bytes:
    return encoded(picture.resize((picture.width // 2, picture.height // 2)))


def _other_shape(picture: Image.Image) -> bytes:
    return encoded(picture.resize((picture.width, picture.height // 2)))


PICTURES: Final[dict[str, Callable[[Image.Image], bytes | None]]] = {
    "picture_absent": lambda _: None,
    "picture_truncated": _truncated,
    "picture_half": _half,
    "picture_other_shape": _other_shape,
    "picture_png": lambda picture: encoded(picture, "PNG"),
    "picture_grey": lambda picture: encoded(picture.convert("L")),
}
"""Makes the file of one picture; None: there is none."""
