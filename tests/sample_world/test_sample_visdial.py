"""VisDial's files are laid out as the published ones, and every answer is true of its scene."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from sample_world.coco import photograph_id, photographs
from sample_world.draw import draw
from sample_world.formats.visdial import TURNS, irregular, regular, write
from tests.sample_world.native import members, shape

SCALE = 0.5
HOST = "www.dropbox.com/s"
PICTURES = f"{HOST}/twmtutniktom7tu/VisualDialog_val2018.zip"


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
def published(mirror: Path) -> dict[str, Any]:
    (found,) = members(mirror, f"{HOST}/ibs3a0zhw74zisc/visdial_1.0_val.zip").values()
    assert isinstance(found, dict)
    return found


def texts(published: dict[str, Any], dialogue: dict[str, Any]) -> list[tuple[str, str]]:
    """The turns of a dialogue in words."""
    data = published["data"]
    return [
        (data["questions"][turn["question"]], data["answers"][turn["answer"]]) for turn in dialogue["dialog"]
    ]


def test_the_layout_is_the_published_one(
    mirror: Path, published: dict[str, Any], real: Path, seed: int
) -> None:
    assert [*members(mirror, f"{HOST}/ibs3a0zhw74zisc/visdial_1.0_val.zip")] == ["visdial_1.0_val.json"]
    known = json.loads((real / "visdial" / "visdial_1.0_val_vispro.reindexed.json").read_bytes())
    data = {**published["data"], "dialogs": published["data"]["dialogs"][len(irregular(seed)) :]}
    assert shape({**published, "data": data}) == shape(known)
    for dialogue in data["dialogs"]:
        assert len(dialogue["dialog"]) == TURNS
        for turn in dialogue["dialog"]:
            assert len(set(turn["answer_options"])) == len(turn["answer_options"]) == 100
            assert turn["answer_options"][turn["gt_index"]] == turn["answer"]
            assert max(turn["answer_options"]) < len(data["answers"])
    for pool in ("questions", "answers"):
        assert len(set(data[pool])) == len(data[pool])
    said = [text for dialogue in regular(seed, SCALE) for turn in dialogue.turns for text in turn]
    assert all(text == text.lower().rstrip(".?") for text in said)


def test_every_answer_is_true_of_its_scene(published: dict[str, Any], seed: int) -> None:
    dialogues = published["data"]["dialogs"][len(irregular(seed)) :]
    for told, dialogue in zip(dialogues, regular(seed, SCALE), strict=True):
        assert told["image_id"] == dialogue.image
        answers = {
            one.question.lower().rstrip("?"): one.answer.lower().rstrip(".")
            for one in dialogue.scene.questions
        }
        turns = texts(published, told)
        assert len(dict(turns)) == TURNS
        assert all(answers[question] == answer for question, answer in turns)
        assert f"{told['caption'].capitalize()}." in dialogue.scene.captions


def test_twins_are_asked_alike_and_answer_differently(seed: int) -> None:
    dialogues = list(regular(seed, SCALE))
    for one, other in zip(dialogues[::2], dialogues[1::2], strict=True):
        assert [question for question, _ in one.turns] == [question for question, _ in other.turns]
        difference = one.scene.difference
        assert difference is not None
        asked = difference.question.lower().rstrip("?")
        assert dict(one.turns)[asked] != dict(other.turns)[asked]


def test_numbers_of_pictures_belong_to_others_in_coco(published: dict[str, Any], seed: int) -> None:
    coco = {photograph_id(scene.number) for scene in photographs(seed, 1.0)}
    assert coco & {dialogue["image_id"] for dialogue in published["data"]["dialogs"]}


def test_pictures(mirror: Path, published: dict[str, Any], seed: int) -> None:
    with ZipFile(mirror / PICTURES) as file:
        held = {name: file.read(name) for name in file.namelist()}
    names = {
        f"VisualDialog_val2018/VisualDialog_val2018_{int(dialogue['image_id']):012}.jpg"
        for dialogue in published["data"]["dialogs"]
    }
    known = irregular(seed)
    absent = f"VisualDialog_val2018/VisualDialog_val2018_{known['picture_absent'].image:012}.jpg"
    assert set(held) == names - {absent}
    for dialogue in (*regular(seed, SCALE), known["two_turns"]):
        data = held[f"VisualDialog_val2018/VisualDialog_val2018_{dialogue.image:012}.jpg"]
        shown = np.asarray(Image.open(BytesIO(data)).convert("RGB"), float)
        assert np.abs(shown - np.asarray(draw(dialogue.scene), float)).mean() < 3
