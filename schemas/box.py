"""Boxes: pixels of the image's own file, origin at its top left corner, x1 > x0 and y1 > y0."""

from __future__ import annotations

from typing import Final, NamedTuple

import pyarrow as pa

SIDES: Final = ("x0", "y0", "x1", "y1")
BOX_TYPE: Final = pa.struct([pa.field(side, pa.float64(), nullable=False) for side in SIDES])
"""Arrow type of a box: struct of four doubles, rounded to 0.01 pixel."""

DECIMALS = 2


class Box(NamedTuple):
    """One box in pixels of the image's file.

    `Box(10.0, 20.0, 110.0, 70.0)` is 100 pixels wide and 50 high.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def area(self) -> float:
        """Square pixels; never negative."""
        return max(0.0, self.x1 - self.x0) * max(0.0, self.y1 - self.y0)

    def overlap(self, other: Box) -> float:
        """Square pixels that both boxes cover."""
        return Box(
            max(self.x0, other.x0),
            max(self.y0, other.y0),
            min(self.x1, other.x1),
            min(self.y1, other.y1),
        ).area

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 to 1; 0 where both boxes are empty."""
        overlap = self.overlap(other)
        union = self.area + other.area - overlap
        return overlap / union if union else 0.0
