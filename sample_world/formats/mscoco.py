"""MS COCO 2014 as its publisher gives it out: one archive of records, two of pictures, and each alone.

Layouts follow the published files: one JSON object on one line with `info`, `images`, `licenses`,
`annotations` and, for instances, `categories` behind them. Pictures lie in the archives and under
addresses of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

from PIL import Image

from sample_world.archive import archive, json_object, store, write_file
from sample_world.coco import (
    HOST,
    enlarged,
    folder_2014,
    path_2014,
    photograph_id,
    photographs,
    spare_photographs,
)
from sample_world.coco_records import CATEGORY_IDS, Records, records_of
from sample_world.draw import draw, encoded
from sample_world.irregular_coco import PICTURES, RECORDS
from sample_world.scene import Scene
from sample_world.signposts import signposts

FOLDERS: Final = ("train2014", "val2014")

_INFO: Final = {
    "description": "COCO 2014 Dataset (sample world)",
    "url": "http://cocodataset.org",
    "version": "1.0",
    "year": 2014,
    "contributor": "sample world",
    "date_created": "2017/09/01",
}
_LICENSES: Final = [
    {
        "url": "http://creativecommons.org/licenses/by/2.0/",
        "id": 4,
        "name": "Attribution License",
    }
]

Photograph = tuple[Scene, Records, Callable[[Image.Image], bytes | None]]
"""A scene as Visual Genome's copy has it, what COCO says of it, and what makes a file of its picture."""


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes the files below `mirror`, each under the host and path of its url.

    Irregular photographs (see `sample_world.irregular_coco`) come first, then the regular ones, and
    last those of signs (see `sample_world.signposts`).

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    place = mirror / HOST
    with archive(place / "annotations" / "annotations_trainval2014.zip") as file:
        for folder in FOLDERS:
            every = partial(_photographs, seed, scale, folder)
            json_object(file, f"annotations/instances_{folder}.json", _instances(every))
            json_object(file, f"annotations/captions_{folder}.json", _captions(every))
    for folder in FOLDERS:
        with archive(place / "zips" / f"{folder}.zip") as file:
            for scene, _, made in _photographs(seed, scale, folder):
                picture = made(draw(enlarged(scene)))
                if picture is not None:
                    path = path_2014(scene.number)
                    store(file, path, picture)
                    write_file(place / path, picture)


def irregular_photographs(seed: int) -> dict[str, int]:
    """COCO id of each irregular photograph, by the name of what is irregular, in file order."""
    names = (*RECORDS, *PICTURES)
    spare = spare_photographs(seed, 0, len(names))
    return {name: photograph_id(scene.number) for name, scene in zip(names, spare, strict=True)}


def _photographs(seed: int, scale: float, folder: str) -> Iterator[Photograph]:
    """The photographs of one folder, in file order."""
    changed = {**dict.fromkeys(PICTURES, _unchanged), **RECORDS}
    drawn = {**dict.fromkeys(RECORDS, encoded), **PICTURES}
    names = (*RECORDS, *PICTURES)
    for name, scene in zip(names, spare_photographs(seed, 0, len(names)), strict=True):
        if folder_2014(scene.number) == folder:
            records = records_of(scene)
            changed[name](records)
            yield scene, records, drawn[name]
    for scene in chain(photographs(seed, scale, folder), signposts(seed, scale)):
        if folder_2014(scene.number) == folder:
            yield scene, records_of(scene), encoded


def _unchanged(records: Records) -> None:
    """The records stay as they are."""


def _instances(every: Callable[[], Iterator[Photograph]]) -> dict[str, Any]:
    """What a file of instances holds."""
    return {
        "info": _INFO,
        "images": (records["image"] for _, records, _ in every()),
        "licenses": _LICENSES,
        "annotations": (thing for _, records, _ in every() for thing in records["things"]),
        "categories": [
            {"supercategory": "thing", "id": number, "name": name} for name, number in CATEGORY_IDS.items()
        ],
    }


def _captions(every: Callable[[], Iterator[Photograph]]) -> dict[str, Any]:
    """What a file of captions holds."""
    return {
        "info": _INFO,
        "images": (records["image"] for _, records, _ in every()),
        "licenses": _LICENSES,
        "annotations": (caption for _, records, _ in every() for caption in records["captions"]),
    }
