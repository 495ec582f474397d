"""What is irregular in GQA's questions: of each kind two of one picture, the second as it should be.

other_picture     its picture has a number that begins with `n`
number            the picture's number is a number, not a text
blanks            question and answer with blanks around
unbalanced        it says that it does not belong to the balanced ones
no_types          it does not say how it is composed
empty_answer      its answer is empty
reserved_mark     its question holds a mark that nobody else may use
malformed         its question is null
repeated_key      it stands under the key of the question behind it
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from schemas.token import RESERVED_MARKS

Pairs = list[tuple[str, dict[str, Any]]]
"""Keys and questions of one picture."""


def _changed(**columns: object) -> Callable[[Pairs], None]:
    return lambda pairs: pairs[0][1].update(columns)


def _number(pairs: Pairs) -> None:
    asked = pairs[0][1]
    asked["imageId"] = int(asked["imageId"])


def _blanks(pairs: Pairs) -> None:
    asked = pairs[0][1]
    asked["question"] = f" {asked['question']}\n"
    asked["answer"] = f"{asked['answer']} "


def _no_types(pairs: Pairs) -> None:
    del pairs[0][1]["types"]


def _reserved_mark(pairs: Pairs) -> None:
    pairs[0][1]["question"] += f" {RESERVED_MARKS[0]}0>"


def _repeated_key(pairs: Pairs) -> None:
    pairs[0] = (pairs[1][0], pairs[0][1])


QUESTIONS: Final[dict[str, Callable[[Pairs], None]]] = {
    "other_picture": _changed(imageId="n161313"),
    "number": _number,
    "blanks": _blanks,
    "unbalanced": _changed(isBalanced=False),
    "no_types": _no_types,
    "empty_answer": _changed(answer=""),
    "reserved_mark": _reserved_mark,
    "malformed": _changed(question=None),
    "repeated_key": _repeated_key,
}
"""Changes the first of the questions, in place."""
