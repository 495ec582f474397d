"""What COCO's files say of a photograph, which sources that borrow its pictures repeat in part."""

from __future__ import annotations

from typing import Any, Final

from sample_world.coco import ENLARGED, enlarged, path_2014, photograph_id
from sample_world.scene import Box, Scene
from sample_world.scenes import CATEGORIES, flickr_id, pick

CATEGORY_IDS: Final = {name: 3 * number + 1 for number, name in enumerate((*CATEGORIES, "sign"))}
"""Ids of the categories; they have gaps, as the published ones have."""

Records = dict[str, Any]
"""What COCO says of one photograph: `image`, and the lists `things` and `captions`. Captions are taken from
the seven of `all captions`."""


def records_of(scene: Scene) -> Records:
    """What COCO says of a photograph. Every eighth or so has a sixth caption, as some have there."""
    shown = enlarged(scene)
    image = photograph_id(scene.number)
    path = path_2014(scene.number)
    captions = [
        {"image_id": image, "id": 10 * image + position, "caption": caption}
        for position, caption in enumerate(scene.captions)
    ]
    return {
        "image": {
            "license": 4,
            "file_name": path.rpartition("/")[2],
            "coco_url": f"http://images.cocodataset.org/{path}",
            "height": shown.height,
            "width": shown.width,
            "date_captured": "2013-11-14 17:02:52",
            "flickr_url": f"http://farm7.staticflickr.com/6116/{flickr_id(scene.number)}_0123456789_z.jpg",
            "id": image,
        },
        "things": [
            {
                "segmentation": [_polygon(thing.box)],
                "area": round((thing.box[2] - thing.box[0]) * (thing.box[3] - thing.box[1]) * ENLARGED**2, 4),
                "iscrowd": 0,
                "image_id": image,
                "bbox": coco_box(thing.box),
                "category_id": CATEGORY_IDS[thing.category],
                "id": 10 * image + position,
            }
            for position, thing in enumerate(scene.things)
        ],
        "captions": captions[:5] if pick(8, "captions", image) else captions[:6],
        "all captions": captions,
    }


def coco_box(box: Box) -> list[float]:
    """x, y, width and height in COCO's copy, exact to 0.01 pixel."""
    x0, y0, x1, y1 = box
    return [round(side * ENLARGED, 2) for side in (x0, y0, x1 - x0, y1 - y0)]


def _polygon(box: Box) -> list[float]:
    """The outline of a box as x and y in turns."""
    x0, y0, x1, y1 = (round(side * ENLARGED, 2) for side in box)
    return [x0, y0, x1, y0, x1, y1, x0, y1]
