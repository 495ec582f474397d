"""Words as they are painted on signs: printed, by hand or out of tiles, and with or without letters."""

from __future__ import annotations

from functools import cache
from typing import Final

from PIL import ImageDraw, ImageFont

from sample_world.scene import Thing

LETTERINGS: Final = ("machine printed", "handwritten", "others")
"""How a word may be written."""

_INK: Final = {"machine printed": (0, 0, 0), "handwritten": (20, 40, 140), "others": (255, 255, 255)}


def paint_word(pen: ImageDraw.ImageDraw, thing: Thing) -> None:
    """Paints the word of a sign on its plate.

    Handwriting is small and blue, and dances up and down. Tiles are black squares with white letters.
    Where a word cannot be read, a stroke stands for each of its letters.
    """
    left, top, right, bottom = thing.part_box
    size = min((right - left) * 3 // 10, (bottom - top) * 9 // 10)
    centre, middle = (left + right) / 2, (top + bottom) / 2
    ink = _INK[thing.lettering]
    if thing.lettering == "machine printed" and thing.legible:
        pen.text((centre, middle), thing.word, ink, _font(size), anchor="mm")
        return
    step = (right - left) / len(thing.word)
    for position, letter in enumerate(thing.word):
        x, y = left + (position + 0.5) * step, middle
        if thing.lettering == "others":
            side = min(step, bottom - top) * 0.4
            pen.rectangle((x - side, y - side, x + side, y + side), (0, 0, 0))
        if thing.lettering == "handwritten":
            letter, y = letter.lower(), y + size * (0.2 if position % 2 else -0.2)
        if thing.legible:
            pen.text((x, y), letter, ink, _font(size * 4 // 5), anchor="mm")
        else:
            pen.line((x - step * 0.25, y, x + step * 0.25, y), ink, 2)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
