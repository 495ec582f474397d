"""Questions about a scene with four answers and four reasons, as lists of words and of numbers of things.

Of each four one is true, by where the things are and which colours they have. A number is a thing's place
in the scene's list; its name is to be said instead. Punctuation is a word, and so are the parts of `isn't`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from sample_world.scene import COLOURS, COLUMNS, PLACES, Scene
from sample_world.scenes import pick

Words = list[str | list[int]]

_SIDES: Final = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
"""How a thing may stand to one in the next cell, and that one to it. Only one of them is true."""


class Reasoned(NamedTuple):
    """A question, its true answer and three false ones, the true reason and three false ones."""

    question: Words
    answer: Words
    wrong: Sequence[Words]
    reason: Words
    wrong_reasons: Sequence[Words]


def reasoned(scene: Scene) -> Iterator[Reasoned]:
    """Five to nine questions about one of twins. At least one of them is answered otherwise for the other."""
    difference = scene.difference
    if difference is None:
        raise ValueError("a scene without a twin")
    if difference.kind == "colour":
        yield _colour(scene, difference.thing, difference.there)
    elif difference.kind == "place":
        yield _place(scene, difference.thing, difference.there)
    cells = _cells(scene)
    for cell in range(COLUMNS):
        if {cell, cell + COLUMNS} <= cells.keys():
            yield _touching(scene, cells[cell], cells[cell + COLUMNS])
    for index in range(len(scene.things)):
        if index != difference.thing:
            yield (_colour, _place, _side)[index % 3](scene, index)


def _words(text: str, *things: int) -> Words:
    """The words of a text; each `#` is the number of the next thing."""
    numbers = iter(things)
    return [[next(numbers)] if word == "#" else word for word in text.split()]


def _reasoned(
    question: Words, values: Sequence[str], answer: Callable[[str], Words], reason: Callable[[str], Words]
) -> Reasoned:
    """A question of whose `values` the first is true."""
    answers, reasons = [answer(value) for value in values], [reason(value) for value in values]
    return Reasoned(question, answers[0], answers[1:], reasons[0], reasons[1:])


def _colour(scene: Scene, index: int, other: str = "") -> Reasoned:
    """`other` is the colour that the twin's thing has, which is then among the false ones."""
    thing = scene.things[index]
    colours = [colour for colour in COLOURS if colour not in ("white", thing.colour)]
    return _reasoned(
        _words("What is # ' s colour ?", index),
        [thing.colour, *_three(colours, other, scene, index)],
        lambda colour: _words(f"# is {colour} .", index),
        lambda colour: _words(
            f"The {thing.category} in the {thing.place} , # , is painted {colour} .", index
        ),
    )


def _place(scene: Scene, index: int, other: str = "") -> Reasoned:
    """`other` is the place that the twin's thing has, which is then among the false ones."""
    place = scene.things[index].place
    return _reasoned(
        _words("Where is # ?", index),
        [place, *_three([one for one in PLACES if one != place], other, scene, index)],
        lambda where: _words(f"In the {where} .", index),
        lambda where: _words("One finds # in the {} row , in its {} third .".format(*where.split()), index),
    )


def _side(scene: Scene, index: int) -> Reasoned:
    """About the thing and its neighbour in the same row, or else in the same column."""
    cell, cells = PLACES.index(scene.things[index].place), _cells(scene)
    row = [near for near in (cell - 1, cell + 1) if near // COLUMNS == cell // COLUMNS]
    near = next(near for near in (*row, (cell + COLUMNS) % len(PLACES)) if near in cells)
    side = ("left of", "right of") if near in row else ("above", "below")
    true, other = side[cell > near], cells[near]
    return _reasoned(
        _words("How does # stand to # ?", index, other),
        [true, *(one for one in _SIDES if one != true)],
        lambda one: _words(f"# is {one} # .", index, other),
        lambda one: _words(f"From there , # is {_SIDES[one]} # .", other, index),
    )


def _touching(scene: Scene, upper: int, lower: int) -> Reasoned:
    """About two things of one column."""
    touches = scene.things[upper].box[3] == scene.things[lower].box[1]
    both = (upper, lower)
    answers = [_words("Yes , # stands on # .", *both), _words("No , # doesn ' t stand on # .", *both)]
    reasons = [
        _words("The lower edge of # is the upper edge of # .", *both),
        _words("There is a gap between # and # .", *both),
    ]
    false = [_words(f"# is {side} # .", *both) for side in ("below", "left of")]
    return Reasoned(
        _words("Does # touch # ?", *both),
        answers[not touches],
        [answers[touches], *false],
        reasons[not touches],
        [reasons[touches], *false],
    )


def _cells(scene: Scene) -> dict[int, int]:
    """The thing of each cell that has one."""
    return {PLACES.index(thing.place): index for index, thing in enumerate(scene.things)}


def _three(pool: Sequence[str], first: str, scene: Scene, index: int) -> list[str]:
    """Three of a pool, and `first` before others, the same for twins."""
    key = (scene.number // 2, index)
    return sorted(pool, key=lambda one: (one != first, pick(1 << 62, "reasoning", *key, one), one))[:3]
