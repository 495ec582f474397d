"""NLVR's file is laid out as the published one, and what it says follows from the drawings."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sample_world.formats.nlvr import drawings, sentences, write

SCALE = 1.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    mirror = tmp_path_factory.mktemp("mirror")
    write(mirror, 0, SCALE)
    (found,) = (mirror / "raw.githubusercontent.com" / "lil-lab" / "nlvr").glob("*/nlvr/test")
    return found


@pytest.fixture(scope="module")
def lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "test.json").read_text()
    assert text.endswith("}")
    return [json.loads(line) for line in text.splitlines()]


def shape(line: dict[str, Any]) -> list[Any]:
    """Keys and types of a line; of its boxes, of which there are three, the keys of an item."""
    boxes = line["structured_rep"]
    items = {key for box in boxes for item in box for key in item}
    return [*((key, type(value)) for key, value in line.items()), len(boxes), items]


def test_the_layout_is_the_published_one(lines: list[dict[str, Any]], real: Path) -> None:
    text = (real / "nlvr" / "nlvr" / "dev" / "dev.json").read_text()
    published = shape(json.loads(text.splitlines()[0]))
    assert all(shape(line) == published for line in lines)
    assert {line["label"] for line in lines} == {"true", "false"}
    identifiers = [line["identifier"] for line in lines]
    assert len(identifiers) == len(set(identifiers))


def test_sentences_are_true_or_false_of_their_drawings(lines: list[dict[str, Any]]) -> None:
    told = [statement for scene in drawings(0, SCALE) for statement in sentences(scene)]
    for line, statement in zip(lines, told, strict=True):
        assert " ".join(line["sentence"].split()).removesuffix(".") == statement.text.removesuffix(".")
        assert line["label"] == str(statement.label).lower()
        seen = [(item["color"].lower(), item["type"]) for box in line["structured_rep"] for item in box]
        words = statement.text.removesuffix(".").split()
        if words[:2] == ["There", "is"]:
            assert ((words[3], words[4]) in seen) == statement.label
        elif words[:2] == ["There", "are"]:
            assert (words[2] == {5: "five", 6: "six"}[len(seen)]) == statement.label
    presentations = Counter((line["identifier"].partition("-")[0], line["label"]) for line in lines)
    assert set(presentations.values()) == {2}


def test_statements_on_colours_and_places_are_true_or_false() -> None:
    kinds: Counter[tuple[str, bool]] = Counter()
    for scene in drawings(0, 4.0):
        for statement in scene.statements:
            found = re.fullmatch(r"The (\w+) in the (\w+ \w+) is (\w+)\.", statement.text)
            if found:
                (thing,) = (thing for thing in scene.things if thing.place == found[2])
                assert thing.category == found[1]
                assert (thing.colour == found[3]) == statement.label
                kinds["colour", statement.label] += 1
            found = re.fullmatch(r"The (\w+ \w+) is in the (\w+ \w+)\.", statement.text)
            if found:
                (thing,) = (thing for thing in scene.things if thing.name == found[1])
                assert (thing.place == found[2]) == statement.label
                kinds["place", statement.label] += 1
    assert len(kinds) == 4 and len(set(kinds.values())) <= 2


def test_twins_flip_every_sentence_on_their_difference() -> None:
    scenes = list(drawings(0, SCALE))
    for one, other in zip(scenes[::2], scenes[1::2], strict=True):
        assert one.difference is not None
        labels = {statement.text: statement.label for statement in sentences(one)}
        flipped = [s for s in sentences(other) if labels.get(s.text, s.label) != s.label]
        assert len(flipped) >= 2 if one.difference.kind != "relation" else not flipped


def test_drawings_are_rgba_and_lie_where_their_lines_say(folder: Path, lines: list[dict[str, Any]]) -> None:
    named = {f"images/{line['directory']}/test-{line['identifier']}-0.png" for line in lines}
    lie = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
    assert lie == named
    for name in lie:
        picture = Image.open(folder / name)
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGBA", (400, 100))


def test_counts_of_irregular_sentences(lines: list[dict[str, Any]]) -> None:
    said = [line["sentence"] for line in lines]
    assert sum("  " in sentence for sentence in said) == 1
    assert sum(not sentence.endswith(".") for sentence in said) == len(said) // 2
