"""wikiHow's archive is laid out as the published one, and each picture shows what has been done so far."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sample_world.draw import draw, encoded
from sample_world.formats.wikihow import Told, image, irregular, regular, write
from sample_world.irregular_wikihow import ODD_NAME
from sample_world.scene import PLACES

SCALE = 0.5
ARCHIVE = "by-hand/wikihow/wikihow.tar.gz"
LIST = (
    "raw.githubusercontent.com/VT-NLP/MultiInstruct/772af249d82f2c2f100621ee71df9b63d0d310a2/"
    "data_preprocessor/wikihow_split.json"
)


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory, seed: int) -> dict[str, bytes]:
    """The members of the archive, and the list under its own name."""
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, SCALE)
    found = {"wikihow_split.json": (folder / LIST).read_bytes()}
    with tarfile.open(folder / ARCHIVE) as tar:
        for member in tar:
            held = tar.extractfile(member)
            assert held is not None
            found[member.name] = held.read()
    return found


def methods(members: dict[str, bytes], told: Told) -> Any:
    return json.loads(members[f"wikihow/data/{told.name}/wikihow.json"])["methods"]


def test_every_listed_article_is_there(members: dict[str, bytes], seed: int, real: Path) -> None:
    listed = json.loads(members["wikihow_split.json"])
    published = json.loads((real / "wikihow" / "vgsi_multimodal" / "wikihow_split.json").read_bytes())
    assert list(listed) == list(published)
    told = {name.split("/")[2] for name in members if name.endswith("/wikihow.json")}
    names = {name for part in listed.values() for name in part}
    assert told - names == {irregular(seed)["not_in_split"].name}
    assert names <= told
    assert {part for part, names in listed.items() if names} == {"train", "val"}
    assert {told.part for told in regular(seed, 1)} == {"train", "val", "test"}


def test_a_name_is_as_odd_as_the_oddest_published_ones(seed: int, real: Path) -> None:
    published = json.loads((real / "wikihow" / "vgsi_multimodal" / "wikihow_split.json").read_bytes())
    odd = {letter for part in published.values() for name in part for letter in name if not letter.isalnum()}
    assert {letter for letter in ODD_NAME if not letter.isalnum()} <= odd
    assert ODD_NAME in irregular(seed)["odd_name"].name


def test_each_picture_shows_the_things_that_were_put_there_so_far(
    members: dict[str, bytes], seed: int
) -> None:
    for told in regular(seed, SCALE):
        for number, method in enumerate(methods(members, told)):
            there: set[str] = set()
            for position, step in enumerate(method["steps"]):
                shown = members[f"wikihow/data/{told.name}/image/{image(number, position)}"]
                put = {
                    thing.name for thing in told.scene.things if f"{thing.name} in the" in step["headline"]
                }
                assert put and not put & there
                there |= put
                things = tuple(thing for thing in told.scene.things if thing.name in there)
                assert shown == encoded(draw(replace(told.scene, things=things)))
                for thing in told.scene.things:
                    x0, y0, x1, y1 = thing.box
                    apart = np.abs(pixels(shown)[y0:y1, x0:x1] - np.array(told.scene.background)).mean()
                    assert (apart > 10) == (thing.name in there)
            assert len(there) == len(told.scene.things)


def pixels(picture: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(BytesIO(picture)), float)


def test_the_method_says_the_order_and_steps_say_what_is_true(seed: int) -> None:
    for told in regular(seed, 1):
        things = {thing.name: thing for thing in told.scene.things}
        for method in told.methods:
            assert 3 <= len(method.steps) <= 6
            cells = []
            for step in method.steps:
                first, *others = step.text.split(". ")
                for put in first.removeprefix("Put ").removesuffix(".").split(" and "):
                    name, place = put.partition(" ")[2].split(" in the ")
                    assert things[name].place == place
                    cells.append(PLACES.index(place))
                for sentence in others:
                    negated = " does not touch the "
                    pair = sentence.removeprefix("The ").removesuffix(".")
                    upper, lower = pair.split(negated if negated in pair else " touches the ")
                    touching = things[upper].box[3] == things[lower].box[1]
                    assert touching == (negated not in pair)
            columns = [cell % 3 for cell in cells]
            forward = "from the left" in method.name
            if method.name.startswith("Row by row"):
                rows = [cells[: sum(cell < 3 for cell in cells)], cells[sum(cell < 3 for cell in cells) :]]
                assert all(row == sorted(row, reverse=not forward) for row in rows)
                assert all(cell < 3 for cell in rows[0]) and all(cell >= 3 for cell in rows[1])
            else:
                assert columns == sorted(columns, reverse=not forward)


def test_the_fact_in_which_twins_differ_shows_in_a_step(seed: int) -> None:
    told = list(regular(seed, 1))
    for one, other in zip(told[::2], told[1::2], strict=True):
        assert one.part == other.part and one.name != other.name
        for method, twin in zip(one.methods, other.methods, strict=True):
            assert method.name == twin.name
            assert {step.text for step in method.steps} != {step.text for step in twin.steps}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write(tmp_path / name, 3, 0.3)
    write(tmp_path / "third", 4, 0.3)
    one, other, third = ((tmp_path / name / ARCHIVE).read_bytes() for name in ("one", "other", "third"))
    assert one == other != third
