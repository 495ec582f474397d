"""What the pictures of the sample world show, by the ids that the readers give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, TypeVar

from sample_world.coco import ENLARGED, photograph_id, photographs
from sample_world.formats import (
    coco_text,
    hateful_memes,
    medic,
    mocheg,
    mscoco,
    nlvr,
    refcoco,
    snli_ve,
    text_vqa,
    vcr,
    visdial,
    visual_genome,
    vizwiz_iqa,
    vsr,
    wikihow,
)
from sample_world.genome import image_id
from sample_world.scene import Scene
from sample_world.scenes import flickr_id, scenes
from sample_world.signposts import signposts
from schemas.box import Box

_One = TypeVar("_One")
_SEED, _SCALE = 0, 1.0


@dataclass(frozen=True)
class Shown:
    """What one regular picture shows.

    Attributes:
        scene: its things. For a village or a flaw, what has no things: see `fact`.
        factor: how many times the picture is as large as the scene.
        twin: id of the picture that shows the twin, or nothing.
        kind: in what the twins differ.
        fact: what the exporter knows beside the scene.
    """

    scene: Scene | None
    twin: str = ""
    kind: str = ""
    factor: float = 1
    fact: Any = None

    @property
    def things(self) -> Scene:
        """The scene, of a picture that has one."""
        assert self.scene is not None
        return self.scene

    def at(self, box: Box) -> int | None:
        """Index of the thing that has the box; None: nothing has it."""
        boxes = [thing.box for thing in self.things.things]
        return next((index for index, one in enumerate(boxes) if self.same(box, one)), None)

    def part_at(self, box: Box) -> int | None:
        """Index of the thing whose part has the box; None: no part has it."""
        boxes = [thing.part_box for thing in self.things.things]
        return next((index for index, one in enumerate(boxes) if self.same(box, one)), None)

    def same(self, box: Box, of_scene: Sequence[float]) -> bool:
        """Whether a box of the picture is one of the scene, but for rounding."""
        return all(abs(one - self.factor * two) < 0.2 for one, two in zip(box, of_scene, strict=True))


@cache
def regular() -> dict[str, Shown]:
    """Every regular picture of every source, by its id."""
    found: dict[str, Shown] = {}
    for image, shown in _all():
        assert found.setdefault(image, shown) == shown
    return found


@cache
def irregular() -> dict[str, str]:
    """The source and the name of every irregular picture, by its id."""
    listed = {
        "visual_genome": {f"vg:{n}": name for name, n in visual_genome.irregular_images(_SCALE).items()},
        "mscoco": {f"coco:{n}": name for name, n in mscoco.irregular_photographs(_SEED).items()},
        "coco_text": {f"coco:{n}": name for name, n in coco_text.irregular_photographs(_SEED).items()},
        "refcoco": {f"coco:{n}": name for name, n in refcoco.irregular_photographs(_SEED).items()},
        "vsr": {f"coco:{photograph_id(vsr.absent_photograph(_SEED).number)}": "picture_absent"},
        "snli_ve": {f"flickr30k:{n}": name for name, n in snli_ve.irregular_photographs(_SEED).items()},
        "text_vqa": {f"textvqa:{n}": name for name, n in text_vqa.irregular_pictures(_SEED).items()},
        "vcr": {f"vcr:{vcr.path(s)}.jpg": name for name, s in vcr.irregular_pictures(_SEED).items()},
        "visdial": {f"visdial_val2018:{told.image}": name for name, told in visdial.irregular(_SEED).items()},
        "hateful_memes": {f"hm:{meme.number}": name for name, meme in hateful_memes.irregular(_SEED).items()},
        "medic": {f"medic:{taken.row['image_path']}": name for name, taken in medic.irregular(_SEED).items()},
        "vizwiz_iqa": {
            f"vizwiz:{taken.part}_{taken.number}": name for name, taken in vizwiz_iqa.irregular(_SEED).items()
        },
        "wikihow": {
            f"wikihow:{told.name}/{wikihow.image(number, step)}": name
            for name, told in wikihow.irregular(_SEED).items()
            for number, method in enumerate(told.methods)
            for step in range(len(method.steps))
        },
    }
    return {image: f"{source}: {name}" for source, names in listed.items() for image, name in names.items()}


def name_of_irregular(image: str) -> str:
    """The source and the name of an irregular picture; nothing if it is none.

    Irregular claims of MOCHEG have pictures of odd names, which begin with the claim's number.
    """
    if image.startswith("mocheg:"):
        number = int(image.removeprefix("mocheg:").partition("-")[0])
        names = {told.number: name for name, told in mocheg.irregular(_SEED).items()}
        return f"mocheg: {names[number]}" if number in names else ""
    return irregular().get(image, "")


def _all() -> Iterator[tuple[str, Shown]]:
    yield from _twins(scenes(_SEED, _SCALE), lambda scene: f"vg:{image_id(scene.number)}")
    on_coco = chain(photographs(_SEED, _SCALE), signposts(_SEED, _SCALE))
    yield from _twins(on_coco, lambda scene: f"coco:{photograph_id(scene.number)}", ENLARGED)
    yield from _twins(vcr.regular(_SEED, _SCALE), lambda scene: f"vcr:{vcr.path(scene)}.jpg")
    yield from _twins(
        chain(text_vqa.regular(_SEED, _SCALE), text_vqa.shared(_SEED, _SCALE)),
        lambda scene: f"textvqa:{text_vqa.image_id(scene.number)}",
    )
    yield from _twins(snli_ve.evaluated(_SEED, _SCALE), lambda scene: f"flickr30k:{flickr_id(scene.number)}")
    for (number, one), (other, two) in _pairs(enumerate(nlvr.drawings(_SEED, _SCALE))):
        for place in range(len(nlvr.sentences(one))):
            first, second = f"nlvr:test-{3 * number + 7}-{place}-0", f"nlvr:test-{3 * other + 7}-{place}-0"
            yield first, _shown(one, second)
            yield second, _shown(two, first)
    for told, other_told in _pairs(visdial.regular(_SEED, _SCALE)):
        first, second = f"visdial_val2018:{told.image}", f"visdial_val2018:{other_told.image}"
        yield first, _shown(told.scene, second, fact=told)
        yield second, _shown(other_told.scene, first, fact=other_told)
    for meme, other_meme in _pairs(hateful_memes.regular(_SEED, _SCALE)):
        first, second = f"hm:{meme.number}", f"hm:{other_meme.number}"
        yield first, _shown(meme.scene, second, fact=meme)
        yield second, _shown(other_meme.scene, first, fact=other_meme)
    yield from _claims()
    yield from _articles()
    yield from _pictures_without_scenes()


def _twins(every: Iterable[Scene], name: Any, factor: float = 1) -> Iterator[tuple[str, Shown]]:
    for one, other in _pairs(every):
        yield name(one), _shown(one, name(other), factor)
        yield name(other), _shown(other, name(one), factor)


def _shown(scene: Scene, twin: str, factor: float = 1, fact: Any = None) -> Shown:
    assert scene.difference is not None
    return Shown(scene, twin, scene.difference.kind, factor, fact)


def _claims() -> Iterator[tuple[str, Shown]]:
    """MOCHEG: of three claims the first two are of twins."""
    every = list(mocheg.regular(_SEED, _SCALE))
    for one, other, unseen in zip(every[::3], every[1::3], every[2::3], strict=True):
        first, second = f"mocheg:{one.picture}", f"mocheg:{other.picture}"
        yield first, _shown(one.scene, second, fact=one)
        yield second, _shown(other.scene, first, fact=other)
        yield f"mocheg:{unseen.picture}", Shown(unseen.scene, fact=unseen)
    for copy in mocheg.copied(_SEED, _SCALE):
        shows = copy.original.shows
        scene = shows if isinstance(shows, Scene) else None
        yield f"mocheg:{copy.picture}", Shown(scene, fact=None if scene else shows)


def _articles() -> Iterator[tuple[str, Shown]]:
    """wikiHow: the picture of every step; its fact is the article."""
    for pair in _pairs(wikihow.regular(_SEED, _SCALE)):
        for told, other in (pair, pair[::-1]):
            for number, method in enumerate(told.methods):
                for step in range(len(method.steps)):
                    name = wikihow.image(number, step)
                    twin = f"wikihow:{other.name}/{name}"
                    yield f"wikihow:{told.name}/{name}", _shown(told.scene, twin, fact=told)


def _pictures_without_scenes() -> Iterator[tuple[str, Shown]]:
    for village, other in _pairs(medic.regular(_SEED, _SCALE)):
        first, second = f"medic:{village.row['image_path']}", f"medic:{other.row['image_path']}"
        kind = "kind" if village.village.kind != other.village.kind else "ruins"
        yield first, Shown(None, second, kind, fact=village.village)
        yield second, Shown(None, first, kind, fact=other.village)
    for taken, spoilt in _pairs(vizwiz_iqa.regular(_SEED, _SCALE)):
        first, second = f"vizwiz:{taken.part}_{taken.number}", f"vizwiz:{spoilt.part}_{spoilt.number}"
        yield first, Shown(None, second, "flaw", fact=taken.flaws)
        yield second, Shown(None, first, "flaw", fact=spoilt.flaws)


def _pairs(every: Iterable[_One]) -> Iterator[tuple[_One, _One]]:
    """Twins stand one behind the other."""
    one_after_another = iter(every)
    return zip(one_after_another, one_after_another, strict=True)
