"""VAW's files are laid out as the published ones, and things have what they are said to have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sample_world.formats.vaw import attributes, irregular, regular, write
from sample_world.genome import image_id

SCALE = 0.5
FOLDER = "raw.githubusercontent.com/adobe-research/vaw_dataset"


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, seed: int) -> dict[str, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, SCALE)
    paths = sorted((folder / FOLDER).rglob("data/*.json"))
    return {path.stem: json.loads(path.read_text()) for path in paths}


def test_the_layout_is_the_published_one(
    parts: dict[str, list[dict[str, Any]]], real: Path, seed: int
) -> None:
    (published,) = json.loads((real / "vaw" / "single_real_record" / "val.json").read_bytes())
    assert list(parts) == ["test", "train_part1", "train_part2", "val"]
    spoilt = {id(thing) for things in irregular(seed, SCALE).values() for thing in things}
    assert len(spoilt) == 2 * len(irregular(seed, SCALE))
    for things in parts.values():
        assert things
        for thing in things:
            assert list(thing) == list(published)
    for thing in parts["val"]:
        kinds = {key: type(value) for key, value in thing.items() if value is not None}
        assert kinds.items() <= {key: type(value) for key, value in published.items()}.items()
        assert all(isinstance(side, float) for side in thing["instance_bbox"])
    polygons = [thing["instance_polygon"] for thing in parts["val"]]
    assert None in polygons
    assert all(len(outline) == 4 for polygon in polygons if polygon for outline in polygon)


def test_things_have_what_they_have(seed: int) -> None:
    for _, scene in regular(seed, 1.0):
        for index, thing in enumerate(scene.things):
            has, lacks = attributes(scene, index)
            pattern = "lettered" if thing.word else "dotted"
            assert has == [thing.colour, pattern]
            assert not {thing.colour, pattern, thing.part_colour} & set(lacks)
            # Enough for a question with one right answer of four to eight.
            assert 3 <= len(lacks) == len(set(lacks)) <= 7


def test_twins_swap_what_one_of_their_things_has_and_lacks(seed: int) -> None:
    shown = [scene for _, scene in regular(seed, 1.0)]
    flipped = 0
    for one, other in zip(shown[::2], shown[1::2], strict=True):
        assert one.difference is not None
        if one.difference.kind == "colour":
            (has, lacks), (twin_has, twin_lacks) = (
                attributes(scene, one.difference.thing) for scene in (one, other)
            )
            assert has[0] not in lacks and twin_has[0] not in twin_lacks
            flipped += has[0] == twin_lacks[0] and twin_has[0] == lacks[0]
    # The others have a dot of the colour that their twin has.
    assert flipped >= 8


def test_parts(parts: dict[str, list[dict[str, Any]]], seed: int) -> None:
    images = {part: {int(thing["image_id"]) for thing in things} for part, things in parts.items()}
    for part, scene in regular(seed, SCALE):
        assert image_id(scene.number) in images[part]
    assert not images["test"] & (images["train_part1"] | images["train_part2"] | images["val"])
