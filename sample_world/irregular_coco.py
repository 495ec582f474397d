"""What is irregular in COCO's files, each in a photograph of its own.

The photographs stand before the regular ones in every file, and there are as many at every scale:

    blanks              5 captions: outer blanks, a line break inside and at the end, double blanks, all
    spellings           4 captions: all upper case, quotes, no final period, only lower case
    seven_captions      7 captions
    six_captions        6 captions, the last of which repeats the first
    no_captions         a photograph that has none; 1 empty caption, 1 caption that is a number
    crowds              2 crowds, one with its mask as runs in a list, one as runs in a text
    boxes               1 box with a negative origin and 1 beyond the border, both partly inside;
                        1 of zero width, 1 of negative height, 1 wholly outside
    unknown_category    1 thing of a category that does not exist
    no_things           a photograph in which nothing is marked
    fewer_keys          a photograph without `date_captured` and `flickr_url`
    other_name          a photograph under the name of another division
    picture_absent      listed, but neither in its archive nor alone
    picture_grey        a JPEG without colours
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sample_world.coco_records import Records
from sample_world.irregular import PICTURES as VISUAL_GENOME_PICTURES


def _respell(records: Records, spoilers: list[Callable[[str], str]]) -> None:
    for caption, spoil in zip(records["captions"], spoilers, strict=False):
        caption["caption"] = spoil(caption["caption"])


def _blanks(records: Records) -> None:
    _respell(
        records,
        [
            lambda text: f" {text} ",
            lambda text: text.replace(" ", "\n", 1),
            lambda text: f"{text}\n",
            lambda text: text.replace(" ", "  "),
            lambda text: "  " + text.replace(" ", " \n ") + "\n\n",
        ],
    )


def _spellings(records: Records) -> None:
    _respell(
        records,
        [str.upper, lambda text: f'"{text}"', lambda text: text.removesuffix("."), str.lower],
    )


def _seven_captions(records: Records) -> None:
    records["captions"] = list(records["all captions"])


def _six_captions(records: Records) -> None:
    records["captions"] = records["all captions"][:6]
    records["captions"][5]["caption"] = records["captions"][0]["caption"]


def _no_captions(records: Records) -> None:
    records["captions"] = records["captions"][:2]
    records["captions"][0]["caption"] = " "
    records["captions"][1]["caption"] = 7


def _crowds(records: Records) -> None:
    height, width = records["image"]["height"], records["image"]["width"]
    runs = [height * (width // 2), height * width - height * (width // 2)]
    for thing, counts in zip(records["things"], (runs, "PX1:o_2"), strict=False):
        thing["iscrowd"] = 1
        thing["segmentation"] = {"counts": counts, "size": [height, width]}


def _boxes(records: Records) -> None:
    width, height = records["image"]["width"], records["image"]["height"]
    boxes = [
        [-12.5, -8.25, 60.0, 50.0],
        [width - 45.5, height - 40.25, 60.0, 50.0],
        [20.0, 20.0, 0.0, 40.0],
        [60.0, 60.0, 40.0, -40.0],
        [width + 10.0, 20.0, 40.0, 40.0],
    ]
    for thing, box in zip(records["things"], boxes, strict=False):
        thing["bbox"] = box


def _unknown_category(records: Records) -> None:
    records["things"][0]["category_id"] = 99


def _no_things(records: Records) -> None:
    records["things"] = []


def _fewer_keys(records: Records) -> None:
    del records["image"]["date_captured"], records["image"]["flickr_url"]


def _other_name(records: Records) -> None:
    records["image"]["file_name"] = records["image"]["file_name"].rpartition("_")[2]


RECORDS: Final[dict[str, Callable[[Records], None]]] = {
    "blanks": _blanks,
    "spellings": _spellings,
    "seven_captions": _seven_captions,
    "six_captions": _six_captions,
    "no_captions": _no_captions,
    "crowds": _crowds,
    "boxes": _boxes,
    "unknown_category": _unknown_category,
    "no_things": _no_things,
    "fewer_keys": _fewer_keys,
    "other_name": _other_name,
}
"""Changes what is said of one photograph, in place."""

PICTURES: Final = {name: VISUAL_GENOME_PICTURES[name] for name in ("picture_absent", "picture_grey")}
"""Makes the file of one photograph; None: there is none."""
