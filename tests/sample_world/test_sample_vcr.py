"""VCR's files are laid out as the published ones, and of four choices one is true of its scene."""

from __future__ import annotations

import json
import re
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from PIL import Image

from sample_world.formats.vcr import irregular_pictures, path, regular, write
from sample_world.reasoning import Words, reasoned
from sample_world.scene import Scene
from tests.sample_world.native import shape

SCALE = 0.5
FOLDER = "by-hand/vcr"


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, SCALE)
    return folder


def read(mirror: Path, seed: int) -> list[dict[str, Any]]:
    """The questions about regular pictures."""
    with ZipFile(mirror / FOLDER / "vcr1annots.zip") as file:
        assert file.namelist() == ["train.jsonl", "val.jsonl", "test.jsonl"]
        lines = [json.loads(line) for line in file.read("val.jsonl").splitlines()]
    known = {f"{path(scene)}.jpg" for scene in regular(seed, SCALE)}
    return [line for line in lines if line["img_fn"] in known]


def test_the_layout_is_the_published_one(mirror: Path, real: Path, seed: int) -> None:
    published = json.loads((real / "vcr" / "matched_train.jsonl").read_text().splitlines()[0])
    questions = read(mirror, seed)
    assert {tuple(question) for question in questions} == {tuple(published)}
    # Lists of words hold words or numbers, in any mixture.
    spoken = ("question", "answer_choices", "rationale_choices")
    plain = {key: shape(value) for key, value in published.items() if key not in spoken}
    for question in questions:
        assert {key: shape(value) for key, value in question.items() if key not in spoken} == plain
        for words in (question["question"], *question["answer_choices"], *question["rationale_choices"]):
            assert all(isinstance(word, str) or all(type(one) is int for one in word) for word in words)
    beside = next((real / "vcr" / "vcr1images").rglob("*.json"))
    metadata = {key: shape(value) for key, value in json.loads(beside.read_bytes()).items()}
    with ZipFile(mirror / FOLDER / "vcr1images.zip") as file:
        for question in questions:
            ours = json.loads(file.read(f"vcr1images/{question['metadata_fn']}"))
            assert {key: shape(value) for key, value in ours.items()} == metadata
            assert ours["names"] == question["objects"]
            assert [len(box) for box in ours["boxes"]] == [5] * len(ours["names"])


def told(words: Words) -> tuple[str, list[int]]:
    """What is said, with `#` for each thing, and the things."""
    things = [word[0] for word in words if isinstance(word, list)]
    assert all(len(word) == 1 for word in words if isinstance(word, list))
    return " ".join(word if isinstance(word, str) else "#" for word in words), things


def true_of(scene: Scene, question: Words, words: Words) -> bool:
    """Whether an answer or a reason is right, read off the scene's things alone."""
    asked, about = told(question)
    said, named = told(words)
    things = scene.things
    if found := re.fullmatch(r"# is (\w+) \.", said):
        assert asked == "What is # ' s colour ?" and named == about
        return things[named[0]].colour == found[1]
    if found := re.fullmatch(r"The (\w+) in the (\w+ \w+) , # , is painted (\w+) \.", said):
        thing = things[named[0]]
        assert (thing.category, thing.place) == (found[1], found[2])
        return thing.colour == found[3]
    if found := re.fullmatch(r"In the (\w+ \w+) \.", said):
        assert asked == "Where is # ?"
        return things[about[0]].place == found[1]
    if found := re.fullmatch(r"One finds # in the (\w+) row , in its (\w+) third \.", said):
        return things[named[0]].place == f"{found[1]} {found[2]}"
    one, other = (things[index].box for index in named)
    touches = one[3] == other[1]
    if found := re.fullmatch(r"(?:From there , )?# is (.+) # \.", said):
        return {
            "left of": one[2] <= other[0],
            "right of": one[0] >= other[2],
            "above": one[3] <= other[1],
            "below": one[1] >= other[3],
        }[found[1]]
    return {
        "Yes , # stands on # .": touches,
        "No , # doesn ' t stand on # .": not touches,
        "The lower edge of # is the upper edge of # .": touches,
        "There is a gap between # and # .": not touches and one[3] < other[1],
    }[said]


def test_of_four_choices_one_is_true(mirror: Path, seed: int) -> None:
    scenes = {f"{path(scene)}.jpg": scene for scene in regular(seed, SCALE)}
    kinds: Counter[str] = Counter()
    for asked in read(mirror, seed):
        scene = scenes[asked["img_fn"]]
        assert asked["objects"] == [thing.category for thing in scene.things]
        for choices, right in (("answer_choices", "answer_label"), ("rationale_choices", "rationale_label")):
            truths = [true_of(scene, asked["question"], words) for words in asked[choices]]
            assert truths == [place == asked[right] for place in range(4)], asked
            assert len({json.dumps(words) for words in asked[choices]}) == 4
        kinds[asked["question"][0]] += 1
    assert set(kinds) == {"What", "Where", "How", "Does"}
    assert len({asked["annot_id"] for asked in read(mirror, seed)}) == kinds.total()


def test_the_right_choice_stands_anywhere(mirror: Path, seed: int) -> None:
    for label in ("answer_label", "rationale_label"):
        assert {asked[label] for asked in read(mirror, seed)} == {0, 1, 2, 3}


def test_twins_answer_a_question_differently(seed: int) -> None:
    scenes = list(regular(seed, 1.0))
    kinds = set()
    for one, other in zip(scenes[::2], scenes[1::2], strict=True):
        assert one.difference is not None and other.number == one.number + 1
        answers = {json.dumps(asked.question): asked for asked in reasoned(one)}
        flipped = [
            asked
            for asked in reasoned(other)
            if (before := answers.get(json.dumps(asked.question))) is not None
            and asked.answer in before.wrong
            and before.answer in asked.wrong
            and before.reason in asked.wrong_reasons
        ]
        assert flipped
        kinds.add(one.difference.kind)
    assert kinds == {"colour", "place", "relation"}


def test_pictures(mirror: Path, seed: int) -> None:
    problems = {}
    every = {**irregular_pictures(seed), **{str(scene.number): scene for scene in regular(seed, SCALE)}}
    assert len({path(scene) for scene in every.values()}) == len(every)
    with ZipFile(mirror / FOLDER / "vcr1images.zip") as file:
        for name, scene in every.items():
            member = f"vcr1images/{path(scene)}.jpg"
            if member not in file.namelist():
                problems[name] = "absent"
                continue
            picture = Image.open(BytesIO(file.read(member)))
            if picture.size != (scene.width, scene.height):
                problems[name] = "other size"
            elif picture.mode != "RGB":
                problems[name] = picture.mode
    assert problems == {"picture_absent": "absent", "picture_half": "other size", "picture_grey": "L"}
