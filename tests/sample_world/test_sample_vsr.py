"""VSR's file is laid out as the published one, and what it states follows from the scenes."""

from __future__ import annotations

import json
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sample_world.coco import enlarged, photograph_id
from sample_world.formats.vsr import about, absent_photograph, write
from sample_world.scene import Scene

SCALE = 0.5
REPOSITORY = "raw.githubusercontent.com/cambridgeltl/visual-spatial-reasoning"
HOST = "s3.amazonaws.com/images.cocodataset.org"


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
def lines(mirror: Path) -> list[dict[str, Any]]:
    (path,) = (mirror / REPOSITORY).rglob("data/splits/zeroshot/test.jsonl")
    text = path.read_text()
    assert text.endswith("}\n")
    return [json.loads(line) for line in text.splitlines()]


def test_the_layout_is_the_published_one(lines: list[dict[str, Any]], real: Path) -> None:
    path = real / "vsr" / "data" / "splits" / "zeroshot" / "test.jsonl"
    published = [json.loads(line) for line in path.read_text().splitlines()]
    shapes = {tuple((key, type(value)) for key, value in line.items()) for line in published}
    assert {tuple((key, type(value)) for key, value in line.items()) for line in lines} == shapes
    assert all(line["image_link"].endswith(f"2017/{line['image']}") for line in lines)
    assert {line["image_link"].split("/")[3] for line in lines} == {"train2017", "val2017"}
    assert {json.loads(line["vote_true_validator_id"]) == [] for line in lines} == {False, True}


def true_of(scene: Scene, line: dict[str, Any]) -> bool:
    """Whether boxes bear out what a line says."""
    boxes = {thing.name: thing.box for thing in enlarged(scene).things}
    text = line["caption"].removeprefix("The ").removesuffix(".")
    subject, other = text.split(f" is {line['relation']} the ")
    one, another = boxes[subject], boxes[other]
    return {
        "touching": one[3] == another[1],
        "detached from": one[3] < another[1],
        "below": one[1] >= another[3],
        "left of": one[2] < another[0],
        "right of": one[0] > another[2],
    }[line["relation"]]


def test_labels_are_what_is_to_be_seen(lines: list[dict[str, Any]], seed: int) -> None:
    known = {photograph_id(scene.number): scene for scene in about(seed, SCALE)}
    absent = absent_photograph(seed)
    known[photograph_id(absent.number)] = absent
    assert int(lines[0]["image"][:12]) == photograph_id(absent.number)
    for line in lines:
        assert line["label"] == true_of(known[int(line["image"][:12])], line)
    for image in known:
        labels = [line["label"] for line in lines if int(line["image"][:12]) == image]
        assert Counter(labels) == {1: 3, 0: 3}


def test_twins_flip_a_label() -> None:
    told = list(about(0, 1.0))
    flipped = 0
    for one, other in zip(told[::2], told[1::2], strict=True):
        assert one.difference is not None and other.number == one.number + 1
        labels = {statement.text: statement.label for statement in one.statements}
        changed = [s.text for s in other.statements if labels.get(s.text, s.label) != s.label]
        assert changed
        flipped += one.difference.kind == "relation"
    assert flipped


def test_every_picture_but_one_can_be_had(mirror: Path, lines: list[dict[str, Any]], seed: int) -> None:
    shown = {path.relative_to(mirror / HOST).as_posix(): path for path in (mirror / HOST).rglob("*.jpg")}
    named = {line["image_link"].split("org/")[1] for line in lines}
    (absent,) = named - set(shown)
    assert int(absent[-16:-4]) == photograph_id(absent_photograph(seed).number)
    assert set(shown) <= named
    sizes = {photograph_id(scene.number): enlarged(scene) for scene in about(seed, SCALE)}
    for name, path in shown.items():
        scene = sizes[int(name[-16:-4])]
        assert Image.open(BytesIO(path.read_bytes())).size == (scene.width, scene.height)
