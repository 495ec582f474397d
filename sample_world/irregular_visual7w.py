"""What is irregular in Visual7W's files, each in a picture of its own.

minus_one          a box that begins at -1, -1; the only answer to its question
box_of_two_images  a box that questions of two pictures name; the other is the picture of `minus_one`
box_of_no_image    a box that no question names and that names no picture
no_such_box        a wrong answer that is no box
boxes              1 box of no width, 1 outside the picture, 1 with an empty name
blanks             a telling question and its answer with blanks around and a line break inside
repeated_choice    a telling question whose first wrong answer is its answer in upper case
empty_answer       a telling question with an empty answer, and one with an empty wrong answer
repeated_id        2 telling questions of one id
malformed          a telling question whose answer is a number, a pointing one whose answer is null
other_split        a picture of a part that does not exist
not_in_visual_genome  a picture that Visual Genome does not list
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Records = dict[str, Any]
"""What the files say of one picture: its entries in `telling` and `pointing`, and its `boxes`."""

UNLISTED: Final = 999_999_999
"""The number of the picture that Visual Genome does not list."""

SHARED_BOX: Final = 900_000_001
"""The box that questions of two pictures name."""


def _told(records: Records) -> list[dict[str, Any]]:
    questions: list[dict[str, Any]] = records["telling"]["qa_pairs"]
    return questions


def _pointed(records: Records) -> list[dict[str, Any]]:
    questions: list[dict[str, Any]] = records["pointing"]["qa_pairs"]
    return questions


def _box(number: int, name: str, box: tuple[int, int, int, int]) -> dict[str, Any]:
    x, y, width, height = box
    return {"box_id": number, "name": name, "x": x, "y": y, "width": width, "height": height}


def _minus_one(records: Records) -> None:
    number = 900_000_000
    records["boxes"].append(_box(number, "upper left corner", (-1, -1, 21, 21)))
    _pointed(records)[0].update(question="Which part is the upper left corner?", answer=number)
    records["boxes"].append(_box(SHARED_BOX, "lower edge", (20, 20, 40, 40)))
    _pointed(records)[1]["multiple_choices"][0] = SHARED_BOX


def _box_of_two_images(records: Records) -> None:
    _pointed(records)[1]["multiple_choices"][0] = SHARED_BOX


def _box_of_no_image(records: Records) -> None:
    records["boxes"].append(_box(900_000_002, "thing", (20, 20, 40, 40)))


def _no_such_box(records: Records) -> None:
    _pointed(records)[0]["multiple_choices"][0] = 900_000_003


def _boxes(records: Records) -> None:
    first, second, third = records["boxes"][:3]
    first["width"] = 0
    second["x"] = 5_000
    third["name"] = " "


def _blanks(records: Records) -> None:
    asked = _told(records)[0]
    asked["question"] = f" {asked['question'].replace(' ', chr(10), 1)}  "
    asked["answer"] = f" {asked['answer']} "


def _repeated_choice(records: Records) -> None:
    asked = _told(records)[0]
    asked["multiple_choices"][0] = asked["answer"].upper()


def _empty_answer(records: Records) -> None:
    first, second = _told(records)[:2]
    first["answer"] = ""
    second["multiple_choices"][0] = " "


def _repeated_id(records: Records) -> None:
    first, second = _told(records)[:2]
    second["qa_id"] = first["qa_id"]


def _malformed(records: Records) -> None:
    _told(records)[0]["answer"] = 7
    _pointed(records)[0]["answer"] = None


def _other_split(records: Records) -> None:
    for name in ("telling", "pointing"):
        records[name]["split"] = "extra"


def _not_in_visual_genome(records: Records) -> None:
    for name in ("telling", "pointing"):
        records[name]["image_id"] = UNLISTED
        for asked in records[name]["qa_pairs"]:
            asked["image_id"] = UNLISTED
    for box in records["boxes"]:
        box.pop("image_id", None)


RECORDS: Final[dict[str, Callable[[Records], None]]] = {
    "minus_one": _minus_one,
    "box_of_two_images": _box_of_two_images,
    "box_of_no_image": _box_of_no_image,
    "no_such_box": _no_such_box,
    "boxes": _boxes,
    "blanks": _blanks,
    "repeated_choice": _repeated_choice,
    "empty_answer": _empty_answer,
    "repeated_id": _repeated_id,
    "malformed": _malformed,
    "other_split": _other_split,
    "not_in_visual_genome": _not_in_visual_genome,
}
"""Changes what is said of one picture, in place."""
