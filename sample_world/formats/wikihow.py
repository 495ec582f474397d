"""wikiHow as MultiInstruct's authors give it out: a tar.gz with a folder for each article, and their list.

An article tells two methods of setting out the things of a scene, with a picture after each step. Twins
differ in one fact, which shows in the pictures and in a step. Only a person can fetch the archive.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from sample_world import recipes
from sample_world.archive import tar_gz, write_file
from sample_world.draw import encoded
from sample_world.irregular_wikihow import ARTICLES, ODD_NAME, Article
from sample_world.recipes import Method
from sample_world.scene import Scene
from sample_world.scenes import further_scenes

_LIST: Final = (
    "raw.githubusercontent.com/VT-NLP/MultiInstruct/772af249d82f2c2f100621ee71df9b63d0d310a2/"
    "data_preprocessor/wikihow_split.json"
)

# Far above the pairs of all other scenes.
_FIRST_PAIR: Final = 150_000_000
_FIRST_SPARE_PAIR: Final = 155_000_000
_PAIRS_AT_SCALE_1: Final = 6
_PARTS: Final = ("train", "val", "train", "train", "val", "test")
_NUMBERS: Final = {5: "five", 6: "six"}


class Told(NamedTuple):
    """An article: its name, its part (empty if no list has it), and what it is about."""

    name: str
    part: str
    scene: Scene
    methods: tuple[Method, ...]


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes the archive and the list below `mirror`, where a mirror has them.

    Irregular articles (see `sample_world.irregular_wikihow`) come first, then the regular ones.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    spared = irregular(seed)
    told = list(regular(seed, scale))
    with tar_gz(mirror / "by-hand" / "wikihow" / "wikihow.tar.gz") as add:
        for name, article in spared.items():
            _add_irregular(add, name, article)
        for article in told:
            _add(add, article, _article(article))
    every = [*spared.values(), *told]
    parts = {part: [told.name for told in every if told.part == part] for part in ("train", "val", "test")}
    write_file(mirror / _LIST, json.dumps(parts).encode())


def regular(seed: int, scale: float) -> Iterator[Told]:
    """The regular articles, twin after twin."""
    for pair in range(max(2, round(_PAIRS_AT_SCALE_1 * scale))):
        for scene in further_scenes(seed, _FIRST_PAIR + pair, 1):
            yield _told(scene, pair, _PARTS[pair % len(_PARTS)])


def irregular(seed: int) -> dict[str, Told]:
    """The irregular articles, by the name of what is irregular, in order of the archive."""
    found = {}
    for position, name in enumerate(ARTICLES):
        scene, _ = further_scenes(seed, _FIRST_SPARE_PAIR + position, 1)
        told = _told(scene, position, "" if name == "not_in_split" else "train")
        if name == "odd_name":
            told = told._replace(name=f"{scene.number}_{ODD_NAME}")
        if name == "two_steps":
            told = told._replace(methods=(told.methods[0], recipes.row_at_once(scene)))
        found[name] = told
    return found


def image(method: int, step: int) -> str:
    """Name of the picture of a step."""
    return f"method_{method}_step_{step}.jpg"


def _told(scene: Scene, pair: int, part: str) -> Told:
    first = recipes.DIRECTIONS[pair % 2]
    methods = (recipes.thing_by_thing(scene, first), recipes.column_by_column(scene, first))
    return Told(f"{scene.number}_set-out-{_NUMBERS[len(scene.things)]}-things", part, scene, methods)


def _article(told: Told) -> Article:
    return {
        "title": f"How to Set Out {_NUMBERS[len(told.scene.things)].capitalize()} Things",
        "methods": [
            {
                "name": method.name,
                "steps": [
                    {"headline": step.text, "description": "", "img": image(number, position)}
                    for position, step in enumerate(method.steps)
                ],
            }
            for number, method in enumerate(told.methods)
        ],
    }


def _add_irregular(add: Callable[[str, bytes], None], name: str, told: Told) -> None:
    article = _article(told)
    ARTICLES[name](article)
    _add(add, told, article, cut=name == "not_json", absent=image(0, 1) if name == "picture_absent" else "")


def _add(
    add: Callable[[str, bytes], None], told: Told, article: Article, *, cut: bool = False, absent: str = ""
) -> None:
    """Adds the folder of an article, without the picture `absent`."""
    folder = f"wikihow/data/{told.name}"
    text = json.dumps(article).encode()
    add(f"{folder}/wikihow.json", text[: len(text) // 2] if cut else text)
    for number, method in enumerate(told.methods):
        for position, step in enumerate(method.steps):
            if image(number, position) != absent:
                data = encoded(recipes.picture(told.scene, step))
                add(f"{folder}/image/{image(number, position)}", data)
