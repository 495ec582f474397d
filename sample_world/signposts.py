"""Photographs of COCO that show nothing but signs, six each: what COCO-Text is about.

All of them lie in COCO's training folder, as all pictures of COCO-Text do.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Literal, TypeVar

from sample_world import telling
from sample_world.coco import folder_2014
from sample_world.scene import COLOURS, COLUMNS, PLACES, Difference, Scene, Thing
from sample_world.scenes import WORDS, pick

_Part = TypeVar("_Part")

# Far above the pairs of all other scenes; ids in file names have 12 digits.
_FIRST_PAIR: Final = 30_000_000
_SPARE_PAIRS: Final = 1_000_000
_PAIRS_AT_SCALE_1: Final = 10

_WRITTEN: Final = (
    ("machine printed", True),
    ("machine printed", True),
    ("handwritten", True),
    ("others", True),
    ("machine printed", False),
    ("handwritten", False),
)
"""How the six words of a picture are written, and which can be read."""

_Kind = Literal["word", "lettering", "legible"]
_KINDS: Final[tuple[_Kind, ...]] = ("word", "lettering", "legible")


def signposts(seed: int, scale: float) -> Iterator[Scene]:
    """The scenes, twin after twin, as large as Visual Genome's copies would be."""
    for position, pair in enumerate(_pairs(0, max(1, round(_PAIRS_AT_SCALE_1 * scale)))):
        yield from _twins(seed, pair, _KINDS[position % len(_KINDS)])


def spare_signposts(seed: int, count: int) -> Iterator[Scene]:
    """Further scenes without regard to their twins, for what is irregular. COCO has no such photographs."""
    for pair in _pairs(_SPARE_PAIRS, count):
        yield _twins(seed, pair, "word")[0]


def _pairs(first: int, count: int) -> Iterator[int]:
    """Pairs that lie in COCO's training folder."""
    every = (pair for pair in itertools.count(_FIRST_PAIR + first) if folder_2014(2 * pair) == "train2014")
    return itertools.islice(every, count)


def _twins(seed: int, pair: int, kind: _Kind) -> tuple[Scene, Scene]:
    """Both scenes of a pair: one sign has another word, is written otherwise, or cannot be read."""
    size = 110 + 2 * pick(10, seed, pair, "width"), 100 + 2 * pick(10, seed, pair, "height")
    colours = _shuffled([colour for colour in COLOURS if colour != "white"], seed, pair, "colour")
    words = _shuffled(list(WORDS), seed, pair, "word")
    order = _shuffled(list(range(len(PLACES))), seed, pair, "order")
    things = [
        Thing(
            "sign",
            colours[cell],
            _box((seed, pair, cell), cell, size),
            place,
            words[cell],
            *_WRITTEN[order[cell]],
        )
        for cell, place in enumerate(PLACES)
    ]
    changed = order.index(0)
    old = things[changed]
    if kind == "word":
        new = old._replace(word=words[-1])
        here, there, question = old.word, new.word, f"What is written on the sign in the {old.place}?"
    elif kind == "lettering":
        new = old._replace(lettering="handwritten")
        here, there = old.lettering, new.lettering
        question = f"How is the word on the sign in the {old.place} written?"
    else:
        new = old._replace(legible=False)
        here, there, question = "yes", "no", f"Can the word on the sign in the {old.place} be read?"
    first = _scene(2 * pair, size, things)
    second = _scene(2 * pair + 1, size, [*things[:changed], new, *things[changed + 1 :]])
    return (
        replace(first, difference=Difference(kind, changed, here, there, question)),
        replace(second, difference=Difference(kind, changed, there, here, question)),
    )


def _shuffled(parts: list[_Part], *key: object) -> list[_Part]:
    return sorted(parts, key=lambda part: pick(1 << 62, *key, part))


def _box(key: tuple[int, int, int], cell: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A sign that nearly fills its cell."""
    width, height = size[0] - 12 - pick(6, *key, "width"), size[1] - 20 - pick(10, *key, "height")
    x = cell % COLUMNS * size[0] + 3 + pick(6, *key, "x")
    y = cell // COLUMNS * size[1] + 3 + pick(10, *key, "y")
    return x, y, x + width, y + height


def _scene(number: int, size: tuple[int, int], things: list[Thing]) -> Scene:
    captions = tuple(telling.captions(things))
    return Scene(
        number=number,
        width=COLUMNS * size[0],
        height=2 * size[1],
        background=(230, 230, 226),
        things=tuple(things),
        caption=captions[0],
        captions=captions,
        descriptions=(),
        relations=(),
        questions=(),
        statements=(),
    )
