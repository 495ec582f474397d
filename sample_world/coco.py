"""The photographs of COCO, which several sources are about: which scenes they show, and how.

Half of the regular scenes are photographs of COCO, so that Visual Genome and COCO have copies of them;
as many others only COCO has. COCO's copy is 1.28 times as wide and as high as Visual Genome's: of a
photograph of 640 x 480 pixels Visual Genome has 500 x 375.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

from sample_world.scene import Scene
from sample_world.scenes import coco_id, framed, further_scenes, pick, scene_count

HOST: Final = "s3.amazonaws.com/images.cocodataset.org"
"""Where everything of COCO lies in a mirror."""

ENLARGED: Final = 1.28

# Far above the pairs of the regular and spare scenes at any scale; ids in file names have 12 digits.
_FIRST_PAIR: Final = 10_000_000
_FIRST_SPARE_PAIR: Final = 20_000_000


def photographs(seed: int, scale: float, folder: str | None = None) -> Iterator[Scene]:
    """The scenes of COCO's regular photographs, twin after twin, as Visual Genome's copies have them.

    Args:
        folder: only those of this folder of 2014.
    """
    regular = (pair for pair in range(scene_count(scale) // 2) if coco_id(2 * pair) is not None)
    elsewhere = range(_FIRST_PAIR, _FIRST_PAIR + max(1, scene_count(scale) // 4))
    for pair in chain(regular, elsewhere):
        if folder is None or folder_2014(2 * pair) == folder:
            yield from further_scenes(seed, pair, 1)


def spare_photographs(seed: int, first: int, count: int) -> Iterator[Scene]:
    """Scenes without regard to their twins, for what is irregular, `count` from number `first` on."""
    for scene in further_scenes(seed, _FIRST_SPARE_PAIR + first, count):
        if scene.number % 2 == 0:
            yield scene


def photograph_id(number: int) -> int:
    """The id of the photograph of a scene that is in COCO."""
    return coco_id(number) or 5 * number + 1


def folder_2014(number: int) -> str:
    """Folder of a photograph in the division of 2014: a third is for validation. Twins lie together."""
    return "val2014" if pick(3, "coco 2014", number // 2) == 0 else "train2014"


def path_2014(number: int) -> str:
    """Path of a photograph in the division of 2014."""
    folder = folder_2014(number)
    return f"{folder}/COCO_{folder}_{photograph_id(number):012}.jpg"


def path_2017(number: int) -> str:
    """Path of the same photograph in the division of 2017, where most are for training."""
    folder = "val2017" if pick(5, "coco 2017", number // 2) == 0 else "train2017"
    return f"{folder}/{photograph_id(number):012}.jpg"


def enlarged(scene: Scene) -> Scene:
    """A scene in COCO's copy of its photograph, without descriptions."""
    return framed(scene, round(scene.width * ENLARGED), round(scene.height * ENLARGED))
