"""What is irregular in TextVQA's files, each in a picture of its own.

blanks            answers of which the one with most votes is spelt with and without blanks around
tie               answers of which two have most votes; the right one comes first
unanswerable      most people say that it cannot be answered
no_answers        a question without any answer, and one of blanks only
answers_absent    a question without the key, as in the file of the test part
no_words          a picture in which nothing was read
turned            a word that was found turned
words             1 word at the border, 1 outside the picture, 1 of no height, 1 empty, 1 null
other_picture     words of a picture that nobody asks about
bad_id            a picture whose id leads out of its folder
picture_absent    listed, but not in the archive
picture_half      half the declared width and height
picture_other_shape  half the declared height only
picture_grey      a JPEG without colours
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sample_world.irregular import PICTURES as VISUAL_GENOME_PICTURES

Records = dict[str, Any]
"""What is said of one picture: its two `questions`, and the one entry of what is `read` in it."""


def _right(records: Records) -> str:
    """The right answer to both questions."""
    word: str = records["read"][0]["ocr_tokens"][0]
    return word.lower()


def _answer(records: Records, position: int, answers: list[str]) -> None:
    records["questions"][position]["answers"] = answers


def _blanks(records: Records) -> None:
    word = _right(records)
    _answer(
        records, 0, [f" {word}", "sign", word, "sign", f"{word} ", "sign", f"{word}\n", "a sign", "", "no"]
    )


def _tie(records: Records) -> None:
    word = _right(records)
    _answer(records, 0, ["no", word, "sign", "sign", word, "sign", word, "a", "b", "c"])


def _unanswerable(records: Records) -> None:
    _answer(records, 0, ["unanswerable"] * 8 + ["answering does not require reading text in the image"] * 2)


def _no_answers(records: Records) -> None:
    _answer(records, 0, [])
    _answer(records, 1, ["", " "])


def _answers_absent(records: Records) -> None:
    del records["questions"][0]["answers"]


def _no_words(records: Records) -> None:
    records["read"][0].update(ocr_tokens=[], ocr_info=[])


def _turned(records: Records) -> None:
    records["read"][0]["ocr_info"][0]["bounding_box"].update(rotation=-1.5, yaw=-1.5)


def _words(records: Records) -> None:
    words = records["read"][0]["ocr_info"]
    changes: list[dict[str, Any]] = [
        {"top_left_x": 0.95, "width": 0.1},
        {"top_left_x": 1.05},
        {"height": 0.0},
        {},
        {},
    ]
    found = [{**words[0], "bounding_box": {**words[0]["bounding_box"], **change}} for change in changes]
    found[3]["word"], found[4]["word"] = "", None
    words[:] = found


def _other_picture(records: Records) -> None:
    records["read"].append({**records["read"][0], "image_id": "ffffffffffffffff"})


def _bad_id(records: Records) -> None:
    for one in (*records["questions"], *records["read"]):
        one["image_id"] = "../elsewhere"


RECORDS: Final[dict[str, Callable[[Records], None]]] = {
    "blanks": _blanks,
    "tie": _tie,
    "unanswerable": _unanswerable,
    "no_answers": _no_answers,
    "answers_absent": _answers_absent,
    "no_words": _no_words,
    "turned": _turned,
    "words": _words,
    "other_picture": _other_picture,
    "bad_id": _bad_id,
}
"""Changes what is said of one picture, in place."""

PICTURES: Final = {
    name: VISUAL_GENOME_PICTURES[name]
    for name in ("picture_absent", "picture_half", "picture_other_shape", "picture_grey")
}
"""Makes the file of one picture; None: there is none."""
