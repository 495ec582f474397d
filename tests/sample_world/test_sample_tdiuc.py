"""TDIUC's files are laid out as the published ones, and every answer follows from the scene."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sample_world import knowledge
from sample_world.coco import photograph_id, photographs
from sample_world.formats.tdiuc import about, irregular_questions, write
from sample_world.genome import image_id
from sample_world.scene import PLACES, Scene, Thing
from sample_world.scenes import coco_id, scenes
from sample_world.tasking import KINDS, NUMBERS
from tests.sample_world.native import members, shape

PATH = "kushalkafle.com/data/TDIUC.zip"
PARTS = ("train2014", "val2014")
IMPORTED = 90_000_000


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, seed: int) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, 1.0)
    return members(folder, PATH)


Asked = list[tuple[str, str, str]]


def asked(files: dict[str, dict[str, Any]], part: str) -> dict[int, Asked]:
    """Kind, question and answer of everything that is asked about a picture, by its number."""
    said = {
        one["question_id"]: one
        for one in files[f"TDIUC/Annotations/mscoco_{part}_annotations.json"]["annotations"]
    }
    found: dict[int, Asked] = {}
    for question in files[f"TDIUC/Questions/OpenEnded_mscoco_{part}_questions.json"]["questions"]:
        one = said.get(question["question_id"])
        if one is not None and one["answers"]:
            (answer,) = one["answers"]
            row = one["question_type"], question["question"], answer["answer"]
            found.setdefault(question["image_id"], []).append(row)
    return found


def test_the_layout_is_the_published_one(files: dict[str, dict[str, Any]], real: Path) -> None:
    assert len(files) == 4
    for name, ours in files.items():
        kind = name.rpartition("_")[2].removesuffix(".json")
        path = real / "tdiuc" / "reconstructed" / Path(name).name.replace("val", "train")
        known = json.loads(path.read_bytes())
        assert set(ours) == set(known)
        assert shape(ours[kind][-1]) == shape(known[kind][0])


def test_archives_may_have_no_folder(tmp_path: Path) -> None:
    write(tmp_path, 0, 0.25, "")
    assert {name.partition("/")[0] for name in members(tmp_path, PATH)} == {"Questions", "Annotations"}


def at(scene: Scene, question: str) -> Thing:
    """The thing in the place that a question names."""
    found = re.search("|".join(PLACES), question)
    assert found is not None
    return next(thing for thing in scene.things if thing.place == found[0])


def named(scene: Scene, question: str) -> list[Thing]:
    """The things that a question calls by colour and category, in order."""
    names = {thing.name: thing for thing in scene.things}
    return [names[name] for name in re.findall(r"the (\w+ \w+)", question) if name in names]


def true_answer(scene: Scene, kind: str, question: str) -> str:
    """What the things say, and what everybody knows of them."""
    things = scene.things
    if kind == "object_presence":
        return "yes" if _holds(scene, question) else "no"
    if kind == "counting":
        if "together" in question:
            return NUMBERS[len(things) + sum(not thing.word for thing in things)]
        if "there" in question and (found := re.search(r"How many (\w+) things", question)):
            return NUMBERS[sum(thing.colour == found[1] for thing in things)]
        if question == "How many things are there?":
            return NUMBERS[len(things)]
        category = question.removesuffix("?").rpartition(" a ")[2]
        return NUMBERS[sum(thing.category == category for thing in things)]
    if kind == "positional_reasoning":
        if question.startswith("Where"):
            return named(scene, question)[0].place
        if question.startswith("What"):
            return at(scene, question).name
        upper, lower = named(scene, question)
        return "on" if upper.box[3] == lower.box[1] else "above"
    if kind == "absurd":
        category = question.removesuffix("?").rpartition(" ")[2]
        assert category in knowledge.CATEGORIES
        assert category not in {thing.category for thing in things}
        return "doesnotapply"
    if kind == "utility_affordance":
        activity = question.removesuffix("?").rpartition(" ")[2]
        (category,) = (name for name, known in knowledge.CATEGORIES.items() if known.activity == activity)
        assert category in {thing.category for thing in things}
        return category
    thing = at(scene, question)
    of_category, of_colour = knowledge.CATEGORIES[thing.category], knowledge.COLOURS[thing.colour]
    return {
        "color": thing.colour,
        "object_recognition": thing.category,
        "attribute": of_category.shape,
        "activity_recognition": of_category.activity,
        "scene_recognition": of_category.place,
        "sport_recognition": of_colour.sport,
        "sentiment_understanding": of_colour.feeling,
    }[kind]


def _holds(scene: Scene, question: str) -> bool:
    if found := re.fullmatch(r"Is there a (\w+) (\w+) in the picture\?", question):
        return any((thing.colour, thing.category) == found.groups() for thing in scene.things)
    upper, *rest = named(scene, question)
    if rest:
        touching = upper.box[3] == rest[0].box[1]
        return touching == (" on the " in question)
    return upper.place in question


def test_answers_are_true(files: dict[str, dict[str, Any]], seed: int) -> None:
    for part in PARTS:
        found = asked(files, part)
        for scene, number in about(seed, 1.0, part):
            assert {kind for kind, _, _ in found[number]} == set(KINDS)
            for kind, question, answer in found[number]:
                assert answer == true_answer(scene, kind, question), question


def test_every_task_has_its_number_of_options_in_both_parts(
    files: dict[str, dict[str, Any]], seed: int
) -> None:
    for part in PARTS:
        regular = {number for _, number in about(seed, 1.0, part)}
        answers: dict[str, Counter[str]] = {}
        for number, rows in asked(files, part).items():
            for kind, _, answer in rows if number in regular else ():
                answers.setdefault(kind, Counter())[answer] += 1
        assert set(answers["object_presence"]) == {"yes", "no"}
        assert answers["object_presence"]["yes"] == answers["object_presence"]["no"]
        assert set(answers["absurd"]) == {"doesnotapply"}
        assert all(
            len(found) >= 8 for kind, found in answers.items() if kind not in ("object_presence", "absurd")
        )


def test_twins_flip_an_answer(files: dict[str, dict[str, Any]], seed: int) -> None:
    found = {number: rows for part in PARTS for number, rows in asked(files, part).items()}
    flips: dict[str, set[str]] = {}
    for part in PARTS:
        scenes = list(about(seed, 1.0, part))
        for (one, first), (_, second) in zip(scenes[::2], scenes[1::2], strict=True):
            there = {(kind, question): answer for kind, question, answer in found[second]}
            changed = {k for k, q, answer in found[first] if there.get((k, q), answer) != answer}
            assert one.difference is not None and {"object_presence", "positional_reasoning"} <= changed
            flips.setdefault(one.difference.kind, set()).update(changed)
    assert flips["colour"] >= {"color", "sentiment_understanding", "sport_recognition", "counting"}
    assert flips.keys() == {"colour", "place", "relation"}


def test_pictures_are_of_both_publishers(files: dict[str, dict[str, Any]], seed: int) -> None:
    coco = {photograph_id(scene.number) for scene in photographs(seed, 1.0)}
    genome = {image_id(scene.number) for scene in scenes(seed, 1.0) if coco_id(scene.number) is None}
    for part in PARTS:
        numbers = {number for _, number in about(seed, 1.0, part)}
        imported = {number - IMPORTED for number in numbers if number - IMPORTED in genome}
        assert len(imported) >= 4 and len(numbers & coco) >= 16
        assert len(imported) + len(numbers & coco) == len(numbers)


def test_irregular_records_come_first(files: dict[str, dict[str, Any]], seed: int) -> None:
    numbers = [n for found in irregular_questions(seed).values() for n in found]
    questions = files["TDIUC/Questions/OpenEnded_mscoco_train2014_questions.json"]["questions"]
    assert [one["question_id"] for one in questions][: len(numbers)] == numbers
