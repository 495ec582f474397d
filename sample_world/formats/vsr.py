"""Visual Spatial Reasoning as its publisher gives it out: JSON Lines, and pictures of COCO 2017.

Statements are about every fourth pair of COCO's regular photographs, six of each. They follow from
where the things are. One photograph (see `absent_photograph`) cannot be had.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sample_world.archive import write_file
from sample_world.coco import HOST, enlarged, path_2017, photograph_id, photographs, spare_photographs
from sample_world.draw import draw, encoded
from sample_world.scene import Scene
from sample_world.scenes import pick

_FILE: Final = (
    "raw.githubusercontent.com/cambridgeltl/visual-spatial-reasoning/"
    "b27a0af0ee1462d2b6b92c8c83e869d9254a241a/data/splits/zeroshot/test.jsonl"
)
_STATEMENTS: Final = 6
"""Statements on a photograph; as many are true as are false."""


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes the file of statements and each picture below `mirror`, under the host and path of its url.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    absent = absent_photograph(seed)
    lines = [
        _line(scene, position) for scene in (absent, *about(seed, scale)) for position in range(_STATEMENTS)
    ]
    write_file(mirror / _FILE, "".join(f"{json.dumps(line)}\n" for line in lines).encode())
    for scene in about(seed, scale):
        write_file(mirror / HOST / path_2017(scene.number), encoded(draw(enlarged(scene))))


def about(seed: int, scale: float) -> Iterator[Scene]:
    """The scenes of the photographs that can be had, twin after twin."""
    for position, scene in enumerate(photographs(seed, scale)):
        if position // 2 % 4 == 0:
            yield scene


def absent_photograph(seed: int) -> Scene:
    """The scene of the photograph that is listed first, and lies nowhere."""
    # Behind those that are irregular in COCO's own files.
    return next(spare_photographs(seed, 1_000, 1))


def _line(scene: Scene, position: int) -> dict[str, Any]:
    spatial = (statement for statement in scene.statements if statement.relation)
    statement = next(islice(spatial, position, None))
    subject, other = (scene.things[index] for index in statement.things)
    path = path_2017(scene.number)
    voters = [2 + pick(40, "voter", photograph_id(scene.number), position, voter) for voter in range(3)]
    votes = {True: str(voters[:2]), False: str(voters[2:] if position % 5 == 0 else [])}
    return {
        "image": path.rpartition("/")[2],
        "image_link": f"http://images.cocodataset.org/{path}",
        "caption": statement.text,
        "label": int(statement.label),
        "relation": statement.relation,
        "subj": subject.category,
        "obj": other.category,
        "annotator_id": 1 + position,
        "vote_true_validator_id": votes[statement.label],
        "vote_false_validator_id": votes[not statement.label],
    }
