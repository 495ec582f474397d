"""Two pictures of each task that is evaluated on, twins of each other, as their publishers give them out.

A source to train on may hold copies of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from PIL import Image

from sample_world.captioning import captioned
from sample_world.coco import enlarged, photograph_id
from sample_world.draw import draw
from sample_world.formats import hateful_memes, medic, nlvr, snli_ve, text_vqa, vcr, visdial, visual7w, vsr
from sample_world.genome import image_id
from sample_world.scene import Scene
from sample_world.scenes import flickr_id
from sample_world.villages import Village, draw_village


class Original(NamedTuple):
    """A picture: its name at its publisher, what it shows, and the format of its file."""

    name: str
    shows: Scene | Village
    picture: Image.Image
    kind: str = "JPEG"


def originals(seed: int, scale: float) -> dict[str, tuple[Original, Original]]:
    """The first twins of each task that is evaluated on."""
    found = {}
    for task, every in _EVERY.items():
        one, other = islice(every(seed, scale), 2)
        found[task] = (one, other)
    return found


def _memes(seed: int, scale: float) -> Iterator[Original]:
    for meme in hateful_memes.regular(seed, scale):
        picture = captioned(draw(meme.scene), meme.words)
        yield Original(f"{meme.number}", meme.scene, picture, "PNG")


def _villages(seed: int, scale: float) -> Iterator[Original]:
    for taken in medic.regular(seed, scale):
        yield Original(taken.row["image_path"], taken.village, draw_village(taken.village))


def _drawings(seed: int, scale: float) -> Iterator[Original]:
    for number, scene in enumerate(nlvr.drawings(seed, scale)):
        yield Original(nlvr.name(number, 0), scene, nlvr.drawing(scene), "PNG")


def _photographs(seed: int, scale: float) -> Iterator[Original]:
    for scene in snli_ve.evaluated(seed, scale):
        yield Original(f"{flickr_id(scene.number)}", scene, draw(scene))


def _signs(seed: int, scale: float) -> Iterator[Original]:
    for scene in text_vqa.regular(seed, scale):
        yield Original(text_vqa.image_id(scene.number), scene, draw(scene))


def _stills(seed: int, scale: float) -> Iterator[Original]:
    for scene in vcr.regular(seed, scale):
        yield Original(f"{vcr.path(scene)}.jpg", scene, draw(scene))


def _dialogues(seed: int, scale: float) -> Iterator[Original]:
    for dialogue in visdial.regular(seed, scale):
        yield Original(f"{dialogue.image}", dialogue.scene, draw(dialogue.scene))


def _pointed_at(seed: int, scale: float) -> Iterator[Original]:
    for part, scene in visual7w.regular(seed, scale):
        if part == "test":
            yield Original(f"{image_id(scene.number)}", scene, draw(scene))


def _on_coco(seed: int, scale: float) -> Iterator[Original]:
    for scene in vsr.about(seed, scale):
        yield Original(f"{photograph_id(scene.number)}", scene, draw(enlarged(scene)))


_EVERY: Final[dict[str, Callable[[int, float], Iterator[Original]]]] = {
    "commonsense_vqa": _stills,
    "disaster_type_classification": _villages,
    "grounded_vqa": _pointed_at,
    "natural_language_for_visual_reasoning": _drawings,
    "text_vqa": _signs,
    "visual_dialogue": _dialogues,
    "visual_entailment": _photographs,
    "visual_spatial_relationship": _on_coco,
    "visual_text_extraction": _memes,
}
