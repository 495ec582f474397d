"""Visual7W's files are laid out as the published ones, and what is asked has one answer in its scene."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from sample_world.formats.visual7w import irregular_pictures, pointed_at, regular, told_of, write
from sample_world.genome import image_id
from sample_world.scene import Scene

SCALE = 0.5
PLACE = "ai.stanford.edu/~yukez/papers/resources"


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, SCALE)
    return folder


def read(mirror: Path, name: str) -> dict[str, Any]:
    with ZipFile(mirror / PLACE / f"dataset_v7w_{name}.zip") as file:
        assert file.namelist() == [f"dataset_v7w_{name}.json"]
        found: dict[str, Any] = json.loads(file.read(f"dataset_v7w_{name}.json"))
    return found


@pytest.mark.parametrize("name", ["telling", "pointing"])
def test_the_layout_is_the_published_one(mirror: Path, real: Path, name: str, seed: int) -> None:
    published = json.loads((real / "visual7w" / "reconstructed" / f"dataset_v7w_{name}.json").read_bytes())
    ours = read(mirror, name)
    assert ours.keys() == published.keys()
    spoilt = set(irregular_pictures(seed, SCALE).values())
    images = [image for image in ours["images"] if image["image_id"] not in spoilt and image["qa_pairs"]]
    (image,) = published["images"]
    assert {tuple(sorted(one)) for one in images} >= {tuple(sorted(image))}
    (asked,) = image["qa_pairs"]
    shape = {key: type(value) for key, value in asked.items()}
    regular_ones = {image_id(scene.number) for _, scene in regular(seed, SCALE)}
    for one in images:
        if one["image_id"] in regular_ones:
            assert one["filename"] == f"v7w_{one['image_id']}.jpg"
            assert all({k: type(v) for k, v in qa.items()} == shape for qa in one["qa_pairs"])
            assert all(len(qa["multiple_choices"]) == 3 for qa in one["qa_pairs"])
    if name == "pointing":
        keys = {tuple(sorted(box)) for box in ours["boxes"]}
        whole = tuple(sorted(published["boxes"][0]))
        assert keys == {whole, tuple(key for key in whole if key != "image_id")}


def true_of(scene: Scene, question: str, answer: str) -> bool:
    """Whether a telling answer is right, read off the scene's things alone."""
    said = answer.removesuffix(".").lower()
    if question.startswith("How many"):
        return said == {5: "five", 6: "six"}[len(scene.things)]
    if question.startswith("What is written"):
        return any(thing.word.lower() == said for thing in scene.things)
    if question.startswith("What colour"):
        (thing,) = (one for one in scene.things if f"{one.category} in the {one.place}?" in question)
        return said == thing.colour
    if question.startswith("Where is"):
        (thing,) = (one for one in scene.things if question == f"Where is the {one.name}?")
        return said == f"in the {thing.place}"
    if question.startswith("What is in"):
        (thing,) = (one for one in scene.things if question == f"What is in the {one.place}?")
        return said == f"the {thing.name}"
    names = {thing.name: thing.box for thing in scene.things}
    first, second = question.removeprefix("How does the ").removesuffix("?").split(" stand to the ")
    upper, lower = names[first], names[second]
    return {
        "it stands on it": upper[3] == lower[1],
        "it is above it, apart from it": upper[3] < lower[1],
        "it is below it": upper[1] >= lower[3],
        "it is left of it": upper[2] <= lower[0],
    }[said]


def test_of_four_answers_one_is_true(seed: int) -> None:
    kinds: Counter[str] = Counter()
    for _, scene in regular(seed, SCALE):
        for asked in told_of(scene):
            assert true_of(scene, asked.question, asked.answer), asked
            assert not any(true_of(scene, asked.question, wrong) for wrong in asked.wrong), asked
            assert len({asked.answer, *asked.wrong}) == 4
            assert asked.question.lower().startswith(asked.kind)
            kinds[asked.kind] += 1
    assert set(kinds) == {"what", "where", "how"} and min(kinds.values()) > 20


def test_of_four_things_one_is_meant(seed: int) -> None:
    for _, scene in regular(seed, SCALE):
        for question, answer, others in pointed_at(scene):
            assert len({answer, *others}) == 4
            meant = [
                index
                for index, thing in enumerate(scene.things)
                if question
                in (
                    f"Which thing is the {thing.name}?",
                    f"Which thing is in the {thing.place}?",
                    f"Which {thing.category} is {thing.colour}?",
                )
            ]
            assert meant == [answer]


def test_twins_answer_one_question_differently(seed: int) -> None:
    told = list(regular(seed, 1.0))
    moved = 0
    for (part, one), (other_part, other) in zip(told[::2], told[1::2], strict=True):
        assert part == other_part and other.number == one.number + 1
        answers = {asked.question: asked for asked in told_of(one)}
        flipped = [
            asked
            for asked in told_of(other)
            if asked.question in answers
            and answers[asked.question].answer != asked.answer
            and answers[asked.question].answer in asked.wrong
        ]
        assert flipped
        boxes = {question: one.things[answer].box for question, answer, _ in pointed_at(one)}
        moved += any(
            boxes.get(question, other.things[answer].box) != other.things[answer].box
            for question, answer, _ in pointed_at(other)
        )
    assert moved


def test_every_part_has_pictures(seed: int) -> None:
    parts = Counter(part for part, _ in regular(seed, 1.0))
    assert parts == {"train": 24, "val": 12, "test": 12}
    assert {part for part, _ in regular(seed, 0.0)} == {"test"}
