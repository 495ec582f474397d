"""OK-VQA's files are laid out as the published ones, and answers follow from what everybody knows."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sample_world.coco import photograph_id, photographs
from sample_world.formats.ok_vqa import KINDS, irregular_questions, write
from sample_world.knowledge import CATEGORIES, COLOURS
from tests.sample_world.native import members, shape

HOST = "okvqa.allenai.org/static/data"
FOLDERS = ("train2014", "val2014")


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """The four members by the names of their archives."""
    found = {}
    for part in FOLDERS:
        for name in (f"OpenEnded_mscoco_{part}_questions.json", f"mscoco_{part}_annotations.json"):
            found.update(members(folder, f"{HOST}/{name}.zip"))
    return found


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, seed: int) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, 1.0)
    return read(folder)


def test_the_layout_is_the_published_one(files: dict[str, dict[str, Any]], real: Path) -> None:
    known = json.loads((real / "okvqa" / "OpenEnded_mscoco_val2014_questions.json").read_bytes())
    ours = files["OpenEnded_mscoco_val2014_questions.json"]
    assert shape(ours["questions"][-1]) == shape(known["questions"][0])
    path = real / "okvqa" / "reconstructed" / "mscoco_val2014_annotations.json"
    known = json.loads(path.read_bytes())["annotations"][0]
    annotation = files["mscoco_val2014_annotations.json"]["annotations"][-1]
    assert set(annotation) == set(known)
    assert shape(annotation["answers"]) == shape(known["answers"])


def test_most_people_know(files: dict[str, dict[str, Any]], seed: int) -> None:
    for folder in FOLDERS:
        asked = {
            one["question_id"]: one for one in files[f"OpenEnded_mscoco_{folder}_questions.json"]["questions"]
        }
        said = {one["question_id"]: one for one in files[f"mscoco_{folder}_annotations.json"]["annotations"]}
        for scene in photographs(seed, 1.0, folder):
            at = {thing.place: thing for thing in scene.things}
            for number, code in enumerate(KINDS):
                key = 10 * photograph_id(scene.number) + number
                found = re.search(r"in the ((?:upper|lower) \w+)", asked[key]["question"])
                assert found is not None
                thing = at[found[1]]
                assert (thing.colour if number == 1 else thing.category) in asked[key]["question"]
                answer = (
                    COLOURS[thing.colour].stone,
                    CATEGORIES[thing.category].activity,
                    CATEGORIES[thing.category].place,
                )[number]
                given = Counter(person["raw_answer"] for person in said[key]["answers"])
                assert given.total() == 10 and given[answer] >= 7
                assert said[key]["question_type"] == code


def test_twins_of_another_colour_have_another_stone(files: dict[str, dict[str, Any]], seed: int) -> None:
    stones = {}
    for folder in FOLDERS:
        for one in files[f"mscoco_{folder}_annotations.json"]["annotations"]:
            stones[one["question_id"]] = one["answers"] and one["answers"][-1]["answer"]
    scenes = list(photographs(seed, 1.0))
    flipped = 0
    for one, other in zip(scenes[::2], scenes[1::2], strict=True):
        assert one.difference is not None
        first, second = (stones[10 * photograph_id(scene.number)] for scene in (one, other))
        assert (first != second) == (one.difference.kind == "colour")
        flipped += first != second
    assert flipped


def test_version_1_0_cuts_answers_to_their_stems(tmp_path: Path) -> None:
    write(tmp_path, 0, 0.25, "1.0")
    said = read(tmp_path)["mscoco_val2014_annotations.json"]["annotations"]
    pairs = {(person["answer"], person["raw_answer"]) for one in said for person in one["answers"]}
    assert {(answer, raw) for answer, raw in pairs if answer != raw} >= {("play", "playing")}


def test_irregular_records_come_first(files: dict[str, dict[str, Any]], seed: int) -> None:
    numbers = [n for found in irregular_questions(seed).values() for n in found]
    questions = files["OpenEnded_mscoco_train2014_questions.json"]["questions"]
    assert [one["question_id"] for one in questions][: len(numbers)] == numbers
    assert len(set(numbers)) == len(numbers) - 1
