"""Visual Genome as its publisher gives it out: six zipped JSON arrays and two archives of pictures.

Layouts follow the published files of versions 1.0.0, 1.2.0 and 1.4: JSON on one line, ASCII, one
record a picture. Version 1.0 names every id `id`; 1.4 adds `merged_object_ids` and calls some ends of
relationships by a list `names`. A picture's archive is the folder in its url.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Literal

from sample_world.archive import archive, json_array, store
from sample_world.draw import draw, encoded
from sample_world.genome import image_id
from sample_world.irregular import PICTURES, RECORDS, Records
from sample_world.scene import Box, Scene
from sample_world.scenes import coco_id, flickr_id, scene_count, scenes, spare_scenes

Version = Literal["1.0", "1.2", "1.4"]

_ANNOTATIONS: Final = "homes.cs.washington.edu/~ranjay/visualgenome/data/dataset"
_PICTURES: Final = "cs.stanford.edu/people/rak248"
_ARCHIVES: Final = {"VG_100K": "images.zip", "VG_100K_2": "images2.zip"}
"""Archive of each folder of pictures. Both archives lie in the publisher's folder `VG_100K_2`."""

_FILES: Final = (
    "image_data",
    "objects",
    "attributes",
    "relationships",
    "region_descriptions",
    "question_answers",
)

_FIRST_NAMES: Final[dict[str, dict[str, str | None]]] = {
    "objects": {"image_id": "id", "object_id": "id", "synsets": None},
    "attributes": {"image_id": "id", "object_id": "id", "synsets": None, "names": "object_names"},
    "relationships": {"image_id": "id", "object_id": "id", "relationship_id": "id", "synsets": None},
    "region_descriptions": {"image_id": "image", "region_id": "id"},
}
"""What version 1.0 calls a key of 1.2, by file; None: it lacks the key."""


