"""Pictures of a village in which something has happened, as plain coloured shapes.

What has happened is seen in the sky or on the ground, how bad it is by the number of ruins, and who came by
who stands in front.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from PIL import Image, ImageDraw

from sample_world.scene import COLOURS

KINDS: Final = (
    "earthquake",
    "fire",
    "flood",
    "hurricane",
    "landslide",
    "not_disaster",
    "other_disaster",
)
"""What may have happened, in MEDIC's words."""

MARKS: Final = {
    "earthquake": (15, 10, 5),
    "fire": (255, 120, 0),
    "flood": (25, 90, 220),
    "hurricane": (120, 125, 140),
    "landslide": (120, 75, 35),
    "not_disaster": (255, 225, 30),
    "other_disaster": (150, 20, 170),
}
"""The colour, in RGB, that nothing but a disaster of a kind has; without one, the sun."""

RUIN: Final = (70, 70, 78)
"""The colour, in RGB, that nothing but a ruin has."""

HOUSES: Final = 3
_WIDTH, _HEIGHT, _GROUND = 180, 130, 92
_SKY, _GRASS = (205, 228, 250), (165, 205, 140)


class Village(NamedTuple):
    """One picture's world.

    Attributes:
        kind: what has happened, one of `KINDS`.
        ruins: how many of its three houses are in ruins: 0, 1 or 3.
        visitors: who stands in front: `nobody`, `people` or `helpers`.
        houses: the colours of the houses that stand.
    """

    kind: str
    ruins: int
    visitors: str
    houses: tuple[str, ...]

    @property
    def labels(self) -> dict[str, str]:
        """What MEDIC would say of the picture, by column."""
        quiet = (self.kind, self.ruins, self.visitors) == ("not_disaster", 0, "nobody")
        return {
            "damage_severity": {0: "little_or_none", 1: "mild", 3: "severe"}[self.ruins],
            "informative": "not_informative" if quiet else "informative",
            "humanitarian": self._humanitarian,
            "disaster_types": self.kind,
        }

    @property
    def _humanitarian(self) -> str:
        if self.visitors == "people":
            return "affected_injured_or_dead_people"
        if self.visitors == "helpers":
            return "rescue_volunteering_or_donation_effort"
        return "infrastructure_and_utility_damage" if self.ruins else "not_humanitarian"


def draw_village(village: Village) -> Image.Image:
    """The picture of a village, RGB, 180 x 130 pixels."""
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), _SKY)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, _GROUND, _WIDTH, _HEIGHT), _GRASS)
    for position, colour in enumerate(village.houses):
        _draw_house(pen, 14 + 56 * position, colour, ruined=position < village.ruins)
    _DRAWN[village.kind](pen, MARKS[village.kind])
    if village.visitors == "people":
        for x in (70, 86, 102):
            pen.ellipse((x - 4, 100, x + 4, 108), (240, 200, 170))
            pen.line((x, 108, x, 122), (240, 200, 170), 4)
    elif village.visitors == "helpers":
        pen.rectangle((66, 102, 114, 124), "white")
        pen.line((90, 105, 90, 121), (220, 20, 30), 5)
        pen.line((82, 113, 98, 113), (220, 20, 30), 5)
    return picture


def _draw_house(pen: ImageDraw.ImageDraw, left: int, colour: str, *, ruined: bool) -> None:
    """A house, or what is left of one: a low wall with a gap."""
    right = left + 40
    if ruined:
        top = _GROUND - 14
        corners = [(left, top), (left + 14, top), (left + 20, _GROUND - 3), (left + 26, top), (right, top)]
        pen.polygon([*corners, (right, _GROUND), (left, _GROUND)], RUIN)
    else:
        pen.rectangle((left, _GROUND - 28, right, _GROUND), COLOURS[colour])
        pen.polygon([(left - 4, _GROUND - 28), (right + 4, _GROUND - 28), (left + 20, _GROUND - 46)], "white")


def _crack(pen: ImageDraw.ImageDraw, colour: tuple[int, int, int]) -> None:
    """A black crack right across the ground."""
    pen.line([(x, 110 if x // 15 % 2 else 98) for x in range(0, _WIDTH + 15, 15)], colour, 5)


def _flames(pen: ImageDraw.ImageDraw, colour: tuple[int, int, int]) -> None:
    """Flames between the houses."""
    for x in (48, 104, 160):
        corners = [(x, 98), (x - 4, 60), (x + 3, 72), (x + 8, 48), (x + 13, 72), (x + 18, 60), (x + 16, 98)]
        pen.polygon(corners, colour)


def _water(pen: ImageDraw.ImageDraw, colour: tuple[int, int, int]) -> None:
    """Water up to the foot of the houses."""
    pen.rectangle((0, _GROUND - 5, _WIDTH, _HEIGHT), colour)


def _whirl(pen: ImageDraw.ImageDraw, colour: tuple[int, int, int]) -> None:
    """A grey whirl in the sky."""
    for inset in range(0, 20, 7):
        pen.arc(
            (40 + 2 * inset, 2 + inset, 140 - 2 * inset, 42 - inset), inset * 15, inset * 15 + 310, colour, 4
        )


def _slope(pen: ImageDraw.ImageDraw, colour: tuple[int, int, int]) -> None:
    """Brown earth that has come down from the right."""
    pen.polygon([(_WIDTH, 20), (_WIDTH, _HEIGHT), (20, _HEIGHT), (120, _GROUND + 6), (166, 60)], colour)


def _sun(pen: ImageDraw.ImageDraw, colour: tuple[int, int, int]) -> None:
    """The sun, and nothing else."""
    pen.ellipse((76, 6, 104, 34), colour)


def _rock(pen: ImageDraw.ImageDraw, colour: tuple[int, int, int]) -> None:
    """A purple rock that falls from the sky."""
    pen.polygon([(10, 0), (40, 0), (104, 24), (84, 38)], "white")
    pen.ellipse((80, 14, 106, 40), colour)


_DRAWN: Final[dict[str, Callable[[ImageDraw.ImageDraw, tuple[int, int, int]], None]]] = {
    "earthquake": _crack,
    "fire": _flames,
    "flood": _water,
    "hurricane": _whirl,
    "landslide": _slope,
    "not_disaster": _sun,
    "other_disaster": _rock,
}
"""Draws what has happened into the picture."""
