"""How far one gets without looking at the picture.

A task that can be answered from its words alone teaches and measures nothing of what is seen. All
arithmetic is in whole numbers, so that the figures are the same on every machine.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from schemas.audit import Guess
from transforms.plain_words import plain

_FITTED: Final = 1_000
_SCORED: Final = 1_000
_EPOCHS: Final = 3
_BITS: Final = 16
_CANDIDATES: Final = 10
"""Answers that the classifier considers where a task offers none."""
_MOST_WORDS: Final = 60

Features = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Features of all candidates one after the other, and where those of each begin."""


class Exercise(NamedTuple):
    """A row as one sees it who has no picture.

    Attributes:
        question: all texts that it shows.
        options: the answers to choose from, or none.
        areas: square pixels of the region that each option is, where options are regions.
        half: 0 or 1, the same for all rows of a picture.
    """

    question: str
    options: tuple[str, ...]
    target: str
    areas: tuple[float, ...]
    half: int


Guesser = Callable[[Exercise], str]


def ways(fitted: Sequence[Exercise], scored: Sequence[Exercise]) -> dict[str, Guess]:
    """What each way to guess scores.

    Args:
        fitted: rows to learn from, in drawn order; the first 1,000 are used by the classifier.
        scored: rows to guess, the first 1,000.
    """
    scored = scored[:_SCORED]
    return {name: _scored(guesser, scored) for name, guesser in _guessers(fitted, scored)}


def together(one: dict[str, Guess], other: dict[str, Guess]) -> dict[str, Guess]:
    """The scores of two halves as those of the whole."""
    return {
        name: guess(*(one[name].rows + other[name].rows, one[name].right + other[name].right))
        for name in one
        if name in other
    }


def guess(rows: int, right: int) -> Guess:
    """A score."""
    return Guess(rows=rows, right=right, accuracy=round(right / rows, 4) if rows else 0.0)


def _scored(guesser: Guesser, rows: Sequence[Exercise]) -> Guess:
    return guess(len(rows), sum(guesser(row) == row.target for row in rows))


def _guessers(fitted: Sequence[Exercise], scored: Sequence[Exercise]) -> Iterator[tuple[str, Guesser]]:
    if fitted:
        counted = Counter(row.target for row in fitted)
        yield "majority", lambda row: _most_frequent(row, counted)
        yield "frequent_for_question", _by_question(fitted, counted)
        yield "words", _Words(fitted[:_FITTED], counted).guess
    if all(row.options for row in scored):
        yield "first_option", lambda row: row.options[0]
        if all(row.areas for row in scored):
            yield "largest_region", lambda row: row.options[row.areas.index(max(row.areas))]
        else:
            yield "longest_option", lambda row: max(row.options, key=len)


def _most_frequent(row: Exercise, counted: Counter[str]) -> str:
    """The option that is most often the answer, the first of several; without options, the answer."""
    if row.options:
        return max(row.options, key=lambda option: counted[option])
    return min(counted, key=lambda answer: (-counted[answer], answer))


def _by_question(fitted: Sequence[Exercise], counted: Counter[str]) -> Guesser:
    asked: dict[str, Counter[str]] = defaultdict(Counter)
    for row in fitted:
        asked[row.question][row.target] += 1

    def answer(row: Exercise) -> str:
        known = asked.get(row.question)
        if known is None or (row.options and not known.keys() & set(row.options)):
            return _most_frequent(row, counted)
        return _most_frequent(row, known)

    return answer


class _Words:
    """An averaged perceptron that ranks answers by hashed words of question and answer."""

    def __init__(self, fitted: Sequence[Exercise], counted: Counter[str]) -> None:
        frequent = sorted(counted, key=lambda answer: (-counted[answer], answer))
        self._frequent = tuple(frequent[:_CANDIDATES])
        weights = np.zeros(1 << _BITS, np.int64)
        later = np.zeros(1 << _BITS, np.int64)
        rows = [
            (self._features(row), candidates.index(row.target))
            for row in fitted
            if row.target in (candidates := self._candidates(row))
        ]
        moment = 1
        for _ in range(_EPOCHS):
            for features, right in rows:
                found = _best(weights, features)
                if found != right:
                    for candidate, sign in ((right, 1), (found, -1)):
                        np.add.at(weights, _of(features, candidate), sign)
                        np.add.at(later, _of(features, candidate), sign * moment)
                moment += 1
        self._weights = weights * moment - later

    def guess(self, row: Exercise) -> str:
        """The answer of the highest rank."""
        return self._candidates(row)[_best(self._weights, self._features(row))]

    def _candidates(self, row: Exercise) -> tuple[str, ...]:
        return row.options or self._frequent

    def _features(self, row: Exercise) -> Features:
        candidates = self._candidates(row)
        asked = _known(row.question)
        lengths = sorted(candidates, key=len)
        sizes = sorted(row.areas)
        parts = []
        for place, candidate in enumerate(candidates):
            words = _known(candidate)
            whole = _hashed(candidate)
            facts = [
                whole,
                _hashed(f"length {lengths.index(candidate)}"),
                _hashed(f"in common {min(5, len(np.intersect1d(asked, words)))}"),
            ]
            if row.areas:
                facts.append(_hashed(f"size {sizes.index(row.areas[place])}"))
            # Each word of the question together with the whole answer; below 2^50, so nothing overflows.
            crossed = (asked * 2 + 1) * (whole * 2 + 1) % ((1 << 31) - 1)
            parts.append(np.concatenate([np.array(facts, np.int64), words, crossed]) % (1 << _BITS))
        starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
        return np.concatenate(parts), starts.astype(np.int64)


def _best(weights: npt.NDArray[np.int64], features: Features) -> int:
    values, starts = features
    return int(np.add.reduceat(weights[values], starts).argmax())


def _of(features: Features, candidate: int) -> npt.NDArray[np.int64]:
    values, starts = features
    end = starts[candidate + 1] if candidate + 1 < len(starts) else len(values)
    return values[starts[candidate] : end]


def _known(text: str) -> npt.NDArray[np.int64]:
    """The different words of a text as numbers below 2^24."""
    words = dict.fromkeys(plain(text).split()[:_MOST_WORDS])
    return np.array([_hashed(word) for word in words], np.int64)


def _hashed(text: str) -> int:
    return crc32(text.encode()) >> 8
