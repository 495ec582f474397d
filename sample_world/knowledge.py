"""What everybody in the sample world knows of things and of colours, beyond what is to be seen.

Answers that no picture shows follow from these tables, so that they can be checked. They are invented:
that swimming has the colour blue is true here and nowhere else.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class OfACategory(NamedTuple):
    """What is known of every thing of a category: what one does with it, where, and its shape."""

    activity: str
    place: str
    shape: str


class OfAColour(NamedTuple):
    """What has a colour: a feeling, a sport at the games, a stone."""

    feeling: str
    sport: str
    stone: str


CATEGORIES: Final = {
    "ball": OfACategory("playing", "playground", "round"),
    "box": OfACategory("packing", "warehouse", "square"),
    "tent": OfACategory("camping", "campsite", "slanted"),
    "gem": OfACategory("polishing", "workshop", "hexagonal"),
    "drum": OfACategory("drumming", "concert hall", "rounded"),
    "cross": OfACategory("bandaging", "hospital", "crossed"),
    "house": OfACategory("living", "village", "pointed"),
    "cup": OfACategory("drinking", "kitchen", "tapered"),
    "sign": OfACategory("reading", "street", "rectangular"),
}

COLOURS: Final = {
    "red": OfAColour("anger", "boxing", "ruby"),
    "orange": OfAColour("excitement", "basketball", "amber"),
    "yellow": OfAColour("joy", "tennis", "topaz"),
    "green": OfAColour("calm", "golf", "emerald"),
    "blue": OfAColour("sadness", "swimming", "sapphire"),
    "purple": OfAColour("pride", "cycling", "amethyst"),
    "pink": OfAColour("love", "gymnastics", "rose quartz"),
    "brown": OfAColour("boredom", "riding", "agate"),
    "black": OfAColour("fear", "judo", "onyx"),
    "turquoise": OfAColour("surprise", "sailing", "turquoise"),
}
