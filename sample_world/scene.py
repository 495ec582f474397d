"""What a scene is: coloured things in a picture, and only true things said of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of the picture; x1 and y1 lie outside."""

COLOURS: Final = {
    "red": (205, 30, 35),
    "orange": (250, 130, 20),
    "yellow": (245, 220, 40),
    "green": (35, 145, 50),
    "blue": (40, 70, 205),
    "purple": (130, 40, 160),
    "pink": (250, 140, 190),
    "brown": (110, 65, 30),
    "black": (20, 20, 20),
    "turquoise": (30, 195, 185),
    "white": (255, 255, 255),
}
"""Each colour in RGB. Only parts are white: the backgrounds are nearly so."""

COLUMNS: Final = 3
PLACES: Final = ("upper left", "upper middle", "upper right", "lower left", "lower middle", "lower right")
"""The cells of a picture, row after row. A thing lies inside one of them, and alone."""


class Thing(NamedTuple):
    """One coloured thing; no other thing of its scene has both its category and its colour."""

    category: str
    colour: str
    box: Box
    place: str
    word: str
    """What is written on it; empty unless it is a sign."""

    lettering: str = "machine printed"
    """How the word is written: `machine printed`, `handwritten`, or out of tiles, which is `others`."""

    legible: bool = True
    """Whether the word can be read. If not, strokes stand for its letters."""

    @property
    def name(self) -> str:
        """What identifies it in its scene, such as `red ball`."""
        return f"{self.colour} {self.category}"

    @property
    def part(self) -> str:
        """What is painted on it: a `dot`, or the plate with the `word` of a sign."""
        return "word" if self.word else "dot"

    @property
    def part_colour(self) -> str:
        """Colour of the dot or of the plate."""
        return "black" if self.colour in ("yellow", "pink", "turquoise") and not self.word else "white"

    @property
    def part_box(self) -> Box:
        """Where the dot or the plate is, well inside `box`."""
        x0, y0, x1, y1 = self.box
        percent_x, percent_y = (8, 28) if self.word else (36, 36)
        inset_x, inset_y = (x1 - x0) * percent_x // 100, (y1 - y0) * percent_y // 100
        return x0 + inset_x, y0 + inset_y, x1 - inset_x, y1 - inset_y


class Description(NamedTuple):
    """A phrase that is true of its box. No other description of the scene has the phrase.

    `things` are indexes into the scene's things, the subject first. `fact` says of what the box is:
    `name` `category` `colour` `place` `has`: the thing. `part`: its part. `row`: all things of the
    upper or lower row. `all`: the picture. `next to` `over`: both things together. Another
    predicate of `Relation`: the subject.
    """

    box: Box
    phrase: str
    things: tuple[int, ...]
    fact: str


class Relation(NamedTuple):
    """How a thing stands to another, both as indexes into the scene's things.

    `left of` `right of` `above` `below`: wholly on that side, in the next cell. `on` `under`: so too,
    but touching and centred. `next to`: side by side, with less than a third of the picture's width
    between. `has`: the subject and its own part; both indexes are then the subject's.
    """

    predicate: str
    subject: int
    object: int


class Question(NamedTuple):
    """A question with its only answer; `things` are those it is about."""

    question: str
    answer: str
    things: tuple[int, ...]


class Statement(NamedTuple):
    """A sentence that is true of the scene or false.

    `relation` says how the first of `things` is said to stand to the second; it is empty where the
    sentence is about something else, and `things` then holds what it is about, if that is there.
    """

    text: str
    label: bool
    things: tuple[int, ...]
    relation: str = ""


class Difference(NamedTuple):
    """The one fact in which a scene differs from its twin.

    `kind` says what of things[`thing`] differs: its colour, its place, whether it is on or above the
    thing below it, or the word on it, how that is written or whether it can be read. `here` and `there`
    are the values; `question` is answered differently.
    """

    kind: Literal["colour", "place", "relation", "word", "lettering", "legible"]
    thing: int
    here: str
    there: str
    question: str


@dataclass(frozen=True)
class Scene:
    """One picture's world. Scenes 2n and 2n+1 are twins; spare scenes have no `difference`.

    `caption` names everything and is the first of seven `captions`, all true. Of every two
    `statements`, one is true; where twins differ, they share statements that are true of one only.
    """

    number: int
    width: int
    height: int
    background: tuple[int, int, int]
    things: tuple[Thing, ...]
    caption: str
    captions: tuple[str, ...]
    descriptions: tuple[Description, ...]
    relations: tuple[Relation, ...]
    questions: tuple[Question, ...]
    statements: tuple[Statement, ...]
    difference: Difference | None = None

    def texts(self) -> Iterator[str]:
        """Everything that is said in it, in order."""
        yield self.caption
        for thing in self.things:
            yield from (thing.category, thing.colour, thing.part)
        yield from (description.phrase for description in self.descriptions)
        yield from (relation.predicate for relation in self.relations)
        for question in self.questions:
            yield from (question.question, question.answer)
        yield from self.captions[1:]
        yield from (statement.text for statement in self.statements)


def scaled(box: Box, factors: tuple[float, float]) -> Box:
    """A box in a picture that is so many times as wide and as high, to whole pixels."""
    across, down = factors
    x0, y0, x1, y1 = box
    return round(x0 * across), round(y0 * down), round(x1 * across), round(y1 * down)
