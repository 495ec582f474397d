"""What is irregular in the lines of Hateful Memes, each about a picture of its own.

unlabelled       no label, as in the first copies of the publisher's file
blanks           words with blanks around them, a line break and a double blank
quotes           words in quotes, with letters that are not ASCII
no_words         a picture without words
repeated         the picture of `blanks` again, with other words and the other label
bad_address      a picture whose name leads out of its folder
other_number     a picture whose name has another number than the meme
text_label       a label that is text
other_label      a label that is neither 0 nor 1
words_absent     no key for the words
reserved_mark    words with a mark of ours among them
picture_absent   listed, but not among the pictures
picture_truncated  a picture without its last third
picture_grey     a JPEG without colours, under the name of a PNG
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sample_world.irregular import PICTURES as VISUAL_GENOME_PICTURES
from schemas.token import RESERVED_MARKS

Line = dict[str, Any]
"""What is said of one picture: `id`, `img`, `label` and `text`."""


def _unlabelled(line: Line) -> None:
    del line["label"]


def _blanks(line: Line) -> None:
    line["text"] = f" {line['text'].replace(' ', chr(10), 1).replace(' ', '  ', 1)} "


def _quotes(line: Line) -> None:
    line["text"] = f'"{line["text"]}", voilà'


def _no_words(line: Line) -> None:
    line["text"] = ""


def _repeated(line: Line) -> None:
    # The picture of `blanks` is three before this one's.
    line.update(id=line["id"] - 3, img=f"img/{line['id'] - 3:05}.png", label=1 - line["label"])


def _bad_address(line: Line) -> None:
    line["img"] = f"img/../{line['img']}"


def _other_number(line: Line) -> None:
    line["id"] += 50_000


def _text_label(line: Line) -> None:
    line["label"] = str(line["label"])


def _other_label(line: Line) -> None:
    line["label"] = 2


def _words_absent(line: Line) -> None:
    del line["text"]


def _reserved_mark(line: Line) -> None:
    line["text"] += f" {RESERVED_MARKS[0]}0>"


LINES: Final[dict[str, Callable[[Line], None]]] = {
    "unlabelled": _unlabelled,
    "blanks": _blanks,
    "quotes": _quotes,
    "no_words": _no_words,
    "repeated": _repeated,
    "bad_address": _bad_address,
    "other_number": _other_number,
    "text_label": _text_label,
    "other_label": _other_label,
    "words_absent": _words_absent,
    "reserved_mark": _reserved_mark,
}
"""Changes the line of one picture, in place."""

PICTURES: Final = {
    name: VISUAL_GENOME_PICTURES[name] for name in ("picture_absent", "picture_truncated", "picture_grey")
}
"""Makes the file of one picture; None: there is none."""
