"""COCO-Text as its publisher gives it out: one zipped JSON object of objects by id.

Pictures are COCO's, all of them of its training folder: those that show nothing but signs, and the
regular ones, where one thing may be a sign. Texts stand where the plates of signs are. Layouts are
those of version 2 and of version 1.4, which says categories by name as well, but outlines otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from sample_world.archive import archive, json_object
from sample_world.coco import ENLARGED, enlarged, path_2014, photograph_id, photographs
from sample_world.irregular_coco_text import RECORDS, Records
from sample_world.lettering import LETTERINGS
from sample_world.scene import Scene, Thing
from sample_world.signposts import signposts, spare_signposts

Version = Literal["2", "1.4"]

_PATH: Final = "github.com/bgshih/cocotext/releases/download/dl/cocotext.v2.zip"
_MEMBERS: Final[dict[Version, str]] = {"2": "cocotext.v2.json", "1.4": "COCO_Text.json"}

_SETS_OF_SIGNPOSTS: Final = ("train", "val", "train", "train", "test")
_SETS_OF_OTHERS: Final = ("train", "train", "train", "val", "train", "train")
"""Sets of pairs of twins, in turns: COCO-Text validates on pictures that COCO trains on."""

CATEGORIES: Final = {
    "legibility": ("legible", "illegible"),
    "language": ("english", "not english", "na"),
    "class": LETTERINGS,
}
"""What a text may be said to be; numbers count from 1."""


def write(mirror: Path, seed: int, scale: float, version: Version = "2") -> None:
    """Writes the file below `mirror`, under the host and path of its url.

    Irregular photographs (see `sample_world.irregular_coco_text`) come first.

    Raises:
        OSError: the folder cannot be written. The file is then as it was, or whole.
    """
    images, texts, listed = {}, {}, {}
    for records in _all(seed, scale):
        image = records["image"]
        images[str(image.pop("key", image["id"]))] = image
        listed[str(image["id"])] = [text["id"] for text in records["texts"]]
        for text in records["texts"]:
            texts[str(text.pop("key", text["id"]))] = _in_layout(version, text)
    with archive(mirror / _PATH) as file:
        json_object(
            file,
            _MEMBERS[version],
            {
                "cats": _categories(),
                "anns": texts,
                "imgs": images,
                "imgToAnns": listed,
                "info": {"version": version, "description": "sample world"},
            },
        )


def irregular_photographs(seed: int) -> dict[str, int]:
    """COCO id of each irregular photograph, by the name of what is irregular, in file order."""
    return {name: photograph_id(scene.number) for name, scene in _irregular(seed)}


def about(seed: int, scale: float) -> Iterator[tuple[Scene, str]]:
    """The scenes of the regular photographs, twin after twin, each with its set."""
    for scenes, sets in (
        (signposts(seed, scale), _SETS_OF_SIGNPOSTS),
        (photographs(seed, scale, "train2014"), _SETS_OF_OTHERS),
    ):
        for position, scene in enumerate(scenes):
            yield scene, sets[position // 2 % len(sets)]


def text_id(scene: Scene, index: int) -> int:
    """Id of the text on one of the things of a scene."""
    return 10 * photograph_id(scene.number) + index


def _all(seed: int, scale: float) -> Iterator[Records]:
    for name, scene in _irregular(seed):
        records = _records(scene, "train")
        RECORDS[name](records)
        yield records
    for scene, subset in about(seed, scale):
        yield _records(scene, subset)


def _irregular(seed: int) -> Iterator[tuple[str, Scene]]:
    return zip(RECORDS, spare_signposts(seed, len(RECORDS)), strict=True)


def _records(scene: Scene, subset: str) -> Records:
    """What COCO-Text says of a photograph. Of what it tests on, it says nothing but where it is."""
    shown = enlarged(scene)
    image = photograph_id(scene.number)
    return {
        "image": {
            "id": image,
            "set": subset,
            "width": shown.width,
            "height": shown.height,
            "file_name": path_2014(scene.number).rpartition("/")[2],
        },
        "texts": [
            _text(scene, index, thing)
            for index, thing in enumerate(scene.things)
            if thing.word and subset != "test"
        ],
    }


def _text(scene: Scene, index: int, thing: Thing) -> dict[str, Any]:
    """One text, in layout 2. Its outline begins in the lower left corner."""
    x0, y0, x1, y1 = (round(side * ENLARGED, 1) for side in thing.part_box)
    return {
        "mask": [x0, y1, x1, y1, x1, y0, x0, y0],
        "class": thing.lettering,
        "bbox": [x0, y0, round(x1 - x0, 1), round(y1 - y0, 1)],
        "image_id": photograph_id(scene.number),
        "id": text_id(scene, index),
        "language": "english",
        "area": round((x1 - x0) * (y1 - y0), 2),
        "utf8_string": thing.word if thing.legible else "",
        "legibility": "legible" if thing.legible else "illegible",
    }


def _in_layout(version: Version, text: dict[str, Any]) -> dict[str, Any]:
    """A text in the layout of a version: 1.4 has a `polygon`, and no key for what cannot be read."""
    if version == "2":
        return text
    named = {("polygon" if key == "mask" else key): value for key, value in text.items()}
    return {key: value for key, value in named.items() if key != "utf8_string" or value != ""}


def _categories() -> dict[str, dict[str, dict[str, Any]]]:
    return {
        division: {str(number): {"id": number, "name": name} for number, name in enumerate(names, 1)}
        for division, names in CATEGORIES.items()
    }
