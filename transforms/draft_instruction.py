"""A draft of an instruction, tried on real instances before anybody writes it into a file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from instructions.load import load_draft
from instructions.render import RegionSlot, Slot, Wording, parse
from schemas.token import SOURCE_LIMIT, region_reference
from shards.prepare import prepare
from shards.vocabulary import Vocabulary
from transforms.lake import member, whole
from transforms.show import Shown, drawn_under, load_known
from transforms.steps_shards import ASSEMBLED

MEASURED: Final = 1_000
"""Instances whose prompts are measured, drawn."""

_WORD: Final = re.compile(r"\{\w+\}|<region_\d+>|\w+(?:'\w+)?")


@dataclass(frozen=True)
class Sibling:
    """An instruction that the task has, and how close the draft is to it, see `closeness`."""

    closeness: float
    text: str


@dataclass(frozen=True)
class Lengths:
    """Ids of the prompts, `<s>` and `</s>` counted.

    Attributes:
        rows: how many instances were measured.
        too_long: how many of them have more than `SOURCE_LIMIT` ids.
    """

    rows: int
    fewest: int
    median: int
    most: int
    too_long: int


@dataclass(frozen=True)
class Tried:
    """What is known of a draft that would be accepted.

    Attributes:
        slots: what it shows, in its own order.
        glued: those of them that do not stand between blanks, so that the prompt is encoded whole.
        shown: instances, each with the draft's one prompt.
        siblings: the task's instructions, the closest first.
        lengths: None where the build has no vocabulary.
    """

    task: str
    slots: list[str]
    glued: list[str]
    shown: list[Shown]
    siblings: list[Sibling]
    lengths: Lengths | None

    def as_dict(self) -> dict[str, Any]:
        """For a program to read."""
        return {
            "task": self.task,
            "slots": self.slots,
            "glued": self.glued,
            "renderings": [
                {"uid": one.uid, "prompt": one.prompts[0], "target": one.target} for one in self.shown
            ],
            "siblings": [asdict(sibling) for sibling in self.siblings],
            "ids": asdict(self.lengths) if self.lengths else None,
        }


def try_draft(lake: Path, task: str, text: str, count: int, seed: int, own: Path | None = None) -> Tried:
    """Renders a draft with instances of the current build, and measures it.

    Args:
        count: how many renderings.
        own: folder of instructions laid over the shipped ones, beside which the draft would stand.

    Raises:
        BuildError: an instruction file with this draft in it would be refused, or nothing is built.
    """
    known = load_known(task, own)
    draft = load_draft(task, text, own)
    (wording,) = draft.wordings
    build = whole(lake)
    shown = drawn_under(lake, draft, max(count, MEASURED), seed)
    assembled = member(lake, build, ASSEMBLED)
    lengths = None
    if assembled is not None and shown:
        vocabulary = Vocabulary.load(assembled.path(""))
        prepare(draft, vocabulary)
        lengths = _lengths(shown[:MEASURED], vocabulary)
    siblings = [Sibling(round(closeness(text, other.text), 3), other.text) for other in known.wordings]
    return Tried(
        task,
        list(wording.slot_names),
        [_written(slot) for slot in wording.slots if _is_glued(wording, slot)],
        shown[:count],
        sorted(siblings, key=lambda sibling: -sibling.closeness),
        lengths,
    )


def closeness(one: str, other: str) -> float:
    """How close two instructions are, from 0 to 1: 1 less the share of words that have to be changed.

    It is 1 − d / n, where d is the least number of words to be put in, taken out or replaced
    (Levenshtein's distance over words), and n is the number of words of the longer one. Case and
    punctuation make no difference; a slot is a word.
    """
    left, right = _words(one), _words(other)
    row = list(range(len(right) + 1))
    for place, word in enumerate(left, start=1):
        corner, row[0] = row[0], place
        for column, against in enumerate(right, start=1):
            corner, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, corner + (word != against)),
            )
    return 1 - row[-1] / max(len(left), len(right), 1)


def _words(text: str) -> Sequence[str]:
    return _WORD.findall(text.casefold())


def _written(slot: Slot) -> str:
    return region_reference(slot.index) if isinstance(slot, RegionSlot) else f"{{{slot.name}}}"


def _is_glued(wording: Wording, slot: Slot) -> bool:
    """Whether a slot touches a letter or a mark, as the parser sees it."""
    start = wording.text.index(_written(slot))
    around = wording.text[max(0, start - 1) : start + len(_written(slot)) + 1]
    return not parse(around).spliceable


def _lengths(shown: Sequence[Shown], vocabulary: Vocabulary) -> Lengths:
    counts = []
    for one in shown:
        # Every box is four ids, whichever they are.
        bins = np.zeros((len(one.regions), 4), np.int64)
        counts.append(2 + len(vocabulary.encode_marked(f" {one.prompts[0]}", bins)))
    return Lengths(
        len(counts),
        min(counts),
        round(median(counts)),
        max(counts),
        sum(count > SOURCE_LIMIT for count in counts),
    )
