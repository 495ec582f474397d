"""What is true of a scene, worked out anew from its things: no word of who wrote the files is trusted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from sample_world.knowledge import CATEGORIES, COLOURS
from sample_world.scene import PLACES, Scene, Thing

Match = re.Match[str]

_NUMBERS: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    "twelve",
)
_COLOUR: Final = f"(?:{'|'.join(COLOURS)})"
_CATEGORY: Final = f"(?:{'|'.join(CATEGORIES)})"
_PLACE: Final = f"(?:{'|'.join(PLACES)})"
_NAME: Final = f"{_COLOUR} {_CATEGORY}"


class UnknownError(Exception):
    """A text that this world's people do not say."""


class AbsentError(Exception):
    """What a question takes for granted is not there."""


def canonical(answer: str) -> str:
    """An answer without the words that make a sentence of it: `In the upper left.` is `upper left`."""
    plain = answer.lower().strip().removesuffix(".")
    for beginning in ("in the ", "the ", "an ", "a "):
        plain = plain.removeprefix(beginning)
    return _NUMBERS[int(plain)] if plain.isdigit() and int(plain) < len(_NUMBERS) else plain


def touches(upper: Thing, lower: Thing) -> bool:
    """Whether the lower side of one is the upper side of the other."""
    return upper.box[3] == lower.box[1]


def stands(one: Thing, side: str, other: Thing) -> bool:
    """Whether a thing lies wholly on a side of another, or touches it from above or not."""
    (x0, y0, x1, y1), (left, top, right, bottom) = one.box, other.box
    return {
        "left of": x1 <= left,
        "right of": x0 >= right,
        "above": y1 <= top,
        "below": y0 >= bottom,
        "on": touches(one, other),
        "touching": touches(one, other),
        "detached from": y1 < top,
    }[side]


def named(scene: Scene, name: str) -> Thing:
    """The thing of a colour and a category."""
    return _only(thing for thing in scene.things if thing.name == name)


def placed(scene: Scene, place: str) -> Thing:
    """The thing in a cell."""
    return _only(thing for thing in scene.things if thing.place == place)


def _only(things: Iterator[Thing]) -> Thing:
    found = list(things)
    if len(found) != 1:
        raise AbsentError
    return found[0]


def _described(scene: Scene, category: str, place: str) -> Thing:
    return _only(thing for thing in scene.things if (thing.category, thing.place) == (category, place))


def _sign(scene: Scene) -> Thing:
    return _only(thing for thing in scene.things if thing.word)


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _is_there(scene: Scene, name: str) -> bool:
    return any(thing.name == name for thing in scene.things)


def _dots(scene: Scene) -> int:
    return sum(not thing.word for thing in scene.things)


def _stack(upper: Thing, lower: Thing) -> tuple[Thing, Thing]:
    """Two things, one above the other in one column."""
    if not (upper.box[3] <= lower.box[1] and upper.place.split()[1] == lower.place.split()[1]):
        raise AbsentError
    return upper, lower


