"""Whether answers name things that the picture does not have, as far as it is annotated.

After CHAIR (Rohrbach et al. 2018, "Object Hallucination in Image Captioning"), which compares captions with
80 kinds of objects. Here the kinds are the names of all things that are annotated in the photographs of the
same task. Annotations are not complete and know few synonyms, so the share is a lower bound, good for
comparing models over the same rows and for nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from schemas.evaluation import Truthfulness
from transforms.score_metrics import normalised

CAPTIONS: Final = frozenset({"image_captioning", "grounded_captioning", "referring_expression_generation"})
"""Tasks whose answer describes what is to be seen."""

YES: Final = "yes"

_WORD: Final = re.compile(r"[^\W_]+")
_LONGEST_NAME: Final = 3
"""Words of a name at most, such as `red traffic light`."""


def of_rows(task: str, answers: Iterable[str], right: Sequence[dict[str, Any]]) -> Truthfulness | None:
    """The truthfulness of answers to the rows of a task, which are as `ANSWERS`.

    A caption names what it says. An answer of yes, where no is an option too, affirms what the row asks.

    Returns:
        None if the task asks for neither, or no photograph has annotations.
    """
    counted = named = absent = 0
    kinds = {_folded(name) for row in right for name in row["things"] or ()}
    for answer, row in zip(answers, right, strict=True):
        said = _said(task, answer, row)
        if said is None or row["things"] is None:
            continue
        counted += 1
        there = {_folded(name) for name in row["things"]}
        # `cup` is there where a `red cup` is.
        there |= {name[-1:] for name in there}
        found = _names_in(said, kinds)
        named += len(found)
        absent += len([name for name in found if name not in there])
    if not counted:
        return None
    return Truthfulness(
        answers=counted, named=named, absent=absent, share=1 - absent / named if named else None
    )


def _said(task: str, answer: str, row: dict[str, Any]) -> str | None:
    """What an answer claims to be in the picture; None if it claims nothing of the kind."""
    if task in CAPTIONS:
        return answer
    options = {normalised(option) for option in row["options"]}
    return row["asked"] if {YES, "no"} <= options and normalised(answer) == YES else None


def _folded(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case and in the singular as far as a final s tells."""
    return tuple(_singular(word) for word in _WORD.findall(name.lower()))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > len("gas") and word.endswith("s") and not word.endswith("ss") else word


def _names_in(text: str, kinds: set[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The different names in a text, the longest at each place, in order."""
    words = _folded(text)
    found: dict[tuple[str, ...], None] = {}
    place = 0
    while place < len(words):
        for length in range(_LONGEST_NAME, 0, -1):
            name = words[place : place + length]
            if len(name) == length and name in kinds:
                found[name] = None
                place += length - 1
                break
        place += 1
    return list(found)
