"""Coordinates to location bins and back, by the arithmetic of OFA.

A box goes in as four numbers x0 y0 x1 y1 in pixels of its picture's file, and comes out as four
bins 0..999 in the same order. It is clipped to the picture first: OFA does not, and a coordinate
beyond the edge silently becomes `<unk>` there. Every step is done in float32, and halves go to
the even bin, as in `torch.round`.

- `whole_image_999`: `round(x / width * 999)`; the right edge is bin 999. It equals OFA's own rule
  at a patch size of 512 (RefCOCO fine-tuning).
- `ofa_480`: OFA's rule at a patch size of 480 (RefCOCO without fine-tuning): the picture is
  stretched to 480 x 480, and coordinates are divided by 512, so that the right edge is bin 937.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.errors import BuildError
from schemas.settings import Quantisation
from schemas.token import LOCATION_BINS

_STEPS: Final = np.float32(LOCATION_BINS - 1)
_PATCH: Final = np.float64(480)
_LARGEST: Final = np.float32(512)

Floats = npt.NDArray[np.float32]


def quantise(
    boxes: npt.ArrayLike, widths: npt.ArrayLike, heights: npt.ArrayLike, quantisation: Quantisation
) -> npt.NDArray[np.int64]:
    """Bins of boxes.

    Args:
        boxes: (boxes, 4) pixels.
        widths: (boxes,) width of each box's picture in pixels.
        heights: (boxes,) height of each box's picture in pixels.
        quantisation: which rule.

    Returns:
        (boxes, 4) int64, 0 to 999.

    Raises:
        BuildError: a coordinate is no number, or a picture has no size.
    """
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    sizes = _sizes(widths, heights)
    if not np.isfinite(corners).all():
        row = int(np.flatnonzero(~np.isfinite(corners).all(axis=1))[0])
        raise BuildError("a box has a coordinate that is no number", where=f"box {row}", got=corners[row])
    clipped = np.clip(corners, 0.0, sizes).astype(np.float32)
    return np.rint(_FORWARD[quantisation](clipped, sizes)).astype(np.int64)


def dequantise(
    bins: npt.ArrayLike, widths: npt.ArrayLike, heights: npt.ArrayLike, quantisation: Quantisation
) -> Floats:
    """Boxes in pixels that bins stand for: (boxes, 4) float32. The inverse of `quantise`, to half a bin.

    Raises:
        BuildError: a bin is not one of the 1,000, or a picture has no size.
    """
    numbers = np.asarray(bins, np.int64).reshape(-1, 4)
    if ((numbers < 0) | (numbers >= LOCATION_BINS)).any():
        raise BuildError("a location bin is out of range", got=numbers, expected=f"0 to {LOCATION_BINS - 1}")
    return _BACKWARD[quantisation](numbers.astype(np.float32), _sizes(widths, heights))


def _sizes(widths: npt.ArrayLike, heights: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """(boxes, 4): the size that each coordinate is measured against."""
    width, height = np.asarray(widths, np.float64), np.asarray(heights, np.float64)
    sizes = np.stack([width, height, width, height], axis=-1).reshape(-1, 4)
    if not (np.isfinite(sizes).all() and (sizes > 0).all()):
        raise BuildError("a picture with boxes has no size", got=sizes, expected="width and height above 0")
    return sizes


def _whole_image(corners: Floats, sizes: npt.NDArray[np.float64]) -> Floats:
    shares: Floats = np.divide(corners, sizes.astype(np.float32))
    return shares * _STEPS


def _whole_image_back(bins: Floats, sizes: npt.NDArray[np.float64]) -> Floats:
    return bins / _STEPS * sizes.astype(np.float32)


def _ofa_480(corners: Floats, sizes: npt.NDArray[np.float64]) -> Floats:
    shares: Floats = corners * _stretch(sizes) / _LARGEST
    return shares * _STEPS


def _ofa_480_back(bins: Floats, sizes: npt.NDArray[np.float64]) -> Floats:
    return bins / _STEPS * _LARGEST / _stretch(sizes)


def _stretch(sizes: npt.NDArray[np.float64]) -> Floats:
    """By how much the picture is stretched in each direction."""
    return np.divide(_PATCH, sizes).astype(np.float32)


_Rule = Callable[[Floats, npt.NDArray[np.float64]], Floats]
_FORWARD: Final[dict[Quantisation, _Rule]] = {"whole_image_999": _whole_image, "ofa_480": _ofa_480}
_BACKWARD: Final[dict[Quantisation, _Rule]] = {"whole_image_999": _whole_image_back, "ofa_480": _ofa_480_back}
