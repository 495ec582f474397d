"""The three RefCOCO archives are laid out as the published ones, and each expression means one thing."""

from __future__ import annotations

import json
import pickle
import pickletools
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sample_world.coco import enlarged, photograph_id
from sample_world.formats.refcoco import DATASETS, about, irregular_photographs, pointed_out, write
from sample_world.scene import PLACES, Scene, Thing
from tests.sample_world.native import members, shape

COPIES = "web.archive.org/web"
PUBLISHED = "https%3A/bvisionweb1.cs.unc.edu/licheng/referit/data"

Archives = dict[str, tuple[bytes, dict[str, Any]]]
"""Pickle and things of each dataset."""


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Archives:
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, 1.0)
    found = {}
    for dataset in DATASETS:
        inside = members(folder, f"{COPIES}/{dataset.snapshot}/{PUBLISHED}/{dataset.name}.zip")
        assert list(inside) == [
            f"{dataset.name}/refs({dataset.division}).p",
            f"{dataset.name}/instances.json",
        ]
        data, things = inside.values()
        found[dataset.name] = data, things
    return found


def references(packed: Archives, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pickle.loads(packed[name][0], encoding="latin1")
    return found


def test_the_layout_is_the_published_one(packed: Archives, real: Path) -> None:
    path = real / "refcoco" / "real_single_ref" / "refcoco" / "refs(unc).p"
    (published,) = pickle.loads(path.read_bytes(), encoding="latin1")
    for dataset in DATASETS:
        ours = references(packed, dataset.name)[-1]
        assert shape(ours) == shape(published)
        ending = ours["file_name"].removesuffix(".jpg").rpartition("_")[2]
        assert ending == str(ours["ann_id" if dataset.name == "refcocog" else "ref_id"])
    known = json.loads((real / "refcoco" / "reconstructed" / "refcocog" / "instances.json").read_bytes())
    things = packed["refcocog"][1]
    assert set(things) == set(known)
    assert shape(known["images"][0]).items() <= shape(things["images"][-1]).items()
    assert set(things["annotations"][-1]) == set(known["annotations"][0])


def test_pickles_are_those_of_python_2(packed: Archives) -> None:
    found: Counter[str] = Counter()
    for data, _ in packed.values():
        found.update(code.name for code, _, _ in pickletools.genops(data))
    assert found["PROTO"] == found["STOP"] == 3
    # One sentence is not ASCII, and so a text of Unicode; nothing is called or imported.
    assert found["BINUNICODE"] == 1 and found["BINSTRING"] > 1_000
    assert not found.keys() & {"GLOBAL", "REDUCE", "BUILD", "STACK_GLOBAL"}


def meant(scene: Scene, text: str) -> list[Thing]:
    """The things of a scene that an expression fits."""
    lower = text.lower()
    said = re.search(r"(\w+) (ball|box|tent|gem|drum|cross|house|cup|sign)", lower)
    places = [place for place in PLACES if place in lower]
    category = next(thing.category for thing in scene.things if re.search(rf"\b{thing.category}\b", lower))
    found = [thing for thing in scene.things if thing.category == category]
    if said is not None and said[1] in {thing.colour for thing in scene.things}:
        found = [thing for thing in found if thing.colour == said[1]]
    return [thing for thing in found if not places or thing.place in places]


def test_each_expression_means_its_thing_alone(packed: Archives, seed: int) -> None:
    for dataset in DATASETS:
        boxes = {thing["id"]: thing["bbox"] for thing in packed[dataset.name][1]["annotations"]}
        by_picture: dict[int, list[dict[str, Any]]] = {}
        for reference in references(packed, dataset.name):
            by_picture.setdefault(reference["image_id"], []).append(reference)
        for scene, split in about(dataset, seed, 1.0):
            found = by_picture[photograph_id(scene.number)]
            for index, reference in zip(pointed_out(dataset, scene), found, strict=True):
                assert reference["split"] == split
                x, y, width, height = boxes[reference["ann_id"]]
                expected = enlarged(scene).things[index].box
                assert [x, y, x + width, y + height] == pytest.approx(list(expected), abs=1.5)
                for sentence in reference["sentences"]:
                    assert meant(scene, sentence["raw"]) == [scene.things[index]]
                    assert sentence["sent"].split() == sentence["tokens"]


def test_numbers_are_unique_and_splits_are_divided_otherwise(packed: Archives, seed: int) -> None:
    splits: dict[str, dict[int, str]] = {}
    irregular = set(irregular_photographs(seed).values())
    for dataset in DATASETS:
        listed = references(packed, dataset.name)
        assert [reference["ref_id"] for reference in listed] == list(range(len(listed)))
        sentences = [sentence for reference in listed for sentence in reference["sentences"]]
        assert [sentence["sent_id"] for sentence in sentences] == list(range(len(sentences)))
        splits[dataset.name] = {
            reference["image_id"]: reference["split"]
            for reference in listed
            if reference["image_id"] not in irregular
        }
    assert {"train", "val", "testA", "testB"} <= set(splits["refcoco"].values())
    assert set(splits["refcocog"].values()) == {"train", "val", "test"}
    pairs = {(splits["refcoco"].get(image), split) for image, split in splits["refcocog"].items()}
    assert {("train", "train"), ("train", "val"), ("val", "train"), ("testA", "train")} <= pairs


def test_twins_are_pointed_out_otherwise(packed: Archives) -> None:
    dataset = DATASETS[0]
    scenes = [scene for scene, _ in about(dataset, 0, 1.0)]
    for one, other in zip(scenes[::2], scenes[1::2], strict=True):
        first, second = (scene.things[pointed_out(dataset, scene)[0]] for scene in (one, other))
        assert (dataset.says(first), first.box) != (dataset.says(second), second.box)


def test_irregular_photographs_are_as_listed(packed: Archives, seed: int) -> None:
    irregular = irregular_photographs(seed)
    named = {image["id"]: image for image in packed["refcoco"][1]["images"]}
    assert list(named)[: len(irregular)] == list(irregular.values())
    assert not set(irregular.values()) & {image["id"] for image in packed["refcocog"][1]["images"]}
    said = Counter(reference["image_id"] for reference in references(packed, "refcoco"))
    assert said[irregular["no_references"]] == 0
    assert named[irregular["other_name"]]["file_name"].endswith("_0.jpg")
    texts = [
        sentence["raw"]
        for reference in references(packed, "refcoco")
        if reference["image_id"] == irregular["spellings"]
        for sentence in reference["sentences"]
    ]
    assert texts == [" the thing ", "a\nthing", "thing for café crème", "it", "it", "  "]
