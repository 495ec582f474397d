"""Exercises in words alone: something is done with two words, as a definition says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from sample_world.scenes import WORDS

_LATIN: Final = ("nullus", "unus", "duo", "tres", "quattuor", "quinque", "sex", "septem", "octo")


class Kind(NamedTuple):
    """A kind of exercise.

    Attributes:
        name: short, for the name of its file.
        category: as the dataset calls such tasks.
        definition: what is to be done.
        answers: every right answer for a text.
        part: the list that has it.
        language: language of the answers.
    """

    name: str
    category: str
    definition: str
    answers: Callable[[str], list[str]]
    part: str = "train"
    language: str = "English"


def text(number: int) -> str:
    """The text of an exercise: two different words. No two of the first 1,260 texts are the same."""
    first = number % len(WORDS)
    return f"{WORDS[first]} {WORDS[(first + 1 + number // len(WORDS)) % len(WORDS)]}"


def _first_letters(words: str) -> list[str]:
    first, second = (word[0] for word in words.split())
    return [f"{first}{second}", f"{first} {second}"]


def _vowels(words: str) -> int:
    return sum(letter in "AEIOU" for letter in words)


KINDS: Final = (
    Kind("reverse", "Text Modification", "Write the text backwards.", lambda words: [words[::-1]]),
    Kind(
        "swap_words",
        "Text Modification",
        "You are given two words. Write the second one first.",
        lambda words: [" ".join(words.split()[::-1])],
    ),
    Kind("first_letters", "Misc.", "Write the first letter of each of the two words.", _first_letters),
    Kind(
        "lower_case", "Text Modification", "Write the text in small letters.", lambda words: [words.lower()]
    ),
    Kind(
        "letter_a",
        "Answerability Classification",
        'Does the text hold the letter A? Answer "yes" or "no".',
        lambda words: ["yes" if "A" in words else "no"],
        part="test",
    ),
    Kind(
        "alphabet",
        "Word Analogy",
        "Which of the two words comes first in the alphabet?",
        lambda words: [min(words.split())],
        part="test",
    ),
    Kind(
        "twice", "Text Modification", "Write the text twice.", lambda words: [f"{words} {words}"], "excluded"
    ),
    Kind(
        "vowels",
        "Misc.",
        "How many vowels does the text have? Answer in Latin.",
        lambda words: [_LATIN[_vowels(words)]],
        part="excluded",
        language="Latin",
    ),
)
"""Every kind, in order of their numbers. One that is excluded is in another language, or shares its origin
with a kind for testing."""
