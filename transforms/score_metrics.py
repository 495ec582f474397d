"""How one answer is scored against what is right: pure functions of text, without a model.

Answers are texts as `shards.vocabulary.Vocabulary.decode` writes them, less blanks around them. A region is
four location bins, `<bin_12> <bin_40> <bin_500> <bin_620>`: x0 y0 x1 y1 in shares of the picture's sides, so
that the IoU of bins is the IoU of the boxes in pixels, but for rounding to a bin.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

from schemas.token import LOCATION_BINS

_WORD: Final = re.compile(r"[a-z0-9]+")
_BIN: Final = r"<bin_([0-9]{1,4})>"
_BINS: Final = re.compile(_BIN)
_BOXES: Final = re.compile(rf"\s*(?:{_BIN}\s*)+")

ENOUGH_OVERLAP: Final = 0.5
"""IoU from which a region counts as found."""

_SAY_SO: Final = 3
"""People of the ten who gave an answer, for it to count in full (VQA, Antol et al. 2015)."""


class Region(NamedTuple):
    """A box in location bins, 0 to 999."""

    x0: int
    y0: int
    x1: int
    y1: int


def normalised(text: str) -> str:
    """An answer as `accuracy` compares it: NFC, lower case, blanks collapsed, one final period dropped.

    The published evaluation states no rule; this one is ours.
    """
    folded = " ".join(unicodedata.normalize("NFC", text).lower().split())
    return folded.removesuffix(".").rstrip()


def accuracy(answer: str, target: str) -> float:
    """1 if an answer is the target, both `normalised`; an empty answer is never right."""
    said = normalised(answer)
    return float(said != "" and said == normalised(target))


def prefix_accuracy(answer: str, target: str) -> float:
    """1 if an answer begins with the target, both stripped and in lower case.

    So scores the code that is published with InstrAug: `yes` is right where the answer is `yes, it is`, and
    where it is `yesterday`. Kept for comparison with its numbers.
    """
    wanted = target.strip().lower()
    return float(wanted != "" and answer.strip().lower().startswith(wanted))


def rouge_l(answer: str, target: str) -> float:
    """F1 of the longest common subsequence of words (Lin 2004), equal to `rougeL` of the package rouge-score.

    Words are runs of ASCII letters and digits in lower case, without stemming; 0 where nothing is common.
    """
    said, wanted = _WORD.findall(answer.lower()), _WORD.findall(target.lower())
    common = _longest_common(said, wanted)
    if not common:
        return 0.0
    precision, recall = common / len(said), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def _longest_common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, a row of the table at a time as bits (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    everything = (1 << len(one)) - 1
    bits = everything
    for word in other:
        matched = bits & places.get(word, 0)
        bits = ((bits + matched) | (bits - matched)) & everything
    return len(one) - bits.bit_count()


def regions(text: str) -> list[Region] | None:
    """The regions that an answer consists of; None if it is anything else, or has a bin that there is not."""
    if not _BOXES.fullmatch(text):
        return None
    bins = [int(number) for number in _BINS.findall(text)]
    if len(bins) % 4 or max(bins) >= LOCATION_BINS:
        return None
    return [Region(*bins[first : first + 4]) for first in range(0, len(bins), 4)]


def iou(one: Region, other: Region) -> float:
    """Intersection over union. Equal regions have 1, even if both are thinner than a bin."""
    if one == other:
        return 1.0
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (_area(one) + _area(other) - common)


def _area(region: Region) -> int:
    return max(0, region.x1 - region.x0) * max(0, region.y1 - region.y0)


def region_accuracy(answer: str, target: str, options: Sequence[str]) -> float:
    """1 if the option that an answer overlaps most is the target.

    The rule of MultiInstruct: the highest IoU decides, and an answer that overlaps no option is wrong. Ours:
    an answer that is not exactly one region is wrong, and of equal options the first as stored is meant.
    """
    said, known = regions(answer), [regions(option) for option in options]
    if said is None or len(said) != 1:
        return 0.0
    overlaps = [iou(said[0], option[0]) if option else 0.0 for option in known]
    best = max(overlaps, default=0.0)
    return float(best > 0 and options[overlaps.index(best)] == target)


def region_iou(answer: str, target: str) -> float:
    """IoU of the one region that an answer names with the target, 0 if it names no or several regions."""
    said, wanted = regions(answer), regions(target)
    if said is None or wanted is None or len(said) != 1 or len(wanted) != 1:
        return 0.0
    return iou(said[0], wanted[0])


def matching_f1(answer: str, target: str) -> float:
    """F1 of several regions: pairs are matched from the highest IoU down, and count from 0.5 on.

    Of equally good pairs the one with the earlier target is taken, then that with the earlier answer.
    """
    said, wanted = regions(answer), regions(target)
    if not said or not wanted:
        return 0.0
    pairs = sorted(
        (-iou(one, other), right, left)
        for left, one in enumerate(said)
        for right, other in enumerate(wanted)
        if iou(one, other) >= ENOUGH_OVERLAP
    )
    found: dict[int, int] = {}
    for _, right, left in pairs:
        if right not in found and left not in found.values():
            found[right] = left
    return 2 * len(found) / (len(said) + len(wanted))


def vqa_accuracy(answer: str, accepted: Sequence[str]) -> float:
    """Accuracy over the answers of several people (VQA, Antol et al. 2015), after our `normalised`.

    The mean over all ways to leave one person out of min(1, the others who said the same / 3). Its authors
    also fold articles, number words and punctuation, which is not done here.
    """
    said, given = normalised(answer), [normalised(one) for one in accepted]
    if not said or not given:
        return 0.0
    same = given.count(said)
    left_out = same * min(1.0, (same - 1) / _SAY_SO) + (len(given) - same) * min(1.0, same / _SAY_SO)
    return left_out / len(given)
