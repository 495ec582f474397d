"""Boxes brought inside their pictures, many at a time."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.box import DECIMALS

SMALLEST_AREA: Final = 1.0
"""Square pixels that a box must cover once it is clipped."""


class Clipped(NamedTuple):
    """Boxes after clipping, and which of them are not to be used, by the first reason that holds.

    Attributes:
        boxes: float64 (n, 4): x0, y0, x1, y1 in pixels, rounded to 0.01.
        problems: bool (n,) by reason, in order.
    """

    boxes: npt.NDArray[np.float64]
    problems: dict[str, npt.NDArray[np.bool_]]


def clip(boxes: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64]) -> Clipped:
    """Clips boxes to their pictures.

    Args:
        boxes: float64 (n, 4): x0, y0, x1, y1 in pixels as published, in any state.
        sizes: float64 (n, 2): width and height of the picture of each box.
    """
    infinite = np.any(~np.isfinite(boxes), axis=1)
    x0, y0, x1, y1 = boxes.T
    width, height = sizes.T
    outside = (x1 <= 0) | (y1 <= 0) | (x0 >= width) | (y0 >= height)
    inside = np.clip(boxes, 0, np.hstack([sizes, sizes])).round(DECIMALS)
    across, down = inside[:, 2] - inside[:, 0], inside[:, 3] - inside[:, 1]
    degenerate = (across <= 0) | (down <= 0) | (across * down < SMALLEST_AREA)
    return Clipped(inside, {"box_not_finite": infinite, "box_outside": outside, "box_degenerate": degenerate})
