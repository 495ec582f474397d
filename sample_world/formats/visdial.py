"""VisDial as its publisher gives it out: one zip of dialogues, and one of pictures.

A dialogue asks ten questions, each true of its scene. Twins are asked alike, and answer at least one
question differently. Texts are in small letters, and neither questions nor answers have a mark at their end.
Numbers of pictures are also ids of COCO, where they belong to other photographs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from PIL import Image

from sample_world.archive import archive, deflate, store
from sample_world.draw import draw, encoded
from sample_world.irregular_visdial import DIALOGUES, PICTURES, Told
from sample_world.scene import COLOURS, Scene
from sample_world.scenes import CATEGORIES, further_scenes, pick

_HOST: Final = "www.dropbox.com/s"
_DIALOGUES: Final = f"{_HOST}/ibs3a0zhw74zisc/visdial_1.0_val.zip"
_PICTURES: Final = f"{_HOST}/twmtutniktom7tu/VisualDialog_val2018.zip"

TURNS: Final = 10
"""Questions of a dialogue."""

_OPTIONS: Final = 100
"""Answers that are offered at every turn."""

# Far above the pairs of all other scenes.
_FIRST_PAIR: Final = 100_000_000
_FIRST_SPARE_PAIR: Final = 105_000_000
_PAIRS_AT_SCALE_1: Final = 12


class Dialogue(NamedTuple):
    """What two people say of a scene: a caption, then questions with their answers."""

    image: int
    scene: Scene
    caption: str
    turns: tuple[tuple[str, str], ...]


class _Pool:
    """A list of texts that are named by their numbers."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._numbers = {text: number for number, text in enumerate(texts)}

    def number(self, text: str | int) -> int:
        """The number of a text, which is added if it is new; a number stays what it is."""
        return text if isinstance(text, int) else self._numbers.setdefault(text, len(self._numbers))

    @property
    def texts(self) -> list[str]:
        return list(self._numbers)


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes both files below `mirror`, each under the host and path of its url.

    Irregular dialogues (see `sample_world.irregular_visdial`) come first, then the regular ones.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    every = list(_every(seed, scale))
    with archive(mirror / _DIALOGUES) as file:
        deflate(file, "visdial_1.0_val.json", json.dumps(_published([told for _, told, _ in every])).encode())
    with archive(mirror / _PICTURES) as file:
        for dialogue, _, made in every:
            picture = made(draw(dialogue.scene))
            if picture is not None:
                name = f"VisualDialog_val2018/VisualDialog_val2018_{dialogue.image:012}.jpg"
                store(file, name, picture)


def regular(seed: int, scale: float) -> Iterator[Dialogue]:
    """The regular dialogues, twin after twin."""
    image = 5 * len(DIALOGUES) + 1
    for pair in range(max(1, round(_PAIRS_AT_SCALE_1 * scale))):
        twins = list(further_scenes(seed, _FIRST_PAIR + pair, 1))
        asked = _asked(*twins)
        for scene in twins:
            yield _dialogue(image, scene, asked)
            image += 5


def irregular(seed: int) -> dict[str, Dialogue]:
    """The irregular dialogues before they were spoilt, by the name of what is irregular, in file order."""
    found: dict[str, Dialogue] = {}
    scenes = further_scenes(seed, _FIRST_SPARE_PAIR, len(DIALOGUES))
    for position, name in enumerate(DIALOGUES):
        scene, twin = next(scenes), next(scenes)
        dialogue = _dialogue(5 * position + 1, scene, _asked(scene, twin))
        # Two dialogues about one picture tell different stories of it; the picture is the first one's.
        found[name] = dialogue._replace(image=found["two_turns"].image) if name == "repeated" else dialogue
    return found


def _every(seed: int, scale: float) -> Iterator[tuple[Dialogue, Told, Callable[[Image.Image], bytes | None]]]:
    """Every dialogue, what the file says of it, and what makes a file of its picture."""
    # The picture of `repeated` is already there.
    made = {**PICTURES, "repeated": PICTURES["picture_absent"]}
    for name, dialogue in irregular(seed).items():
        told = _told(dialogue)
        DIALOGUES[name](told)
        yield dialogue, told, made.get(name, encoded)
    for dialogue in regular(seed, scale):
        yield dialogue, _told(dialogue), encoded


def _asked(scene: Scene, twin: Scene) -> list[str]:
    """Ten questions that both twins have an answer to, in a drawn order: those first that tell them apart."""
    here, there = ({one.question: one.answer for one in both.questions} for both in (scene, twin))
    shared = sorted(
        (question for question in here if question in there),
        key=lambda question: (here[question] == there[question], pick(1 << 62, scene.number, question)),
    )
    return sorted(shared[:TURNS], key=lambda question: pick(1 << 62, "turn", scene.number, question))


def _dialogue(image: int, scene: Scene, asked: Sequence[str]) -> Dialogue:
    answers = {one.question: one.answer for one in scene.questions}
    turns = tuple((_plain(question), _plain(answers[question])) for question in asked)
    return Dialogue(image, scene, _plain(scene.captions[1]), turns)


def _plain(text: str) -> str:
    return text.lower().rstrip(".?")


def _told(dialogue: Dialogue) -> Told:
    return {
        "image_id": dialogue.image,
        "caption": dialogue.caption,
        "dialog": [{"question": question, "answer": answer} for question, answer in dialogue.turns],
    }


def _published(every: Sequence[Told]) -> dict[str, Any]:
    """What the file holds."""
    questions = _Pool([])
    # So many answers that a hundred different ones can be offered.
    answers = _Pool([f"the {colour} {category}" for colour in COLOURS for category in CATEGORIES])
    for told in every:
        for turn in told["dialog"]:
            for key, pool in (("question", questions), ("answer", answers)):
                if key in turn:
                    turn[key] = pool.number(turn[key])
    for told in every:
        for position, turn in enumerate(told["dialog"]):
            turn |= _offered(turn.get("answer", 0), len(answers.texts), told["image_id"], position)
    data = {"questions": questions.texts, "answers": answers.texts, "dialogs": every}
    return {"version": "1.0", "split": "val2018", "data": data}


def _offered(answer: int, count: int, *key: object) -> dict[str, Any]:
    """The answers that are offered, and which of them is the one that was given."""
    first = pick(count, "offered", *key)
    others = [number for number in ((first + step) % count for step in range(count)) if number != answer]
    right = pick(_OPTIONS, "right", *key)
    return {"answer_options": [*others[:right], answer, *others[right : _OPTIONS - 1]], "gt_index": right}
