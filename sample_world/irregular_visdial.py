"""What is irregular in VisDial's dialogues, each about a picture of its own.

blanks            a question, an answer and a caption with blanks around them
non_ascii         an answer with a letter that is not ASCII
question_mark     questions that end as questions do
two_turns         a dialogue that ends after two turns
no_turns          a dialogue without any
empty_texts       a question that is empty, and an answer of blanks only
numbers_outside   a question and an answer whose numbers lie behind the end of their lists
numbers_below     a question and an answer whose numbers are below zero
answer_absent     no answer to the last question, as in the test part
caption_absent    no caption
reserved_mark     an answer with a mark of ours in it
repeated          another dialogue about the picture of `two_turns`
text_id           the picture's number is text
picture_absent    listed, but not in the archive
picture_grey      a JPEG without colours
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sample_world.irregular import PICTURES as VISUAL_GENOME_PICTURES
from schemas.token import RESERVED_MARKS

Told = dict[str, Any]
"""A dialogue as published, but with texts in place of the numbers of its questions and answers. A number
stays what it is."""

OUTSIDE: Final = 1_000_000
"""A number behind the end of any list of texts."""


def _blanks(told: Told) -> None:
    told["caption"] = f"  {told['caption']} "
    told["dialog"][0]["question"] += " "
    told["dialog"][1]["answer"] = f" {told['dialog'][1]['answer']}\t"


def _non_ascii(told: Told) -> None:
    told["dialog"][3]["answer"] += ", voilà"


def _question_mark(told: Told) -> None:
    told["dialog"][0]["question"] += "?"
    told["dialog"][1]["question"] += " ?"


def _two_turns(told: Told) -> None:
    del told["dialog"][2:]


def _no_turns(told: Told) -> None:
    told["dialog"].clear()


def _empty_texts(told: Told) -> None:
    told["dialog"][4]["question"] = ""
    told["dialog"][5]["answer"] = "  "


def _numbers_outside(told: Told) -> None:
    told["dialog"][8]["question"] = OUTSIDE
    told["dialog"][9]["answer"] = OUTSIDE


def _numbers_below(told: Told) -> None:
    told["dialog"][8]["question"] = -1
    told["dialog"][9]["answer"] = -1


def _answer_absent(told: Told) -> None:
    del told["dialog"][9]["answer"]


def _caption_absent(told: Told) -> None:
    del told["caption"]


def _reserved_mark(told: Told) -> None:
    told["dialog"][9]["answer"] += f" {RESERVED_MARKS[0]}0>"


def _unchanged(told: Told) -> None:
    """It stays as it is."""


def _text_id(told: Told) -> None:
    told["image_id"] = str(told["image_id"])


DIALOGUES: Final[dict[str, Callable[[Told], None]]] = {
    "blanks": _blanks,
    "non_ascii": _non_ascii,
    "question_mark": _question_mark,
    "two_turns": _two_turns,
    "no_turns": _no_turns,
    "empty_texts": _empty_texts,
    "numbers_outside": _numbers_outside,
    "numbers_below": _numbers_below,
    "answer_absent": _answer_absent,
    "caption_absent": _caption_absent,
    "reserved_mark": _reserved_mark,
    "repeated": _unchanged,
    "text_id": _text_id,
    "picture_absent": _unchanged,
    "picture_grey": _unchanged,
}
"""Changes what is said about one picture, in place. `repeated` is about another one's picture."""

PICTURES: Final = {name: VISUAL_GENOME_PICTURES[name] for name in ("picture_absent", "picture_grey")}
"""Makes the file of one picture; None: there is none."""