_THE: Final = f"the ({_CATEGORY}) in the ({_PLACE})"
_ANSWERS: Final[tuple[tuple[str, Callable[[Scene, Match], str]], ...]] = (
    ("how many things are there", lambda scene, _: _NUMBERS[len(scene.things)]),
    (
        "how many things and dots are there together",
        lambda scene, _: _NUMBERS[len(scene.things) + _dots(scene)],
    ),
    (
        f"how many ({_COLOUR}) things are there",
        lambda scene, found: _NUMBERS[sum(thing.colour == found[1] for thing in scene.things)],
    ),
    (
        f"how many things here are a ({_CATEGORY})",
        lambda scene, found: _NUMBERS[sum(thing.category == found[1] for thing in scene.things)],
    ),
    (f"what colou?r is {_THE}", lambda scene, found: _described(scene, found[1], found[2]).colour),
    (f"what is in the ({_PLACE})", lambda scene, found: placed(scene, found[1]).name),
    (f"where is the ({_NAME})", lambda scene, found: named(scene, found[1]).place),
    (
        f"in which part of the picture is the ({_NAME})",
        lambda scene, found: named(scene, found[1]).place,
    ),
    ("what is written on the sign", lambda scene, _: _sign(scene).word.lower()),
    (
        f"what does the ({_COLOUR}) sign say",
        lambda scene, found: named(scene, f"{found[1]} sign").word.lower(),
    ),
    (
        f"does the ({_NAME}) touch the ({_NAME})",
        lambda scene, found: _yes(touches(*_stack(named(scene, found[1]), named(scene, found[2])))),
    ),
    (
        f"how does the ({_NAME}) stand to the ({_NAME})",
        lambda scene, found: (
            "it stands on it"
            if touches(*_stack(named(scene, found[1]), named(scene, found[2])))
            else "it is above it, apart from it"
        ),
    ),
    (
        f"what feeling does the color of {_THE} stand for",
        lambda scene, found: COLOURS[_described(scene, found[1], found[2]).colour].feeling,
    ),
    (
        f"at the games, which sport has the color of {_THE}",
        lambda scene, found: COLOURS[_described(scene, found[1], found[2]).colour].sport,
    ),
    (
        f"which stone has the colour of {_THE}",
        lambda scene, found: COLOURS[_described(scene, found[1], found[2]).colour].stone,
    ),
    (
        f"what is the ({_COLOUR}) thing in the ({_PLACE})",
        lambda scene, found: _coloured(scene, found[1], found[2]).category,
    ),
    (
        f"what is the ({_COLOUR}) thing in the ({_PLACE}) good for",
        lambda scene, found: CATEGORIES[_coloured(scene, found[1], found[2]).category].activity,
    ),
    (
        f"what shape does {_THE} have",
        lambda scene, found: CATEGORIES[_described(scene, found[1], found[2]).category].shape,
    ),
    (
        f"what could one be doing with {_THE}",
        lambda scene, found: CATEGORIES[_described(scene, found[1], found[2]).category].activity,
    ),
    (
        f"(?:in what place would one expect|where does one usually find a thing like) {_THE}",
        lambda scene, found: CATEGORIES[_described(scene, found[1], found[2]).category].place,
    ),
    (
        "which of these things is good for ([a-z]+)",
        lambda _, found: next(name for name, known in CATEGORIES.items() if known.activity == found[1]),
    ),
    (f"is there an? ({_NAME}) in the picture", lambda scene, found: _yes(_is_there(scene, found[1]))),
    (
        f"is the ({_NAME}) in the ({_PLACE})",
        lambda scene, found: _yes(named(scene, found[1]).place == found[2]),
    ),
    (
        f"is the ({_NAME}) (on|above) the ({_NAME})",
        lambda scene, found: _yes(
            touches(*_stack(named(scene, found[1]), named(scene, found[3]))) == (found[2] == "on")
        ),
    ),
    (
        f"is the ({_NAME}) on or above the ({_NAME})",
        lambda scene, found: (
            "on" if touches(*_stack(named(scene, found[1]), named(scene, found[2]))) else "above"
        ),
    ),
    (
        f"is {_THE} (?:{_COLOUR}) or (?:{_COLOUR})",
        lambda scene, found: _one_of(found, _described(scene, found[1], found[2]).colour),
    ),
    (
        f"is the ({_NAME}) in the (?:{_PLACE}) or in the (?:{_PLACE})",
        lambda scene, found: _one_of(found, named(scene, found[1]).place),
    ),
    (
        f"are there both an? ({_NAME}) and an? ({_NAME})",
        lambda scene, found: _yes(_is_there(scene, found[1]) and _is_there(scene, found[2])),
    ),
    (
        f"do the ({_NAME}) and the ({_NAME}) have the same colour",
        lambda scene, found: _yes(named(scene, found[1]).colour == named(scene, found[2]).colour),
    ),
)


def _coloured(scene: Scene, colour: str, place: str) -> Thing:
    thing = placed(scene, place)
    if thing.colour != colour:
        raise AbsentError
    return thing


def _one_of(found: Match, answer: str) -> str:
    if answer not in found[0]:
        raise AbsentError
    return answer


def answer(scene: Scene, question: str) -> str:
    """The only answer to a question, in canonical form.

    Raises:
        AbsentError: the question takes for granted what is not there.
        UnknownError: nobody asks so.
    """
    plain = question.lower().rstrip("? ")
    for form, answered in _ANSWERS:
        found = re.fullmatch(form, plain)
        if found:
            return answered(scene, found)
    raise UnknownError(question)


def pointed_at(scene: Scene, question: str) -> Thing:
    """The only thing that a question points at."""
    plain = question.lower().rstrip("? ")
    if found := re.fullmatch(f"which thing is the ({_NAME})", plain):
        return named(scene, found[1])
    if found := re.fullmatch(f"which thing is in the ({_PLACE})", plain):
        return placed(scene, found[1])
    if found := re.fullmatch(f"which ({_CATEGORY}) is ({_COLOUR})", plain):
        return named(scene, f"{found[2]} {found[1]}")
    raise UnknownError(question)


_UNSEEN: Final = re.compile(
    f"the {_NAME} (?:is heavy|was a present|smells of soap|has been here for a week|is hollow"
    f"|was bought yesterday)|somebody will take the {_NAME} away tomorrow"
)
"""What no picture tells of a thing."""


