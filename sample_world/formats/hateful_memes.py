"""Hateful Memes as a person has unpacked them: JSON Lines, and a zip of the folder of pictures.

Nobody is hated in this world: a meme is labelled 1 where its words are not true of its picture. As in the
published data, every picture comes with two texts and every text with two pictures, of which one each is
labelled, so that neither tells the label alone. The pictures are twins, the words say the fact in which
they differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image

from sample_world.archive import archive, store, write_file
from sample_world.captioning import captioned
from sample_world.draw import draw, encoded
from sample_world.irregular_hateful_memes import LINES, PICTURES, Line
from sample_world.scene import Scene
from sample_world.scenes import further_scenes

_FOLDER: Final = "by-hand/hateful_memes"

# Far above the pairs of all other scenes.
_FIRST_PAIR: Final = 110_000_000
_FIRST_SPARE_PAIR: Final = 115_000_000
_PAIRS_AT_SCALE_1: Final = 10

# Five digits in names of files, so that some numbers lose a zero and others do not.
_FIRST_NUMBER: Final = 9_980
_FIRST_SPARE_NUMBER: Final = 1_230


class Meme(NamedTuple):
    """A scene under its words, and whether they are not true of it."""

    number: int
    scene: Scene
    words: str
    untrue: bool


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes both files below `mirror`, where it has what only a person can fetch.

    Irregular memes (see `sample_world.irregular_hateful_memes`) come first, then the regular ones.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    lines = []
    with archive(mirror / _FOLDER / "img.zip") as file:
        for meme, line, made in _every(seed, scale):
            lines.append(json.dumps(line).replace("/", "\\/"))
            picture = made(captioned(draw(meme.scene), meme.words))
            if picture is not None:
                store(file, _picture(meme.number), picture)
    write_file(mirror / _FOLDER / "test_unseen.jsonl", "".join(f"{line}\n" for line in lines).encode())


def regular(seed: int, scale: float) -> Iterator[Meme]:
    """The regular memes, four of each pair of twins."""
    number = _FIRST_NUMBER
    for pair in range(max(1, round(_PAIRS_AT_SCALE_1 * scale))):
        twins = list(further_scenes(seed, _FIRST_PAIR + pair, 1))
        labels = [{statement.text: statement.label for statement in scene.statements} for scene in twins]
        told = [text for text in labels[0] if labels[1].get(text, labels[0][text]) != labels[0][text]]
        for text in told[:2]:
            for scene, label in zip(twins, labels, strict=True):
                yield Meme(number, scene, _words(text), not label[text])
                number += 1


def irregular(seed: int) -> dict[str, Meme]:
    """The irregular memes, by the name of what is irregular, in file order. What they say is true."""
    found = {}
    scenes = further_scenes(seed, _FIRST_SPARE_PAIR, len(LINES) + len(PICTURES))
    for position, name in enumerate((*LINES, *PICTURES)):
        scene, _ = next(scenes), next(scenes)
        words = next(statement.text for statement in scene.statements if statement.label)
        found[name] = Meme(_FIRST_SPARE_NUMBER + position, scene, _words(words), untrue=False)
    return found


def _every(seed: int, scale: float) -> Iterator[tuple[Meme, Line, Callable[[Image.Image], bytes | None]]]:
    """Every meme with its line and what makes a file of its picture."""
    for name, meme in irregular(seed).items():
        line = _line(meme)
        if name in LINES:
            LINES[name](line)
        yield meme, line, PICTURES.get(name, _png)
    for meme in regular(seed, scale):
        yield meme, _line(meme), _png


def _line(meme: Meme) -> Line:
    return {
        "id": meme.number,
        "img": _picture(meme.number),
        "label": int(meme.untrue),
        "text": meme.words,
    }


def _words(statement: str) -> str:
    return statement.lower().removesuffix(".")


def _png(picture: Image.Image) -> bytes:
    return encoded(picture, "PNG")


def _picture(number: int) -> str:
    return f"img/{number:05}.png"
