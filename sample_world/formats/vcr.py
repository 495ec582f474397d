"""VCR as a person who agreed to its terms has it: a zip of questions, and one of pictures and their contents.

A picture is a still of a film that nobody made: a scene of its own, its things numbered in order. Of the
four answers and of the four reasons one is true, and of twins at least one question is answered differently.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from PIL import Image

from sample_world.archive import archive, deflate, store
from sample_world.draw import draw, encoded
from sample_world.irregular_vcr import PICTURES, RECORDS, Records
from sample_world.reasoning import Words, reasoned
from sample_world.scene import Scene, Thing
from sample_world.scenes import further_scenes, pick

_FOLDER: Final = "by-hand/vcr"
_FILM: Final = "0001_A_FILM_THAT_NOBODY_MADE"

# Far above the pairs of all other scenes.
_FIRST_PAIR: Final = 130_000_000
_FIRST_SPARE_PAIR: Final = 135_000_000
_PAIRS_AT_SCALE_1: Final = 10


class _Still(NamedTuple):
    """A scene, what is said of it, and what makes a file of its picture."""

    scene: Scene
    records: Records
    made: Callable[[Image.Image], bytes | None]


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes both files to the folder of `mirror` for what only a person can fetch.

    Irregular pictures (see `sample_world.irregular_vcr`) come first, then the regular ones. Only the part
    for validation has questions.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    stills = [*_irregular(seed), *(_still(scene, encoded) for scene in regular(seed, scale))]
    asked = [question for still in stills for question in still.records["questions"]]
    with archive(mirror / _FOLDER / "vcr1annots.zip") as file:
        for part, questions in (("train", []), ("val", asked), ("test", [])):
            text = "".join(f"{json.dumps(question)}\n" for question in questions)
            deflate(file, f"{part}.jsonl", text.encode())
    with archive(mirror / _FOLDER / "vcr1images.zip") as file:
        for still in stills:
            name, metadata = f"vcr1images/{path(still.scene)}", still.records["metadata"]
            picture = still.made(draw(still.scene))
            if picture is not None:
                store(file, f"{name}.jpg", picture)
            if metadata is not None:
                text = metadata if isinstance(metadata, str) else json.dumps(metadata)
                deflate(file, f"{name}.json", text.encode())


def regular(seed: int, scale: float) -> Iterator[Scene]:
    """The scenes of the regular pictures, twin after twin."""
    return further_scenes(seed, _FIRST_PAIR, max(1, round(_PAIRS_AT_SCALE_1 * scale)))


def irregular_pictures(seed: int) -> dict[str, Scene]:
    """The scene of each irregular picture, by the name of what is irregular, in file order."""
    names = (*RECORDS, *PICTURES)
    return {name: still.scene for name, still in zip(names, _irregular(seed), strict=True)}


def path(scene: Scene) -> str:
    """Where the picture of a scene lies below the folder of all pictures, without its ending."""
    minute, second = divmod(scene.number, 60)
    at = f"{minute // 60 % 100:02}.{minute % 60:02}.{second:02}"
    return f"lsmdc_{_FILM}/{_FILM}_{at}.000-{at}.900@{scene.number % 3}"


def _irregular(seed: int) -> Iterator[_Still]:
    for position, name in enumerate((*RECORDS, *PICTURES)):
        scene, _ = further_scenes(seed, _FIRST_SPARE_PAIR + position, 1)
        still = _still(scene, PICTURES.get(name, encoded))
        if name in RECORDS:
            RECORDS[name](still.records)
        yield still


def _still(scene: Scene, made: Callable[[Image.Image], bytes | None]) -> _Still:
    return _Still(scene, {"questions": list(_questions(scene)), "metadata": _metadata(scene)}, made)


def _questions(scene: Scene) -> Iterator[dict[str, Any]]:
    image = f"val-{scene.number}"
    for position, asked in enumerate(reasoned(scene)):
        answers = _mixed(asked.answer, asked.wrong, scene.number, position, "answer")
        reasons = _mixed(asked.reason, asked.wrong_reasons, scene.number, position, "reason")
        match = 100 * scene.number + position
        yield {
            "movie": _FILM,
            "objects": [thing.category for thing in scene.things],
            "interesting_scores": [0],
            "answer_likelihood": "likely",
            "img_fn": f"{path(scene)}.jpg",
            "metadata_fn": f"{path(scene)}.json",
            "answer_orig": _original(asked.answer),
            "question_orig": _original(asked.question),
            "rationale_orig": _original(asked.reason),
            "question": asked.question,
            "answer_match_iter": [0, 1, 2, 3],
            "answer_sources": [match, match + 1, match + 2, match + 3],
            "answer_choices": answers,
            "answer_label": answers.index(asked.answer),
            "rationale_choices": reasons,
            "rationale_sources": [match, match + 1, match + 2, match + 3],
            "rationale_match_iter": [0, 1, 2, 3],
            "rationale_label": reasons.index(asked.reason),
            "img_id": image,
            "question_number": position,
            "annot_id": f"{image}-{position}",
            "match_fold": "val-0",
            "match_index": match,
        }


def _mixed(true: Words, false: Sequence[Words], *key: object) -> list[Words]:
    """The four choices in an order of chance."""
    return sorted([true, *false], key=lambda words: pick(1 << 62, "vcr", *key, words))


def _original(words: Words) -> str:
    """What somebody wrote first: things are counted from 1 there."""
    said = [
        word if isinstance(word, str) else " and ".join(str(number + 1) for number in word) for word in words
    ]
    return " ".join(said)


def _metadata(scene: Scene) -> dict[str, Any]:
    """What lies beside the picture of a scene."""
    return {
        "boxes": [[*map(float, thing.box), 0.9] for thing in scene.things],
        "segms": [[_outline(thing)] for thing in scene.things],
        "names": [thing.category for thing in scene.things],
        "width": scene.width,
        "height": scene.height,
    }


def _outline(thing: Thing) -> list[list[float]]:
    x0, y0, x1, y1 = map(float, thing.box)
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