def write(mirror: Path, seed: int, scale: float, version: Version = "1.2") -> None:
    """Writes the eight files below `mirror`, each under the host and path of its url.

    Irregular pictures (see `sample_world.irregular`) come first, then the regular scenes. Any number
    of scenes passes through in bounded memory.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    with ExitStack() as stack:
        arrays = {
            name: stack.enter_context(json_array(mirror / _ANNOTATIONS / f"{name}.json.zip"))
            for name in _FILES
        }
        pictures = {
            folder: stack.enter_context(archive(mirror / _PICTURES / "VG_100K_2" / name))
            for folder, name in _ARCHIVES.items()
        }
        for scene, records, picture in _all(seed, scale):
            for name, add in arrays.items():
                add(_in_layout(version, name, records))
            if picture is not None:
                folder = _folder(scene.number)
                store(pictures[folder], f"{folder}/{image_id(scene.number)}.jpg", picture)


def irregular_images(scale: float) -> dict[str, int]:
    """Image id of each irregular picture, by the name of what is irregular, in file order."""
    return {name: image_id(number) for number, name in enumerate((*RECORDS, *PICTURES), scene_count(scale))}


def _all(seed: int, scale: float) -> Iterator[tuple[Scene, Records, bytes | None]]:
    """Scenes with their records and the bytes of their pictures, in file order."""
    spare = spare_scenes(seed, scale)
    # Scenes stand second in `zip`, which takes none of them once the names are used up.
    for spoil, scene in zip(RECORDS.values(), spare, strict=False):
        records = _records(scene)
        spoil(records)
        yield scene, records, encoded(draw(scene))
    for made, scene in zip(PICTURES.values(), spare, strict=False):
        yield scene, _records(scene), made(draw(scene))
    for scene in scenes(seed, scale):
        yield scene, _records(scene), encoded(draw(scene))


def _folder(number: int) -> str:
    return "VG_100K" if number % 2 else "VG_100K_2"


def _records(scene: Scene) -> Records:
    """What the six files say of a picture, in layout 1.2."""
    image = image_id(scene.number)
    first_id = 100 * (scene.number + 1)
    on_coco = coco_id(scene.number)
    objects = list(_objects(scene, first_id))
    return {
        "image_data": {
            "width": scene.width,
            "url": f"https://{_PICTURES}/{_folder(scene.number)}/{image}.jpg",
            "height": scene.height,
            "image_id": image,
            "coco_id": on_coco,
            "flickr_id": flickr_id(scene.number) if on_coco is not None else None,
        },
        "objects": {"image_id": image, "objects": [thing for thing, _ in objects]},
        "attributes": {
            "image_id": image,
            "attributes": [{**thing, "attributes": [colour]} for thing, colour in objects],
        },
        "relationships": {
            "relationships": list(_relationships(scene, first_id, [thing for thing, _ in objects])),
            "image_id": image,
        },
        "region_descriptions": {
            "regions": [
                {
                    "region_id": first_id + position,
                    **_placed(description.box, "width", "height"),
                    "image_id": image,
                    "phrase": description.phrase,
                }
                for position, description in enumerate(scene.descriptions)
            ],
            "id": image,
        },
        "question_answers": {
            "id": image,
            "qas": [
                {
                    "a_objects": [],
                    "question": question.question,
                    "image_id": image,
                    "qa_id": first_id + position,
                    "answer": question.answer,
                    "q_objects": [],
                }
                for position, question in enumerate(scene.questions)
            ],
        },
    }


def _objects(scene: Scene, first_id: int) -> Iterator[tuple[dict[str, Any], str]]:
    """The things, then their parts, each with its colour."""
    marked = [(thing.category, thing.box, thing.colour) for thing in scene.things]
    marked += [(thing.part, thing.part_box, thing.part_colour) for thing in scene.things]
    for position, (name, box, colour) in enumerate(marked):
        yield (
            {
                "synsets": [f"{name}.n.01"],
                "object_id": first_id + position,
                "names": [name],
                **_placed(box, "w", "h"),
            },
            colour,
        )


def _relationships(scene: Scene, first_id: int, objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    ends = [
        {**{key: value for key, value in thing.items() if key != "names"}, "name": thing["names"][0]}
        for thing in objects
    ]
    for position, (predicate, subject, other) in enumerate(scene.relations):
        part = len(scene.things) if predicate == "has" else 0
        yield {
            "predicate": predicate,
            "object": ends[part + other],
            "relationship_id": first_id + position,
            "synsets": [f"{predicate.replace(' ', '_')}.r.01"],
            "subject": ends[subject],
        }


def _placed(box: Box, width: str, height: str) -> dict[str, int]:
    x0, y0, x1, y1 = box
    return {"x": x0, "y": y0, width: x1 - x0, height: y1 - y0}


def _in_layout(version: Version, name: str, records: Records) -> Any:
    """The record of one file in the layout of a version."""
    record = records[name]
    if version == "1.0":
        return _renamed(record, _FIRST_NAMES.get(name, {}))
    if version == "1.4" and name == "objects":
        objects = [{**thing, "merged_object_ids": _merged(thing)} for thing in record["objects"]]
        return {**record, "objects": objects, "image_url": records["image_data"]["url"]}
    if version == "1.4" and name == "relationships":
        relationships = [
            {**relationship, **{end: _end(relationship[end]) for end in ("subject", "object")}}
            for relationship in record["relationships"]
        ]
        return {**record, "relationships": relationships}
    return record


def _merged(thing: dict[str, Any]) -> list[int]:
    """What 1.4 merged into an object: something for the first of each picture, else nothing."""
    return [] if thing["object_id"] % 100 else [thing["object_id"] + 1_000_000_000]


def _end(end: dict[str, Any]) -> dict[str, Any]:
    """One end of a relationship as 1.4 has it: a merged object has `names` in place of `name`."""
    if not _merged(end):
        return end
    rest = {key: value for key, value in end.items() if key != "name"}
    return {**rest, "names": [end["name"]], "merged_object_ids": _merged(end)}


def _renamed(value: Any, names: dict[str, str | None]) -> Any:
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    kept = ((names.get(key, key), item) for key, item in value.items())
    return {key: _renamed(item, names) for key, item in kept if key is not None}
