"""GQA's file is laid out as the published one, and what is asked is answered by its scene."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from sample_world.formats.gqa import Composed, irregular, questions, regular, write
from sample_world.genome import VAW, VISUAL7W, image_id, shown_by
from sample_world.scene import Scene

SCALE = 0.5


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


def test_the_layout_is_the_published_one(real: Path, tmp_path: Path, seed: int) -> None:
    write(tmp_path, seed, SCALE)
    published = json.loads((real / "gqa" / "xgqa_en_few_shot" / "dev.json").read_bytes())
    spoilt = {key for pairs in irregular(seed, SCALE).values() for key, _ in pairs}
    with ZipFile(
        tmp_path / "downloads.cs.stanford.edu" / "nlp" / "data" / "gqa" / "questions1.2.zip"
    ) as file:
        parts = {name: json.loads(file.read(name)) for name in file.namelist()}
    assert list(parts) == [f"{part}_balanced_questions.json" for part in ("train", "val", "testdev")]
    shape = next(iter(published.values()))
    for held in parts.values():
        for key, asked in held.items():
            if key in spoilt:
                continue
            assert key.isdigit() and list(asked) == list(shape)
            assert {name: type(value) for name, value in asked.items()} == {
                name: type(value) for name, value in shape.items()
            }
            assert asked["types"].keys() == shape["types"].keys()
            assert asked["groups"].keys() == shape["groups"].keys()
    structures = {asked["types"]["structural"] for asked in published.values()}
    assert {
        asked["types"]["structural"] for asked in parts["val_balanced_questions.json"].values()
    } == structures


def answer_of(scene: Scene, asked: Composed) -> str:
    """The answer, found from the words of the question and the scene's things alone."""
    question = asked.question.removesuffix("?")
    by_name = {thing.name: thing for thing in scene.things}
    yes_or_no = {True: "yes", False: "no"}
    if asked.structural == "query":
        (thing,) = (
            one
            for one in scene.things
            if question.endswith((f"{one.category} in the {one.place}", f"is the {one.name}"))
        )
        return thing.colour if question.startswith("What colour") else thing.place
    if asked.structural == "choose" and " or in the " in question:
        name, one, another = (
            question.removeprefix("Is the ").replace(" or in the ", " in the ").split(" in the ")
        )
        assert by_name[name].place in (one, another)
        return by_name[name].place
    if asked.structural == "choose":
        (thing,) = (one for one in scene.things if f"the {one.category} in the {one.place} " in question)
        assert thing.colour in question
        return thing.colour
    if asked.structural == "verify":
        upper, lower = question.removeprefix("Does the ").split(" touch the ")
        return yes_or_no[by_name[upper].box[3] == by_name[lower].box[1]]
    if asked.structural == "logical":
        names = question.removeprefix("Are there both ").split(" and ")
        return yes_or_no[all(name.removeprefix("an ").removeprefix("a ") in by_name for name in names)]
    first, second = question.removeprefix("Do the ").removesuffix(" have the same colour").split(" and the ")
    return yes_or_no[by_name[first].colour == by_name[second].colour]


def test_answers_are_true_and_no_question_comes_twice(seed: int) -> None:
    answers: dict[str, Counter[str]] = {}
    for _, scene in regular(seed, 1.0):
        asked = list(questions(scene))
        assert len({one.question for one in asked}) == len(asked) >= 8
        for one in asked:
            assert answer_of(scene, one) == one.answer, one
            answers.setdefault(one.structural, Counter())[one.answer] += 1
    assert min(answers["verify"]["yes"], answers["verify"]["no"]) > 10
    assert answers["logical"]["yes"] == answers["logical"]["no"]


def test_twins_answer_one_question_differently(seed: int) -> None:
    shown = [scene for _, scene in regular(seed, 1.0)]
    for one, other in zip(shown[::2], shown[1::2], strict=True):
        answers = {asked.question: asked.answer for asked in questions(one)}
        assert any(answers.get(asked.question, asked.answer) != asked.answer for asked in questions(other))


def test_pictures_that_are_tested_on_elsewhere_are_trained_on_here(seed: int) -> None:
    ours = {image_id(scene.number) for part, scene in regular(seed, 1.0) if part == "train"}
    for parts in (VISUAL7W, VAW):
        theirs = {image_id(scene.number) for part, scene in shown_by(parts, seed, 1.0) if part == "test"}
        assert theirs and theirs <= ours


def test_every_irregular_question_is_of_a_listed_picture(seed: int) -> None:
    found: dict[str, list[tuple[str, dict[str, Any]]]] = irregular(seed, SCALE)
    assert all(len(pairs) == 2 for pairs in found.values())
    assert found["repeated_key"][0][0] == found["repeated_key"][1][0]
