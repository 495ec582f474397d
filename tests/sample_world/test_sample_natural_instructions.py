"""Natural Instructions' files have the keys of the published ones, and every output is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from sample_world.exercising import KINDS
from sample_world.formats.natural_instructions import name, write

ARCHIVE = "github.com/allenai/natural-instructions/archive/refs/tags/v2.8.zip"
FOLDER = "natural-instructions-2.8"


@pytest.fixture(scope="module", params=[0, 7])
def zipped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, request.param, 1)
    return folder / ARCHIVE


def task(zipped: Path, named: str) -> dict[str, Any]:
    with ZipFile(zipped) as archive:
        found: dict[str, Any] = json.loads(archive.read(f"{FOLDER}/tasks/{named}.json"))
    return found


def parts(zipped: Path, part: str) -> list[str]:
    with ZipFile(zipped) as archive:
        return archive.read(f"{FOLDER}/splits/default/{part}_tasks.txt").decode().splitlines()


@pytest.mark.parametrize("layout", ["tasks", "tasks_early_schema"])
def test_keys_are_the_published_ones(zipped: Path, real: Path, layout: str) -> None:
    published = [
        json.loads(path.read_bytes())
        for path in sorted((real / "natural_instructions" / layout).glob("*.json"))
    ]
    ours = task(zipped, name(KINDS[2 if layout == "tasks_early_schema" else 0]))
    keys = {key: type(value) for one in published for key, value in one.items()}
    assert {key: type(value) for key, value in ours.items()}.items() <= keys.items()
    assert [set(ours["Instances"][0])] == [set(published[0]["Instances"][0])]
    always = set.intersection(*(set(one) for one in published))
    assert always <= set(ours)


def test_every_output_is_right(zipped: Path) -> None:
    right: dict[str, Callable[[str], set[str]]] = {
        "reverse": lambda words: {"".join(reversed(words))},
        "swap_words": lambda words: {f"{words.split(' ')[1]} {words.split(' ')[0]}"},
        "first_letters": lambda words: {words[0] + words[5], words[0] + " " + words[5]},
        "lower_case": lambda words: {words.casefold()},
        "letter_a": lambda words: {"no" if words.replace("A", "") == words else "yes"},
        "alphabet": lambda words: {sorted(words.split(" "))[0]},
        "twice": lambda words: {words + " " + words},
        "vowels": lambda words: {
            ("nullus", "unus", "duo", "tres", "quattuor", "quinque", "sex")[
                len(words) - len(words.translate(str.maketrans("", "", "AEIOU")))
            ]
        },
    }
    for kind in KINDS:
        instances = task(zipped, name(kind))["Instances"]
        assert len({one["input"] for one in instances}) == len(instances) == 40
        for one in instances:
            assert set(one["output"]) == right[kind.name](one["input"]), kind.name


def test_every_regular_task_is_in_one_list(zipped: Path) -> None:
    listed = [named for part in ("train", "test", "excluded") for named in parts(zipped, part)]
    for kind in KINDS:
        assert listed.count(name(kind)) == 1 and name(kind) in parts(zipped, kind.part)
    assert {kind.part for kind in KINDS} == {"train", "test", "excluded"}
    assert {kind.part for kind in KINDS if kind.language != "English"} == {"excluded"}


def test_the_seed_decides_the_texts(tmp_path: Path) -> None:
    texts = {}
    for seed in (3, 4):
        write(tmp_path / str(seed), seed, 1)
        texts[seed] = (tmp_path / str(seed) / ARCHIVE).read_bytes()
    write(tmp_path / "again", 3, 1)
    assert texts[3] == (tmp_path / "again" / ARCHIVE).read_bytes() != texts[4]
