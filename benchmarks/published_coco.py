"""Make-believe records of MS COCO 2014, in the publisher's own format and as many as it published.

Nothing is shown here: no pictures belong to them, and captions are words in no order. What decides how
much work they are is as published: how many pictures, things and captions there are, that things are of
80 categories of which few are in one picture and some are in most, and that some pictures are crowded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sample_world.archive import archive, json_object
from transforms import registry
from transforms.mirror import Mirror


class Counts(NamedTuple):
    """How much a folder of the publisher holds."""

    pictures: int
    things: int
    captions: int


PUBLISHED: Final = {
    "train2014": Counts(82_783, 604_907, 414_113),
    "val2014": Counts(40_504, 291_875, 202_654),
}

CATEGORIES: Final = tuple(f"thing {number}" for number in range(80))
MOST_CATEGORIES: Final = 5
"""Categories of one picture; it is 2.9 on average as published."""

WORDS: Final = 5_000
WIDTH, HEIGHT = 640, 480


def write(mirror: Path, scale: float) -> None:
    """Writes the archive of records where a mirror has it.

    Args:
        scale: share of the published numbers.
    """
    place = Mirror(str(mirror)).local_path(registry.declaration("mscoco").files["annotations"].urls[0])
    if place is None:
        raise ValueError("the mirror is a local folder")
    with archive(place) as file:
        for number, (folder, published) in enumerate(PUBLISHED.items()):
            counts = Counts(*(max(1, round(count * scale)) for count in published))
            # The ids of the folders lie between each other, as they do there.
            images = [_image(folder, 2 * position + number) for position in range(counts.pictures)]
            ids = [image["id"] for image in images]
            draw = np.random.default_rng(number)
            categories = [{"id": place, "name": name} for place, name in enumerate(CATEGORIES)]
            things = {
                "images": images,
                "annotations": _things(ids, counts.things, draw),
                "categories": categories,
            }
            json_object(file, f"annotations/instances_{folder}.json", things)
            captions = {"images": images, "annotations": _captions(ids, counts.captions, draw)}
            json_object(file, f"annotations/captions_{folder}.json", captions)


def _image(folder: str, identity: int) -> dict[str, Any]:
    name = f"COCO_{folder}_{identity:012}.jpg"
    return {"id": identity, "file_name": name, "width": WIDTH, "height": HEIGHT}


def _things(ids: list[int], count: int, draw: np.random.Generator) -> Iterator[dict[str, Any]]:
    shares = draw.gamma(1.0, size=len(ids))
    # Some categories are everywhere: that of people holds 30 % of all things there.
    common = 1 / np.arange(1, len(CATEGORIES) + 1)
    identity = 0
    for image, several in zip(ids, draw.multinomial(count, shares / shares.sum()), strict=True):
        few = draw.choice(
            len(CATEGORIES), draw.integers(1, MOST_CATEGORIES + 1), replace=False, p=common / common.sum()
        )
        for category, box in zip(draw.choice(few, several), _boxes(several, draw), strict=True):
            yield {
                "id": identity,
                "image_id": image,
                "category_id": int(category),
                "bbox": [round(side, 2) for side in box.tolist()],
                "iscrowd": int(identity % 100 == 0),
            }
            identity += 1


def _boxes(count: int, draw: np.random.Generator) -> npt.NDArray[np.float64]:
    """x, y, width and height, in pixels, inside the picture: most things are small."""
    frame = np.array([WIDTH, HEIGHT])
    sizes = frame * (0.02 + 0.98 * draw.random((count, 2)) ** 2)
    return np.hstack([(frame - sizes) * draw.random((count, 2)), sizes])


def _captions(ids: list[int], count: int, draw: np.random.Generator) -> Iterator[dict[str, Any]]:
    lengths = draw.integers(8, 14, count)
    for identity, length in enumerate(lengths):
        words = " ".join(f"w{word}" for word in draw.integers(WORDS, size=length))
        yield {"id": identity, "image_id": ids[identity % len(ids)], "caption": f"A {words}."}
