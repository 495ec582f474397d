"""Pictures of Visual Genome that other sources are about as well: which scenes, and in which of their parts.

Twins are always in one part. The test pictures of Visual7W and VAW are for training in GQA, so that it
shows whether they are kept out of training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from sample_world.scene import Scene
from sample_world.scenes import pick, scenes, spare_scenes

Parts = Mapping[int, str]
"""The part of a source that a pair of twins is in, by the remainder of the pair's number by `PERIOD`.
A source does not show the others."""

PERIOD: Final = 8

VISUAL7W: Final[Parts] = {0: "test", 2: "val", 4: "train", 6: "train"}
GQA: Final[Parts] = {0: "train", 1: "train", 3: "train", 5: "val", 7: "train"}
VAW: Final[Parts] = {0: "test", 1: "train_part1", 3: "train_part2", 5: "val", 7: "train_part1"}


def image_id(number: int) -> int:
    """The id of a scene's picture; ids are sparse and grow with the number."""
    return 22 * number + 1 + pick(21, "visual_genome", number)


def shown_by(parts: Parts, seed: int, scale: float) -> Iterator[tuple[str, Scene]]:
    """The regular scenes that a source shows, twin after twin, each with its part."""
    for scene in scenes(seed, scale):
        part = parts.get(scene.number // 2 % PERIOD)
        if part is not None:
            yield part, scene


def scenes_for_irregular(seed: int, scale: float, count: int) -> list[Scene]:
    """Scenes whose pictures are regular and listed, but of no other source, for irregular records.

    Visual Genome's own records of them are irregular, and the pictures are for training there.

    Args:
        count: at most as many as Visual Genome has irregular records.
    """
    return list(islice(spare_scenes(seed, scale), count))
