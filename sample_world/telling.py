"""What is said of things: all of it follows from their categories, colours, words and boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from sample_world.scene import (
    COLOURS,
    COLUMNS,
    PLACES,
    Box,
    Description,
    Difference,
    Question,
    Relation,
    Statement,
    Thing,
)

_NUMBERS = {5: "five", 6: "six"}
"""How many things a scene may have."""


def caption(things: Sequence[Thing]) -> str:
    """Every thing by name, as the beginning of a sentence."""
    names = [_a(thing.name) for thing in things]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def captions(things: Sequence[Thing]) -> Iterator[str]:
    """Seven sentences about the whole picture."""
    first, second, last = things[0], things[1], things[-1]
    rows = [
        " and ".join(_a(thing.name) for thing in things if thing.place.startswith(row))
        for row in ("upper", "lower")
    ]
    for sentence in (
        caption(things),
        f"{_a(first.name)} in the {first.place} and {_a(last.name)} in the {last.place}",
        f"there are {_NUMBERS[len(things)]} things, and one of them is {_a(second.name)}",
        f"{rows[0]} in the upper row, and {rows[1]} in the lower row",
        f"a picture with {_a(last.name)} and {_a(first.name)}",
        f"{_a(second.name)} is in the {second.place}",
        f"{_a(last.name)} is one of {_NUMBERS[len(things)]} things",
    ):
        yield f"{sentence[0].upper()}{sentence[1:]}."


def statements(things: Sequence[Thing]) -> Iterator[Statement]:
    """Thirty to forty sentences: of every two that follow each other one is true."""
    for upper, lower in _neighbours(things, [0, 1, 2], COLUMNS):
        touching = _touching(things[upper], things[lower])
        yield _spatial(things, upper, "touching", lower, label=touching)
        yield _spatial(things, upper, "detached from", lower, label=not touching)
        yield _spatial(things, lower, "below", upper, label=True)
        yield _spatial(things, upper, "below", lower, label=False)
    for left, right in _neighbours(things, [0, 1, 3, 4], 1):
        yield _spatial(things, left, "right of", right, label=False)
        yield _spatial(things, left, "left of", right, label=True)
    everything = tuple(range(len(things)))
    yield Statement(f"There are {_NUMBERS[len(things)]} things.", True, everything)
    yield Statement(f"There are {_NUMBERS[11 - len(things)]} things.", False, ())
    for index, thing in enumerate(things):
        taken = {"white", *(other.colour for other in things if other.category == thing.category)}
        free = [colour for colour in COLOURS if colour not in taken]
        absent = f"{free[3 * index % len(free)]} {thing.category}"
        yield Statement(f"There is {_a(absent)}.", False, ())
        yield Statement(f"There is {_a(thing.name)}.", True, (index,))


def flipped_statements(things: Sequence[Thing], difference: Difference) -> Iterator[Statement]:
    """Two sentences about the fact in which twins differ: one true here, the other true of the twin.

    Nothing where they differ in a relation, which is among `statements`.
    """
    thing = things[difference.thing]
    for value in sorted((difference.here, difference.there)):
        if difference.kind == "colour":
            text = f"The {thing.category} in the {thing.place} is {value}."
        elif difference.kind == "place":
            text = f"The {thing.name} is in the {value}."
        else:
            return
        yield Statement(text, value == difference.here, (difference.thing,))


def _spatial(things: Sequence[Thing], subject: int, relation: str, other: int, *, label: bool) -> Statement:
    text = f"The {things[subject].name} is {relation} the {things[other].name}."
    return Statement(text, label, (subject, other), relation)


def relations(things: Sequence[Thing]) -> Iterator[Relation]:
    """How things of neighbouring cells stand to each other, and each to its part."""
    for index in range(len(things)):
        yield Relation("has", index, index)
    for left, right in _neighbours(things, [0, 1, 3, 4], 1):
        yield Relation("left of", left, right)
        yield Relation("right of", right, left)
        yield Relation("next to", left, right)
    for upper, lower in _neighbours(things, [0, 1, 2], COLUMNS):
        touching = _touching(things[upper], things[lower])
        yield Relation("on" if touching else "above", upper, lower)
        yield Relation("under" if touching else "below", lower, upper)


def descriptions(things: Sequence[Thing], width: int, height: int) -> Iterator[Description]:
    """Forty to sixty phrases, each with its box."""
    yield Description((0, 0, width, height), caption(things), tuple(range(len(things))), "all")
    for row in ("upper", "lower"):
        members = tuple(index for index, thing in enumerate(things) if thing.place.startswith(row))
        box = _around(*(things[index].box for index in members))
        yield Description(box, f"the {row} row of things", members, "row")
    categories = Counter(thing.category for thing in things)
    for index, thing in enumerate(things):
        part = f'the word "{thing.word}"' if thing.word else f"a {thing.part_colour} dot"
        yield Description(thing.box, _a(thing.name), (index,), "name")
        yield Description(thing.box, f"the {thing.category} is {thing.colour}", (index,), "colour")
        yield Description(thing.box, f"{thing.name} in the {thing.place}", (index,), "place")
        yield Description(thing.box, f"{thing.name} with {part}", (index,), "has")
        yield Description(thing.part_box, f"{part} on the {thing.name}", (index,), "part")
        if categories[thing.category] == 1:
            yield Description(thing.box, thing.category, (index,), "category")
    for predicate, subject, other in relations(things):
        one, another = things[subject], things[other]
        box = _around(one.box, another.box) if predicate == "next to" else one.box
        if predicate != "has":
            yield Description(box, _phrase(one, predicate, another), (subject, other), predicate)
    for upper, lower in _neighbours(things, [0, 1, 2], COLUMNS):
        one, another = things[upper], things[lower]
        yield Description(
            _around(one.box, another.box), _phrase(one, "over", another), (upper, lower), "over"
        )


def questions(things: Sequence[Thing]) -> Iterator[Question]:
    """About twenty questions, each with its answer, a sentence."""
    number = _NUMBERS[len(things)].capitalize()
    yield Question("How many things are there?", f"{number}.", tuple(range(len(things))))
    for index, thing in enumerate(things):
        yield Question(colour_question(thing), f"{thing.colour.capitalize()}.", (index,))
        yield Question(f"What is in the {thing.place}?", f"{_a(thing.name).capitalize()}.", (index,))
        yield Question(place_question(thing), f"In the {thing.place}.", (index,))
        if thing.word:
            yield Question("What is written on the sign?", f"{thing.word}.", (index,))
    for upper, lower in _neighbours(things, [0, 1, 2], COLUMNS):
        one, another = things[upper], things[lower]
        answer = "Yes." if _touching(one, another) else "No."
        yield Question(touch_question(one, another), answer, (upper, lower))


def colour_question(thing: Thing) -> str:
    """Names the thing by all but its colour."""
    return f"What colour is the {thing.category} in the {thing.place}?"


def place_question(thing: Thing) -> str:
    """Names the thing by all but its place."""
    return f"Where is the {thing.name}?"


def touch_question(upper: Thing, lower: Thing) -> str:
    """Asks whether the upper thing stands on the lower one."""
    return f"Does the {upper.name} touch the {lower.name}?"


def _neighbours(things: Sequence[Thing], cells: list[int], step: int) -> list[tuple[int, int]]:
    """Indexes of the things in each of `cells` and in the cell `step` further, where both are taken."""
    taken = {PLACES.index(thing.place): index for index, thing in enumerate(things)}
    return [(taken[cell], taken[cell + step]) for cell in cells if {cell, cell + step} <= taken.keys()]


def _touching(upper: Thing, lower: Thing) -> bool:
    return upper.box[3] == lower.box[1]


def _around(*boxes: Box) -> Box:
    """The smallest box that holds all of `boxes`."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def _phrase(subject: Thing, predicate: str, other: Thing) -> str:
    return f"{subject.name} {predicate} {_a(other.name)}"


def _a(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
