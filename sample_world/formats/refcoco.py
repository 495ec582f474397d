"""RefCOCO, RefCOCO+ and RefCOCOg as their publishers give them out: a zip of a pickle and of JSON each.

They are about COCO's regular training photographs, of which each points out some things: RefCOCO three,
by their look and by their place, RefCOCO+ two, by their look alone, RefCOCOg two, in whole sentences. The
datasets divide the photographs otherwise than COCO, and RefCOCOg otherwise than the other two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from sample_world.archive import archive, json_object, store
from sample_world.coco import folder_2014, path_2014, photograph_id, photographs, spare_photographs
from sample_world.coco_records import CATEGORY_IDS, records_of
from sample_world.irregular_refcoco import RECORDS, Records
from sample_world.python2_pickle import python2_pickle
from sample_world.scene import Scene, Thing

_SNAPSHOTS: Final = "web.archive.org/web"
_PUBLISHED: Final = "https%3A/bvisionweb1.cs.unc.edu/licheng/referit/data"


class Dataset(NamedTuple):
    """One of the three datasets.

    Attributes:
        name: of its folder and its archive.
        division: of its references.
        snapshot: when the Internet Archive took its copy.
        splits: what pairs of twins are for, by their place in every `_PERIOD`, where not for training.
        things: how many things of a photograph are pointed out.
        says: what is said of one of them.
    """

    name: str
    division: str
    snapshot: int
    splits: dict[int, str]
    things: int
    says: Callable[[Thing], tuple[str, ...]]


def _by_look_and_place(thing: Thing) -> tuple[str, ...]:
    return thing.name.upper(), f"{thing.category}, {thing.place}"


def _by_look(thing: Thing) -> tuple[str, ...]:
    part = f'the word "{thing.word}"' if thing.word else f"a {thing.part_colour} dot"
    return (f"{thing.name} with {part}",)


def _in_a_sentence(thing: Thing) -> tuple[str, ...]:
    return (f"The {thing.name} in the {thing.place} of the picture.",)


_PERIOD: Final = 32
_OF_BOTH: Final = {3: "val", 6: "testA", 11: "val", 14: "testB", 19: "val", 27: "val"}
_OF_REFCOCOG: Final = {2: "test", 5: "val", 9: "val", 17: "test", 21: "val"}
"""Splits of the pairs of twins that are not for training, by their place in every `_PERIOD` of them."""

DATASETS: Final = (
    Dataset("refcoco", "unc", 20220413011718, _OF_BOTH, 3, _by_look_and_place),
    Dataset("refcoco+", "unc", 20220413011656, _OF_BOTH, 2, _by_look),
    Dataset("refcocog", "umd", 20220413012904, _OF_REFCOCOG, 2, _in_a_sentence),
)


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes the three archives below `mirror`, each under the host and path of its copy.

    Irregular photographs (see `sample_world.irregular_refcoco`) come first, in RefCOCO alone.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    for dataset in DATASETS:
        every = list(_all(dataset, seed, scale))
        references = [reference for records in every for reference in records["references"]]
        _number(references, dataset)
        path = mirror / _SNAPSHOTS / str(dataset.snapshot) / _PUBLISHED / f"{dataset.name}.zip"
        with archive(path) as file:
            store(file, f"{dataset.name}/refs({dataset.division}).p", python2_pickle(references))
            json_object(file, f"{dataset.name}/instances.json", _instances(every))


def irregular_photographs(seed: int) -> dict[str, int]:
    """COCO id of each irregular photograph, by the name of what is irregular, in file order."""
    return {name: photograph_id(scene.number) for name, scene in _irregular(seed)}


def about(dataset: Dataset, seed: int, scale: float) -> Iterator[tuple[Scene, str]]:
    """The scenes of the regular photographs, twin after twin, each with its split."""
    for position, scene in enumerate(photographs(seed, scale, "train2014")):
        yield scene, dataset.splits.get(position // 2 % _PERIOD, "train")


def pointed_out(dataset: Dataset, scene: Scene) -> list[int]:
    """Indexes of the things of a scene that are pointed out: first the one that twins differ in."""
    first = scene.difference.thing if scene.difference else 0
    return [(first + further) % len(scene.things) for further in range(dataset.things)]


def _all(dataset: Dataset, seed: int, scale: float) -> Iterator[Records]:
    for name, scene in _irregular(seed) if dataset is DATASETS[0] else ():
        records = _records(dataset, scene, "train")
        RECORDS[name](records)
        yield records
    for scene, split in about(dataset, seed, scale):
        yield _records(dataset, scene, split)


def _irregular(seed: int) -> Iterator[tuple[str, Scene]]:
    # Behind those that are irregular in COCO's own files and in VSR's.
    spare = spare_photographs(seed, 2_000, 10 * len(RECORDS))
    return zip(RECORDS, (scene for scene in spare if folder_2014(scene.number) == "train2014"), strict=False)


def _records(dataset: Dataset, scene: Scene, split: str) -> Records:
    """What a dataset says of a photograph; references and sentences have no numbers yet."""
    said = records_of(scene)
    return {
        "image": said["image"],
        "things": said["things"],
        "references": [
            {
                "split": split,
                "image_id": said["image"]["id"],
                "ann_id": said["things"][index]["id"],
                "category_id": said["things"][index]["category_id"],
                "file_name": path_2014(scene.number).rpartition("/")[2],
                "sentences": [_sentence(text) for text in dataset.says(scene.things[index])],
            }
            for index in pointed_out(dataset, scene)
        ],
    }


def _sentence(text: str) -> dict[str, Any]:
    tokens = re.findall(r"\w+", text.lower())
    return {"tokens": tokens, "raw": text, "sent": " ".join(tokens)}


def _number(references: list[dict[str, Any]], dataset: Dataset) -> None:
    """Numbers references and sentences. File names end in the reference's, or in RefCOCOg in the thing's."""
    sentences = 0
    for number, reference in enumerate(references):
        for sentence in reference["sentences"]:
            sentence["sent_id"] = sentences
            sentences += 1
        reference["ref_id"] = number
        reference["sent_ids"] = [sentence["sent_id"] for sentence in reference["sentences"]]
        ending = reference["ann_id"] if dataset.name == "refcocog" else number
        reference["file_name"] = reference["file_name"].replace(".jpg", f"_{ending}.jpg")


def _instances(every: list[Records]) -> dict[str, Any]:
    """What a dataset's file of things holds."""
    return {
        "info": {"description": "sample world", "version": "1.0", "year": 2014},
        "images": [records["image"] for records in every],
        "licenses": [],
        "annotations": [thing for records in every for thing in records["things"]],
        "categories": [
            {"supercategory": "thing", "id": number, "name": name} for name, number in CATEGORY_IDS.items()
        ],
    }