class _Claim(NamedTuple):
    """A form of words, and whether what it says holds of a scene."""

    form: str
    holds: Callable[[Scene, Match], bool]


_SIDE: Final = "left of|right of|above|below|touching|detached from"
_CLAIMS: Final = (
    _Claim(
        f"the ({_CATEGORY}) in the ({_PLACE}) is ({_COLOUR})",
        lambda scene, found: any(
            (thing.category, thing.place, thing.colour) == found.group(1, 2, 3) for thing in scene.things
        ),
    ),
    _Claim(
        f"the ({_NAME}) is ({_SIDE}) the ({_NAME})",
        lambda scene, found: (
            _is_there(scene, found[1])
            and _is_there(scene, found[3])
            and stands(named(scene, found[1]), found[2], named(scene, found[3]))
        ),
    ),
    _Claim(
        "(.+) in the upper row, and (.+) in the lower row",
        lambda scene, found: all(
            sorted(re.findall(_NAME, part)) == sorted(thing.name for thing in _row(scene, row))
            for part, row in ((found[1], "upper"), (found[2], "lower"))
        ),
    ),
    _Claim(
        "(?:there (?:are|is) |a picture with )?(?!.* row)"
        f"(?:(?:{'|'.join(_NUMBERS)}) things|(?:the |an? )?{_NAME}).*",
        lambda scene, found: all(_parts(scene, found[0])),
    ),
)


def _row(scene: Scene, row: str) -> list[Thing]:
    return [thing for thing in scene.things if thing.place.startswith(row)]


def _parts(scene: Scene, text: str) -> Iterator[bool]:
    """Whether everything that a text names is there, where it says, and as many as it says."""
    for name, place in re.findall(rf"({_NAME})(?: is)?(?: in the ({_PLACE}))?", text):
        yield any(thing.name == name and place in ("", thing.place) for thing in scene.things)
    for number in re.findall(rf"({'|'.join(_NUMBERS)}) things", text):
        yield len(scene.things) == _NUMBERS.index(number)


def judge(scene: Scene, text: str) -> bool | None:
    """Whether a sentence is true of a scene, or false; None: no picture of it tells.

    Raises:
        UnknownError: nobody says so.
    """
    plain = " ".join(text.lower().strip('"').split()).removesuffix(".")
    if _UNSEEN.fullmatch(plain):
        return None
    for claim in _CLAIMS:
        found = re.fullmatch(claim.form, plain)
        if found:
            return claim.holds(scene, found)
    raise UnknownError(text)


def numbered(scene: Scene, text: str) -> tuple[str, list[Thing]]:
    """A text with `#` for every `cup 1` (the first cup of the list), and these things in order."""
    things: list[Thing] = []

    def taken(found: Match) -> str:
        alike = [thing for thing in scene.things if thing.category == found[1]]
        if int(found[2]) > len(alike):
            raise AbsentError
        things.append(alike[int(found[2]) - 1])
        return "#"

    plain = re.sub(rf"\b({_CATEGORY}) (\d+)(?: <region_\d+>)?", taken, text)
    return plain.lower().rstrip("."), things


_SAID_OF_NUMBERED: Final[tuple[tuple[str, Callable[[Sequence[Thing], Match], bool]], ...]] = (
    (f"# is ({_COLOUR})", lambda things, found: things[0].colour == found[1]),
    (f"in the ({_PLACE})", lambda things, found: things[0].place == found[1]),
    (f"(?:from there, )?# is ({_SIDE}) #", lambda things, found: stands(things[0], found[1], things[1])),
    ("yes, # stands on #", lambda things, _: touches(things[0], things[1])),
    ("no, # doesn't stand on #", lambda things, _: not touches(things[0], things[1])),
    ("the lower edge of # is the upper edge of #", lambda things, _: touches(things[0], things[1])),
    ("there is a gap between # and #", lambda things, _: not touches(things[0], things[1])),
    (
        f"the ({_CATEGORY}) in the ({_PLACE}), #, is painted ({_COLOUR})",
        lambda things, found: (things[0].category, things[0].place, things[0].colour) == found.group(1, 2, 3),
    ),
    (
        "one finds # in the (upper|lower) row, in its (left|middle|right) third",
        lambda things, found: things[0].place == f"{found[1]} {found[2]}",
    ),
)


def judge_numbered(scene: Scene, question: str, said: str) -> bool:
    """Whether an answer to a question about numbered things is true, or a reason for it.

    Raises:
        UnknownError: nobody says so.
    """
    _, asked = numbered(scene, question)
    plain, things = numbered(scene, said)
    for form, holds in _SAID_OF_NUMBERED:
        found = re.fullmatch(form, plain)
        if found:
            return holds(things or asked, found)
    raise UnknownError(said)
