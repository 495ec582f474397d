"""What a picture looks like, in 776 bytes: enough to tell a copy of a photograph from any other picture.

Two files show one photograph if their hashes differ in at most `MOST_BITS` bits and no cell of their small
copies differs by more than `MOST_DIFFERENCE` in any colour. Measured over 110 photographs of COCO, 6 of
Visual Genome and 10 of TextVQA, 150 pictures of NLVR and 96 scenes of the sample world; the largest and the
smallest values found, bits of the hash first and then the difference of the small copies:

    JPEG of quality 50, 60, 75, 85, 95; WebP       photographs  6,  7    scenes  4, 11    NLVR  4, 20
    1.28 or 2 times as large, also as JPEG 50      photographs  6,  6    scenes  4, 10    NLVR  4, 19
    0.78 times as large, also as JPEG 50           photographs  6,  7    scenes  4, 14    NLVR  4, 27
    0.4 or 0.5 times as large, also as JPEG 50     photographs  6, 14    scenes  6, 26    NLVR  8, 50
    without any smoothing, 0.4 to 2 times          photographs 10, 21    scenes  6, 36    NLVR  8, 70
    256 colours                                    photographs  4, 29    scenes  0,  0    NLVR  0,  0

    any two photographs                            at least 14 bits and a difference of 94
    twins: one thing of a scene in another colour or place           0 bits and a difference of 95
    NLVR: other orders of its boxes, other sentences' drawings       0 bits and a difference of 88

So every re-encoded, resized (by a filter) and converted photograph is found, and no drawing is taken for one
that differs in one thing. Drawings as thin as NLVR's are found at 0.78 times their size and more. A picture
that is cropped, mirrored or recoloured is another one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

SIDE: Final = 32
"""Rows and columns of what a picture is shrunk to before it is looked at."""

SMALL: Final = 16
"""Rows and columns of the small copy."""

MOST_BITS: Final = 7
MOST_DIFFERENCE: Final = 32

LEAST_CONTRAST: Final = 10
"""Standard deviation of the brightness, of 255, below which a picture is plain: any two plain ones are alike,
so such a one has no look. The plainest of the measured photographs has 14."""

_BRIGHTNESS: Final = np.array([299, 587, 114], np.int64)
"""Share of red, green and blue in brightness, in thousandths (ITU-R BT.601)."""

_FREQUENCIES: Final = 8


class Look(NamedTuple):
    """What a picture looks like.

    Attributes:
        hash: 64 bits, row after row: whether each of the 8 x 8 lowest frequencies of the brightness is
            stronger than the median of all but the first. Near for copies of one photograph.
        small: the picture shrunk to 16 x 16, uint8 RGB, row after row.
    """

    hash: int
    small: bytes


def look(shrunk: npt.NDArray[np.uint8]) -> Look | None:
    """What a picture looks like, or None if it is too plain to be told from others.

    Whole numbers only, so that every machine finds the same.

    Args:
        shrunk: the whole picture, each cell the mean of its part: uint8 (32, 32, 3) RGB.
    """
    cells = shrunk.astype(np.int64)
    brightness = cells @ _BRIGHTNESS
    count = brightness.size
    spread = count * int((brightness**2).sum()) - int(brightness.sum()) ** 2
    if spread < (LEAST_CONTRAST * 1000 * count) ** 2:
        return None
    waves = _waves()
    strengths = (waves @ brightness @ waves.T).ravel()
    bits = strengths > np.median(strengths[1:])
    blocks = cells.reshape(SMALL, SIDE // SMALL, SMALL, SIDE // SMALL, 3).sum(axis=(1, 3))
    cell = (SIDE // SMALL) ** 2
    small = ((blocks + cell // 2) // cell).astype(np.uint8)
    return Look(int.from_bytes(np.packbits(bits).tobytes(), "big"), small.tobytes())


def _waves() -> npt.NDArray[np.int64]:
    """The first cosines of the discrete cosine transform (type II) as whole numbers: (8, 32)."""
    frequency, place = np.arange(_FREQUENCIES)[:, None], np.arange(SIDE)[None, :]
    cosines = np.cos(np.pi * (2 * place + 1) * frequency / (2 * SIDE))
    waves: npt.NDArray[np.int64] = np.rint(cosines * 4096).astype(np.int64)
    return waves
