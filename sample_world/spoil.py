"""What can be wrong with a picture, done to it: blurred, too dark, half covered …"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

_ORIENTATION: Final = 0x0112
_TURNED_LEFT: Final = 6
"""The EXIF orientation of a picture that was stored turned to the left: to be turned to the right."""


def _blurred(picture: Image.Image) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(picture.width / 40))


def _too_bright(picture: Image.Image) -> Image.Image:
    return Image.blend(picture, Image.new("RGB", picture.size, "white"), 0.8)


def _too_dark(picture: Image.Image) -> Image.Image:
    return Image.blend(picture, Image.new("RGB", picture.size, "black"), 0.8)


def _badly_framed(picture: Image.Image) -> Image.Image:
    """Only a corner of the scene, large."""
    width, height = picture.size
    corner = (0, 0, width * 2 // 5, height * 2 // 5)
    return picture.resize((width, height), Image.Resampling.NEAREST, box=corner)


def _obscured(picture: Image.Image) -> Image.Image:
    """A finger before the lens."""
    covered = picture.copy()
    width, height = covered.size
    ImageDraw.Draw(covered).ellipse(
        (width // 5, height // 4, width * 6 // 5, height * 3 // 2), (222, 170, 140)
    )
    return covered


def _turned(picture: Image.Image) -> Image.Image:
    """Upside down."""
    return picture.transpose(Image.Transpose.ROTATE_180)


def _striped(picture: Image.Image) -> Image.Image:
    """Green lines right across, which is none of the named flaws."""
    striped = picture.copy()
    pen = ImageDraw.Draw(striped)
    for y in range(0, striped.height, 8):
        pen.line((0, y, striped.width, y), (0, 255, 0), 2)
    return striped


FLAWS: Final[dict[str, Callable[[Image.Image], Image.Image]]] = {
    "BLR": _blurred,
    "BRT": _too_bright,
    "DRK": _too_dark,
    "FRM": _badly_framed,
    "OBS": _obscured,
    "ROT": _turned,
    "OTH": _striped,
}
"""What does a flaw of VizWiz to a picture, RGB to RGB of the same size, by the flaw's code."""


def lying(picture: Image.Image) -> bytes:
    """A JPEG file that stores the picture turned to the left, and says so: seen upright, it is as it was."""
    exif = Image.Exif()
    exif[_ORIENTATION] = _TURNED_LEFT
    buffer = BytesIO()
    picture.transpose(Image.Transpose.ROTATE_90).save(buffer, "JPEG", quality=90, exif=exif)
    return buffer.getvalue()
