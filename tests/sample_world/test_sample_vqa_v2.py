"""VQA's files are laid out as the published ones, and most people answer what is to be seen."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sample_world.coco import enlarged, photograph_id, photographs
from sample_world.formats.vqa_v2 import irregular_questions, write
from sample_world.scene import Scene, Thing
from tests.sample_world.native import members, shape

HOST = "s3.amazonaws.com/cvmlp/vqa/mscoco/vqa"
PARTS = {"Train": "train2014", "Val": "val2014"}
NUMBERS = {5: "5", 6: "6"}


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, seed: int) -> dict[str, dict[str, Any]]:
    """The four members by name."""
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, 1.0)
    found = {}
    for part in PARTS:
        for kind in ("Questions", "Annotations"):
            found.update(members(folder, f"{HOST}/v2_{kind}_{part}_mscoco.zip"))
    return found


def listed(files: dict[str, dict[str, Any]], folder: str) -> tuple[list[Any], list[Any]]:
    return (
        files[f"v2_OpenEnded_mscoco_{folder}_questions.json"]["questions"],
        files[f"v2_mscoco_{folder}_annotations.json"]["annotations"],
    )


def test_the_layout_is_the_published_one(files: dict[str, dict[str, Any]], real: Path) -> None:
    published = real / "vqav2"
    for kind, ours in zip(("questions", "annotations"), files.values(), strict=False):
        name = {"questions": "OpenEnded_mscoco_subset_questions", "annotations": "mscoco_subset_annotations"}
        known = json.loads((published / f"v2_{name[kind]}.json").read_bytes())
        assert set(ours) == set(known)
        assert shape(ours[kind][-1]) == shape(known[kind][0])
        assert len(known["annotations"][0]["answers"] if kind == "annotations" else range(10)) == 10


def at(scene: Scene, place: str) -> Thing:
    return next(thing for thing in scene.things if thing.place == place)


def true_answer(scene: Scene, question: str) -> str:
    """What the boxes, colours and words of the things say."""
    things = {thing.name: thing for thing in scene.things}
    text = question.removesuffix("?")
    if text == "How many things are there":
        return NUMBERS[len(scene.things)]
    if text == "What is written on the sign":
        return next(thing.word for thing in scene.things if thing.word).lower()
    if text.startswith("What colour is the "):
        return at(scene, text.rpartition(" in the ")[2]).colour
    if text.startswith("What is in the "):
        return at(scene, text.removeprefix("What is in the ")).name
    if text.startswith("Where is the "):
        return things[text.removeprefix("Where is the ")].place
    upper, lower = text.removeprefix("Does the ").split(" touch the ")
    return "yes" if things[upper].box[3] == things[lower].box[1] else "no"


def test_most_people_say_what_is_true(files: dict[str, dict[str, Any]], seed: int) -> None:
    for folder in PARTS.values():
        questions, annotations = listed(files, folder)
        said = {annotation["question_id"]: annotation for annotation in annotations}
        asked = {question["question_id"]: question for question in questions}
        for scene in photographs(seed, 1.0, folder):
            image = photograph_id(scene.number)
            for number in range(5):
                question, annotation = asked[1_000 * image + number], said[1_000 * image + number]
                answer = true_answer(enlarged(scene), question["question"])
                assert annotation["multiple_choice_answer"] == answer
                given = Counter(person["answer"] for person in annotation["answers"])
                assert given.total() == 10 and given[answer] >= 7
                kind = "yes/no" if answer in ("yes", "no") else "number" if answer in "56" else "other"
                assert annotation["answer_type"] == kind
                assert annotation["image_id"] == question["image_id"] == image


def test_annotations_are_not_in_the_order_of_the_questions(files: dict[str, dict[str, Any]]) -> None:
    questions, annotations = listed(files, "val2014")
    numbers = [question["question_id"] for question in questions]
    assert [annotation["question_id"] for annotation in annotations] == numbers[::-1]
    assert len(set(numbers)) == len(numbers)


def test_twins_answer_the_first_question_otherwise(files: dict[str, dict[str, Any]], seed: int) -> None:
    said = {}
    for folder in PARTS.values():
        for question, annotation in zip(*listed(files, folder), strict=False):
            said[question["question_id"]] = question["question"]
            said[-annotation["question_id"]] = annotation["multiple_choice_answer"]
    scenes = list(photographs(seed, 1.0))
    for one, other in zip(scenes[::2], scenes[1::2], strict=True):
        first, second = (1_000 * photograph_id(scene.number) for scene in (one, other))
        assert said[first] == said[second]
        assert said[-first] != said[-second]


def test_irregular_records_are_as_listed(files: dict[str, dict[str, Any]], seed: int) -> None:
    irregular = irregular_questions(seed)
    questions, annotations = listed(files, "train2014")
    assert [question["question_id"] for question in questions][: sum(map(len, irregular.values()))] == [
        number for numbers in irregular.values() for number in numbers
    ]
    said: dict[int, list[Any]] = {}
    for annotation in annotations:
        said.setdefault(annotation["question_id"], []).append(annotation)
    assert irregular["no_annotation"][0] not in said
    assert len(irregular["no_question"]) == 2
    assert len(said[irregular["second_annotation"][0]]) == 2
    first, second, *others = (person["answer"] for person in said[irregular["tied"][0]][0]["answers"])
    assert first != second and others == [first, second] * 4
    assert said[irregular["malformed"][1]][0]["answers"] is None
    assert len(set(irregular["repeated_id"])) == 2
