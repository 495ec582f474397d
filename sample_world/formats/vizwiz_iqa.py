"""VizWiz image quality as its publisher gives it out: votes in one zip, and two archives of pictures.

Each pair of pictures shows one scene: one has a flaw, its twin has the next one of the list, or none. What
was done to a picture has four or five votes, anything else at most one. Some of the pictures without a flaw
are stored lying on their side, as EXIF then says: who does not turn them sees them turned.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image

from sample_world.archive import archive, deflate, store
from sample_world.draw import draw, encoded
from sample_world.irregular_vizwiz_iqa import JUDGED, Judged
from sample_world.scene import Scene
from sample_world.scenes import further_scenes, pick
from sample_world.spoil import FLAWS, lying

_HOST: Final = "vizwiz.cs.colorado.edu/VizWiz_final"
CODES: Final = ("FRM", "BLR", "DRK", "BRT", "OBS", "OTH", "NON", "ROT")
"""The flaws in the order of the published files. `NON` is none."""

# Far above the pairs of all other scenes.
_FIRST_PAIR: Final = 50_000_000
_FIRST_SPARE_PAIR: Final = 55_000_000
_PAIRS_AT_SCALE_1: Final = 20

# Far above the numbers of all other pictures, at any scale.
_FIRST_SPARE_NUMBER: Final = 90_000_000


class Taken(NamedTuple):
    """A picture that somebody took: its part, its number there, the scene, and what was done to it.

    `stored` is the file; None: there is none. `judged` is its entry in the file of votes.
    """

    part: str
    number: int
    scene: Scene
    flaws: tuple[str, ...]
    stored: bytes | None
    judged: Judged


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes the three files below `mirror`, each under the host and path of its url.

    Irregular pictures (see `sample_world.irregular_vizwiz_iqa`) come first in the training part.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    every = [*irregular(seed).values(), *regular(seed, scale)]
    with archive(mirror / _HOST / "image_quality" / "annotations.zip") as file:
        for part in ("train", "val"):
            listed = [taken.judged for taken in every if taken.part == part]
            deflate(file, f"{part}.json", json.dumps(listed).encode())
        # Nobody voted on the test pictures.
        deflate(file, "test.json", json.dumps([{"image": "VizWiz_test_00000001.jpg"}]).encode())
    for part in ("train", "val"):
        with archive(mirror / _HOST / "images" / f"{part}.zip") as file:
            for taken in every:
                if taken.part == part and taken.stored is not None:
                    store(file, f"{part}/{_name(part, taken.number)}", taken.stored)


def regular(seed: int, scale: float) -> Iterator[Taken]:
    """The regular pictures, twin after twin. Every fifth pair is for validation."""
    for pair in range(max(2, round(_PAIRS_AT_SCALE_1 * scale))):
        scene, _ = further_scenes(seed, _FIRST_PAIR + pair, 1)
        part = "val" if pair % 5 == 1 else "train"
        for twin in (0, 1):
            code = CODES[(pair + twin) % len(CODES)]
            number = 2 * pair + twin
            lies = code == "NON" and twin == 0
            yield _taken(part, number, scene, () if code == "NON" else (code,), lies)


def irregular(seed: int) -> dict[str, Taken]:
    """The irregular pictures, by the name of what is irregular, in file order."""
    found = {}
    scenes = further_scenes(seed, _FIRST_SPARE_PAIR, len(JUDGED))
    for position, (name, (flaws, spoil)) in enumerate(JUDGED.items()):
        scene, _ = next(scenes), next(scenes)
        taken = _taken("train", _FIRST_SPARE_NUMBER + position, scene, flaws, lies=name == "lying")
        spoil(taken.judged)
        found[name] = taken._replace(stored=None) if name == "picture_absent" else taken
    return found


def _taken(part: str, number: int, scene: Scene, flaws: Sequence[str], lies: bool) -> Taken:
    picture = draw(scene)
    for flaw in flaws:
        picture = FLAWS[flaw](picture)
    judged: Judged = {
        "flaws": {code: _votes(code, flaws, number) for code in CODES},
        "image": _name(part, number),
        "unrecognizable": 1 if flaws else 0,
    }
    return Taken(part, number, scene, tuple(flaws), _stored(picture, lies), judged)


def _stored(picture: Image.Image, lies: bool) -> bytes:
    return lying(picture) if lies else encoded(picture)


def _votes(code: str, flaws: Sequence[str], number: int) -> int:
    """How many of five people ticked a code."""
    if code in (flaws or ("NON",)):
        return 5 - pick(2, "votes", number)
    return pick(2, "votes", number, code)


def _name(part: str, number: int) -> str:
    return f"VizWiz_{part}_{number:08}.jpg"
