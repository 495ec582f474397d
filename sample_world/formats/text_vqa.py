"""TextVQA as its publisher gives it out: questions and read words as JSON, and one archive of pictures.

Its pictures are scenes with a sign, 1,280 pixels wide. They are its own, and twins differ in the word on it,
but for a pair that COCO has for training, under its number on Flickr. Rosetta, the reading machine, is never
wrong here. Ids of pictures are hexadecimal and begin with a zero.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, count, islice
from pathlib import Path
from typing import Final

from PIL import Image

from sample_world.archive import archive, store, write_file
from sample_world.coco import photographs
from sample_world.draw import draw, encoded
from sample_world.irregular_text_vqa import PICTURES, RECORDS, Records
from sample_world.scene import Difference, Scene, Thing
from sample_world.scenes import WORDS, flickr_id, framed, further_scenes, pick

_HOST: Final = "dl.fbaipublicfiles.com/textvqa"
_WIDTH: Final = 1_280

# Far above the pairs of all other scenes.
_FIRST_PAIR: Final = 40_000_000
_FIRST_SPARE_PAIR: Final = 45_000_000
_PAIRS_AT_SCALE_1: Final = 12

_SHARED: Final = 1
"""Pairs of photographs that COCO has for training."""

Photograph = tuple[Scene, Records, Callable[[Image.Image], bytes | None]]
"""A scene, what is said of it, and what makes a file of its picture."""


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes the three files below `mirror`, each under the host and path of its url.

    Irregular pictures (see `sample_world.irregular_text_vqa`) come first, then the regular ones.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    scenes = chain(regular(seed, scale), shared(seed, scale))
    every = [*_irregular(seed), *((scene, _records(scene), encoded) for scene in scenes)]
    asked = [question for _, records, _ in every for question in records["questions"]]
    read = [one for _, records, _ in every for one in records["read"]]
    head = {"dataset_type": "val", "dataset_name": "textvqa"}
    for name, version, data in (
        ("TextVQA_0.5.1_val", "0.5.1", asked),
        ("TextVQA_Rosetta_OCR_v0.2_val", "0.2", read),
    ):
        text = json.dumps({**head, "dataset_version": version, "data": data})
        write_file(mirror / _HOST / "data" / f"{name}.json", text.encode())
    with archive(mirror / _HOST / "images" / "train_val_images.zip") as file:
        for scene, _, made in every:
            picture = made(draw(scene))
            if picture is not None:
                store(file, f"train_images/{image_id(scene.number)}.jpg", picture)


def regular(seed: int, scale: float) -> Iterator[Scene]:
    """The scenes of the regular pictures that nobody else has, twin after twin."""
    pairs = max(1, round(_PAIRS_AT_SCALE_1 * scale))
    for scene in islice(_with_signs(seed, _FIRST_PAIR), pairs):
        index, sign = _sign(scene)
        word = WORDS[(WORDS.index(sign.word) + 1 + pick(len(WORDS) - 1, seed, scene.number)) % len(WORDS)]
        yield _reworded(scene, index, sign.word, word)
        yield _reworded(replace(scene, number=scene.number + 1), index, word, sign.word)


def shared(seed: int, scale: float) -> Iterator[Scene]:
    """Twins that are photographs of COCO as well; of a world of few photographs there may be none."""
    every = photographs(seed, scale, "train2014")
    both_signed = (twins for twins in zip(every, every, strict=True) if all(map(_has_sign, twins)))
    for twins in islice(both_signed, _SHARED):
        yield from map(_as_large, twins)


def irregular_pictures(seed: int) -> dict[str, str]:
    """Image id of each irregular picture, by the name of what is irregular, in file order."""
    names = (*RECORDS, *PICTURES)
    spare = _with_signs(seed, _FIRST_SPARE_PAIR)
    return {name: image_id(scene.number) for name, scene in zip(names, spare, strict=False)}


def image_id(number: int) -> str:
    """The id of a scene's picture."""
    return f"{pick(1 << 60, 'text_vqa', number):016x}"


def _irregular(seed: int) -> Iterator[Photograph]:
    spare = _with_signs(seed, _FIRST_SPARE_PAIR)
    # Scenes stand second in `zip`, which takes none of them once the names are used up.
    for spoil, scene in zip(RECORDS.values(), spare, strict=False):
        records = _records(scene)
        spoil(records)
        yield scene, records, encoded
    for made, scene in zip(PICTURES.values(), spare, strict=False):
        yield scene, _records(scene), made


def _with_signs(seed: int, first: int) -> Iterator[Scene]:
    """Scenes that have a sign, without their twins."""
    for pair in count(first):
        scene, _ = further_scenes(seed, pair, 1)
        if _has_sign(scene):
            yield replace(_as_large(scene), difference=None)


def _has_sign(scene: Scene) -> bool:
    return any(thing.word for thing in scene.things)


def _as_large(scene: Scene) -> Scene:
    """The scene as large as pictures are here."""
    return framed(scene, _WIDTH, round(scene.height * _WIDTH / scene.width))


def _sign(scene: Scene) -> tuple[int, Thing]:
    return next((index, thing) for index, thing in enumerate(scene.things) if thing.word)


def _reworded(scene: Scene, index: int, word: str, other: str) -> Scene:
    """The scene with a word on its sign, as one of twins."""
    things = list(scene.things)
    things[index] = things[index]._replace(word=word)
    difference = Difference("word", index, word, other, "what is written on the sign?")
    return replace(scene, things=tuple(things), difference=difference)


def _records(scene: Scene) -> Records:
    """Two questions about a picture, and what is read in it."""
    _, sign = _sign(scene)
    image, word = image_id(scene.number), sign.word.lower()
    asked = ("what is written on the sign?", f"what does the {sign.colour} sign say?")
    url = f"https://farm2.staticflickr.com/4136/{flickr_id(scene.number)}_0123456789_o.jpg"
    left, top, right, bottom = sign.part_box
    return {
        "questions": [
            {
                "question": question,
                "image_id": image,
                "image_classes": ["Street sign"],
                "flickr_original_url": url,
                "flickr_300k_url": url.replace("_o.jpg", "_z.jpg").replace("/4136/", "/5/4136/"),
                "image_width": scene.width,
                "image_height": scene.height,
                "answers": _answers(word, scene.number, position),
                "question_tokens": question.removesuffix("?").split(),
                "question_id": 10 * scene.number + position,
                "set_name": "val",
            }
            for position, question in enumerate(asked)
        ],
        "read": [
            {
                "image_id": image,
                "ocr_tokens": [sign.word],
                "ocr_info": [
                    {
                        "word": sign.word,
                        "bounding_box": {
                            "top_left_x": left / scene.width,
                            "top_left_y": top / scene.height,
                            "width": (right - left) / scene.width,
                            "height": (bottom - top) / scene.height,
                            "rotation": 0.0,
                            "roll": 0,
                            "pitch": 0,
                            "yaw": 0.0,
                        },
                    }
                ],
            }
        ],
    }


def _answers(word: str, *key: object) -> list[str]:
    """What ten people answer: six of them are right, the others each in another way not."""
    answers = [*[word] * 6, "sign", "unanswerable", f"{word} {word}", word[:-1]]
    return sorted(answers, key=lambda answer: pick(1 << 62, "answers", *key, answer))
