"""SNLI and the lists are laid out as published, and every label is what the scene says."""

from __future__ import annotations

import json
import re
import tarfile
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from PIL import Image

from sample_world.coco import photographs
from sample_world.formats.snli_ve import UNSEEN, evaluated, irregular_photographs, judged, shared, write
from sample_world.scene import Scene
from sample_world.scenes import coco_id, flickr_id

SCALE = 0.5
SNLI = "nlp.stanford.edu/projects/snli/snli_1.0.zip"
LISTS = "raw.githubusercontent.com/necla-ml/SNLI-VE/e6cf745d2e677a2ad878b3cc095cde75c0bbb144/data"
PICTURES = "by-hand/snli_ve/flickr30k_images.tar.gz"


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, SCALE)
    return folder


@pytest.fixture(scope="module")
def pairs(mirror: Path) -> dict[str, list[dict[str, Any]]]:
    """SNLI's lines, by part."""
    with ZipFile(mirror / SNLI) as file:
        return {
            part: [json.loads(line) for line in file.read(f"snli_1.0/snli_1.0_{part}.jsonl").splitlines()]
            for part in ("train", "dev", "test")
        }


def photograph_of(pair: dict[str, Any]) -> int | None:
    found = re.match(r"(\d+)\.jpg#", pair["pairID"])
    return int(found[1]) if found else None


def numbers(mirror: Path, name: str) -> list[int]:
    return [int(line) for line in (mirror / LISTS / f"flickr30k_{name}.lst").read_text().split("\n")]


def test_the_layout_is_the_published_one(
    pairs: dict[str, list[dict[str, Any]]], real: Path, seed: int
) -> None:
    published = (real / "snli_ve" / "allennlp_fixture" / "sample_pairs.jsonl").read_text().splitlines()[0]
    # Which photograph it is about, the authors' generator adds.
    shape = {key: type(value) for key, value in json.loads(published).items() if key != "Flickr30K_ID"}
    known = {flickr_id(scene.number) for scene in evaluated(seed, SCALE)}
    parts: Counter[str] = Counter()
    for part, lines in pairs.items():
        for pair in lines:
            if photograph_of(pair) in known:
                assert {key: type(value) for key, value in pair.items()} == shape
                assert list(pair) == sorted(pair)
                assert re.fullmatch(rf"{pair['captionID']}r\d[ecn]", pair["pairID"])
                parts[part] += 1
    assert set(parts) == {"train", "dev", "test"}


def label_of(scene: Scene, text: str) -> str:
    """How a sentence stands to a scene, read off its things alone."""
    boxes = {thing.name: thing.box for thing in scene.things}
    said = text.removesuffix(".")
    if any(said == f"The {name} {unseen}" for name in boxes for unseen in UNSEEN):
        return "neutral"
    if found := re.fullmatch(r"There are (\w+) things", said):
        holds = found[1] == {5: "five", 6: "six"}[len(boxes)]
    elif found := re.fullmatch(r"There is an? (\w+ \w+)", said):
        holds = found[1] in boxes
    elif found := re.fullmatch(r"The (\w+) in the (\w+ \w+) is (\w+)", said):
        (thing,) = (thing for thing in scene.things if thing.place == found[2])
        assert thing.category == found[1]
        holds = thing.colour == found[3]
    elif found := re.fullmatch(r"The (\w+ \w+) is in the (\w+ \w+)", said):
        (thing,) = (thing for thing in scene.things if thing.name == found[1])
        holds = thing.place == found[2]
    else:
        found = re.fullmatch(r"The (\w+ \w+) is (.+) the (\w+ \w+)", said)
        assert found is not None, text
        one, other = boxes[found[1]], boxes[found[3]]
        holds = {
            "touching": one[3] == other[1],
            "detached from": one[3] < other[1],
            "below": one[1] >= other[3],
            "left of": one[2] < other[0],
            "right of": one[0] > other[2],
        }[found[2]]
    return "entailment" if holds else "contradiction"


def test_every_label_is_what_the_scene_says(pairs: dict[str, list[dict[str, Any]]], seed: int) -> None:
    known = {flickr_id(scene.number): scene for scene in evaluated(seed, SCALE)}
    told: Counter[int] = Counter()
    for pair in (pair for lines in pairs.values() for pair in lines):
        number = photograph_of(pair)
        if number is not None and number in known:
            assert label_of(known[number], pair["sentence2"]) == pair["gold_label"], pair
            assert pair["sentence1"] in known[number].captions
            told[number] += 1
    assert told == dict.fromkeys(known, 12)
    for scene in known.values():
        assert Counter(one.label for one in judged(scene)) == {
            "entailment": 4,
            "contradiction": 4,
            "neutral": 4,
        }


def test_twins_flip_a_label(seed: int) -> None:
    scenes = list(evaluated(seed, 1.0))
    kinds = set()
    for one, other in zip(scenes[::2], scenes[1::2], strict=True):
        assert one.difference is not None and other.number == one.number + 1
        labels = {said.text: said.label for said in judged(one)}
        flipped = [said for said in judged(other) if labels.get(said.text, said.label) != said.label]
        assert {said.label for said in flipped} == {"entailment", "contradiction"}
        kinds.add(one.difference.kind)
    assert kinds == {"colour", "place", "relation"}


def test_some_photographs_are_those_that_coco_trains_on(mirror: Path, seed: int) -> None:
    trained = {flickr_id(scene.number) for scene in photographs(seed, 1.0, "train2014")}
    ours = {flickr_id(scene.number): coco_id(scene.number) for scene in shared(seed, 1.0)}
    assert len(ours) == 4 and set(ours) <= trained
    # Visual Genome has copies of them, too.
    assert None not in ours.values()
    assert {flickr_id(scene.number) for scene in shared(seed, SCALE)} <= set(numbers(mirror, "test"))


def test_lists_and_pictures(mirror: Path, seed: int) -> None:
    irregular = irregular_photographs(seed)
    tests, others = numbers(mirror, "test"), numbers(mirror, "train_val")
    assert set(tests) & set(others) == {irregular["in_both_lists"]}
    assert [number for number, times in Counter(tests).items() if times > 1] == [irregular["listed_twice"]]
    assert irregular["unlisted"] not in {*tests, *others}
    problems = {}
    with tarfile.open(mirror / PICTURES) as archive:
        held = {Path(entry.name).stem: archive.extractfile(entry) for entry in archive.getmembers()}
        assert all(name.startswith("flickr30k_images/") for name in archive.getnames())
        for name, number in irregular.items():
            file = held.get(str(number))
            if file is None:
                problems[name] = "absent"
                continue
            picture = Image.open(BytesIO(file.read()))
            try:
                picture.load()
            except OSError:
                problems[name] = "torn"
            if picture.mode != "RGB":
                problems[name] = picture.mode
    assert problems == {"picture_absent": "absent", "picture_truncated": "torn", "picture_grey": "L"}
    assert {str(number) for number in {*tests, *others}} - set(held) == {str(irregular["picture_absent"])}
