"""From selected instances to the image codes of the pictures that are their answers.

One row in: the instance `image_infilling/vg:1`, whose answer is the box (200, 150, 600, 450) of the picture
`vg:1`. One row out: the same uid with 256 codes, which are those of that box, scaled to 128 x 128 pixels.

The model that writes codes needs torch, which this room does not know: it is handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.box import Box
from schemas.token import TARGET_PICTURE_SIDE
from shards.pictures import squared
from transforms.artifact import Draft
from transforms.duck import Database
from transforms.listed import list_images
from transforms.pictures import Pictures, Wanted, fits

CODES = pa.schema(
    [
        pa.field("uid", pa.string(), False),
        pa.field("codes", pa.list_(pa.field("item", pa.uint16(), False)), False),
    ]
)
"""One row an instance: the codes of its answer, row by row from the top left."""

_AT_ONCE = 256
"""Pictures that are fetched together where they are not here."""

_LEFT_OUT = pa.schema([("uid", pa.string()), ("rejected", pa.string())])

Pixels = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.uint16]

Decode = Callable[[Sequence[Codes]], list[bytes]]
"""Turns codes of square pictures into PNG files."""


class Encoder(NamedTuple):
    """What turns pictures into codes.

    Attributes:
        code: hash over the code that does it.
        encode: given a file of weights, pictures (side, side, 3) and how many threads may work, the
            codes of each picture in turn. They depend on the weights and that one picture alone.
    """

    code: str
    encode: Callable[[Path, Iterable[Pixels], int | None], Iterator[Codes]]


class _Part(NamedTuple):
    """A part of a picture, and the instances whose answer it is.

    Attributes:
        place: where the picture lies; None if no source lists it.
        width: pixels as declared, if at all.
        height: likewise.
        box: the part, or None for the middle.
    """

    uids: list[str]
    place: Wanted | None
    width: int | None
    height: int | None
    box: Box | None


def encode(
    instances: Path,
    rows: Path,
    images: Mapping[str, Path],
    originals: Pictures,
    encoder: Encoder,
    weights: Path,
    making: Draft,
    threads: int | None = None,
) -> None:
    """Writes `CODES` of the rows that a mixture takes. A part that several rows share is encoded once.

    Args:
        rows: the rows that are taken, see `transforms.select.ROWS`.
        images: the `images` table of each source whose pictures are answers.
    """
    waiting: deque[list[str]] = deque()

    def pictures() -> Iterator[Pixels]:
        parts = _parts(instances, rows, images, making, threads)
        for number, part in enumerate(parts):
            if number % _AT_ONCE == 0:
                coming = parts[number : number + _AT_ONCE]
                originals.prefetch(one.place for one in coming if one.place is not None)
            pixels = _pixels(part, originals)
            if isinstance(pixels, str):
                making.reject(pa.table([part.uids, [pixels] * len(part.uids)], schema=_LEFT_OUT))
            else:
                waiting.append(part.uids)
                yield pixels

    with making.table("codes", CODES) as writer:
        for codes in encoder.encode(weights, pictures(), threads):
            uids = waiting.popleft()
            writer.write(pa.table([uids, [codes] * len(uids)], schema=CODES))
    making.rows_out = writer.rows
    making.rows_in = writer.rows + sum(making.rejected.values())


def _parts(
    instances: Path, rows: Path, images: Mapping[str, Path], making: Draft, threads: int | None
) -> list[_Part]:
    """The different parts that are answers, in order of picture and place."""
    with Database(making.scratch, threads) as database:
        list_images(database, {source: [path] for source, path in images.items()})
        for name, path in (("instances", instances), ("rows", rows)):
            database.view("given", name, [path])
        found = database.rows(
            """
            select
                list(uid order by uid), row(source, archive, picture), width, height,
                [target_box.x0, target_box.y0, target_box.x1, target_box.y1]
            from given.rows
            join (select uid, target_image_id, target_box from given.instances) using (uid)
            left join listed.images as pictured on target_image_id = pictured.image_id
            group by target_image_id, target_box, source, archive, picture, width, height
            order by target_image_id, target_box
            """
        )
    return [
        _Part(uids, place if place[0] else None, width, height, None if sides[0] is None else Box(*sides))
        for uids, place, width, height, sides in found
    ]


def _pixels(part: _Part, originals: Pictures) -> Pixels | str:
    """What a part shows, or why it cannot be shown."""
    if part.place is None:
        return "picture_absent"
    found = originals.check(*part.place)
    if part.box is not None:
        found = fits(found, part.width, part.height)
    data = None if found.problem else originals.read(*part.place)
    if data is None:
        return found.problem or "picture_absent"
    if part.box is None:
        return squared(data, TARGET_PICTURE_SIDE)
    # A file of another size than declared keeps its boxes in proportion.
    across, down = found.width / (part.width or found.width), found.height / (part.height or found.height)
    x0, y0, x1, y1 = part.box
    box = Box(x0 * across, y0 * down, min(x1 * across, found.width), min(y1 * down, found.height))
    return squared(data, TARGET_PICTURE_SIDE, box)
