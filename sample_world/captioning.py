"""Pictures with words above and below them, as memes have."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageDraw, ImageFont

_BAND: Final = 34
"""Height of the band that a line of words gets, in pixels."""

_LARGEST, _SMALLEST = 22, 8
"""Sizes of the letters; the largest is taken with which a line fits."""


def captioned(picture: Image.Image, words: str) -> Image.Image:
    """The picture between two black bands, with the first half of the words above and the rest below.

    Args:
        picture: RGB.
    """
    said = words.split()
    half = (len(said) + 1) // 2
    whole = Image.new("RGB", (picture.width, picture.height + 2 * _BAND), "black")
    whole.paste(picture, (0, _BAND))
    pen = ImageDraw.Draw(whole)
    for line, top in ((said[:half], 0), (said[half:], whole.height - _BAND)):
        text = " ".join(line)
        pen.text(
            (whole.width / 2, top + _BAND / 2), text, "white", _font(pen, text, whole.width), anchor="mm"
        )
    return whole


def _font(pen: ImageDraw.ImageDraw, text: str, width: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    fonts = (ImageFont.load_default(size) for size in range(_LARGEST, _SMALLEST, -1))
    fitting = (font for font in fonts if pen.textlength(text, font) < width - 8)
    return next(fitting, ImageFont.load_default(_SMALLEST))
